"""Log or deny, for every route there is: what changes or discloses anything is on record, or it does not happen.

The routes are enumerated, so a new one fails here until the story below goes through it, or until it stands among
those that need no entry, with the reason. Each route of the story is tried twice: first while the log takes no
entries, when it must answer 503 and change nothing, and then as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.broker.tables import metadata as broker_metadata
from service.keyholder.tables import metadata as keyholder_metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.audit.recorder import Call, Recorder, Route, by_route
from tests.audit.story import Recorded, play

NO_ENTRY: dict[str, str] = {
    "GET /health/live": "says that the process runs",
    "GET /health/ready": "says whether the database is there",
    "GET /openapi.json": "describes the service, and is the same for everyone",
    "GET /covenants/{covenantId}": "the covenant and public points, which every party has signed and verifies",
    "GET /covenants/{covenantId}/parties": "who takes part, with their public keys",
    "GET /covenants/{covenantId}/commitments": "public points",
    "GET /covenants/{covenantId}/versions": "rules, and who approved them",
    "GET /covenants/{covenantId}/versions/{version}": "rules, and who approved them",
    "GET /covenants/{covenantId}/log": "the name and public key of the log",
    "GET /covenants/{covenantId}/log/checkpoint": "a head of the log: hashes",
    "GET /covenants/{covenantId}/log/tile/{level}/{tile}": "hashes",
    "GET /covenants/{covenantId}/log/inclusion-proof": "hashes",
    "GET /covenants/{covenantId}/log/consistency-proof": "hashes",
    "GET /covenants/{covenantId}/witness": "heads of the broker's log, and what does not fit of them",
    "POST /covenants/{covenantId}/witness/cosignatures": "a head of the broker's log; what does not fit is an entry",
    "GET /covenants/{covenantId}/signals": "a party's own signals, as it submitted them",
    "GET /covenants/{covenantId}/approvals": "a party's own approvals",
    "GET /covenants/{covenantId}/audit-misuse-rules": "rules for officers, which name nobody",
}
"""What needs no entry, at either service, and why: it is public to all parties, or the caller's own."""

ENTRY_WHERE_IT_CHANGES: dict[str, str] = {
    "GET /covenants/{covenantId}/sealing-keys/{month}": "a public key, drawn when it is first asked for",
}


@pytest.fixture(scope="module")
def played(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[dict[Route, object], list[Recorder]]]:
    """The story, gone through once."""
    urls = {}
    for service, metadata in (("broker", broker_metadata), ("keyholder", keyholder_metadata)):
        urls[service] = postgres.create(f"story_{service}")
        database = Database(urls[service])
        metadata.create_all(database.engine)
        database.dispose()
    town = Recorded(tmp_path_factory.mktemp("story"), urls, free=frozenset(NO_ENTRY))
    try:
        play(town)
        yield town.routes, list(town.recorders.values())
    finally:
        town.close()


def _name(route: Route) -> str:
    return f"{route[1]} {route[2]}"


def test_every_route_has_a_place_in_the_story_or_needs_no_entry(
    played: tuple[dict[Route, object], list[Recorder]],
) -> None:
    routes, recorders = played
    told = {call.route for recorder in recorders for call in recorder.calls}
    assert {route for route in routes if _name(route) not in NO_ENTRY} - told == set()
    assert set(NO_ENTRY) <= {_name(route) for route in routes}


def test_nothing_happens_that_cannot_be_put_on_record(played: tuple[dict[Route, object], list[Recorder]]) -> None:
    _, recorders = played
    assert [fault for recorder in recorders for fault in recorder.not_denied] == []
    assert [route for recorder in recorders for route in recorder.untried if route[0] == recorder.service] == []


def test_whatever_changed_or_disclosed_anything_is_on_record(
    played: tuple[dict[Route, object], list[Recorder]],
) -> None:
    _, recorders = played
    calls = [call for recorder in recorders for call in recorder.calls]
    assert [call for call in calls if not _on_record(call)] == []
    assert len(by_route(calls)) > 70


def _on_record(call: Call) -> bool:
    """An entry, or nothing that wants one: a repetition that changed nothing, or what needs none."""
    name = _name(call.route)
    discloses = call.route[1] == "GET" or any(name in call.route[2] for name in ("audit-searches", "replays"))
    wanted = call.changed or (discloses and name not in ENTRY_WHERE_IT_CHANGES)
    return call.entries > 0 or name in NO_ENTRY or not wanted
