"""Refusals on record: the question's transaction is rolled back, and the refusal is an entry committed on its own.

An unlogged refusal is none: if the log takes no entries, the asker is told that the service is unavailable, and not why
it was refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import DomainError, NotFound, QuotaExceeded, Refused
from service.principals import Principal
from service.storage.database import Database

__all__ = ["refusals_on_record"]

_VERDICTS = (Refused, NotFound, QuotaExceeded)
"""Verdicts on who asks for what. Other errors say that the request is malformed or the service ailing."""


@contextmanager
def refusals_on_record(
    database: Database,
    audit: AuditWriter,
    event: str,
    *,
    covenant_id: str,
    principal: Principal,
    trace: str | None,
    **fields: Any,
) -> Iterator[None]:
    """Records a refusal that leaves the block: `event` is the log's name for it, `fields` what was asked."""
    try:
        yield
    except _VERDICTS as refusal:
        record = AuditRecord(covenant_id=covenant_id, by=principal, trace=trace, **_worded(refusal, event, fields))
        with database.transaction() as session:
            audit.append(session, record)
        raise


def _worded(refusal: DomainError, event: str, fields: dict[str, Any]) -> dict[str, Any]:
    if isinstance(refusal, QuotaExceeded):
        return {"event": "quota-refused", "reason": refusal.code, "purpose": fields.get("purpose")}
    return {"event": event, "reason": refusal.code} | fields
