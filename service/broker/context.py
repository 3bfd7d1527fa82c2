"""What the broker's routes work on: one of each, put together by `create_app`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlmodel import Session

from service.audit.reconciliation import Comparisons
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.broker.keyholder import KeyHolder
from service.covenants.accounts import VersionAccounts
from service.covenants.course import Course
from service.covenants.drafting import Drafts
from service.covenants.service import Covenants
from service.disclosure.desk import Desk
from service.errors import DomainError, Unavailable
from service.parties.people import People
from service.parties.service import Parties
from service.principals import Principal
from service.signals.conversion import SetUp
from service.signals.departure import Departures
from service.signals.lifecycle import Signals
from service.signals.submission import Submissions
from service.storage.database import Database, Isolation
from service.web.context import context_of
from service.web.pagination import Cursors

__all__ = ["BrokerContext"]


@dataclass(frozen=True, slots=True)
class BrokerContext:
    """`clock` gives an aware time, `random(n)` n bytes nobody can predict."""

    database: Database
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    audit: AuditWriter
    comparisons: Comparisons
    covenants: Covenants
    drafts: Drafts
    versions: VersionAccounts
    course: Course
    parties: Parties
    people: People
    submissions: Submissions
    signals: Signals
    set_up: SetUp
    departures: Departures
    desk: Desk
    key_holder: KeyHolder
    cursors: Cursors

    @contextmanager
    def asked(
        self,
        request: Request,
        covenant_id: str,
        caller: Principal,
        refusal: str,
        *,
        isolation: Isolation = "READ COMMITTED",
        **about: Any,
    ) -> Iterator[Session]:
        """One transaction for one request. A refusal rolls it back, and is an entry `refusal` committed on its own.

        If the log does not take that entry, the caller is told so, and not why it was refused.
        """
        try:
            with self.database.transaction(isolation=isolation) as session:
                yield session
        except Unavailable:
            raise
        except DomainError as error:
            record = AuditRecord(
                event=refusal,
                covenant_id=covenant_id,
                by=caller,
                trace=context_of(request).trace_id,
                reason=error.code,
                **about,
            )
            with self.database.transaction() as session:
                self.audit.append(session, record)
            raise
