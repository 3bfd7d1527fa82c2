"""Findings for the officer, and the rules behind them: what is found now, by the rules as they are now.

Nothing is kept of a finding. It is made from the log when it is asked for, and is gone with its entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from service.audit.misuse.counting import count, entries_behind
from service.audit.misuse.rules import read_rules, shipped_rules
from service.audit.misuse.signs import Sign, signs
from service.audit.misuse.tables import MisuseRulesRow
from service.audit.query import FIRST_DAY, LAST_DAY
from service.audit.reading import today_of
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, Invalid
from service.principals import Principal

__all__ = ["Finding", "Misuse", "Rules"]

USUAL_DAYS = 28
LONGEST = 92
"""Days in which one request looks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A sign with the entries it was counted from: the newest, and how many there are."""

    sign: Sign
    entries: tuple[UUID, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force, as TOML; who changed them and when, unless they are those that are shipped."""

    document: str
    changed_at: datetime | None = None
    changed_by: str | None = None

    @property
    def digest(self) -> bytes:
        return sha256(self.document.encode()).digest()


class Misuse:
    """Methods work in the caller's transaction, and write their entry in it."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def findings(
        self,
        session: Session,
        covenant_id: str,
        first: date | None,
        last: date | None,
        *,
        by: Principal,
        trace: str | None,
    ) -> tuple[date, date, tuple[Finding, ...]]:
        """What the rules find in windows that end from `first` to `last`; usually the last four weeks.

        Raises Invalid for days in the wrong order, or too many.
        """
        last = last or today_of(self._clock)
        if not FIRST_DAY <= last <= LAST_DAY:
            words = f"must be a day from {FIRST_DAY} to {LAST_DAY}"
            raise Invalid("days-invalid", words, pointer="query/lastDate")
        first = first or last - timedelta(days=USUAL_DAYS - 1)
        if not 0 <= (last - first).days < LONGEST:
            words = f"ask about 1 to {LONGEST} days, the first one first"
            raise Invalid("days-invalid", words, pointer="query/firstDate")
        rules = self.rules(session, covenant_id)
        read = read_rules(rules.document)
        found = tuple(
            Finding(sign, *entries_behind(session, covenant_id, sign, read))
            for sign in signs(read, count(session, covenant_id, read, first, last), first, last)
        )
        record = AuditRecord(
            event="findings-read",
            covenant_id=covenant_id,
            by=by,
            trace=trace,
            counts={"findings": len(found)},
            digest=rules.digest,
        )
        self._audit.append(session, record)
        return first, last, found

    def rules(self, session: Session, covenant_id: str) -> Rules:
        """The rules in force."""
        row = _latest(session, covenant_id)
        return Rules(shipped_rules()) if row is None else Rules(row.document, row.changed_at, row.changed_by)

    def change_rules(
        self, session: Session, covenant_id: str, document: str, *, by: Principal, trace: str | None
    ) -> Rules:
        """Puts other rules in force. Raises Invalid, with every mistake in them, and Conflict for two at once."""
        read_rules(document)
        before = _latest(session, covenant_id)
        row = MisuseRulesRow(
            covenant_id=covenant_id,
            number=1 if before is None else before.number + 1,
            document=document,
            changed_at=self._clock(),
            changed_by=by.id,
        )
        session.add(row)
        try:
            session.flush()
        except IntegrityError:
            raise Conflict("rules-changed", "another officer changed the rules at this very moment") from None
        rules = Rules(document, row.changed_at, by.id)
        record = AuditRecord(
            event="misuse-rules-changed", covenant_id=covenant_id, by=by, trace=trace, digest=rules.digest
        )
        self._audit.append(session, record)
        return rules


def _latest(session: Session, covenant_id: str) -> MisuseRulesRow | None:
    row = MisuseRulesRow
    query = select(row).where(row.covenant_id == covenant_id).order_by(col(row.number).desc()).limit(1)
    return session.exec(query).one_or_none()
