"""The same at a prompt: a party asks, a source answers, a party approves. Services and client are real."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

import clients.sdk.http
from clients.cli import app
from clients.sdk import ClientError
from clients.sdk.http import Conversation
from tests.governance.conftest import founded, postgres, town
from tests.governance.town import ISSUERS, Town, record

__all__ = ["founded", "postgres", "town"]

Run = Callable[..., Result]


@pytest.fixture
def run(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`run("police", "hits")`: a command with a party's profile."""

    def conversation(base_url: str, *given: Any, **more: Any) -> Conversation:
        service = next(name for name, issuer in ISSUERS.items() if issuer == base_url)
        return Conversation(base_url, *given, **{**more, "transport": town.transports[service], "now": town.clock})

    def run(who: str, *words: str, refused: bool = False) -> Result:
        result = CliRunner().invoke(app, [*words, "--profile", str(town.directory / who)])
        if result.exception is not None and not refused:
            raise AssertionError(result.output) from result.exception
        return result

    monkeypatch.setattr(clients.sdk.http, "Conversation", conversation)
    with structlog.testing.capture_logs():
        yield run


def person(reference: str, category: str, **more: str) -> dict[str, str]:
    return {
        "reference": reference,
        "subject_kind": "person",
        "category": category,
        "day": "2026-11-10",
        "purposes": "support",
        "given_names": "Jan",
        "family_name": "Jansen",
        "birth_date": "1970-01-01",
        **more,
    }


def test_a_release_from_the_question_to_the_opened_note_and_back(town: Town, run: Run) -> None:
    town.submit("municipality", person("M-1", "home-visit"))
    town.submit("care-team", person("C-1", "care-concern", **{"note.gist": "does not open the door"}))
    assert "No hits" in run("municipality", "hits").output
    assert "Asked until 2026-12-22" in run("municipality", "ask-release", "M-1", "--purpose", "support").output
    listed = run("care-team", "releases", "list").output
    assert "C-1" in listed
    assert "municipality" in listed
    (asked,) = json.loads(run("care-team", "releases", "list", "--json").output)
    assert (asked["record"], asked["state"]) == ("C-1", "pending")
    assert run("care-team", "releases", "answer", asked["requestId"], "--release").output.strip() == "released"
    (hit,) = json.loads(run("municipality", "hits", "--json").output)
    assert (hit["source"], hit["category"]) == ("care-team", "care-concern")
    assert "Nothing" in run("care-team", "releases", "list").output
    taken = run("care-team", "releases", "answer", asked["requestId"], "--refuse", "no-consent").output
    assert taken.strip() == "refused"
    assert "no-consent" in run("care-team", "releases", "list", "--all").output
    assert "No hits" in run("municipality", "hits").output


def test_an_answer_is_one_of_two(run: Run) -> None:
    request = "00000000-0000-4000-8000-000000000000"
    for words in ((), ("--release", "--refuse", "other")):
        result = run("care-team", "releases", "answer", request, *words, refused=True)
        assert isinstance(result.exception, ClientError)
    assert run("care-team", "releases", "answer", request, "--refuse", "because", refused=True).exit_code == 2


def test_an_approval_is_given_seen_and_taken_back(town: Town, run: Run) -> None:
    town.submit("police", record("P-1", 1))
    approval = run("police", "approvals", "give", "P-1", "--purpose", "nuisance").output.split()[0]
    assert "P-1" in run("police", "approvals", "list").output
    assert json.loads(run("police", "approvals", "list", "--json").output)[0]["approvalId"] == approval
    assert "taken back" in run("police", "approvals", "take-back", approval).output
    assert "No approvals" in run("police", "approvals", "list").output


def test_a_record_that_is_not_there_is_named(run: Run) -> None:
    result = run("police", "approvals", "give", "P-9", "--purpose", "nuisance", refused=True)
    assert isinstance(result.exception, ClientError)
    assert "P-9" in str(result.exception)


def test_a_hit_is_explained_in_the_language_of_who_asks(town: Town, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COVENANT_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    town.submit("municipality", record("M-1", 1))
    town.submit("police", record("P-1", 1))
    (hit,) = json.loads(run("police", "hits", "--json").output)

    def told(*words: str) -> str:
        return run("police", "explain", hit["hitId"], *words).output

    english, dutch = told(), told("--lang", "nl")
    assert "your legal basis" in english
    assert "grondslag van de bron" in dutch
    assert "uw grondslag" in dutch
    monkeypatch.setenv("LANG", "nl_NL.UTF-8")
    assert told() == dutch
    assert told("--lang", "en") == english
    monkeypatch.setenv("COVENANT_LANG", "en")
    assert told() == english
    assert run("police", "explain", hit["hitId"], "--lang", "fr", refused=True).exit_code == 2
