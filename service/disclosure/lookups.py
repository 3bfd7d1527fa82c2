"""Look-ups: a question about one subject that leaves no signal behind.

Its tokens become pseudonym indexes, serve one join and are gone. It is never among the facts of anybody, so it counts
for nobody. Whoever is shown nothing is told the same whether there is nothing or nothing for it: the same statements
run and the same members leave.

An allowance per party, purpose and day stands in the covenant; none there means none at all. A question is counted in
the transaction that answers it, so that a refused or failed one costs nothing and an answered one always does.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.disclosure import Disclosure, LookUpRequest
from clients.protocol.normalise import NORMALISATION_VERSION
from covenant_rules.dates import amsterdam_date
from service.disclosure import repository
from service.disclosure.asking import Asking
from service.disclosure.desk import Desk
from service.disclosure.disclosures import Posed, commit, repeated
from service.disclosure.facts import Subject, looked_up
from service.errors import Conflict, Invalid, LocatedFault, QuotaExceeded, Refused
from service.signals.conversion import conversions_of
from service.signals.pseudonyms import Pseudonymiser, Recognised, TokenRefusal

__all__ = ["look_up"]


def look_up(session: Session, asking: Asking, desk: Desk, disclosure_id: UUID, request: LookUpRequest) -> Disclosure:
    """What the asking party may see of the subject of its tokens.

    Raises Invalid with every fault of the tokens, Conflict for a stale key version, Refused where the covenant gives
    the party no look-ups, and QuotaExceeded when the day's are spent.
    """
    digest = desk.request_digest("look-up", request.model_dump_json().encode())
    posed = Posed(disclosure_id, digest, "look-up-decided", request.purpose, request.stage, None)
    if (before := repeated(session, asking, desk, posed)) is not None:
        return before
    asking.refuse_purpose(posed.purpose)
    asking.refuse_stage(posed.stage)
    allowed = asking.current.quotas.lookups.get(posed.purpose, {}).get(asking.kind or "", 0)
    if allowed == 0:
        raise Refused("look-up-not-allowed", "the covenant gives this party no look-ups for this purpose")
    subject = _subject(session, asking, desk, request)
    if not repository.count_look_up(session, asking.covenant_id, asking.viewer, posed.purpose, asking.today, allowed):
        raise QuotaExceeded(
            "look-ups-spent",
            "the look-ups that the covenant allows for this purpose today are spent",
            retry_after=_seconds_to_tomorrow(asking.now),
        )
    return commit(session, asking, desk, posed, subject)


def _subject(session: Session, asking: Asking, desk: Desk, request: LookUpRequest) -> Subject:
    """The subject that the tokens name. Raises Invalid with every fault, and Conflict for a stale key version."""
    conversions = conversions_of(session, desk.signal_keys, asking.covenant_id, asking.viewer)
    faults = _faults(asking, request, conversions)
    if faults:
        raise Invalid("look-up-invalid", "the look-up cannot be made as written", faults=faults)
    for place, token in enumerate(request.tokens):
        if token.key_version != conversions[token.match_key].key_version:
            raise Conflict(
                "stale-key-version",
                "the token was not made with the party's current key",
                pointer=f"/tokens/{place}/keyVersion",
            )
    pseudonymiser = Pseudonymiser(
        asking.covenant_id, desk.signal_keys.subject_keys(asking.covenant_id), conversions, desk.random
    )
    named: list[Recognised] = []
    for place, token in enumerate(request.tokens):
        made = pseudonymiser.recognise(token.match_key, request.normalisation_version, token.token)
        if isinstance(made, TokenRefusal):
            faults.append(LocatedFault(f"/tokens/{place}/token", made.code, made.detail))
        else:
            named.append(made)
    if faults:
        raise Invalid("look-up-invalid", "the look-up cannot be made as written", faults=faults)
    return looked_up(
        session,
        asking,
        request.subject_kind,
        [(one.match_key, one.index) for one in named],
        {one.match_key: one.handle for one in named},
    )


def _faults(asking: Asking, request: LookUpRequest, conversions: Collection[str]) -> list[LocatedFault]:
    """What is wrong before any token is looked at; the codes are those of a submission."""
    faults: list[LocatedFault] = []
    if request.subject_kind not in asking.current.purposes[request.purpose].subjects:
        faults.append(
            LocatedFault("/subjectKind", "purpose-not-for-subject", "the purpose is not about subjects of this kind")
        )
    if request.normalisation_version != NORMALISATION_VERSION:
        faults.append(
            LocatedFault(
                "/normalisationVersion", "normalisation-version-unknown", "tokens of this version match nothing here"
            )
        )
    keys = asking.current.match_keys.get(request.subject_kind)
    allowed = () if keys is None else keys.kinds.get(asking.kind or "", ())
    seen: set[str] = set()
    for place, token in enumerate(request.tokens):
        at = f"/tokens/{place}/matchKey"
        if token.match_key not in allowed:
            words = "the covenant does not give this party the match key here"
            faults.append(LocatedFault(at, "match-key-not-allowed", words))
        elif token.match_key in seen:
            faults.append(LocatedFault(at, "match-key-repeated", "a look-up has one token for each match key"))
        elif token.match_key not in conversions:
            words = "the set-up has not taken in this party's key yet"
            faults.append(LocatedFault(at, "key-not-set-up", words))
        seen.add(token.match_key)
    return faults


def _seconds_to_tomorrow(now: datetime) -> int:
    """Until the day changes in Amsterdam, which it does at a whole hour of UTC."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while amsterdam_date(hour) != amsterdam_date(now + timedelta(days=1)):
        hour += timedelta(hours=1)
    return int((hour - now).total_seconds())
