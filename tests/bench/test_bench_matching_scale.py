"""The benchmark asks what the broker asks, finds what is there, and needs no scan of a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event

from tests.bench.bench_matching_scale import Store, look_up, match_batch, stored, subjects_of, touch


def test_every_way_of_asking_finds_the_same(tmp_path: Path) -> None:
    with stored(tmp_path, 3000) as store:
        anchors = store.ids(50, "police")
        _, found = match_batch(store, "police", anchors)
        by_anchor = {
            anchor: {n.signal.signal_id for n in found if n.anchor == anchor} for anchor in {n.anchor for n in found}
        }
        assert set(by_anchor) == set(anchors)
        assert sum(len(near) for near in by_anchor.values()) > len(by_anchor)
        for anchor, near in list(by_anchor.items())[:5]:
            assert anchor is not None
            _, alone = match_batch(store, "police", [anchor])
            assert {n.signal.signal_id for n in alone} == near
            _, looked_up = look_up(store, subjects_of(alone))
            assert {n.signal.signal_id for n in looked_up} == near
        _, touched = touch(store, "police", 100, 0)
        assert touched


@pytest.fixture
def plans() -> list[str]:
    return []


def test_a_batch_is_matched_by_index_alone(tmp_path: Path, plans: list[str]) -> None:
    with stored(tmp_path, 60_000) as store:
        anchors = store.ids(1000, "police")
        explain(store, plans)
        match_batch(store, "police", anchors)
        look_up(store, subjects_of(match_batch(store, "police", anchors[:1])[1]))
    assert len(plans) == 3
    assert not [plan for plan in plans[1:] if "Seq Scan on pseudonym" in plan or "Seq Scan on signal" in plan]


def explain(store: Store, plans: list[str]) -> None:
    """Keeps the plan of every join that is run from now on."""

    def keep(connection, cursor, statement, parameters, context, many):  # type: ignore[no-untyped-def]
        if "asked" in statement:
            cursor.execute("EXPLAIN " + statement, parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    event.listen(store.database.engine, "before_cursor_execute", keep)
