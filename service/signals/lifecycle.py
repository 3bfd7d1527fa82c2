"""What becomes of a signal: its party sees it back or withdraws it, its retention ends, it is forgotten.

A signal that ends loses its contents in the same transaction. Bare rows are left, without content and marked dead, for
`REMEMBERED`: so long the hit feeds of others can still learn that it is gone. Then they go too, and the id stays taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.signals import OwnSignal, Withdrawal, WithdrawalResult
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import Covenant
from covenant_rules.retention import latest_over
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.covenants.service import Covenants
from service.errors import Refused
from service.parties.service import Parties
from service.principals import Principal
from service.signals import repository

__all__ = ["REMEMBERED", "Place", "Signals"]

REMEMBERED = timedelta(days=30)
AT_ONCE = 1000
"""Signals that one transaction expires or forgets."""

Place = tuple[datetime, UUID]
"""Where a page of a party's own signals ends: when the last one was submitted, and its id."""


class Signals:
    """Signals that are there. Methods work in the caller's transaction."""

    def __init__(
        self, covenants: Covenants, parties: Parties, audit: AuditWriter, *, clock: Callable[[], datetime]
    ) -> None:
        self._covenants = covenants
        self._parties = parties
        self._audit = audit
        self._clock = clock

    def own(
        self, session: Session, covenant_id: str, party: str, *, after: Place | None, limit: int
    ) -> tuple[tuple[OwnSignal, ...], Place | None]:
        """A page of the party's signals, the oldest first, and where the next one begins; None after the last.

        Raises Refused for a party that does not take part.
        """
        self._parties.require_active(session, covenant_id, party)
        rows = repository.own_page(session, covenant_id, party, after=after, limit=limit + 1)
        page, more = rows[:limit], len(rows) > limit
        fields = repository.field_names_of(session, covenant_id, [row.signal_id for row in page])
        signals = tuple(
            OwnSignal(
                signal_id=row.signal_id,
                subject_kind=row.subject_kind,
                category=row.category,
                day=row.day,
                purposes=tuple(row.purposes),
                origins=tuple(row.origins),
                handling_codes=tuple(row.handling_codes),
                covenant_version=row.version,
                submitted_at=row.submitted_at,
                state=row.state,
                fields=fields.get(row.signal_id, ()),
            )
            for row in page
        )
        return signals, (page[-1].submitted_at, page[-1].signal_id) if more else None

    def withdraw(
        self, session: Session, covenant_id: str, withdrawal: Withdrawal, *, by: Principal, trace: str | None = None
    ) -> WithdrawalResult:
        """Ends signals of the party's own. Repeating it is harmless; what is not the party's is unknown to it.

        Raises Refused for a party that does not take part.
        """
        if by.party is None:
            raise Refused("party-not-active", "only a party withdraws signals")
        self._parties.require_active(session, covenant_id, by.party)
        covenant = self._covenants.current(session, covenant_id)
        asked = tuple(dict.fromkeys(withdrawal.signal_ids))
        live = repository.live_targets(session, covenant_id, by.party, asked)
        ended = repository.end(
            session, covenant_id, live, state="withdrawn", because=withdrawal.reason, at=self._clock()
        )
        known = repository.known(session, covenant_id, asked)
        own = {signal_id for signal_id, one in known.items() if one.party == by.party}
        unknown = tuple(signal_id for signal_id in asked if signal_id not in own)
        records = [
            AuditRecord(
                event="signal-withdrawn",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                version=covenant.version,
                signals=(one.signal_id,),
                subjects=one.handles,
                reason=withdrawal.reason,
            )
            for one in sorted(ended, key=lambda one: one.signal_id)
        ]
        if unknown:
            records.append(
                AuditRecord(
                    event="withdrawal-refused",
                    covenant_id=covenant_id,
                    by=by,
                    trace=trace,
                    version=covenant.version,
                    reason="signal-unknown",
                    counts={"signals": len(unknown)},
                )
            )
        self._audit.append_many(session, records)
        return WithdrawalResult(
            withdrawn=tuple(signal_id for signal_id in asked if signal_id in live),
            repeated=tuple(signal_id for signal_id in asked if signal_id in own - live),
            unknown=unknown,
        )

    def expire(self, session: Session, covenant_id: str) -> int:
        """Ends up to `AT_ONCE` signals whose retention is over, by the version they came under or the current one.

        Returns how many; call again, in a new transaction, until it is none.
        """
        now = self._clock()
        current = self._covenants.current(session, covenant_id)
        cutoffs = _cutoffs(current, self._covenants.versions(session, covenant_id).values(), amsterdam_date(now))
        due = repository.due(session, covenant_id, cutoffs, limit=AT_ONCE)
        ended = repository.end(session, covenant_id, due, state="expired", because="expired", at=now)
        self._audit.append_many(
            session,
            [
                AuditRecord(
                    event="signal-expired",
                    covenant_id=covenant_id,
                    version=current.version,
                    signals=(one.signal_id,),
                    subjects=one.handles,
                    parties=(one.party,),
                    category=one.category,
                )
                for one in sorted(ended, key=lambda one: one.signal_id)
            ],
        )
        return len(ended)

    def forget(self, session: Session, covenant_id: str) -> int:
        """Deletes what is left of up to `AT_ONCE` signals that ended longer than `REMEMBERED` ago; returns how many."""
        return repository.forget(session, covenant_id, self._clock() - REMEMBERED, limit=AT_ONCE)


def _cutoffs(current: Covenant, versions: Iterable[Covenant], today: date | None) -> Mapping[tuple[str, str], date]:
    """Per version and category, the latest day of which the retention is over: the stricter version counts."""
    if today is None:
        raise ValueError("the clock must give an aware moment")
    cutoffs: dict[tuple[str, str], date] = {}
    for version in (*versions, current):
        for category, retention in version.retention.categories.items():
            ruling = (retention, current.retention.categories.get(category, retention))
            cutoffs[version.version, category] = max(latest_over(today, one) for one in ruling)
    return cutoffs
