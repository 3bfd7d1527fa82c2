"""The search for secrets finds them, however they are written down."""

from __future__ import annotations

import logging
import secrets
from base64 import b64encode
from pathlib import Path

import pytest

from clients.protocol.encoding import b64u_encode
from tests.canary.watch import everything_logged, found_in, found_in_files

SECRET = secrets.token_bytes(32)


@pytest.mark.parametrize(
    "leak",
    [SECRET, SECRET.hex(), SECRET.hex().upper(), b64u_encode(SECRET), b64encode(SECRET).decode(), list(SECRET)],
    ids=["bytes", "hex", "HEX", "base64url", "base64", "list"],
)
def test_a_secret_that_is_logged_is_found(leak: object) -> None:
    with everything_logged() as stream:
        logging.getLogger("anyone").debug("leak %s", leak)
    assert found_in(stream.getvalue(), {"it": SECRET, "not it": bytes(32)}) == {"it"}


@pytest.mark.parametrize("text", ["9731XK", "Zoë d'Arc", 'a "word"', "two lines\nof text"])
def test_a_text_that_is_logged_is_found(text: str) -> None:
    for leak in (text, {"field": text}, text.encode()):
        with everything_logged() as stream:
            logging.getLogger("anyone").debug("leak %s", leak)
        assert found_in(stream.getvalue(), {"it": text, "not it": "kwikstaart"}) == {"it"}


def test_a_secret_in_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "segment").write_bytes(b"\x00" * 100 + SECRET)
    (tmp_path / "log").write_text("DETAIL: (9731XK)", "utf-8")
    wanted = {"key": SECRET, "postcode": "9731XK", "not there": b"kwikstaart"}
    assert found_in_files(tmp_path, wanted) == {"key", "postcode"}
