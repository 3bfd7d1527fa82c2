"""The benchmark's batches are ones that the broker takes, and every step of taking them is timed."""

from __future__ import annotations

from pathlib import Path

from clients.protocol.messages.signals import SignalBatchResult
from tests.bench.bench_ingest import PARTY, breakdown, make_batches
from tests.broker.conftest import database_url, fresh_database, postgres, templates
from tests.kit import open_stage

__all__ = ["database_url", "fresh_database", "postgres", "templates"]


def test_its_batches_are_accepted_and_every_step_is_timed(database_url: str, tmp_path: Path) -> None:
    with open_stage(database_url, tmp_path, parties=[PARTY]) as stage:
        first, *others = make_batches(stage, PARTY, count=3, size=4, tokens=2, fields=1)
        answer = stage.partner(PARTY).post("/signals", first)
        assert SignalBatchResult.model_validate_json(answer.content).accepted == 4
        steps = breakdown(stage, others, 4)
        assert len(steps) == 5
        assert all(cost > 0 for cost in steps.values())
