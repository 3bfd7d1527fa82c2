"""What an officer types, and a party, and what they are told; with both services behind it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any
from uuid import UUID

import psycopg
import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

import clients.sdk.http
from clients.cli import app as covenant
from clients.cli.audit_officer import _confidential_until
from clients.protocol.messages.audit import AuditEntryMessage
from clients.sdk import ClientError
from clients.sdk.http import Conversation
from clients.sdk.opening import Opened
from tests.docs.pages import ROOT, Page
from tests.governance.town import ISSUERS, C, Town, record
from tests.kit.disclosure import TODAY

Run = Callable[..., Result]
HOUSE = ("--postcode", "3561 AB", "--house-number", "7")


@pytest.fixture(scope="module", autouse=True)
def week(town: Town) -> None:
    """The police opened a field of the municipality's, and looked at a house."""
    town.submit("municipality", record("MUN-1", 7, **{"note.gist": "loud music at night"}))
    town.submit("police", record("POL-1", 7))
    police = town.session("police")
    (signal,) = [own.signal_id for own in police.own_signals()]
    opened = list(police.open_fields(police.disclose(signal, "nuisance")))
    assert any(isinstance(one, Opened) for one in opened), opened


@pytest.fixture
def run(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`run("olga", "list", "party:police")`: a command of `covenant audit` with somebody's profile."""

    def conversation(base_url: str, *given: Any, **more: Any) -> Conversation:
        service = next(name for name, issuer in ISSUERS.items() if issuer == base_url)
        return Conversation(base_url, *given, **{**more, "transport": town.transports[service], "now": town.clock})

    monkeypatch.setattr(clients.sdk.http, "Conversation", conversation)

    def run(who: str, command: str, *words: str, status: int = 0, typed: str = "") -> Result:
        profile = () if command == "verify" else ("--profile", str(town.directory / who))
        result = CliRunner().invoke(covenant, ["audit", command, *profile, *words], input=typed)
        if result.exit_code != status:
            raise AssertionError(result.output) from result.exception
        return result

    with structlog.testing.capture_logs():
        yield run


def test_an_officer_lists_what_fits(run: Run) -> None:
    told = json.loads(run("olga", "list", "action:disclosure", "party:police", "--json").stdout)
    assert [entry["event"] for entry in told] == ["disclosure-decided"]
    table = run("olga", "list", "--limit", "3")
    assert len(table.stdout.splitlines()) == 4
    assert "There are more than these 3" in table.stderr
    assert "No entries" in run("olga", "list", "party:nobody").stdout


def test_a_query_that_is_none_is_refused_with_its_place(run: Run) -> None:
    refused = run("olga", "list", "party:police", "nonsense", status=1)
    assert isinstance(refused.exception, ClientError)
    assert "character 14" in str(refused.exception)


def test_a_party_lists_its_own_and_is_told_no_handle(run: Run) -> None:
    told = json.loads(run("police", "list", "--json").stdout)
    assert {entry["event"] for entry in told} >= {"signal-submitted", "disclosure-decided", "grant-issued"}
    assert "subjects" not in json.dumps(told)
    empty = run("municipality", "list", "--list", "source")
    assert "No entries" in empty.stdout  # its day is not over
    assert "from tomorrow on" in empty.stderr.replace("\n", " ")


def test_an_officer_is_told_that_the_lists_are_of_parties(run: Run) -> None:
    refused = run("olga", "list", "--list", "source", status=1)
    assert "the lists are of parties" in str(refused.exception)


def test_an_entry_is_shown_and_its_receipt_proves_it(run: Run, tmp_path: Path) -> None:
    (entry,) = json.loads(run("olga", "list", "event:grant-issued", "--json").stdout)
    receipt = tmp_path / "entry.json"
    for _ in range(50):  # until the witness has cosigned a head that covers it
        receipt.unlink(missing_ok=True)
        shown = run("olga", "show", entry["reference"], "--receipt", str(receipt))
        if "not witnessed" not in shown.stderr:
            break
        sleep(0.1)
    assert "grant-issued" in shown.stdout
    assert receipt.stat().st_mode & 0o077 == 0
    run("olga", "copy", str(tmp_path / "copy"), "--hashes")
    verified = run("olga", "verify", str(receipt), "--keys", str(tmp_path / "copy" / "log.json"), "--json")
    assert json.loads(verified.stdout)["fields"]["entry"]["event"] == "grant-issued"


def test_facets_and_counts(run: Run) -> None:
    facets = run("olga", "facets", "action:submission").stdout
    assert "2 entries" in facets
    assert "municipality" in facets
    weeks = run("olga", "counts", "action:submission", "--bucket", "week").stdout.splitlines()
    assert len(weeks) == 2  # no week before the first entry
    assert "█" in weeks[1]
    assert "No entries" in run("olga", "counts", "party:nobody").stdout


def test_an_export_is_a_file_that_only_its_owner_reads(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    run("olga", "export", str(file), "action:submission", "--format", "csv")
    assert file.stat().st_mode & 0o077 == 0
    assert len(file.read_text().splitlines()) == 3
    assert "is there already" in str(run("olga", "export", str(file), status=1).exception)
    refused = tmp_path / "refused.jsonl"
    run("police", "export", str(refused), status=1)
    assert not refused.exists()
    lines = run("olga", "export", "-", "action:grant").stdout.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["grant-issued"]


def test_a_citizen_is_told_who_looked(run: Run) -> None:
    told = json.loads(run("olga", "citizen", *HOUSE, "--json").stdout)
    assert told["handles"].keys() == {"address-postcode"}
    assert {(entry["event"], entry["fields"]["party"]) for entry in told["entries"]} == {
        ("signal-submitted", "municipality"),
        ("signal-submitted", "police"),
        ("disclosure-decided", "police"),
        ("grant-issued", "police"),
    }
    assert "No entries" in run("olga", "citizen", "--postcode", "3561 AB", "--house-number", "99").stdout
    assert "4 entries by address-postcode" in run("olga", "citizen", *HOUSE).stderr
    nobody = run("olga", "citizen", status=1)
    assert "either an address or a person" in str(nobody.exception)


def test_what_is_confidential_is_not_told_to_the_citizen_before_its_day() -> None:
    seen = AuditEntryMessage(
        reference=UUID(int=1),
        standing="officer",
        event="disclosure-decided",
        at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC),  # the 23rd in Amsterdam
        fields={"sight": {"source": ["day"], "recipient": [], "confidential": "P30D"}},
    )
    assert _confidential_until(seen) == date(2026, 12, 23)
    assert _confidential_until(seen.model_copy(update={"fields": {"sight": {"source": []}}})) is None
    assert _confidential_until(seen.model_copy(update={"fields": {}})) is None


def test_rules_are_printed_changed_and_used(run: Run, tmp_path: Path) -> None:
    shipped = run("olga", "rules").stdout
    assert "[unusual-volume]" in shipped
    assert "Nothing out of the ordinary" in run("olga", "findings").stdout
    mine = tmp_path / "rules.toml"
    mine.write_text("[repeated-subject]\nwindow_days = 14\nleast = 1\ndays = 1\n")
    run("olga", "rules", "--set", str(mine))
    assert run("olga", "rules").stdout == mine.read_text()
    run("olga", "findings")  # the employee was not named, and so nobody comes back to anything
    (tmp_path / "shipped.toml").write_text(shipped)
    run("olga", "rules", "--set", str(tmp_path / "shipped.toml"))
    mine.write_text("[guess]\n")
    assert "there are the rules" in str(run("olga", "rules", "--set", str(mine), status=1).exception)


def test_every_command_of_the_manual_does_what_it_says(run: Run, tmp_path: Path) -> None:
    manual = Page(ROOT / "docs" / "audit-officer.md", (ROOT / "docs" / "audit-officer.md").read_text("utf-8"))
    typed = [words[2:] for words in manual.commands() if words[:2] == ["covenant", "audit"] and len(words) > 2]
    (entry,) = json.loads(run("olga", "list", "event:grant-issued", "--json").stdout)
    (tmp_path / "my-rules.toml").write_text(run("olga", "rules").stdout)
    run("olga", "copy", str(tmp_path / "yesterday"), "--hashes")
    said = {}
    for command, *words in typed:
        here = [re.sub(r"^/vault/|(?=^[\w-]+\.(json|csv|toml)$)", f"{tmp_path}/", word) for word in words]
        here = [entry["reference"] if word.startswith("01a20297") else word for word in here]
        if words:  # what is spoken of in a sentence is no example
            said[" ".join([command, *words])] = run("olga", command, *here, typed="123456782\n").output
    assert {line.split()[0] for line in said} >= {"copy", "verify", "list", "show", "facets", "counts", "export"}
    assert "none was changed" in said["verify /vault/today --earlier /vault/yesterday/checkpoint"]
    assert len(said) > 10


def test_the_logs_of_both_services_agree_until_somebody_changes_one(run: Run, town: Town) -> None:
    day = TODAY.isoformat()
    agreed = json.loads(run("olga", "reconcile", "--from", day, "--until", day, "--json").stdout)
    assert (agreed["issued"], agreed["used"], agreed["unused"], agreed["differences"]) == (1, 1, 0, [])
    assert "agree" in run("olga", "reconcile", "--from", day, "--until", day).stdout
    with grants_hidden(town):
        found = json.loads(run("olga", "reconcile", "--from", day, "--until", day, "--json", status=2).stdout)
    assert [difference["kind"] for difference in found["differences"]] == ["used-not-issued"]


@contextmanager
def grants_hidden(town: Town) -> Iterator[None]:
    """A hand in the broker's database takes its entries about grants out of sight, and puts them back."""
    move = "UPDATE audit_entry SET covenant_id = %s WHERE event = 'grant-issued' AND covenant_id = %s"
    with psycopg.connect(town.urls["broker"], autocommit=True) as connection:
        connection.execute(move, ("elsewhere", C))
        try:
            yield
        finally:
            connection.execute(move, (C, "elsewhere"))


def test_a_source_sees_the_next_day_who_looked(run: Run, town: Town) -> None:
    town.clock.advance(timedelta(days=1))
    told = json.loads(run("municipality", "list", "--list", "source", "--json").stdout)
    assert {entry["event"] for entry in told} == {"disclosure-decided", "grant-issued"}  # that it was seen, and opened
    assert {entry["fields"]["party"] for entry in told} == {"police"}
    assert all(UUID(entry["reference"]) and "entryId" not in entry for entry in told)
    assert all(
        "time" not in json.loads(run("municipality", "show", e["reference"], "--json").stdout)["shown"] for e in told
    )
