"""The exception tree: exactly these names, one root, and errors that survive the way back from a worker process."""

from __future__ import annotations

import pickle
import re

import pytest

from clients.protocol import errors
from clients.protocol.errors import EncodingError, GroupError, NormalisationError, ProtocolError

LOCATED: list[ProtocolError] = [
    EncodingError("duplicate name", "/signals/3"),
    EncodingError("not JSON"),
    NormalisationError("house_number", "not-a-number"),
    GroupError("element is the identity", 7),
    GroupError("scalar is zero"),
]


def test_every_error_is_in_the_drawing_and_every_name_drawn_exists() -> None:
    drawn = re.findall(r"^    [├└]── (\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted([*drawn, "ProtocolError"]) == sorted(errors.__all__)
    for name in drawn:
        assert getattr(errors, name).__bases__ == (ProtocolError,)
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert defined == set(errors.__all__)


@pytest.mark.parametrize("error", LOCATED, ids=str)
def test_an_error_with_a_place_comes_back_whole_from_another_process(error: ProtocolError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)


def test_an_error_says_where() -> None:
    assert [str(error) for error in LOCATED] == [
        "duplicate name (at /signals/3)",
        "not JSON",
        "house_number: not-a-number",
        "element is the identity (item 7)",
        "scalar is zero",
    ]
    assert str(GroupError("scalar is zero", 1).at(257)) == "scalar is zero (item 257)"
