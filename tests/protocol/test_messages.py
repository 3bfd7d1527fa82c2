"""A message is read from strict JSON alone, and its bytes from one form alone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from clients.protocol.errors import EncodingError
from clients.protocol.messages.base import Binary, Bytes16, Message


class Letter(Message):
    salt: Bytes16
    content: Binary = b""


FIRST, OTHER = b"\xfb" * 16, b"\xff" * 16
READABLE = b'{"salt":"-_v7-_v7-_v7-_v7-_v7-w"}'


def test_what_a_message_writes_it_reads() -> None:
    letter = Letter(salt=OTHER, content=bytes(range(256)))
    assert Letter.model_validate_json(letter.model_dump_json()) == letter
    assert Letter.model_validate_json(READABLE) == Letter(salt=FIRST)


@pytest.mark.parametrize(
    "salt",
    ["-_v7-_v7-_v7-_v7-_v7-w==", "+/v7+/v7+/v7+/v7+/v7+w", "-_v7-_v7-_v7-_v7-_v7-x", "-_v7-_v7-_v7-_v7-_v7", ""],
    ids=["padded", "the other alphabet", "bits after the last byte", "a byte too few", "none"],
)
def test_bytes_have_one_form(salt: str) -> None:
    with pytest.raises(ValidationError):
        Letter.model_validate_json(f'{{"salt":"{salt}"}}')


def test_a_name_stands_once() -> None:
    with pytest.raises(EncodingError):
        Letter.model_validate_json(READABLE[:-1] + b',"salt":"_____________________w"}')
