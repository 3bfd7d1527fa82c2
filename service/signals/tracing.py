"""From the officers' tokens of one subject to the handles by which the log names it; nothing of either is kept.

The officers' key is theirs alone (`clients.protocol.officers`): no signal and no look-up is made with it, and what a
party tokenised is worth nothing here. Whether there is any entry about the subject is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlmodel import Session

from clients.protocol.messages.audit import SubjectTokens
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.officers import OFFICERS
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, Invalid, LocatedFault
from service.principals import Principal
from service.signals.conversion import conversions_of
from service.signals.keys import SignalKeys
from service.signals.pseudonyms import Conversion, Pseudonymiser, Recognised, TokenRefusal

__all__ = ["Tracing"]


class Tracing:
    """Methods work in the caller's transaction."""

    def __init__(self, keys: SignalKeys, audit: AuditWriter, *, random: Callable[[int], bytes]) -> None:
        self._keys = keys
        self._audit = audit
        self._random = random

    def handles(
        self, session: Session, covenant_id: str, subject: SubjectTokens, *, by: Principal, trace: str | None
    ) -> tuple[Recognised, ...]:
        """The subject's handles, on record. Raises Invalid with every fault, and Conflict for a stale key version."""
        conversions = conversions_of(session, self._keys, covenant_id, OFFICERS)
        faults = _faults(subject, conversions)
        if faults:
            raise _invalid(faults)
        for place, token in enumerate(subject.tokens):
            if token.key_version != conversions[token.match_key].key_version:
                raise Conflict(
                    "stale-key-version",
                    "the token was not made with the officers' current key",
                    pointer=f"/tokens/{place}/keyVersion",
                )
        found = self._recognised(covenant_id, subject, conversions)
        record = AuditRecord(
            event="subject-traced",
            covenant_id=covenant_id,
            by=by,
            trace=trace,
            match_keys=[one.match_key for one in found],
            subjects=[one.handle for one in found],
        )
        self._audit.append(session, record)
        return found

    def _recognised(
        self, covenant_id: str, subject: SubjectTokens, conversions: Mapping[str, Conversion]
    ) -> tuple[Recognised, ...]:
        pseudonymiser = Pseudonymiser(covenant_id, self._keys.subject_keys(covenant_id), conversions, self._random)
        found: list[Recognised] = []
        faults: list[LocatedFault] = []
        for place, token in enumerate(subject.tokens):
            made = pseudonymiser.recognise(token.match_key, subject.normalisation_version, token.token)
            if isinstance(made, TokenRefusal):
                faults.append(LocatedFault(f"/tokens/{place}/token", made.code, made.detail))
            else:
                found.append(made)
        if faults:
            raise _invalid(faults)
        return tuple(found)


def _faults(subject: SubjectTokens, conversions: Mapping[str, Conversion]) -> list[LocatedFault]:
    faults: list[LocatedFault] = []
    if subject.normalisation_version != NORMALISATION_VERSION:
        faults.append(
            LocatedFault(
                "/normalisationVersion", "normalisation-version-unknown", "tokens of this version match nothing here"
            )
        )
    seen: set[str] = set()
    for place, token in enumerate(subject.tokens):
        at = f"/tokens/{place}/matchKey"
        if token.match_key in seen:
            faults.append(LocatedFault(at, "match-key-repeated", "a subject has one token for each match key"))
        elif token.match_key not in conversions:
            words = "the set-up has not taken in an officers' key for this match key"
            faults.append(LocatedFault(at, "key-not-set-up", words))
        seen.add(token.match_key)
    return faults


def _invalid(faults: list[LocatedFault]) -> Invalid:
    return Invalid("subject-invalid", "the subject cannot be found as written", faults=faults)
