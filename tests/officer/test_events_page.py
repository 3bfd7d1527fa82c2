"""The catalogue says everything of every event, and its page says what the catalogue does."""

from __future__ import annotations

import re
from pathlib import Path

import service
from service.audit.events import ACTIONS, CATALOGUE, WITHHELD, Kept, Sight
from service.principals import Role
from tests.officer.events_page import PAGE, page

SOURCE = Path(service.__file__).parent


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tests.officer.events_page"


def test_every_event_has_an_action_a_cause_and_a_meaning() -> None:
    assert frozenset().union(*ACTIONS.values()) == CATALOGUE.keys()
    for event in CATALOGUE.values():
        assert event.causes, event.id
        assert event.meaning.endswith(tuple("abcdefghijklmnopqrstuvwxyz`")), event.id


def test_what_is_kept_for_ever_names_no_subject() -> None:
    for event in CATALOGUE.values():
        if event.kept is Kept.ALWAYS:
            assert not event.allowed & {"subjects", "signals", "shown"}, event.id


def test_an_entry_of_a_disclosure_carries_its_sight() -> None:
    for event in CATALOGUE.values():
        assert (event.sight is Sight.DISCLOSURE) == ("sight" in event.required), event.id


def test_a_refusal_says_why() -> None:
    for event in CATALOGUE.values():
        if event.id.endswith("-refused"):
            assert "reason" in event.required, event.id


def test_handles_are_withheld_from_parties() -> None:
    assert "subjects" in WITHHELD


def test_a_party_causes_what_it_alone_sees() -> None:
    for event in CATALOGUE.values():
        if event.sight is Sight.ACTOR:
            assert event.causes & {Role.PARTY, Role.OFFICER}, event.id


def test_every_event_that_the_services_write_is_in_the_catalogue() -> None:
    """A literal event name in the source is one of the catalogue's: a typing mistake is found before it is written."""
    written = set()
    for path in SOURCE.rglob("*.py"):
        written |= set(re.findall(r'event="([a-z-]+)"', path.read_text("utf-8")))
    assert written
    assert written <= CATALOGUE.keys()
