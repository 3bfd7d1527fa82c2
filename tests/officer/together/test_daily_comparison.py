"""Every day the broker compares its log with the key holder's by itself, and the officer is told what it found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
import structlog

from clients.protocol.reconciliation import KINDS
from clients.sdk import Refused
from clients.sdk.opening import Opened
from covenant_rules.dates import amsterdam_date
from service.audit.reconciliation import FIRST_TIME
from service.broker.comparing import compare_logs
from service.errors import Unavailable
from tests.governance.town import C, Town, record
from tests.officer.together.people import olga_of


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(scope="module", autouse=True)
def opened(town: Town) -> None:
    """The police opened a field of the municipality's."""
    town.submit("municipality", record("MUN-1", 7, **{"note.gist": "loud music at night"}))
    town.submit("police", record("POL-1", 7))
    open_field(town)


def open_field(town: Town) -> None:
    police = town.session("police")
    (signal,) = [own.signal_id for own in police.own_signals()]
    assert [one for one in police.open_fields(police.disclose(signal, "nuisance")) if isinstance(one, Opened)]


def today(town: Town) -> date:
    day = amsterdam_date(town.clock())
    assert day is not None
    return day


def next_day(town: Town) -> date:
    """Goes on to the next day; returns the one that is over."""
    before = today(town)
    town.clock.advance(timedelta(days=1))
    return before


def compared(town: Town) -> list[dict[str, Any]]:
    return [fields for event, fields in town.events("broker") if event == "logs-compared"]


def differences(town: Town) -> list[dict[str, Any]]:
    return [fields for event, fields in town.events("broker") if event == "logs-differ"]


@contextmanager
def changed(town: Town, service: str, statement: str, back: str) -> Iterator[None]:
    """A hand in a database, which takes itself away again."""
    with psycopg.connect(town.urls[service], autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]
        try:
            yield
        finally:
            connection.execute(back)  # type: ignore[arg-type]


def test_a_day_is_compared_once_and_not_before_it_is_over(town: Town) -> None:
    compare_logs(town.broker)
    assert compared(town) == []
    day = next_day(town)
    for _ in range(2):
        compare_logs(town.broker)
    assert [(fields["day"], fields["counts"]) for fields in compared(town)] == [
        (day.isoformat(), {"issued": 1, "used": 1, "unused": 0, "differences": 0})
    ]
    reads = [fields for event, fields in town.events("keyholder") if fields.get("form") == "grant-uses"]
    assert [(fields["role"], fields["counts"]) for fields in reads] == [("service", {"entries": 1})]
    found = olga_of(town).broker.findings()
    assert (found.differences, found.compared_until) == ((), day)


def test_days_on_which_the_key_holder_was_away_are_caught_up(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(compared(town))

    def away(*_: object) -> None:
        raise Unavailable("key-holder-unavailable", "the key holder did not answer")

    days = [next_day(town) for _ in range(3)]
    with monkeypatch.context() as patched:
        patched.setattr(type(town.broker.key_holder), "grant_uses", away)
        compare_logs(town.broker)
    assert len(compared(town)) == before
    compare_logs(town.broker)
    assert [fields["day"] for fields in compared(town)[before:]] == [day.isoformat() for day in days]


def settled(town: Town) -> int:
    """Begins a day with all others compared; returns how many differences there are."""
    next_day(town)
    compare_logs(town.broker)
    return len(differences(town))


def test_a_use_that_the_broker_s_log_does_not_have_is_a_finding(town: Town) -> None:
    before = settled(town)
    open_field(town)
    day = next_day(town)
    move = "UPDATE audit_entry SET covenant_id = '{}' WHERE event = 'grant-issued' AND covenant_id = '{}'"
    with changed(town, "broker", move.format("elsewhere", C), move.format(C, "elsewhere")):
        compare_logs(town.broker)
    (fields,) = differences(town)[before:]
    assert (fields["day"], fields["reason"], "entry" in fields) == (day.isoformat(), "used-not-issued", False)
    (found,) = [one for one in olga_of(town).broker.findings().differences if one.day == day]
    assert (found.kind, found.words, found.grant) == ("used-not-issued", KINDS["used-not-issued"], fields["grant"])
    (used,) = found.used
    assert olga_of(town).key_holder.entry(used).entry.event == "field-released"
    earlier = olga_of(town).broker.findings(day - timedelta(days=1), day - timedelta(days=1))
    assert earlier.differences == ()


def test_two_logs_that_say_different_things_of_one_grant_are_a_finding(town: Town) -> None:
    before = settled(town)
    open_field(town)
    next_day(town)
    say = "UPDATE audit_entry SET fields = jsonb_set(fields, '{{purpose}}', '\"{}\"') WHERE event = 'field-released'"
    with changed(town, "keyholder", say.format("support"), say.format("nuisance")):
        compare_logs(town.broker)
    (fields,) = differences(town)[before:]
    assert (fields["reason"], len(fields["entries"])) == ("differs", 1)
    (found,) = [one for one in olga_of(town).broker.findings().differences if one.kind == "differs"]
    assert found.issued is not None
    assert olga_of(town).broker.entry(found.issued).entry.event == "grant-issued"


def test_a_first_comparison_does_not_go_back_for_ever(town: Town) -> None:
    town.clock.advance(timedelta(days=90))
    hide = "UPDATE audit_entry SET covenant_id = '{}' WHERE event = 'logs-compared' AND covenant_id = '{}'"
    with (
        changed(town, "broker", hide.format("elsewhere", C), hide.format(C, "elsewhere")),
        town.broker.database.transaction() as session,
    ):
        assert town.broker.comparisons.due(session, C) == today(town) - FIRST_TIME


def test_nobody_but_the_broker_is_told_what_grants_were_used(town: Town) -> None:
    for conversation in (
        olga_of(town)._services[1]._http,
        town.session("police").key_holder._http,
    ):
        with pytest.raises(Refused, match="role-not-allowed"):
            conversation.fetch(f"/v1/covenants/{C}/witness/grant-uses?usedDate={today(town)}")
