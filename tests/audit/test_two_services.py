"""Broker and key holder as they run: grants wait for the witness, officers prove the logs, a lost history is seen."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from clients.cli import app as command
from clients.protocol.checkpoint import verify_checkpoint
from clients.protocol.merkle import verify_consistency, verify_inclusion
from clients.protocol.messages.audit import AuditPage, ProvedEntry
from clients.protocol.messages.disclosure import Disclosure
from clients.protocol.messages.log import Acknowledgement, ConsistencyProof, InclusionProof, WitnessedLog
from clients.sdk.errors import ClientError, Refused, VerificationError
from clients.sdk.http import Conversation
from clients.sdk.log_copy import LogCopy, copy_log
from clients.sdk.log_keys import agreed_keys, read_keys, told_keys
from clients.sdk.offices import open_office_profile
from clients.sdk.opening import NotOpened, Opened
from clients.sdk.profile import open_profile
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.verify_log import verify_log
from clients.sdk.verify_receipt import read_receipt, verify_receipt
from service.errors import Unavailable
from service.storage.embedded import EmbeddedPostgres
from tests.audit.waiting import until
from tests.governance.town import ISSUERS, OPERATOR_KEYS, C, Town, record

PATH = f"/v1/covenants/{C}"


def officer(town: Town, service: str = "broker") -> Conversation:
    return town.conversation(service, "olga", open_office_profile(town.directory / "olga").authentication_key)


def party(town: Town, name: str, service: str = "broker") -> Conversation:
    return town.conversation(service, name, open_profile(town.directory / name).authentication_key)


def disclosed(town: Town) -> Disclosure:
    """What the municipality may see of an address where the police noted something."""
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    municipality = town.session("municipality")
    [hit] = municipality.hits()
    assert hit.own is not None
    return municipality.disclose(hit.own.signal_id, "nuisance")


def witnessed(town: Town) -> WitnessedLog:
    return party(town, "police", "keyholder").get(f"{PATH}/witness", WitnessedLog)


def head(conversation: Conversation, *, cosigned: bool = True) -> str:
    return conversation.fetch(f"{PATH}/log/checkpoint?witnessed={'true' if cosigned else 'false'}").decode()


def size_of(note: str) -> int:
    return int(note.splitlines()[1])


def everything_is_witnessed(town: Town) -> bool:
    """The head that the witness cosigned last covers every entry of now."""
    with town.broker.database.transaction() as session:
        entries = session.connection().exec_driver_sql("SELECT count(*) FROM audit_leaf WHERE covenant_id = %s", (C,))
        written = entries.scalar_one()  # those too that have their place, while the head with it is not signed yet
        row = (
            session.connection()
            .exec_driver_sql("SELECT size, cosigned_size FROM audit_checkpoint WHERE covenant_id = %s", (C,))
            .one_or_none()
        )
    return row is not None and row.cosigned_size == row.size >= written


# -- grants


def test_a_field_opens_as_soon_as_its_decision_is_witnessed(town: Town) -> None:
    disclosure = disclosed(town)
    [opened] = town.session("municipality").open_fields(disclosure)
    assert isinstance(opened, Opened)
    assert opened.value == "shouting at night"


def test_no_grant_is_signed_while_the_witness_sees_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    until(lambda: everything_is_witnessed(town))

    def silent(*_: object) -> str:
        raise Unavailable("key-holder-unavailable", "a test says so")

    with monkeypatch.context() as patched:
        patched.setattr(town.broker.key_holder, "cosign", silent)
        disclosure = disclosed(town)
        [answer] = town.session("municipality").open_fields(disclosure)
        assert isinstance(answer, NotOpened)
        assert "not-yet-witnessed" in answer.reason
        assert [event for event, _ in town.events("broker") if event == "grant-issued"] == []
    [opened] = town.session("municipality").open_fields(disclosure)
    assert isinstance(opened, Opened)


# -- what everyone may check


def test_whoever_takes_part_follows_the_log_without_seeing_an_entry(town: Town) -> None:
    police = party(town, "police")
    until(lambda: everything_is_witnessed(town))
    first = head(police)
    town.submit("police", record("p1", 1))
    until(lambda: everything_is_witnessed(town))
    second = head(police)
    log, witness = read_keys(copied(town, town.directory / "copy", entries=False).directory / "log.json")
    assert witness is not None
    one, two = (verify_checkpoint(note, log, (witness,)).checkpoint for note in (first, second))
    proof = police.get(f"{PATH}/log/consistency-proof", ConsistencyProof, {"first": one.size, "second": two.size})
    verify_consistency(one.size, two.size, proof.path, one.root, two.root)
    leaf = police.fetch(f"{PATH}/log/tile/0/000.p/{two.size}")[:32]
    inclusion = police.get(f"{PATH}/log/inclusion-proof", InclusionProof, {"index": 0, "size": two.size})
    verify_inclusion(leaf, 0, two.size, inclusion.path, two.root)
    with pytest.raises(Refused) as refused:
        police.fetch(f"{PATH}/log/entries/000.p/{two.size}")
    assert (refused.value.status, refused.value.code) == (403, "role-not-allowed")
    [entry] = [fields for event, fields in town.events("broker") if event == "log-refused"]
    assert (entry["party"], entry["reason"]) == ("police", "role-not-allowed")


@pytest.mark.parametrize(
    "path",
    [
        "/log/tile/0/001",
        "/log/tile/0/000",
        "/log/tile/1/000.p/1",
        "/log/tile/0/1",
        "/log/entries/000",
        "/log/inclusion-proof?index=100000&size=100001",
        "/log/inclusion-proof?index=3&size=2",
        "/log/consistency-proof?first=5&second=100000",
    ],
)
def test_what_the_last_head_does_not_cover_is_not_shown(town: Town, path: str) -> None:
    until(lambda: everything_is_witnessed(town))
    with pytest.raises(Refused) as refused:
        officer(town).fetch(f"{PATH}{path}")
    assert refused.value.status in (400, 404)


def test_the_broker_says_that_its_log_is_not_witnessed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def attention() -> list[str]:
        answer = httpx.Client(transport=town.transports["broker"], base_url=ISSUERS["broker"]).get("/v1/health/ready")
        return list(answer.json().get("attention", ()))

    def silent(*_: object) -> str:
        raise Unavailable("key-holder-unavailable", "a test says so")

    until(lambda: everything_is_witnessed(town))
    assert attention() == []
    with monkeypatch.context() as patched:
        patched.setattr(town.broker.key_holder, "cosign", silent)
        town.clock.advance(timedelta(seconds=61))
        assert attention() == ["log-not-witnessed"]
    until(lambda: attention() == [])


def test_the_last_head_is_shown_to_the_witness_again_while_nothing_happens(town: Town) -> None:
    until(lambda: everything_is_witnessed(town))
    before = witnessed(town).checkpoint
    town.clock.advance(timedelta(seconds=11))
    until(lambda: witnessed(town).checkpoint != before)
    assert before is not None
    assert (witnessed(town).checkpoint or "").splitlines()[:3] == before.splitlines()[:3]


# -- what officers prove


def copied(town: Town, directory: Path, service: str = "broker", *, entries: bool = True) -> LogCopy:
    until(lambda: everything_is_witnessed(town))
    told = KeyHolder(officer(town, "keyholder"), C)
    own = service == "keyholder"
    keys = told_keys(told) if own else agreed_keys(town.directory / "olga", Broker(officer(town), C), told)
    return copy_log(directory, officer(town, service), C, keys, entries=entries)


@pytest.mark.parametrize("service", ["broker", "keyholder"])
def test_an_officer_proves_the_whole_log_from_a_copy(town: Town, tmp_path: Path, service: str) -> None:
    disclosure = disclosed(town)
    list(town.session("municipality").open_fields(disclosure))
    copy = copied(town, tmp_path / "copy", service)
    report = verify_log(copy, *read_keys(copy.directory / "log.json"))
    assert report.entries == report.head.size > 10
    assert (report.cosigned_at is not None) == (service == "broker")
    read = [fields for event, fields in town.events(service) if event == "log-read"]
    assert {(entry["principal"], entry["form"]) for entry in read} == {("olga", "bundle")}

    run = CliRunner().invoke(command, ["audit", "verify", str(tmp_path / "copy")])
    assert run.exit_code == 0, run.output
    assert "none was changed, added, moved or taken out" in " ".join(run.output.split())


def test_the_command_refuses_a_copy_that_was_tampered_with(town: Town, tmp_path: Path) -> None:
    copy = copied(town, tmp_path / "copy")
    [bundle] = (copy.directory / "entries").iterdir()
    [bundle] = list(bundle.iterdir()) if bundle.is_dir() else [bundle]
    bundle.write_text(bundle.read_text().replace("housing-north", "housing-south"))
    with pytest.raises(VerificationError, match="not what they were"):
        verify_log(copy, *read_keys(copy.directory / "log.json"))
    run = CliRunner().invoke(command, ["audit", "verify", str(tmp_path / "copy")])
    assert run.exit_code == 2
    assert "not proved: entries of the log: not what they were" in run.stderr
    run = CliRunner().invoke(command, ["audit", "verify", str(tmp_path / "copy"), "--json"])
    assert (run.exit_code, json.loads(run.stdout)["proved"]) == (2, False)
    bundle.unlink()
    with pytest.raises(ClientError, match="the copy is not complete"):  # which is no word about the log
        verify_log(copy, *read_keys(copy.directory / "log.json"))


def test_a_copy_goes_into_a_directory_of_its_own(town: Town, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(Exception, match="not empty"):
        copied(town, tmp_path)


def test_a_party_proves_its_own_entry_by_a_receipt(town: Town, tmp_path: Path) -> None:
    town.submit("police", record("p1", 1))
    keys = copied(town, tmp_path / "copy", entries=False).directory / "log.json"
    police = party(town, "police")
    page = police.get(f"{PATH}/audit-entries", AuditPage)
    [submitted] = [entry for entry in page.entries if entry.event == "signal-submitted"]
    receipt = police.get(f"{PATH}/audit-entries/{submitted.reference}", ProvedEntry)
    (tmp_path / "receipt.json").write_text(receipt.model_dump_json())
    report = verify_receipt(read_receipt((tmp_path / "receipt.json").read_bytes()), *read_keys(keys))
    assert report.fields["party"] == "police"
    assert report.fields["entry"]["event"] == "signal-submitted"
    assert "withheld" not in report.fields
    run = CliRunner().invoke(command, ["audit", "verify", str(tmp_path / "receipt.json"), "--keys", str(keys)])
    assert run.exit_code == 0, run.output
    assert "cosigned the head" in " ".join(run.output.split())

    for old, new in (('"police\\"', '"housing-north\\"'), ("index 1", "index 2"), ('"hidden":["', '"hidden":["A')):
        spoilt = receipt.model_dump_json().replace(old, new, 1)
        if spoilt != receipt.model_dump_json():
            with pytest.raises(Exception, match="receipt"):
                verify_receipt(read_receipt(spoilt.encode()), *read_keys(keys))


# -- a backup


def copy_database(postgres: EmbeddedPostgres, source: str, target: str) -> None:
    """Makes `target` what `source` is now, whoever is connected to either."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
        connection.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (source,))
        connection.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
        connection.execute(f'ALTER DATABASE "{source}" ALLOW_CONNECTIONS true')


def test_a_restored_backup_is_seen_and_nothing_opens_until_an_operator_has_looked_into_it(
    town: Town, postgres: EmbeddedPostgres
) -> None:
    disclosure = disclosed(town)
    until(lambda: everything_is_witnessed(town))
    name = urlsplit(town.urls["broker"]).path[1:]
    copy_database(postgres, name, f"{name}_backup")
    town.submit("police", record("p2", 2))  # acknowledged, and soon lost
    until(lambda: everything_is_witnessed(town))
    lost = size_of(witnessed(town).checkpoint or "")
    copy_database(postgres, f"{name}_backup", name)

    town.clock.advance(timedelta(seconds=11))
    until(lambda: bool(witnessed(town).findings))
    [finding] = witnessed(town).findings
    assert size_of(finding.seen) == lost
    assert size_of(finding.shown) < lost
    assert finding.kind == "taken-back"
    [answer] = town.session("municipality").open_fields(disclosure)
    assert isinstance(answer, NotOpened)
    assert "log-taken-back" in [event for event, _ in town.events("broker")]

    operator = town.conversation("keyholder", "operator", OPERATOR_KEYS["keyholder"])
    words = Acknowledgement(reason="the backup of tonight was restored")
    operator.put(f"{PATH}/witness/findings/{finding.finding_id}/acknowledgement", words)
    town.clock.advance(timedelta(seconds=11))
    until(lambda: everything_is_witnessed(town))
    [opened] = town.session("municipality").open_fields(disclosure)
    assert isinstance(opened, Opened)
    events = [event for event, _ in town.events("keyholder")]
    assert events.count("log-inconsistent") == events.count("log-finding-acknowledged") == 1
