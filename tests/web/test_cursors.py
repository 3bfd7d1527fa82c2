"""Cursors: where a listing goes on, for whoever was given it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.encoding import b64u_decode, b64u_encode
from service import errors
from service.web.pagination import Cursors
from tests.web.little_service import SECRET

SCOPE = ("signals", "vogelplein", "police")


def test_a_cursor_leads_back_to_its_position() -> None:
    position: dict[str, str | int] = {"after": "2026-11-22", "sequence": 7}
    assert Cursors(bytes(32)).read(SCOPE, Cursors(bytes(32)).issue(SCOPE, position)) == position


@given(st.data())
def test_a_cursor_that_was_touched_is_refused(data: st.DataObject) -> None:
    cursors = Cursors(bytes(32))
    raw = bytearray(b64u_decode(cursors.issue(SCOPE, {"sequence": 7})))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(errors.Invalid) as caught:
        cursors.read(SCOPE, b64u_encode(bytes(raw)))
    assert caught.value.faults[0].pointer == "query/cursor"


@pytest.mark.parametrize("cursor", ["", "A", "A" * 22, "%", "é", SECRET, "A" * 5000])
def test_what_is_no_cursor_is_refused_and_not_quoted(cursor: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        Cursors(bytes(32)).read(SCOPE, cursor, parameter="since")
    assert caught.value.faults[0].pointer == "query/since"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "other", [("signals", "vogelplein", "housing"), ("signals", "vogelpleinpolice"), ("signals", "vogelplein")]
)
def test_a_cursor_serves_only_the_listing_it_was_issued_for(other: tuple[str, ...]) -> None:
    cursors = Cursors(bytes(32))
    with pytest.raises(errors.Invalid):
        cursors.read(other, cursors.issue(SCOPE, {"sequence": 7}))


def test_a_cursor_of_another_service_is_refused() -> None:
    with pytest.raises(errors.Invalid):
        Cursors(bytes(32)).read(SCOPE, Cursors(b"\1" * 32).issue(SCOPE, {"sequence": 7}))
