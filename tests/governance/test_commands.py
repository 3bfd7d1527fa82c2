"""The same at a prompt: what administrators, officers, operators and parties type, and what they are told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

import clients.sdk.governing
import clients.sdk.http
import clients.sdk.renewal
import clients.sdk.session
from clients.cli import app as covenant
from clients.protocol import jws
from clients.protocol.messages.log import WitnessedLog, WitnessFinding
from clients.sdk import ClientError
from clients.sdk.http import Conversation
from clients.sdk.operating import Operator
from service.cli import build
from tests.governance.town import ISSUERS, OPERATOR_KEYS, C, Town, hash_of, record, seen_by, version_from
from tests.service.cast import DOCUMENT

Run = Callable[..., Result]

LATER = version_from(
    "2026-11-22",
    (
        "to: [police]\n    categories: [noise, illegal-subletting]",
        "to: [police]\n    categories: [noise, waste, illegal-subletting]",
    ),
)
V2 = hash_of(LATER)


@pytest.fixture
def served(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The commands' requests end at the town's services, by their addresses; these log elsewhere."""

    def conversation(base_url: str, *given: Any, **more: Any) -> Conversation:
        service = next(name for name, issuer in ISSUERS.items() if issuer == base_url)
        return Conversation(base_url, *given, **{**more, "transport": town.transports[service], "now": town.clock})

    monkeypatch.setattr(clients.sdk.http, "Conversation", conversation)
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def run(town: Town, served: None) -> Run:
    """`run("anna", "versions", "list")`: a command of `covenant` with somebody's profile."""

    def run(who: str, *words: str, answer: str = "", refused: bool = False) -> Result:
        words = (*words[:2], "--profile", str(town.directory / who), *words[2:]) if words[0] == "versions" else words
        result = CliRunner().invoke(covenant, words, input=answer)
        if result.exception is not None and not refused:
            raise AssertionError(result.output) from result.exception
        return result

    return run


@pytest.fixture
def operate(town: Town, served: None, tmp_path: Path) -> Run:
    """`operate("broker", "suspend", …)`: a command of `covenantd` with that service's operator's key."""
    app = build()
    for service, key in OPERATOR_KEYS.items():
        path = tmp_path / f"{service}.pem"
        path.write_bytes(jws.private_key_to_pem(key))
        path.chmod(0o600)

    def operate(service: str, command: str, *words: str, answer: str = "", refused: bool = False) -> Result:
        given = ["--url", ISSUERS[service], "--key", str(tmp_path / f"{service}.pem")]
        result = CliRunner().invoke(app, [command, *words, *given], input=answer)
        if result.exception is not None and not refused:
            raise AssertionError(result.output) from result.exception
        return result

    return operate


def test_a_version_is_changed_from_the_prompt(town: Town, run: Run, tmp_path: Path) -> None:
    """What the manual promises: add a rule, replay it, see what it changes, have it approved, see the new hit."""
    file = tmp_path / "covenant.yaml"
    file.write_bytes(LATER)
    town.submit("municipality", record("m1", 1, "waste"))
    town.submit("police", record("p1", 1))

    replayed = run("", "rules", "replay", str(file), "--profile", str(town.directory / "dora"))
    assert "every number is fewer than 10 or none" in replayed.output
    drafted = run("dora", "versions", "draft", str(file))
    assert "+ police: category, period and note.gist of municipality and housing, about waste" in drafted.output
    short = V2[:10]
    assert json.loads(run("dora", "versions", "propose", short).stdout)["status"] == "proposed"
    run("olga", "versions", "advise", short, "--opinion", "favourable", "--words", "waste is nuisance too")
    no = run("anna", "versions", "approve", short, answer="n\n", refused=True)
    assert no.exit_code == 1
    yes = run("anna", "versions", "approve", short, answer="y\n")
    for told in ("advice of olga: favourable. waste is nuisance too", "What it changes", "about waste", "advised"):
        assert told in yes.output
    run("bob", "versions", "approve", short, "--yes")
    assert "In force" in run("anna", "versions", "schedule", short).output
    listed = run("carl", "versions", "list").stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        ["1", hash_of(DOCUMENT)[:12], "superseded"],
        ["2", V2[:12], "active"],
    ]
    shown = run("carl", "versions", "show", short).stdout
    assert "approved by anna for municipality" in shown
    assert run("carl", "versions", "show", short, "--text").stdout_bytes == LATER
    assert "about waste" in run("carl", "versions", "diff", short).stdout

    affirmed = CliRunner().invoke(covenant, ["affirm", "--profile", str(town.directory / "municipality")])
    assert "1 affirmed, 0 resumed, 0 left as they were" in affirmed.output
    assert "category" in seen_by(town.session("police"))["p1 municipality"]


def test_a_draft_with_mistakes_is_not_sent(town: Town, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "covenant.yaml"
    file.write_bytes(LATER.replace(b"kind: police, oin", b"kind: pollice, oin"))
    result = run("dora", "versions", "draft", str(file), refused=True)
    assert (result.exit_code, "did you mean `police`?" in result.output) == (1, True)
    assert len(town.steward("dora").versions().versions) == 1


def test_what_cannot_be_done_is_said_in_one_line(town: Town, run: Run) -> None:
    for who, words, told in (
        ("dora", ("show", "abc"), "give at least 6 digits"),
        ("dora", ("show", "abcdef"), "no version begins so"),
        ("dora", ("diff", hash_of(DOCUMENT)), "it replaced nothing"),
        ("police", ("list",), "is of no administrator or officer"),
        ("olga", ("propose", hash_of(DOCUMENT)), "only an administrator signs versions"),
    ):
        result = run(who, "versions", *words, refused=True)
        assert isinstance(result.exception, ClientError)
        assert told in str(result.exception)


def test_a_person_makes_a_profile_and_operators_enrol_and_dismiss_it(
    town: Town, run: Run, operate: Run, tmp_path: Path
) -> None:
    for role, name, more in (("administrator", "fred", ["--party", "care-team"]), ("officer", "greta", [])):
        services = ["--broker", ISSUERS["broker"], "--key-holder", ISSUERS["keyholder"]]
        profile = ["--profile", str(town.directory / name)]
        run("", "profile", "create", "--covenant", C, "--role", role, "--name", name, *services, *profile, *more)
        enrolment = tmp_path / f"{name}.json"
        said = run("", "profile", "enrolment", *profile, "--output", str(enrolment)).stderr
        for service in ISSUERS:
            shown = operate(service, f"enrol-{role}", C, str(enrolment)).stdout
            assert shown.startswith(f"{name} is enrolled here")
            assert shown.split("telephone: ")[1].split() == said.split("Fingerprint: ")[1].split()
        assert len(town.steward(name).versions().versions) == 1
        operate("broker", f"dismiss-{role}", C, name)
        result = run(name, "versions", "list", refused=True)
        assert isinstance(result.exception, ClientError)


def test_an_operator_founds_suspends_has_leave_and_ends(town: Town, run: Run, operate: Run, tmp_path: Path) -> None:
    approvals: list[str] = []
    file = tmp_path / "covenant.yaml"
    file.write_bytes(DOCUMENT)
    for name in ("anna", "bob"):
        output = tmp_path / f"{name}.json"
        run(name, "versions", "sign", str(file), "--yes", "--output", str(output))
        approvals += ["--approval", str(output)]
    for service in ISSUERS:
        assert "is founded with version" in operate(service, "found", str(file), *approvals).stdout
        operate(service, "suspend", C, "police", "--reason", "its keys were stolen")
        assert {p.party: p.state for p in town.operator(service).parties(C).parties}["police"] == "suspended"
        operate(service, "reinstate", C, "police")
        wrong = operate(service, "leave", C, "police", "--reason", "it ends its part", answer="polce\n", refused=True)
        assert wrong.exit_code == 1
        assert {p.party: p.state for p in town.operator(service).parties(C).parties}["police"] == "active"
        operate(service, "leave", C, "police", "--reason", "it ends its part", answer="police\n")
        assert {p.party: p.state for p in town.operator(service).parties(C).parties}["police"] == "left"
    operate("broker", "set-up", C)
    for service in ISSUERS:
        operate(service, "end", C, "--reason", "the block was demolished", "--yes")
        assert "covenant-ended" in [event for event, _ in town.events(service)]


def test_an_operator_rotates_a_partys_keys_and_its_client_goes_on(town: Town, operate: Run, tmp_path: Path) -> None:
    town.submit("municipality", record("m1", 1))
    why = ("--reason", "a laptop was stolen")
    told = operate("keyholder", "rotate-key", C, "police", *why, "--match-key", "address-postcode").stdout
    assert told.splitlines() == [
        "address-postcode: version 2",
        "Now have the broker's operator run: covenantd set-up complex-approach",
    ]
    rows = tmp_path / "rows.csv"
    row = record("p1", 1)
    rows.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    submit = ["submit", str(rows), "--profile", str(town.directory / "police")]
    waiting = CliRunner().invoke(covenant, submit)
    assert "ask its operator to run the set-up" in str(waiting.exception)
    operate("broker", "set-up", C)
    assert "1 new" in CliRunner().invoke(covenant, submit).output
    told = operate("keyholder", "rotate-key", C, "police", *why).stdout
    assert told.splitlines()[:3] == [
        "address-bag: version 2",
        "address-postcode: version 3",
        "person-name-birthdate: version 2",
    ]
    operate("broker", "set-up", C)
    assert "m1 police" in seen_by(town.session("municipality"))
    wrong = operate("keyholder", "rotate-key", C, "police", *why, "--match-key", "person-bsn", refused=True)
    assert "the party has no such key" in wrong.output


def test_a_party_gets_new_keys_from_the_prompt(town: Town, run: Run, operate: Run, tmp_path: Path) -> None:
    profile, file = ["--profile", str(town.directory / "police")], tmp_path / "renewed.json"
    run("", "profile", "renew", *profile, "--output", str(file))
    for service in ISSUERS:
        early = run("", "profile", "switch", *profile, refused=True)
        assert "has not registered the new keys" in str(early.exception)
        operate(service, "replace-keys", C, str(file), "--reason", "they are a year old")
    assert "in use" in run("", "profile", "switch", *profile).output
    town.submit("police", record("p1", 1))


def test_a_key_that_others_can_read_is_refused(town: Town, operate: Run, tmp_path: Path) -> None:
    (tmp_path / "broker.pem").chmod(0o644)
    result = operate("broker", "set-up", C, refused=True)
    assert "is open to others" in str(result.exception)


def test_an_operator_sees_what_the_witness_found_and_acknowledges_it(
    operate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = UUID(int=7)
    heads = {size: f"broker.example/covenants/x\n{size}\nroot\n" for size in (1200, 800)}
    taken_back = WitnessFinding(
        finding_id=finding,
        origin="broker.example/covenants/x",
        kind="taken-back",
        found_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        seen=heads[1200],
        shown=heads[800],
    )
    log = WitnessedLog(
        origin=taken_back.origin,
        log_key=bytes(32),
        witness_name="w",
        witness_key=bytes(32),
        checkpoint=heads[1200],
        findings=(taken_back,),
    )
    monkeypatch.setattr(Operator, "witnessed", lambda *_: log)
    told = operate("keyholder", "witnessed", C, refused=True)
    assert told.exit_code == 2
    assert "1,200 entries cosigned" in told.stdout
    assert f"{finding}  taken-back  2026-11-22 08:00  1,200 entries, then 800" in told.stdout
    unknown = operate("keyholder", "acknowledge", C, str(finding), "--reason", "an old backup", refused=True)
    assert isinstance(unknown.exception, ClientError)
