"""What is told of a validation error, for those of pydantic's messages that quote."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from clients.protocol.messages.signals import SignalSubmission
from service.errors import LocatedFault
from service.validation import faults_of, pointer_to

SECRET = "Q999990019"


class Street(BaseModel):
    kind: Literal["street"]


class Square(BaseModel):
    kind: Literal["square"]


class Place(BaseModel):
    id: UUID
    place: Annotated[Street | Square, Field(discriminator="kind")]
    names: dict[str, int]


def faults(model: type[BaseModel], value: Any, **named: Any) -> tuple[LocatedFault, ...]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return faults_of(caught.value, **named)


def test_messages_that_pydantic_would_fill_with_input_are_our_own() -> None:
    found = faults(Place, {"id": SECRET, "place": {"kind": SECRET}, "names": {SECRET: SECRET}}, prefix="/places/3")
    assert [(fault.pointer, fault.code, fault.detail) for fault in found] == [
        ("/places/3/id", "uuid-parsing", "must be a UUID"),
        ("/places/3/place", "union-tag-invalid", "must be one of 'street', 'square'"),
        ("/places/3/names/?", "int-parsing", "must be an integer"),
    ]


def test_an_error_without_words_of_ours_is_just_not_valid() -> None:
    error = {"type": "brand_new", "loc": ("body", "place"), "msg": SECRET, "input": SECRET, "ctx": {"was": SECRET}}
    assert faults_of([error]) == (LocatedFault("/place", "brand-new", "is not valid"),)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(SECRET) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([SECRET, "tokens", "salts"]), inner),
    max_leaves=8,
)
names = st.sampled_from([SECRET, *(field.alias or name for name, field in SignalSubmission.model_fields.items())])


@given(st.dictionaries(names, values))
def test_no_fault_of_a_signal_ever_quotes_what_was_sent(signal: dict[str, Any]) -> None:
    for fault in faults(SignalSubmission, signal):
        assert SECRET not in f"{fault.pointer}{fault.code}{fault.detail}"


@given(st.text())
def test_a_pointer_shows_a_name_only_if_it_looks_like_one_of_ours(name: str) -> None:
    shown = pointer_to((0, name))
    assert shown == "/0/?" or (shown == f"/0/{name}" and name.isalpha() and name.isascii() and len(name) <= 40)
