"""Bytes: one form for each value, and every way to have two refused."""

from __future__ import annotations

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.encoding import b64u_decode, b64u_encode, lp
from clients.protocol.errors import EncodingError


@given(st.lists(st.binary(max_size=40), max_size=5), st.lists(st.binary(max_size=40), max_size=5))
def test_different_parts_never_give_the_same_bytes(one: list[bytes], other: list[bytes]) -> None:
    assert (lp(*one) == lp(*other)) == (one == other)


def test_lp_writes_length_in_two_bytes_then_the_part() -> None:
    assert lp("aé", b"\x00") == b"\x00\x03a\xc3\xa9\x00\x01\x00"
    assert lp(b"x" * 65535)[:2] == b"\xff\xff"
    with pytest.raises(EncodingError):
        lp(b"x" * 65536)
    with pytest.raises(EncodingError):
        lp("\ud800")


@given(st.binary())
def test_base64url_is_read_back(raw: bytes) -> None:
    assert b64u_decode(b64u_encode(raw), length=len(raw)) == raw


@pytest.mark.parametrize(
    "text",
    ["QQ==", "QR", "A", "QUJ", "Q Q", "Q\n", "QQ\n", "+A", "/A", "é", "QUJDR", "\\u0051Q", "Q\\/", 'QQ"', "\ud800"],
)
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    with pytest.raises(EncodingError):
        b64u_decode(text)


@given(st.text('AQgwZz09-_+/=\\"u é\n', max_size=9))
def test_only_what_is_written_so_is_read(text: str) -> None:
    read = None
    with contextlib.suppress(EncodingError):
        read = b64u_decode(text)
    padded = text.replace("+", "!").replace("/", "!").encode("ascii", "replace") + b"=" * (-len(text) % 4)
    with contextlib.suppress(ValueError):
        independent = base64.b64decode(padded, altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(independent).decode().rstrip("=") == text:
            assert read == independent
            return
    assert read is None


def test_base64url_of_another_length_is_refused() -> None:
    with pytest.raises(EncodingError):
        b64u_decode("QUJD", length=4)
