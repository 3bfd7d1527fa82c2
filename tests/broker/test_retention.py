"""Retention: what is over must go, contents first, then everything but the id."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import func, select

from covenant_rules.dates import add
from covenant_rules.model import Duration
from covenant_rules.retention import last_day, latest_over, retention_month
from service.audit.tables import AuditEntryRow
from service.signals import reading
from service.signals.lifecycle import REMEMBERED
from service.signals.tables import PseudonymRow, SignalBatchRow, SignalFieldRow, SignalIdRow, SignalRow
from tests.kit import Stage, subject
from tests.service.cast import COVENANT, amended

DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
DURATIONS = st.builds(Duration, years=st.integers(0, 3), months=st.integers(0, 14), days=st.integers(0, 40))


@given(DAYS, DURATIONS)
def test_the_latest_day_over_is_over_and_the_next_is_not(today: date, retention: Duration) -> None:
    latest = latest_over(today, retention)
    assert add(latest, retention) < today
    assert add(latest + timedelta(days=1), retention) >= today


def test_the_month_of_retention_is_that_of_its_last_day() -> None:
    assert last_day(COVENANT, "rent-arrears", date(2026, 8, 31)) == date(2027, 2, 28)
    assert retention_month(COVENANT, "rent-arrears", date(2026, 8, 31)) == "2027-02"


def expire(stage: Stage) -> int:
    with stage.context.database.transaction() as session:
        return stage.context.signals.expire(session, stage.covenant.id)


def forget(stage: Stage) -> int:
    with stage.context.database.transaction() as session:
        return stage.context.signals.forget(session, stage.covenant.id)


def at(stage: Stage, day: date) -> None:
    """Noon of `day`."""
    clock: Any = stage.clock
    clock.now = clock.now.replace(year=day.year, month=day.month, day=day.day, hour=12)


def count(stage: Stage, table: Any) -> int:
    with stage.context.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_signal_lives_through_its_last_day_and_no_longer(stage: Stage) -> None:
    police = stage.partner("police")
    day = date(2026, 11, 10)
    made = police.signal(subject("flat 1"), day=day, fields={"note.gist": b"loud"})
    police.submit(made)
    at(stage, date(2027, 11, 10))
    assert expire(stage) == 0
    at(stage, date(2027, 11, 11))
    assert expire(stage) == 1
    assert expire(stage) == 0
    (own,) = police.get("/signals").json()["signals"]
    assert (own["state"], own["fields"]) == ("expired", [])
    assert count(stage, SignalFieldRow) == 0
    with stage.context.database.transaction() as session:
        (entry,) = session.exec(select(AuditEntryRow).where(AuditEntryRow.event == "signal-expired"))
        row = reading.signals_of(session, stage.covenant.id, [made.id])[made.id]
    assert (entry.signals, entry.parties, entry.fields["category"]) == ([made.id], ["police"], "noise")
    assert (row.digests, row.salts) == (None, None)


def test_categories_end_each_in_their_own_time(stage: Stage) -> None:
    municipality = stage.partner("municipality")
    day = date(2026, 11, 10)
    year = municipality.signal(subject("flat 1"), "noise", day=day)
    half = municipality.signal(subject("family 1"), "home-visit", day=day, purposes=["support"], subject_kind="person")
    assert municipality.submit(year, half).accepted == 2
    at(stage, date(2027, 5, 11))
    assert expire(stage) == 1
    states = {one["signalId"]: one["state"] for one in municipality.get("/signals").json()["signals"]}
    assert states == {str(year.id): "live", str(half.id): "expired"}


@pytest.mark.parametrize(("later", "over"), [("P3M", True), ("P2Y", False)])
def test_of_two_versions_the_shorter_retention_counts(stage: Stage, later: str, over: bool) -> None:
    police = stage.partner("police")
    police.submit(police.signal(subject("flat 1"), day=date(2026, 11, 10)))
    stage.adopt(amended("    noise: P1Y", f"    noise: {later}"))
    at(stage, date(2027, 2, 11))
    assert expire(stage) == int(over)
    at(stage, date(2027, 11, 11))
    assert expire(stage) == int(not over)


def test_what_has_ended_is_forgotten_after_a_while_except_its_id(stage: Stage) -> None:
    police, housing = stage.partner("police"), stage.partner("housing-north")
    gone, kept = police.signal(subject("flat 1")), police.signal(subject("flat 2"))
    police.submit(gone, kept)
    police.withdraw(gone.id)
    assert forget(stage) == 0
    stage.clock.advance(REMEMBERED + timedelta(seconds=1))  # type: ignore[attr-defined]
    assert forget(stage) == 1
    assert [count(stage, table) for table in (SignalRow, PseudonymRow, SignalBatchRow, SignalIdRow)] == [1, 2, 1, 2]
    assert [one["signalId"] for one in police.get("/signals").json()["signals"]] == [str(kept.id)]
    # The id stays spent: to its party the signal has ended, to others the id is in use.
    assert police.submit(gone).results[0].faults[0].code == "withdrawn"
    assert housing.submit(housing.signal(subject("flat 1"), signal_id=gone.id)).results[0].faults[0].code == (
        "signal-id-reused"
    )
    assert police.withdraw(gone.id).repeated == (gone.id,)
    police.withdraw(kept.id)
    stage.clock.advance(REMEMBERED + timedelta(seconds=1))  # type: ignore[attr-defined]
    assert forget(stage) == 1
    assert count(stage, SignalBatchRow) == 0
