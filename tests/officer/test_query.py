"""The search line: what it may say, and that every mistake is located and none repeated."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.encoding import b64u_encode
from service.audit.events import ACTIONS
from service.audit.query import EVERYTHING, LONGEST_QUERY, parse_query
from service.errors import Invalid

HANDLE = b64u_encode(bytes(32))


def faults(text: str, *, in_url: bool = False) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        parse_query(text, pointer="/query", in_url=in_url)
    assert {fault.pointer for fault in refused.value.faults} == {"/query"}
    return [(fault.code, fault.detail) for fault in refused.value.faults]


def test_every_qualifier_is_read() -> None:
    search = parse_query(
        f"actor:desk-4 action:disclosure created:2026-11-01..2026-11-22 purpose:nuisance rule:landlord-sees-noise"
        f" party:police source:housing-north outcome:refused handle:{HANDLE}"
        " signal:0199f3a0-0000-7000-8000-000000000000",
        pointer="/query",
    )
    assert search.actor == "desk-4"
    assert search.events == ACTIONS["disclosure"]
    assert (search.first, search.last) == (date(2026, 11, 1), date(2026, 11, 22))
    assert (search.purpose, search.rule) == ("nuisance", "landlord-sees-noise")
    assert (search.party, search.source, search.outcome) == ("police", "housing-north", "refused")
    assert search.handles == {bytes(32)}
    assert search.signal == UUID("0199f3a0-0000-7000-8000-000000000000")
    assert len(search.named) == 10


@pytest.mark.parametrize("text", ["", "  ", "\t\n"])
def test_an_empty_query_asks_for_everything(text: str) -> None:
    assert parse_query(text, pointer="/query") == EVERYTHING


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("created:2026-11-01", date(2026, 11, 1), date(2026, 11, 1)),
        ("created:2026-11-01..", date(2026, 11, 1), None),
        ("created:..2026-11-22", None, date(2026, 11, 22)),
    ],
)
def test_days_may_be_open(text: str, first: date | None, last: date | None) -> None:
    search = parse_query(text, pointer="/query")
    assert (search.first, search.last) == (first, last)


def test_an_event_may_be_named_beside_its_action() -> None:
    search = parse_query("event:look-up-refused action:look-up", pointer="/query")
    assert search.events == {"look-up-refused"}
    assert faults("event:look-up-refused action:hits")[0][0] == "event-not-of-action"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("hoofdstraat", "qualifier-unknown", 1),
        ("party:police hoofdstraat:12", "qualifier-unknown", 14),
        ("Party:police", "qualifier-unknown", 1),
        ("party:police party:police", "qualifier-repeated", 14),
        ("party: police", "value-missing", 1),
        ("party:Police", "value-invalid", 1),
        ("outcome:lost", "value-invalid", 1),
        ("action:guess", "value-invalid", 1),
        ("event:guess", "value-invalid", 1),
        ("created:2026-02-30", "value-invalid", 1),
        ("created:20261101", "value-invalid", 1),
        ("created:0001-01-01..", "value-invalid", 1),
        ("created:..9999-12-31", "value-invalid", 1),
        ("created:2026-11-22..2026-11-01", "value-invalid", 1),
        ("created:..", "value-invalid", 1),
        ("created:2026-11-01...2026-11-22", "value-invalid", 1),
        (f"handle:{HANDLE[:-1]}", "value-invalid", 1),
        (f"handle:{HANDLE[:-1]}B", "value-invalid", 1),
        ("signal:{0199f3a0-0000-7000-8000-00000000000}", "value-invalid", 1),
        ("actor:jan,de,vries", "value-invalid", 1),
        ("party:police\N{EM SPACE}purpose:Nuisance", "value-invalid", 14),
    ],
)
def test_a_mistake_is_located(text: str, code: str, place: int) -> None:
    found, words = faults(text)[0]
    assert found == code
    assert words.startswith(f"character {place}: ")


def test_all_mistakes_are_told_at_once() -> None:
    assert [code for code, _ in faults("a:b party:P party:q")] == ["qualifier-unknown", "value-invalid"]
    assert len(faults("x y z")) == 3


def test_what_names_somebody_is_not_taken_from_a_url() -> None:
    assert [code for code, _ in faults(f"actor:desk-4 handle:{HANDLE} party:police", in_url=True)] == [
        "qualifier-not-in-url",
        "qualifier-not-in-url",
    ]
    assert "desk-4" not in str(faults("actor:desk-4", in_url=True))


def test_a_query_has_an_end() -> None:
    with pytest.raises(Invalid, match="query-too-long"):
        parse_query("a" * (LONGEST_QUERY + 1), pointer="/query")


@given(st.text(max_size=200))
def test_no_text_is_repeated_in_a_refusal(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_query(f"123456782{text}", pointer="/query")
    assert "123456782" not in str([refused.value, *refused.value.faults])
