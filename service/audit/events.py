"""The catalogue: every event that can stand in an audit log, in one place, with the fields its entry may carry.

The writer refuses an event or field that is not here, and a value that has not the shape of its field. So an entry can
hold words of the covenant, random ids, counts, hashes and subject handles, and has no room for an identifier, token,
pseudonym or field content. The one free text is the operator's reason for a suspension.

An entry that a party may see is seen field by field (`Sight`): the covenant's permit says which fields of a disclosure
its source and its recipient get to see; all other events are seen whole or not at all. Officers see every entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

__all__ = ["CATALOGUE", "EVERYWHERE", "SERVICE_LOG", "Event", "Kept", "Log", "Sight"]

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


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of entry. `required` fields are always there, `optional` ones and those of `EVERYWHERE` may be."""

    id: str
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
_OFFICER, _ACTOR, _DISCLOSURE, _PARTIES = Sight.OFFICER, Sight.ACTOR, Sight.DISCLOSURE, Sight.PARTIES
_COVENANT, _ALWAYS = Kept.COVENANT, Kept.ALWAYS


def _event(
    event: str, logs: frozenset[Log], sight: Sight, kept: Kept, meaning: str, required: str = "", optional: str = ""
) -> Event:
    return Event(event, meaning, logs, sight, kept, frozenset(required.split()), frozenset(optional.split()))


_ANSWER = "disclosure purpose stage subjects outcome counts sight"
_SHOWN = "rules shown parties signals obligations"

# fmt: off
_EVENTS = (
    # Who takes part, and under which rules: kept as long as the log, for every other entry is read in their light.
    _event("service-enrolled", _BOTH, _OFFICER, _ALWAYS,
           "an operator registered the other service's keys",
           "service fingerprints"),
    _event("administrator-enrolled", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered a person who may approve covenant versions",
           "administrators parties fingerprints"),
    _event("covenant-founded", _BOTH, _PARTIES, _ALWAYS,
           "the first version of a covenant was approved and became the current one",
           "version administrators"),
    _event("officer-enrolled", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered a privacy officer",
           "officers fingerprints", "parties"),
    _event("person-dismissed", _BOTH, _PARTIES, _ALWAYS,
           "an operator took back the enrolment of an administrator or officer",
           optional="administrators officers"),
    _event("version-drafted", _BROKER, _PARTIES, _ALWAYS,
           "an administrator laid down a draft of a new version",
           "version administrators"),
    _event("version-proposed", _BROKER, _PARTIES, _ALWAYS,
           "its author proposed a new version in place of `previous`",
           "version previous administrators"),
    _event("version-advised", _BROKER, _PARTIES, _ALWAYS,
           "a privacy officer gave advice on a proposed version; `outcome` is the opinion",
           "version officers outcome"),
    _event("version-approved", _BROKER, _PARTIES, _ALWAYS,
           "an administrator approved a proposed version",
           "version administrators"),
    _event("version-rejected", _BROKER, _PARTIES, _ALWAYS,
           "an administrator rejected a proposed version",
           "version administrators"),
    _event("version-withdrawn", _BROKER, _PARTIES, _ALWAYS,
           "its author withdrew a draft or proposal",
           "version administrators"),
    _event("version-scheduled", _BOTH, _PARTIES, _ALWAYS,
           "a version with sufficient approvals takes the place of `previous` from `day` on",
           "version previous administrators day"),
    _event("version-adopted", _BOTH, _PARTIES, _ALWAYS,
           "the day of a scheduled version had come; it is current since then, whenever this entry was written",
           "version previous day"),
    _event("party-enrolled", _BOTH, _PARTIES, _ALWAYS,
           "an operator registered a party with its keys",
           "parties fingerprints", "match_keys"),
    _event("party-suspended", _BOTH, _PARTIES, _ALWAYS,
           "a party may not ask, show or have anything opened until it is reinstated",
           "parties words"),
    _event("party-reinstated", _BOTH, _PARTIES, _ALWAYS,
           "a suspended party takes part again",
           "parties"),
    _event("party-left", _BOTH, _PARTIES, _ALWAYS,
           "a party left for good; its keys and signals are destroyed",
           "parties words"),
    _event("covenant-ended", _BOTH, _PARTIES, _ALWAYS,
           "the covenant ended; all its keys, and what they protect, are destroyed",
           "version words"),
    # Keys of the protocol: versions and public points only.
    _event("match-key-drawn", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder drew h for a match key",
           "match_keys point"),
    _event("party-key-drawn", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder drew a party's k_A for a match key",
           "parties match_keys key_version point"),
    _event("party-keys-destroyed", _BOTH, _PARTIES, _ALWAYS,
           "keys of a party were destroyed: it left, or the current version gives it the match keys no longer",
           "parties match_keys"),
    _event("conversion-shares-given", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the broker fetched the sealed conversion shares",
           "counts service"),
    _event("set-up-completed", _BROKER, _PARTIES, _ALWAYS,
           "the broker checked the shares, drew what was missing and published its points",
           "match_keys counts"),
    _event("sealing-key-drawn", _KEYHOLDER, _PARTIES, _ALWAYS,
           "the key holder drew the sealing key pair of a retention month",
           "month fingerprints"),
    _event("sealing-key-destroyed", _KEYHOLDER, _PARTIES, _ALWAYS,
           "a retention month had passed, and its sealing key was destroyed",
           "month"),
    # Tokens.
    _event("evaluation-made", _KEYHOLDER, _ACTOR, _COVENANT,
           "blinded values were evaluated with the party's key; the receipt's digest binds them",
           "match_keys key_version counts receipt digest"),
    _event("evaluation-refused", _KEYHOLDER, _ACTOR, _COVENANT,
           "an evaluation was refused",
           "reason", "match_keys key_version counts"),
    _event("proof-given", _KEYHOLDER, _ACTOR, _COVENANT,
           "the proof of an earlier evaluation was given",
           "match_keys key_version counts receipt"),
    _event("proof-refused", _KEYHOLDER, _ACTOR, _COVENANT,
           "the proof of an earlier evaluation was refused",
           "reason", "match_keys key_version counts receipt"),
    # Signals.
    _event("signal-submitted", _BROKER, _ACTOR, _COVENANT,
           "a signal was stored; with `replaces`, in place of an earlier one of the same party",
           "subjects signals", "purposes category match_keys replaces origins"),
    _event("submission-refused", _BROKER, _ACTOR, _COVENANT,
           "signals of a batch, or all of it, were refused",
           "reason", "counts signals"),
    _event("signal-withdrawn", _BROKER, _ACTOR, _COVENANT,
           "a party withdrew its signal",
           "signals reason", "subjects"),
    _event("withdrawal-refused", _BROKER, _ACTOR, _COVENANT,
           "a withdrawal was refused",
           "reason", "counts"),
    _event("signal-expired", _BROKER, _ACTOR, _COVENANT,
           "a signal's retention ended and it was erased",
           "signals", "subjects parties category"),
    # Questions and answers. `outcome` is `shown` or `empty`; an empty answer is an event like any other.
    _event("disclosure-decided", _BROKER, _DISCLOSURE, _COVENANT,
           "a party asked what it may see of one subject, standing on a signal of its own or a case",
           _ANSWER, f"anchor {_SHOWN}"),
    _event("disclosure-refused", _BROKER, _ACTOR, _COVENANT,
           "a question was refused before anything was decided",
           "reason", "disclosure purpose stage subjects anchor"),
    _event("disclosure-read", _BROKER, _ACTOR, _COVENANT,
           "a party read again what had been decided and logged for it",
           "disclosure", "purpose stage"),
    _event("look-up-decided", _BROKER, _DISCLOSURE, _COVENANT,
           "a party asked about one subject without a signal of its own",
           _ANSWER, _SHOWN),
    _event("look-up-refused", _BROKER, _ACTOR, _COVENANT,
           "a look-up was refused before anything was decided",
           "reason", "disclosure purpose stage subjects"),
    _event("hits-told", _BROKER, _DISCLOSURE, _COVENANT,
           "a party's hit feed told it what it may see of one subject; `retracted` are signals it no longer sees",
           "purpose stage subjects outcome counts sight", f"disclosure anchor retracted {_SHOWN}"),
    _event("hits-read-empty", _BROKER, _ACTOR, _COVENANT,
           "a party read its hit feed and there was nothing new",
           optional="purposes stage counts"),
    _event("hits-refused", _BROKER, _ACTOR, _COVENANT,
           "a party was refused its hit feed, or one hit",
           "reason", "purpose stage"),
    _event("explanation-given", _BROKER, _DISCLOSURE, _COVENANT,
           "a party read why it sees a hit",
           "purpose stage subjects outcome sight", f"disclosure anchor counts {_SHOWN}"),
    _event("notices-read", _BROKER, _ACTOR, _COVENANT,
           "a source read its notices",
           "counts"),
    _event("source-released", _BROKER, _ACTOR, _COVENANT,
           "a source released its signal to a party for a purpose",
           "purpose signals parties"),
    # Opening sealed fields.
    _event("grant-issued", _BROKER, _DISCLOSURE, _COVENANT,
           "the broker permitted a recipient to have one sealed field opened",
           "disclosure purpose stage signals parties items rules grant sight", "entry subjects obligations origins"),
    _event("grant-refused", _BROKER, _ACTOR, _COVENANT,
           "a grant was refused",
           "reason", "disclosure purpose stage signals items"),
    _event("field-released", _KEYHOLDER, _ACTOR, _COVENANT,
           "the key holder resealed a field's key to its recipient; `version` is current, `submitted` the signal's",
           "release grant purpose stage signals parties items rules digest service",
           "origins category submitted entry"),
    _event("release-repeated", _KEYHOLDER, _ACTOR, _COVENANT,
           "an identical retry got the answer that was given before",
           "release grant"),
    _event("release-refused", _KEYHOLDER, _ACTOR, _COVENANT,
           "the key holder refused to release a field's key",
           "reason", "grant purpose stage signals parties items origins category submitted service entry"),
    # Stages and cases.
    _event("stage-approved", _BROKER, _ACTOR, _COVENANT,
           "a party approved that a subject goes on to a stage",
           "purpose stage subjects", "case"),
    _event("stage-approval-withdrawn", _BROKER, _ACTOR, _COVENANT,
           "a party took back an approval that had not taken effect",
           "purpose stage subjects", "case"),
    _event("stage-reached", _BROKER, _ACTOR, _COVENANT,
           "a subject reached a stage for a purpose",
           "purpose stage subjects", "case parties"),
    _event("case-changed", _BROKER, _ACTOR, _COVENANT,
           "membership or lead of a case changed",
           "purpose case reason", "subjects parties stage"),
    # Access to the service itself.
    _event("quota-refused", _BOTH, _ACTOR, _COVENANT,
           "an allowance of the covenant was spent",
           "reason", "match_keys purpose counts"),
    _event("request-refused", _BOTH, _ACTOR, _COVENANT,
           "a request was refused for who made it: role, party or state",
           "reason", "purpose stage"),
    _event("signed-in", _BOTH, _OFFICER, _COVENANT,
           "a person signed in to the console"),
    _event("sign-in-refused", _BOTH, _OFFICER, _COVENANT,
           "a sign-in to the console was refused",
           "reason"),
    _event("statistics-read", _BROKER, _ACTOR, _COVENANT,
           "area figures were read",
           "purpose counts"),
    _event("log-read", _BOTH, _ACTOR, _COVENANT,
           "entries of this log were read; `filters` names what was searched by",
           "counts", "filters subjects parties disclosure"),
    _event("log-exported", _BOTH, _ACTOR, _COVENANT,
           "entries of this log were exported",
           "counts form", "filters subjects parties"),
)
# fmt: on

CATALOGUE = {event.id: event for event in _EVENTS}
