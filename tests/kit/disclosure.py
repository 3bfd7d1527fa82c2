"""A stage to ask questions on: signals submitted in one call, answers read, the log looked into.

world.submit("police", address(1))
world.hits("municipality").body["events"]
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from clients.protocol.encoding import b64u_encode
from clients.protocol.messages.signals import SignalStatus, Token
from clients.protocol.normalise import NORMALISATION_VERSION
from tests.kit.partner import Made, subject
from tests.kit.stage import Stage
from tests.service.cast import Clock

TODAY = date(2026, 11, 22)
RECENT = TODAY - timedelta(days=2)

About = Mapping[str, bytes]


def address(number: int) -> About:
    return subject(f"address {number}")


@dataclass(frozen=True)
class Answer:
    """A response; `code` is that of its problem document."""

    status: int
    body: Any
    raw: bytes

    @property
    def code(self) -> str:
        return str(self.body["type"]).removeprefix("/problems/")


@dataclass
class World:
    """A stage with few words."""

    stage: Stage

    # -- signals

    def make(self, party: str, about: About, category: str = "noise", **stated: Any) -> Made:
        return self.stage.partner(party).signal(about, category, **{"day": RECENT} | stated)

    def submit(self, party: str, about: About, category: str = "noise", **stated: Any) -> UUID:
        """Submits one signal and returns its id."""
        made = self.make(party, about, category, **stated)
        self.put(party, made)
        return made.id

    def put(self, party: str, *made: Made) -> None:
        result = self.stage.partner(party).submit(*made)
        refused = [one.faults for one in result.results if one.status is not SignalStatus.ACCEPTED]
        if refused:
            raise AssertionError(refused)

    def withdraw(self, party: str, *signals: UUID) -> None:
        self.stage.partner(party).withdraw(*signals)

    # -- questions

    def ask(
        self, party: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One signed request; `path` begins after the covenant."""
        target = f"/v1/covenants/{self.stage.covenant.id}{path}"
        response: httpx.Response = self.stage.send(self.stage.members[party], method, target, body, headers)
        return Answer(response.status_code, response.json(), response.content)

    def hits(self, party: str, **query: str | int) -> Answer:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.ask(party, "GET", f"/hits?{asked}" if asked else "/hits")

    def disclose(
        self, party: str, anchor: UUID, *, purpose: str = "nuisance", stage: str = "signal", key: UUID | None = None
    ) -> Answer:
        body = {"purpose": purpose, "stage": stage, "anchor": {"kind": "signal", "signalId": str(anchor)}}
        return self.ask(party, "POST", "/disclosures", body, {"Idempotency-Key": str(key or uuid4())})

    def look_up(
        self,
        party: str,
        about: About,
        *,
        key: UUID | None = None,
        tokens: Sequence[Token] | None = None,
        subject_kind: str = "address",
        **changes: Any,
    ) -> Answer:
        given = self.stage.partner(party).tokens(about, subject_kind) if tokens is None else tokens
        body = {
            "purpose": "nuisance",
            "stage": "signal",
            "subjectKind": subject_kind,
            "normalisationVersion": NORMALISATION_VERSION,
            "tokens": [
                {"matchKey": t.match_key, "keyVersion": t.key_version, "token": b64u_encode(t.token)} for t in given
            ],
        }
        return self.ask(party, "POST", "/look-ups", body | changes, {"Idempotency-Key": str(key or uuid4())})

    def grant(self, party: str, disclosure: str, signal: UUID | str, field: str, variant: str) -> Answer:
        """Asks once everything that was decided so far is witnessed."""
        self.stage.witness()
        body = {"disclosureId": disclosure, "signalId": str(signal), "field": field, "variant": variant}
        return self.ask(party, "POST", "/grants", body)

    # -- time

    def advance(self, by: timedelta) -> None:
        clock = self.stage.clock
        if not isinstance(clock, Clock):
            raise TypeError("this stage keeps its own time")
        clock.advance(by)

    # -- what is left behind

    def entries(self, event: str) -> list[tuple[str | None, dict[str, Any]]]:
        """Party and fields of the log's entries of one kind, in their order."""
        found = self.rows("SELECT party, fields FROM audit_entry WHERE event = :event ORDER BY entry_id", event=event)
        return [(row.party, row.fields) for row in found]

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) AS n FROM {table}")[0].n)

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        with self.stage.context.database.transaction() as session:
            return list(session.connection().execute(text(statement), parameters))

    def wait_for_a_lock(self) -> None:
        """Returns once somebody waits for what another transaction holds."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        for _ in range(1000):
            if self.rows(waiting):
                return
            time.sleep(0.01)
        raise AssertionError("nobody waits")

    def break_log(self) -> None:
        """From now on the audit log takes no entries."""
        with self.stage.context.database.transaction() as session:
            session.connection().execute(text("ALTER TABLE audit_entry ADD CHECK (false) NOT VALID"))
