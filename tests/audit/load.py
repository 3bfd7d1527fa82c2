"""Parties at work while services die under them: each keeps what it was told, to hold the services to it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from clients.sdk import Session
from clients.sdk.errors import ClientError, Refused
from clients.sdk.opening import Opened
from clients.sdk.records import RecordReader
from tests.governance.town import record

__all__ = ["Load", "Told"]

_HOUSES = 40
"""Few, so that parties meet."""


@dataclass
class Told:
    """What the services acknowledged."""

    signals: dict[UUID, str] = field(default_factory=dict)
    """Signals by the party that submitted them."""
    disclosures: dict[UUID, UUID] = field(default_factory=dict)
    """Disclosures with the audit entry that they name."""
    opened: int = 0
    heads: list[str] = field(default_factory=list)
    failures: int = 0


class Load:
    """One thread per party, from `start` to `stop`, which raises what no outage explains."""

    def __init__(self, open_session: Callable[[str], Session]) -> None:
        self.told = Told()
        self._open = open_session
        self._stopped = threading.Event()
        self._unexplained: list[BaseException] = []
        work = (("police", self._submit), ("municipality", self._ask), ("housing-north", self._submit))
        self._threads = [threading.Thread(target=self._repeat, args=one) for one in work]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        if self._unexplained:
            raise self._unexplained[0]

    def _repeat(self, party: str, work: Callable[[Session, int], None]) -> None:
        numbers = itertools.count()
        while not self._stopped.is_set():
            try:
                with self._open(party) as session:
                    while not self._stopped.is_set():
                        work(session, next(numbers))
            except Refused as error:
                if error.status < 500:
                    self._unexplained.append(error)
                    return
                self.told.failures += 1
            except ClientError:  # unreachable: somebody is being killed
                self.told.failures += 1
            except BaseException as error:  # noqa: BLE001
                self._unexplained.append(error)
                return
            self._stopped.wait(0.05)

    def _submit(self, session: Session, number: int) -> None:
        """Three signals; on the next visit the journal makes good what was not answered."""
        party = session.profile.party
        reader = RecordReader(session.agreement.covenant, party)
        rows = [
            record(f"{party}-{number}-{place}", (3 * number + place) % _HOUSES, **{"note.gist": "noise at night"})
            for place in range(3)
        ]
        session.submit([reader.read(place, row) for place, row in enumerate(rows)])
        self.told.signals |= {entry.signal_id: party for entry in session.journal.live()}

    def _ask(self, session: Session, number: int) -> None:
        """A signal of its own, what may be seen of others there, and what they noted."""
        self._submit(session, number)
        own = next(entry for entry in reversed(list(session.journal.live())))
        disclosure = session.disclose(own.signal_id, "nuisance")
        self.told.disclosures[disclosure.disclosure_id] = disclosure.audit_entry_id
        if disclosure.hits:
            one = disclosure.model_copy(update={"hits": disclosure.hits[:1]})
            self.told.opened += sum(isinstance(answer, Opened) for answer in session.open_fields(one))
        path = f"/v1/covenants/{session.profile.covenant}/log/checkpoint"
        self.told.heads.append(session.broker_conversation.fetch(path).decode())
