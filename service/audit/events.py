"""The catalogue: every event that can stand in an audit log, in one place, with the fields its entry may carry.

The writer refuses an event or field that is not here, and a value that has not the shape of its field. So an entry can
hold words of the covenant, random ids, counts, hashes and subject handles, and has no room for an identifier, token,
pseudonym or field content. The one free text is the operator's reason for a suspension.

An entry that a party may see is seen field by field (`Sight`): the covenant's permit says which fields of a disclosure
its source and its recipient get to see; other events are seen with all fields but those `WITHHELD`, or not at all.
Officers see every entry. `docs/audit-events.md` is written from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from service.principals import Role

__all__ = ["ACTIONS", "CATALOGUE", "EVERYWHERE", "SERVICE_LOG", "WITHHELD", "Event", "Kept", "Log", "Sight"]

SERVICE_LOG = "-"
"""Stands for the covenant in entries that concern the service as a whole; no covenant can have this id."""


class Log(StrEnum):
    """Whose log the event stands in."""

    BROKER = "broker"
    KEYHOLDER = "keyholder"


class Sight(Enum):
    """Who sees an entry besides the privacy officer."""

    OFFICER = "officer"
    """Nobody else."""
    ACTOR = "actor"
    """The party that acted."""
    CONCERNED = "concerned"
    """The parties that the entry names: the service acted by itself."""
    DISCLOSURE = "disclosure"
    """Source and recipient, each as far as the entry's own `sight` goes."""
    PARTIES = "parties"
    """Every party of the covenant."""


class Kept(Enum):
    """How long an entry stays readable; its leaf stays for good."""

    COVENANT = "covenant"
    """As long as the covenant's `retention.audit` says."""
    ALWAYS = "always"
    """As long as the log: what explains every other entry, and names no subject."""


EVERYWHERE = frozenset({"version", "role", "principal", "party", "actor", "trace", "request"})
"""Fields of every entry where they are known: the version in force, and who acted under which request."""

WITHHELD = frozenset({"subjects", "sight"})
"""Fields that no party sees of any entry: by their handles two parties could find out which subjects they share."""


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of entry. `required` fields are always there, `optional` ones and those of `EVERYWHERE` may be.

    `action` groups events that are searched together. `causes` are the roles in which somebody brings it about;
    `SERVICE` is the other service, or this one by itself.
    """

    id: str
    action: str
    causes: frozenset[Role]
    meaning: str
    logs: frozenset[Log]
    sight: Sight
    kept: Kept
    required: frozenset[str]
    optional: frozenset[str]

    @property
    def allowed(self) -> frozenset[str]:
        return EVERYWHERE | self.required | self.optional


_BROKER, _KEYHOLDER = frozenset({Log.BROKER}), frozenset({Log.KEYHOLDER})
_BOTH = _BROKER | _KEYHOLDER
_OFFICER, _ACTOR, _CONCERNED, _DISCLOSURE, _PARTIES = (
    Sight.OFFICER, Sight.ACTOR, Sight.CONCERNED, Sight.DISCLOSURE, Sight.PARTIES
)  # fmt: skip
_COVENANT, _ALWAYS = Kept.COVENANT, Kept.ALWAYS


def _event(
    event: str,
    action: str,
    causes: str,
    logs: frozenset[Log],
    sight: Sight,
    kept: Kept,
    meaning: str,
    required: str = "",
    optional: str = "",
) -> Event:
    roles = frozenset(map(Role, causes.split()))
    return Event(
        event, action, roles, meaning, logs, sight, kept, frozenset(required.split()), frozenset(optional.split())
    )


_ANSWER = "disclosure purpose stage subjects outcome counts sight"
_SHOWN = "rules shown parties signals obligations"

# fmt: off
_EVENTS = (
    # Who takes part, and under which rules: kept as long as the log, for every other entry is read in their light.
    _event("service-enrolled", "enrolment", "operator", _BOTH, _OFFICER, _ALWAYS,
           "an operator registered the other service's keys",
           "service fingerprints"),
    _event("administrator-enrolled", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered a person who may approve covenant versions",
           "administrators parties fingerprints"),
    _event("covenant-founded", "version", "operator", _BOTH, _PARTIES, _ALWAYS,
           "the first version of a covenant was approved and became the current one",
           "version administrators"),
    _event("officer-enrolled", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered a privacy officer",
           "officers fingerprints", "parties"),
    _event("person-dismissed", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "an operator took back the enrolment of an administrator or officer",
           optional="administrators officers"),
    _event("version-drafted", "version", "administrator", _BROKER, _PARTIES, _ALWAYS,
           "an administrator laid down a draft of a new version",
           "version administrators"),
    _event("draft-replayed", "version", "administrator officer", _BROKER, _PARTIES, _COVENANT,
           "somebody had counted what a draft would change on the signals there are; `digest` is the draft's hash",
           "version digest counts"),
    _event("version-proposed", "version", "administrator", _BROKER, _PARTIES, _ALWAYS,
           "its author proposed a new version in place of `previous`",
           "version previous administrators"),
    _event("version-advised", "version", "officer", _BROKER, _PARTIES, _ALWAYS,
           "a privacy officer gave advice on a proposed version; `outcome` is the opinion",
           "version officers outcome"),
    _event("version-approved", "version", "administrator", _BROKER, _PARTIES, _ALWAYS,
           "an administrator approved a proposed version",
           "version administrators"),
    _event("version-rejected", "version", "administrator", _BROKER, _PARTIES, _ALWAYS,
           "an administrator rejected a proposed version",
           "version administrators"),
    _event("version-withdrawn", "version", "administrator", _BROKER, _PARTIES, _ALWAYS,
           "its author withdrew a draft or proposal",
           "version administrators"),
    _event("version-scheduled", "version", "administrator operator", _BOTH, _PARTIES, _ALWAYS,
           "a version with sufficient approvals takes the place of `previous` from `day` on",
           "version previous administrators day"),
    _event("version-adopted", "version", "service", _BOTH, _PARTIES, _ALWAYS,
           "the day of a scheduled version had come; it is current since then, whenever this entry was written",
           "version previous day"),
    _event("party-enrolled", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered a party with its keys",
           "parties fingerprints", "match_keys"),
    _event("party-keys-replaced", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered new keys of a party in place of its old ones; these verify still what they signed",
           "parties fingerprints words"),
    _event("party-suspended", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "a party may not ask, show or have anything opened until it is reinstated",
           "parties words"),
    _event("party-reinstated", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "a suspended party takes part again",
           "parties"),
    _event("party-left", "enrolment", "operator", _BOTH, _PARTIES, _ALWAYS,
           "a party left for good; its keys and signals are destroyed",
           "parties words"),
    _event("covenant-ended", "version", "operator", _BOTH, _PARTIES, _ALWAYS,
           "the covenant ended; all its keys, and what they protect, are destroyed",
           "version words"),
    # Keys of the protocol: versions and public points only.
    _event("match-key-drawn", "key", "operator", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder drew h for a match key",
           "match_keys point"),
    _event("party-key-drawn", "key", "operator", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder drew a party's k_A for a match key; or that of the officers, which are `_officers` there",
           "parties match_keys key_version point"),
    _event("party-key-rotated", "key", "operator", _BOTH, _PARTIES, _ALWAYS,
           "a key of a party was replaced by that of the next version and destroyed: k_A at the key holder, the scalar "
           "that converts tokens made with it at the broker",
           "parties match_keys key_version point", "words"),
    _event("party-keys-destroyed", "key", "operator service", _BOTH, _PARTIES, _ALWAYS,
           "keys of a party were destroyed: it left, or the current version gives it the match keys no longer",
           "parties match_keys"),
    _event("conversion-shares-given", "key", "service", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the broker fetched the sealed conversion shares",
           "counts service"),
    _event("set-up-completed", "key", "operator", _BROKER, _PARTIES, _ALWAYS,
           "the broker checked the shares, drew what was missing and published its points",
           "match_keys counts"),
    _event("sealing-key-drawn", "key", "party", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder drew the sealing key pair of a retention month",
           "month fingerprints"),
    _event("sealing-key-destroyed", "key", "service", _KEYHOLDER, _PARTIES, _ALWAYS,
           "a retention month had passed, and its sealing key was destroyed",
           "month"),
    # Tokens.
    _event("evaluation-made", "evaluation", "party officer", _KEYHOLDER, _ACTOR, _COVENANT,
           "blinded values were evaluated with the party's key; the receipt's digest binds them",
           "match_keys key_version counts receipt digest"),
    _event("evaluation-refused", "evaluation", "party officer", _KEYHOLDER, _ACTOR, _COVENANT,
           "an evaluation was refused",
           "reason", "match_keys key_version counts"),
    _event("proof-given", "evaluation", "party officer", _KEYHOLDER, _ACTOR, _COVENANT,
           "the proof of an earlier evaluation was given",
           "match_keys key_version counts receipt"),
    _event("proof-refused", "evaluation", "party officer", _KEYHOLDER, _ACTOR, _COVENANT,
           "the proof of an earlier evaluation was refused",
           "reason", "match_keys key_version counts receipt"),
    # Signals.
    _event("signal-submitted", "submission", "party", _BROKER, _ACTOR, _COVENANT,
           "a signal was stored; with `replaces`, in place of an earlier one of the same party",
           "subjects signals", "purposes category match_keys replaces origins"),
    _event("submission-refused", "submission", "party", _BROKER, _ACTOR, _COVENANT,
           "signals of a batch, or all of it, were refused",
           "reason", "counts signals"),
    _event("signal-withdrawn", "withdrawal", "party", _BROKER, _ACTOR, _COVENANT,
           "a party withdrew its signal, or left; then an operator acted, and `parties` names it",
           "signals reason", "subjects parties"),
    _event("withdrawal-refused", "withdrawal", "party", _BROKER, _ACTOR, _COVENANT,
           "a withdrawal was refused",
           "reason", "counts"),
    _event("signal-expired", "erasure", "service", _BROKER, _CONCERNED, _COVENANT,
           "a signal's retention ended and it was erased",
           "signals", "subjects parties category"),
    # Questions and answers. `outcome` is `shown` or `empty`; an empty answer is an event like any other.
    _event("disclosure-decided", "disclosure", "party", _BROKER, _DISCLOSURE, _COVENANT,
           "a party asked what it may see of one subject, standing on a signal of its own or a case",
           _ANSWER, f"anchor {_SHOWN}"),
    _event("disclosure-refused", "disclosure", "party", _BROKER, _ACTOR, _COVENANT,
           "a question was refused before anything was decided",
           "reason", "disclosure purpose stage subjects anchor"),
    _event("disclosure-read", "disclosure", "party", _BROKER, _ACTOR, _COVENANT,
           "a party read again what had been decided and logged for it",
           "disclosure", "purpose stage"),
    _event("look-up-decided", "look-up", "party", _BROKER, _DISCLOSURE, _COVENANT,
           "a party asked about one subject without a signal of its own",
           _ANSWER, _SHOWN),
    _event("look-up-refused", "look-up", "party", _BROKER, _ACTOR, _COVENANT,
           "a look-up was refused before anything was decided",
           "reason", "disclosure purpose stage subjects"),
    _event("hits-told", "hits", "party", _BROKER, _DISCLOSURE, _COVENANT,
           "a party's hit feed told it what it may see of one subject; `retracted` are signals it no longer sees",
           "purpose stage subjects outcome counts sight", f"disclosure anchor retracted {_SHOWN}"),
    _event("hits-read-empty", "hits", "party", _BROKER, _ACTOR, _COVENANT,
           "a party read its hit feed and there was nothing new",
           optional="purposes stage counts"),
    _event("hits-refused", "hits", "party", _BROKER, _ACTOR, _COVENANT,
           "a party was refused its hit feed, or one hit",
           "reason", "purpose stage"),
    _event("explanation-given", "hits", "party", _BROKER, _DISCLOSURE, _COVENANT,
           "a party read why it sees a hit",
           "purpose stage subjects outcome sight", f"disclosure anchor counts {_SHOWN}"),
    _event("notices-read", "notices", "party", _BROKER, _ACTOR, _COVENANT,
           "a source read its notices",
           "counts"),
    # What others do before something opens: sources release, kinds of party approve.
    _event("source-asked", "condition", "party service", _BROKER, _DISCLOSURE, _COVENANT,
           "a party asked whoever has a signal that waits for its source; `signals` are those that sources were now "
           "asked about, often none. A question that stands is put by the broker about what comes later",
           "purpose stage subjects sight", "anchor signals parties"),
    _event("source-questions-read", "condition", "party", _BROKER, _ACTOR, _COVENANT,
           "a source read what it is asked",
           "counts"),
    _event("source-released", "condition", "party", _BROKER, _ACTOR, _COVENANT,
           "a source released its signal to the party that asked; `parties` only where it may know which",
           "purpose signals", "stage parties"),
    _event("source-refused", "condition", "party", _BROKER, _ACTOR, _COVENANT,
           "a source refused to release its signal",
           "purpose signals reason", "stage parties"),
    _event("source-took-back", "condition", "party", _BROKER, _ACTOR, _COVENANT,
           "a source took back that it had released its signal",
           "purpose signals reason", "stage parties"),
    _event("source-reminded", "condition", "service", _BROKER, _CONCERNED, _COVENANT,
           "a source that had not answered was reminded",
           "purpose signals parties", "stage"),
    _event("source-not-heard", "condition", "service", _BROKER, _CONCERNED, _COVENANT,
           "a source had not answered in time, and is waited for no more",
           "purpose signals parties", "stage"),
    _event("approval-given", "condition", "party", _BROKER, _ACTOR, _COVENANT,
           "a party approved of a purpose on a subject",
           "purpose subjects anchor"),
    _event("approval-taken-back", "condition", "party", _BROKER, _ACTOR, _COVENANT,
           "a party took back its approval",
           "purpose subjects anchor"),
    # Opening sealed fields.
    _event("grant-issued", "grant", "party", _BROKER, _DISCLOSURE, _COVENANT,
           "the broker permitted a recipient to have one sealed field opened",
           "disclosure purpose stage signals parties items rules grant sight", "entry subjects obligations origins"),
    _event("grant-refused", "grant", "party", _BROKER, _ACTOR, _COVENANT,
           "a grant was refused",
           "reason", "disclosure purpose stage signals items"),
    _event("field-released", "release", "party", _KEYHOLDER, _ACTOR, _COVENANT,
           "the key holder resealed a field's key to its recipient; `version` is current, `submitted` the signal's",
           "release grant purpose stage signals parties items rules digest service",
           "origins category submitted entry"),
    _event("release-repeated", "release", "party", _KEYHOLDER, _ACTOR, _COVENANT,
           "an identical retry got the answer that was given before",
           "release grant"),
    _event("release-refused", "release", "party", _KEYHOLDER, _ACTOR, _COVENANT,
           "the key holder refused to release a field's key",
           "reason", "grant purpose stage signals parties items origins category submitted service entry"),
    # Stages and cases.
    _event("stage-approved", "case", "party", _BROKER, _ACTOR, _COVENANT,
           "a party approved that a subject goes on to a stage",
           "purpose stage subjects", "case"),
    _event("stage-approval-withdrawn", "case", "party", _BROKER, _ACTOR, _COVENANT,
           "a party took back an approval that had not taken effect",
           "purpose stage subjects", "case"),
    _event("stage-reached", "case", "party", _BROKER, _ACTOR, _COVENANT,
           "a subject reached a stage for a purpose",
           "purpose stage subjects", "case parties"),
    _event("case-changed", "case", "party", _BROKER, _ACTOR, _COVENANT,
           "membership or lead of a case changed",
           "purpose case reason", "subjects parties stage"),
    # Access to the service itself.
    _event("quota-refused", "access", "party officer", _BOTH, _ACTOR, _COVENANT,
           "an allowance of the covenant was spent",
           "reason", "match_keys purpose counts"),
    _event("request-refused", "access", "party officer administrator operator service", _BOTH, _ACTOR, _COVENANT,
           "a request was refused for who made it: role, party or state",
           "reason", "purpose stage"),
    _event("signed-in", "access", "officer administrator", _BOTH, _OFFICER, _COVENANT,
           "a person signed in to the console"),
    _event("sign-in-refused", "access", "officer administrator", _BOTH, _OFFICER, _COVENANT,
           "a sign-in to the console was refused",
           "reason"),
    _event("statistics-read", "statistics", "party officer", _BROKER, _ACTOR, _COVENANT,
           "area figures were read",
           "purpose counts"),
    # The log itself.
    _event("log-read", "log", "party officer service", _BOTH, _ACTOR, _COVENANT,
           "entries of this log were read, counted or downloaded; `form` says how, `filters` what was searched by. The "
           "broker reads the key holder's entries about its grants every day",
           "counts form", "filters subjects parties entry"),
    _event("log-exported", "log", "officer", _BOTH, _ACTOR, _COVENANT,
           "the export of entries of this log began",
           "form", "counts filters subjects parties"),
    _event("log-refused", "log", "party officer", _BOTH, _ACTOR, _COVENANT,
           "a reading or export of this log was refused",
           "reason", "form filters entry"),
    _event("subject-traced", "log", "officer", _BROKER, _OFFICER, _COVENANT,
           "an officer had the handles of one subject found, by tokens, for a citizen's request",
           "subjects match_keys"),
    _event("findings-read", "log", "officer", _BROKER, _OFFICER, _COVENANT,
           "an officer had the log searched for signs of misuse; `digest` is that of the rules",
           "counts digest"),
    _event("misuse-rules-changed", "log", "officer", _BROKER, _OFFICER, _ALWAYS,
           "an officer changed the rules by which signs of misuse are found; `digest` is that of the new ones",
           "digest"),
    # What the two services see of each other's logs.
    _event("log-first-cosigned", "witness", "service", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder cosigned a head of the broker's log for the first time; `fingerprints` has its root",
           "service counts fingerprints"),
    _event("log-inconsistent", "witness", "service", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the broker signed two heads of its log that cannot both be true: one was `seen` and cosigned, the other "
           "`shown` later. Nothing is released until an operator has acknowledged it",
           "service reason counts fingerprints"),
    _event("log-finding-acknowledged", "witness", "operator", _KEYHOLDER, _PARTIES, _ALWAYS,
           "an operator looked into two heads that cannot both be true; the log goes on from the one that was `shown`",
           "service reason words counts fingerprints"),
    _event("log-taken-back", "witness", "service", _BROKER, _PARTIES, _ALWAYS,
           "the key holder has cosigned more of this log than there is: a backup was restored, or worse",
           "counts"),
    _event("logs-compared", "reconciliation", "service", _BROKER, _OFFICER, _COVENANT,
           "the broker compared the grants of a day in its log with their uses in the key holder's",
           "day counts"),
    _event("logs-differ", "reconciliation", "service", _BROKER, _OFFICER, _COVENANT,
           "the two logs do not agree on a grant, for this reason; `entry` is this log's about it, `entries` are the "
           "key holder's",
           "day reason grant", "entry entries"),
    _event("entries-erased", "erasure", "service", _BOTH, _PARTIES, _ALWAYS,
           "entries up to `day` were erased with their salts: the retention of `version` was over. `digest` covers "
           "their leaves, which stay",
           "version counts day digest"),
)
# fmt: on

CATALOGUE = {event.id: event for event in _EVENTS}
ACTIONS = {
    action: frozenset(event.id for event in _EVENTS if event.action == action)
    for action in dict.fromkeys(event.action for event in _EVENTS)
}
"""Events by the action they belong to."""
