"""The benchmark replays what it stored: signals that the rules let be seen, and a draft that changes something."""

from __future__ import annotations

from pathlib import Path

from tests.audit.waiting import until
from tests.bench.bench_replay import fill, replay, watched
from tests.broker.conftest import database_url, fresh_database, postgres, templates
from tests.kit import open_stage

__all__ = ["database_url", "fresh_database", "postgres", "templates"]


def test_it_gains_loses_and_keeps_and_signals_come_in_meanwhile(database_url: str, tmp_path: Path) -> None:
    with open_stage(database_url, tmp_path) as stage:
        with stage.context.database.engine.begin() as connection:
            fill(connection, stage, 1200)
        with watched(stage) as watch:
            answer = replay(stage)
            until(lambda: bool(watch.submissions and watch.most))
        for outcome in ("gained", "lost", "kept"):
            assert any(getattr(row, outcome) for row in answer.rows)
