"""What goes when a party leaves, when a version gives a match key no longer, and when a covenant ends.

A leaving party's signals are withdrawn: contents go at once, bare rows stay as long as those of any withdrawn signal,
so that whoever was shown one learns that it is gone. Of a covenant that ends nothing stays, ids included; only the
points of keys do, so that no K_A is ever accepted twice.

Whoever calls has committed before that the party has left or the covenant has ended: nothing is added any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from sqlmodel import Session, col

from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.principals import Principal
from service.signals import key_repository, repository
from service.signals.keys import SignalKeys
from service.signals.tables import (
    JointKeyRow,
    PseudonymRow,
    SignalBatchRow,
    SignalFieldRow,
    SignalIdRow,
    SignalRow,
)
from service.storage.erasure import erase_some

__all__ = ["Departures"]

AT_ONCE = 1000
"""Signals that one transaction withdraws."""


class Departures:
    """Methods work in the caller's transaction, and are harmless to repeat."""

    def __init__(self, keys: SignalKeys, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._audit = audit
        self._clock = clock

    def withdraw_some(
        self, session: Session, covenant_id: str, party: str, *, by: Principal, trace: str | None = None
    ) -> int:
        """Withdraws up to `AT_ONCE` signals of a party that has left; returns how many, none once all are."""
        live = repository.live_of(session, covenant_id, party, limit=AT_ONCE)
        ended = repository.end(session, covenant_id, live, state="withdrawn", because="party-left", at=self._clock())
        if ended:
            record = AuditRecord(
                event="signal-withdrawn",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                reason="party-left",
                signals=[one.signal_id for one in ended],
                subjects={handle for one in ended for handle in one.handles},
                parties=(party,),
            )
            self._audit.append(session, record)
        return len(ended)

    def destroy_keys(
        self, session: Session, covenant_id: str, party: str, *, by: Principal | None = None, trace: str | None = None
    ) -> None:
        """Destroys every d_A of one party and publishes none any more. Files go first, as nothing may rest on them."""
        self._retire(session, covenant_id, lambda row_party, _: row_party == party, by, trace)
        self._keys.destroy_party(covenant_id, party)

    def keep_only(self, session: Session, covenant_id: str, given: Callable[[str], Collection[str]]) -> int:
        """Destroys the keys for match keys that `given` no longer names for their party; returns how many."""
        return self._retire(session, covenant_id, lambda party, match_key: match_key not in given(party), None, None)

    def erase_some(self, session: Session, covenant_id: str) -> int:
        """Deletes some of what a covenant that has ended still holds; none once there is nothing left.

        Rows that others refer to go last, so that an interrupted erasure goes on where it was.
        """
        for table in (PseudonymRow, SignalFieldRow, SignalRow, SignalBatchRow, SignalIdRow, JointKeyRow):
            gone = erase_some(session, table, col(table.covenant_id) == covenant_id)
            if gone:
                return gone
        return 0

    def destroy_all_keys(self, session: Session, covenant_id: str) -> None:
        """Destroys every secret of a covenant that has ended: b, d_A, and the keys that pseudonyms were kept under."""
        self._retire(session, covenant_id, lambda *_: True, None, None, silent=True)
        self._keys.destroy_covenant(covenant_id)

    def _retire(
        self,
        session: Session,
        covenant_id: str,
        chosen: Callable[[str, str], bool],
        by: Principal | None,
        trace: str | None,
        *,
        silent: bool = False,
    ) -> int:
        """Retires the chosen current keys and destroys their scalars. One entry for each party, unless `silent`."""
        key_repository.hold_set_up(session, covenant_id)
        gone: dict[str, list[str]] = {}
        for row in key_repository.party_keys(session, covenant_id):
            if row.current and chosen(row.party, row.match_key):
                self._keys.destroy_party(covenant_id, row.party, row.match_key)
                key_repository.retire(session, covenant_id, row.match_key, row.party)
                gone.setdefault(row.party, []).append(row.match_key)
        if not silent:
            self._audit.append_many(
                session,
                [
                    AuditRecord(
                        event="party-keys-destroyed",
                        covenant_id=covenant_id,
                        by=by,
                        trace=trace,
                        parties=(party,),
                        match_keys=match_keys,
                    )
                    for party, match_keys in sorted(gone.items())
                ],
            )
        return sum(map(len, gone.values()))
