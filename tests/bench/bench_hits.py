"""How long a party waits for its hits: the first load, an idle poll, a few new signals, the first poll of a day.

    python -m tests.bench.bench_hits [--anchors 5000] [--hits 5000]

Questions go over HTTP into a broker in this process, on an embedded PostgreSQL; signals are put straight into the
tables, since taking them in is measured elsewhere. `--hits` of the anchors have a signal of another party on the same
subject.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import structlog
from sqlalchemy import text
from sqlmodel import Session

from clients.protocol.signed_items import PLAIN_ITEMS, SALT_BYTES
from covenant_rules.model import Covenant
from service.broker.tables import metadata
from service.signals import repository
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.kit.disclosure import RECENT, Answer, World, address
from tests.kit.stage import open_stage
from tests.service.cast import NOW

BATCH = 10_000


def put(session: Session, covenant: Covenant, party: str, subjects: Iterable[int]) -> None:
    """Live signals of the party, without sealed fields, one on each subject."""
    batch, signals, pseudonyms = uuid4(), [], []
    for subject in subjects:
        key = {"signal_id": uuid4()}
        signals.append(
            key
            | {
                "subject_kind": "address",
                "category": "noise",
                "day": RECENT,
                "purposes": ["nuisance"],
                "origins": [],
                "handling_codes": [],
                "leaf_index": 0,
                "digests": bytes(32 * 8),
                "salts": bytes(SALT_BYTES * len(PLAIN_ITEMS)),
                "replaces": None,
            }
        )
        for match_key in ("address-bag", "address-postcode"):
            index = sha256(f"{match_key} {subject}".encode()).digest()
            pseudonyms.append(
                key
                | {
                    "match_key": match_key,
                    "index_": index,
                    "handle": index,
                    "sealed": bytes(60),
                    "evidence_at": NOW,
                }
            )
    row = {
        "covenant_id": covenant.id,
        "batch_id": batch,
        "party": party,
        "version": covenant.version,
        "leaves": bytes(32),
        "signature": bytes(64),
        "submitted_at": NOW,
        "remaining": 1,
    }
    repository.store(session, row, signals, [], pseudonyms)


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what:<42}{(time.perf_counter() - start) * 1000:10.1f} ms")


def expect(answer: Answer) -> None:
    if answer.status not in (200, 201):
        raise AssertionError(f"answered with {answer.status}")


def measure(world: World, anchors: int, hits: int) -> None:
    context, covenant = world.stage.context, world.stage.covenant
    for party, number in (("municipality", anchors), ("police", hits)):
        for start in range(0, number, BATCH):
            with context.database.transaction() as session:
                put(session, covenant, party, range(start, min(number, start + BATCH)))
    with context.database.transaction() as session:
        session.connection().execute(text("ANALYZE"))
    query: dict[str, str | int] = {"limit": 1000}
    events, polls, more = 0, 0, True
    with timed(f"first load of {anchors} anchors, {hits} hits"):
        while more:
            with timed(f"  poll {polls + 1}"):
                page = world.hits("municipality", **query).body
            events, polls, more, query["since"] = events + len(page["events"]), polls + 1, page["more"], page["cursor"]
    if events != hits:
        raise AssertionError(f"{events} events")
    with timed("idle poll"):
        world.hits("municipality", **query)
    with context.database.transaction() as session:
        put(session, covenant, "police", range(100))
    with timed("100 new signals"):
        query["since"] = world.hits("municipality", **query).body["cursor"]
    world.advance(timedelta(days=1))
    with timed("first poll of the day"):
        world.hits("municipality", **query)
    mine = [row.signal_id for row in world.rows("SELECT signal_id FROM signal WHERE party = 'municipality' LIMIT 40")]
    with timed("40 disclosures"):
        for signal in mine:
            expect(world.disclose("municipality", signal))
    tokens = [world.stage.partner("police").tokens(address(number)) for number in range(40)]
    with timed("40 look-ups"):
        for given in tokens:
            expect(world.look_up("police", {}, tokens=given))


def main() -> None:
    parser = argparse.ArgumentParser(description="Hits, as the viewer waits for them.")
    parser.add_argument("--anchors", type=int, default=5000)
    parser.add_argument("--hits", type=int, default=5000)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-hits-")))
        directory.chmod(0o755)  # PostgreSQL runs as a user of its own
        server = stack.enter_context(EmbeddedPostgres(directory / "postgres"))
        database = Database(server.url("broker"))
        metadata.create_all(database.engine)
        database.dispose()
        world = World(stack.enter_context(open_stage(server.url("broker"), directory / "stage")))
        measure(world, options.anchors, options.hits)


if __name__ == "__main__":
    main()
