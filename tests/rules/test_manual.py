"""The manual tells the truth: its covenants load, its mistakes are mistakes, its commands print what it says."""

from __future__ import annotations

import re

import pytest

from covenant_rules.catalogue import catalogue
from tests.rules.manual import CODES, MANUAL, ManualError, codes_page, written

TEXT = MANUAL.read_text("utf-8")


def test_the_manual_is_as_it_would_be_written_now() -> None:
    assert written(TEXT) == TEXT, "run `python -m tests.rules.manual` and read what has changed"


def test_the_page_of_codes_is_as_it_would_be_written_now() -> None:
    assert CODES.read_text("utf-8") == codes_page(), "run `python -m tests.rules.manual`"


def test_every_code_the_manual_speaks_of_is_in_the_catalogue() -> None:
    assert set(re.findall(r"CR\d{3}", TEXT)) == set(catalogue())


def test_a_manual_with_a_mistake_is_noticed() -> None:
    with pytest.raises(ManualError):
        written(TEXT.replace("to: [municipality]", "to: [municipallity]", 1))
    with pytest.raises(ManualError):
        written(TEXT.replace("wrong CR521", "wrong CR511", 1))
    assert written(TEXT.replace("can covenant.yaml --from police", "can covenant.yaml --from housing", 1)) != TEXT
