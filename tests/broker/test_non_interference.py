"""What a party may not see changes nothing that it is sent: no status, no header, no byte, on any channel.

Two brokers go through the same day. In one of them others submit signals besides that the viewer may not see: forbidden
to its kind, blocked by a handling code, too old, waiting for a further party or for a signal of the viewer's own, for
another purpose; some of them are corrected and withdrawn. The viewer asks both brokers the same things in the same
order, and is sent the same. Ids differ, and are numbered in the order of their first appearance.

That somebody looks at a signal may be told to its source, as the covenant says, and tells it something of who looked;
so nobody but the viewer asks here. The log's size is the same for all its readers, and tells how much happens; so
heads, tiles and proofs are not compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from clients.protocol.encoding import b64u_encode
from service.storage.embedded import EmbeddedPostgres
from tests.kit.disclosure import TODAY, World, address
from tests.kit.stage import Stage, reopen_stage

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
IDS = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=\"trace\":\")[0-9a-f]{32}")
CURSORS = re.compile(rb'"(cursor|nextCursor|leafHash|signature)":"([^"]*)"')
"""A cursor names an id and a leaf is salted, so their letters differ; their lengths may not."""

IN_PATHS = re.compile(r"(?<=since=).+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Sent = tuple[str, int, list[tuple[str, str]], bytes]


def same_ids(raw: bytes) -> bytes:
    seen: dict[bytes, bytes] = {}
    raw = CURSORS.sub(lambda match: b'"%s":%d' % (match[1], len(match[2])), raw)
    return IDS.sub(lambda match: seen.setdefault(match[0], b"id-%d" % len(seen)), raw)


class Ticking:
    """A clock that goes on a second with each question of the viewer's, and with nothing else."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Viewer:
    """A landlord that asks whatever a party can ask, and keeps all that it is sent."""

    def __init__(self, world: World, clock: Ticking, anchors: list[UUID]) -> None:
        self.world = world
        self.clock = clock
        self.anchors = anchors
        self.sent: list[Sent] = []

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        stage = self.world.stage
        self.clock.now += timedelta(seconds=1)
        target = f"/v1/covenants/{stage.covenant.id}{path}"
        asked: Mapping[str, str] = {"traceparent": TRACE} | headers
        response = stage.send(stage.members["housing-north"], method, target, body, asked)
        headers_sent = sorted(response.headers.items())
        self.sent.append(
            (f"{method} {IN_PATHS.sub('…', path)}", response.status_code, headers_sent, same_ids(response.content))
        )
        return response.json() if response.content else None

    def disclosure(self, anchor: UUID) -> Any:
        asked = {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}}
        return self.ask("POST", "/disclosures", asked, Idempotency_Key=str(uuid4()))

    def ask_everything(self) -> None:
        cursor = self.ask("GET", "/hits")["cursor"]
        for path in (f"/hits?since={cursor}", "/hits?purpose=nuisance", "/hits?limit=1", "/hits?purpose=support"):
            self.ask("GET", path)
        for event in self.ask("GET", "/hits")["events"]:
            self.ask("GET", f"/hits/{event['hitId']}", Accept_Language="nl")
        for anchor in self.anchors:
            known = self.disclosure(anchor)
            self.ask("GET", f"/disclosures/{known['disclosureId']}")
            for hit in known["hits"]:
                field = {"signalId": hit["hit"]["signalId"], "field": "note", "variant": "full"}
                self.ask("POST", "/grants", field | {"disclosureId": known["disclosureId"]})
            self.ask("POST", "/release-requests", {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}})
            self.ask("POST", "/approvals", {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}})
        token = self.world.stage.partner("housing-north").tokens(address(1))[0]
        look_up = {
            "purpose": "nuisance",
            "subjectKind": "address",
            "normalisationVersion": "1",
            "tokens": [{"matchKey": token.match_key, "keyVersion": 1, "token": b64u_encode(token.token)}],
        }
        self.ask("POST", "/look-ups", look_up, Idempotency_Key=str(uuid4()))
        for path in (
            "",
            "/parties",
            "/versions",
            "/signals",
            "/signals?limit=1",
            "/notices",
            "/release-requests",
            "/approvals",
            "/audit-entries",
            "/audit-entries?limit=3",
            "/audit-entries?list=source",
            "/audit-entries?list=covenant",
            "/audit-entries?q=action:disclosure",
            "/audit-facets",
            "/statistics?purpose=nuisance",
        ):
            self.ask("GET", path)
        self.ask("GET", f"/hits/{uuid4()}")


def hide(world: World) -> None:
    """What housing-north may not see, of every kind."""
    world.submit("police", address(1), "drug-dealing", fields={"note.gist": b"not for landlords"})
    world.submit("police", address(1), handling_codes=["not-to-landlords"])
    world.submit("police", address(1), day=TODAY - timedelta(days=200))
    world.submit("police", address(2), "violence")
    world.submit("care-team", address(1), "waste")
    wrong = world.submit("municipality", address(2), "illegal-subletting")
    right = world.submit("municipality", address(2), "illegal-subletting", replaces=wrong)
    world.submit("municipality", address(2), "illegal-subletting")
    world.withdraw("municipality", right)


def test_what_a_party_may_not_see_changes_nothing_that_it_is_sent(
    founded: Stage, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    name = f"unseen_{uuid4().hex}"
    with reopen_stage(founded, postgres.create(name, template="founded"), tmp_path / "both") as both:
        world = World(both)
        anchors = [world.submit("housing-north", address(1)), world.submit("housing-north", address(2), "waste")]
        world.submit("municipality", address(1), fields={"note.gist": b"loud", "contact.role": b"warden"})
        later = world.make("municipality", address(2), "waste")
    days: list[list[Sent]] = []
    for hidden in (False, True):
        clock = Ticking()
        copy = postgres.create(f"{name}_{hidden}".lower(), template=name)
        with reopen_stage(both, copy, tmp_path / str(hidden), clock=clock, random=Random(1).randbytes) as stage:
            world = World(stage)
            viewer = Viewer(world, clock, anchors)
            if hidden:
                hide(world)
            viewer.ask_everything()
            if hidden:
                hide(world)
            world.put("municipality", later)
            viewer.ask_everything()
            stage.suspend("municipality")
            viewer.ask_everything()
            days.append(viewer.sent)
    for without, besides in zip(*days, strict=True):
        assert without == besides
    statuses = {status for _, status, _, _ in days[0]}
    assert {200, 403, 404} <= statuses, "the viewer was shown, refused and told of nothing"
    shown = [json.loads(body)["events"] for asked, _, _, body in days[0] if asked == "GET /hits"]
    assert {len(events) for events in shown} >= {0, 1, 2}, "what may be seen came and went"
