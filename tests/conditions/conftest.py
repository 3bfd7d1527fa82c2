"""Worlds under covenants of one's own: each is founded once, and every test gets a copy of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from service.broker.tables import metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.kit import Stage, open_stage, reopen_stage
from tests.kit.disclosure import World
from tests.service.cast import DOCUMENT
from tests.service.conftest import postgres

__all__ = ["postgres"]

CONDITIONS = (Path(__file__).parent / "covenant.yaml").read_bytes()

MakeWorld = Callable[[bytes], World]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def founded(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Stage]:
    """A closed stage for each covenant document."""
    known: dict[bytes, Stage] = {}

    def found(document: bytes) -> Stage:
        if document not in known:
            url = postgres.url(_name(document))
            database = Database(url)
            metadata.create_all(database.engine)
            database.dispose()
            with open_stage(url, tmp_path_factory.mktemp("founded"), document=document) as stage:
                known[document] = stage
        return known[document]

    return found


@pytest.fixture
def world_of(
    postgres: EmbeddedPostgres, founded: Callable[[bytes], Stage], tmp_path: Path
) -> Iterator[Callable[[bytes], World]]:
    """Makes a world under a covenant document."""
    with ExitStack() as stack:

        def make(document: bytes) -> World:
            stage, name = founded(document), f"world_{next(_numbers)}"
            stack.callback(postgres.drop, name)
            url = postgres.create(name, template=_name(document))
            return World(stack.enter_context(reopen_stage(stage, url, tmp_path / name)))

        yield make


@pytest.fixture
def world(world_of: MakeWorld) -> World:
    """The complex approach."""
    return world_of(DOCUMENT)


@pytest.fixture
def conditions(world_of: MakeWorld) -> World:
    """A covenant that has every condition at work in the stage of the signal."""
    return world_of(CONDITIONS)


def _name(document: bytes) -> str:
    return f"founded_{sha256(document).hexdigest()[:16]}"
