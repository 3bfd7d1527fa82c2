"""Two logs that must agree: each way in which they can differ is a finding, and what is nothing is none."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clients.protocol.reconciliation import LogLine, Reconciliation, reconcile
from clients.sdk.errors import ClientError
from clients.sdk.reconciliation import read_lines
from covenant_rules.dates import amsterdam_midnight

NOON = datetime(2026, 11, 21, 11, tzinfo=UTC)
DAY = date(2026, 11, 21)
FIELDS: dict[str, Any] = {
    "grant": "g1",
    "party": "police",
    "version": "ab" * 32,
    "purpose": "nuisance",
    "stage": "signal",
    "signals": ["s1"],
    "parties": ["municipality"],
    "items": ["note.gist"],
    "entry": "e1",
}


def issued(at: datetime = NOON, **changes: Any) -> LogLine:
    return LogLine("b1", "grant-issued", at, FIELDS | {"rules": ["rule-a", "rule-b"], "sight": {}} | changes)


def used(at: datetime = NOON + timedelta(seconds=2), **changes: Any) -> LogLine:
    return LogLine("k1", "field-released", at, FIELDS | {"rules": ["rule-a"], "release": "r1"} | changes)


def compared(broker: list[LogLine], key_holder: list[LogLine], day: date = DAY) -> Reconciliation:
    return reconcile(broker, key_holder, amsterdam_midnight(day), amsterdam_midnight(day + timedelta(days=1)))


def kinds(broker: list[LogLine], key_holder: list[LogLine]) -> list[str]:
    return [difference.kind for difference in compared(broker, key_holder).differences]


def test_logs_that_agree_have_no_difference() -> None:
    found = compared([issued()], [used()])
    assert (found.issued, found.used, found.unused, found.differences) == (1, 1, 0, ())


def test_a_grant_that_expired_unused_is_nothing() -> None:
    found = compared([issued()], [])
    assert (found.issued, found.used, found.unused, found.differences) == (1, 0, 1, ())


def test_a_use_that_was_not_issued_is_found() -> None:
    (found,) = compared([issued(grant="other")], [used()]).differences
    assert (found.kind, found.grant, found.issued, found.used) == ("used-not-issued", "g1", None, ("k1",))


def test_two_uses_of_one_grant_are_found() -> None:
    assert kinds([issued()], [used(), used()]) == ["used-twice"]


@pytest.mark.parametrize("field", ["party", "purpose", "stage", "signals", "parties", "items", "version", "entry"])
def test_a_field_that_the_logs_do_not_agree_on_is_found(field: str) -> None:
    (found,) = compared([issued()], [used(**{field: "another"})]).differences
    assert (found.kind, found.issued, found.used) == ("differs", "b1", ("k1",))
    assert field in found.words


def test_a_rule_that_the_broker_did_not_cite_is_found() -> None:
    assert kinds([issued()], [used(rules=["rule-c"])]) == ["differs"]


@pytest.mark.parametrize(
    ("after", "found"), [(-30, []), (120, []), (200, ["used-too-late"]), (-120, ["used-too-late"])]
)
def test_a_grant_used_outside_its_two_minutes_is_found(after: int, found: list[str]) -> None:
    assert kinds([issued()], [used(NOON + timedelta(seconds=after))]) == found


def test_a_grant_that_the_key_holder_refused_is_found_and_a_refusal_without_one_is_not() -> None:
    refused = LogLine("k2", "release-refused", NOON, FIELDS | {"reason": "not-in-matrix"})
    (found,) = compared([issued()], [refused]).differences
    assert (found.kind, found.words) == (
        "refused",
        "the broker issued a grant and the key holder refused it: not-in-matrix",
    )
    assert kinds([issued()], [LogLine("k2", "release-refused", NOON, {"reason": "grant-invalid"})]) == []


def test_a_grant_used_after_midnight_is_of_both_days_and_a_difference_of_neither() -> None:
    before_midnight = datetime(2026, 11, 21, 22, 59, 30, tzinfo=UTC)
    lines = [issued(before_midnight)], [used(before_midnight + timedelta(seconds=60))]
    today, tomorrow = (compared(*lines, day) for day in (DAY, DAY + timedelta(days=1)))
    assert (today.issued, today.used, today.unused, today.differences) == (1, 0, 0, ())
    assert (tomorrow.issued, tomorrow.used, tomorrow.unused, tomorrow.differences) == (0, 1, 0, ())


def test_only_the_days_asked_about_are_told_of() -> None:
    assert kinds([], [used(NOON - timedelta(days=1))]) == []


def test_lines_are_read_from_pieces_cut_anywhere() -> None:
    line = b'{"entry":"k1","event":"field-released","at":"2026-11-21T11:00:00.000000Z","fields":{"grant":"g1"}}\n'
    whole = line * 3
    for cut in (1, 7, 50):
        pieces = [whole[at : at + cut] for at in range(0, len(whole), cut)]
        assert read_lines(pieces) == [LogLine("k1", "field-released", NOON, {"grant": "g1"})] * 3
    with pytest.raises(ClientError):
        read_lines([b"{}\n"])
    with pytest.raises(ClientError):
        read_lines([b"<html>"])
