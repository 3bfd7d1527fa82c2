"""A client believes of the broker's log what both services tell alike, once, and nothing that differs from it later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

import clients.sdk.http
from clients.cli import app as command
from clients.protocol.encoding import b64u_encode
from clients.protocol.signatures import public_key
from clients.sdk import Session, VerificationError
from clients.sdk.errors import ClientError
from clients.sdk.http import Conversation
from clients.sdk.log_keys import read_keys
from clients.sdk.profile import open_profile
from tests.governance.town import ISSUERS, C, Town, record

OTHER = bytes(range(32))
"""A key that the broker was never enrolled with."""
ASKED = {"disclosure": "disclosure-decided", "look-up": "look-up-decided"}


@pytest.fixture
def kept(town: Town) -> Path:
    """Where the police keeps the keys of the log. It has a signal where the municipality has one too."""
    town.submit("municipality", record("m1", 1))
    town.submit("police", record("p1", 1))
    return town.directory / "police" / "log.json"


def ask(session: Session, how: str = "disclosure") -> None:
    if how == "look-up":
        session.look_up("address", session.subject("address", {"postcode": "3561AB", "house_number": "1"}), "nuisance")
    else:
        session.disclose(next(iter(session.own_signals())).signal_id, "nuisance")


def broker_signs_otherwise(town: Town) -> None:
    """From now on it tells another key of its log, and signs with that."""
    object.__setattr__(town.broker.desk.log, "private_key", OTHER)


def key_holder_knows_otherwise(town: Town) -> None:
    """As if its operator had enrolled the broker with another key of its log."""
    with psycopg.connect(town.urls["keyholder"]) as connection:
        connection.execute("UPDATE enrolled_service SET log_key = %s", (public_key(OTHER),))


def witness_signs_otherwise(town: Town) -> None:
    town.holder.witness._private_key = OTHER


def both_say_otherwise(town: Town) -> None:
    broker_signs_otherwise(town)
    key_holder_knows_otherwise(town)


@pytest.fixture
def copy(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Result]:
    """`covenant audit copy`, as the police types it, to `copy` below `tmp_path`."""

    def conversation(base_url: str, *given: Any, **more: Any) -> Conversation:
        service = next(name for name, issuer in ISSUERS.items() if issuer == base_url)
        return Conversation(base_url, *given, **{**more, "transport": town.transports[service], "now": town.clock})

    def run(*words: str) -> Result:
        with monkeypatch.context() as patched:
            patched.setattr(clients.sdk.http, "Conversation", conversation)
            profile = ("--profile", str(town.directory / "police"))
            return CliRunner().invoke(command, ["audit", "copy", str(tmp_path / "copy"), "--hashes", *profile, *words])

    return run


class Counted(httpx.BaseTransport):
    """Counts what is asked of a service."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.paths: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path.rsplit("/", 1)[-1])
        return self._inner.handle_request(request)


def test_what_both_services_tell_is_kept_and_not_asked_again(town: Town, kept: Path) -> None:
    for how, event in ASKED.items():
        ask(town.session("police"), how)
        assert event in [logged for logged, _ in town.events("broker")]
    log, witness = read_keys(kept)
    assert log == town.broker.desk.log.key(C)
    assert witness == town.holder.witness.key
    assert kept.stat().st_mode & 0o077 == 0
    broker, key_holder = Counted(town.transports["broker"]), Counted(town.transports["keyholder"])
    with Session(open_profile(kept.parent), transports=(broker, key_holder), now=town.clock) as later:
        ask(later)
    assert "disclosures" in broker.paths
    assert "log" not in broker.paths
    assert "witness" not in key_holder.paths


@pytest.mark.parametrize("how", ASKED)
@pytest.mark.parametrize("differ", [broker_signs_otherwise, key_holder_knows_otherwise])
def test_where_the_services_differ_nothing_is_kept_and_nothing_asked(
    town: Town, kept: Path, differ: Callable[[Town], None], how: str
) -> None:
    differ(town)
    with pytest.raises(VerificationError, match="tell different keys of the broker's log, and none was kept") as caught:
        ask(town.session("police"), how)
    assert f"{b64u_encode(public_key(OTHER))}  broker.example/covenants/{C}, says the " in str(caught.value)
    assert not kept.exists()
    assert ASKED[how] not in [event for event, _ in town.events("broker")]


@pytest.mark.parametrize("how", ASKED)
@pytest.mark.parametrize("differ", [broker_signs_otherwise, both_say_otherwise])
def test_what_is_signed_with_another_key_than_was_kept_is_not_believed(
    town: Town, kept: Path, differ: Callable[[Town], None], how: str
) -> None:
    ask(town.session("police"), how)
    before = kept.read_bytes()
    differ(town)
    with pytest.raises(
        VerificationError, match=r"does not sign for the entry .* with the key of its log in .*log.json"
    ):
        ask(town.session("police"), how)
    assert kept.read_bytes() == before


@pytest.mark.parametrize("differ", [broker_signs_otherwise, key_holder_knows_otherwise])
def test_no_copy_is_made_with_keys_that_only_one_service_tells(
    town: Town, kept: Path, copy: Callable[[], Result], tmp_path: Path, differ: Callable[[Town], None]
) -> None:
    differ(town)
    assert "tell different keys of the broker's log" in str(copy().exception)
    assert not kept.exists()
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("differ", [both_say_otherwise, witness_signs_otherwise])
def test_no_copy_is_made_with_other_keys_than_were_kept(
    town: Town, kept: Path, copy: Callable[[], Result], tmp_path: Path, differ: Callable[[Town], None]
) -> None:
    ask(town.session("police"))
    before = kept.read_bytes()
    differ(town)
    refused = copy().exception
    assert isinstance(refused, VerificationError)
    assert f"other keys of the broker's log or its witness than are kept in {kept}" in str(refused)
    assert str(refused).count(b64u_encode(public_key(OTHER))) == 1
    assert kept.read_bytes() == before
    assert not (tmp_path / "copy").exists()


def test_a_copy_comes_with_the_keys_that_were_kept(
    town: Town, kept: Path, copy: Callable[..., Result], tmp_path: Path
) -> None:
    ask(town.session("police"))
    run = copy()
    assert run.exit_code == 0, run.output
    assert (tmp_path / "copy" / "log.json").read_bytes() == kept.read_bytes()


def test_the_key_holders_own_log_is_copied_with_the_key_it_tells(
    town: Town, kept: Path, copy: Callable[..., Result], tmp_path: Path
) -> None:
    run = copy("--key-holder")
    assert run.exit_code == 0, run.output
    assert read_keys(tmp_path / "copy" / "log.json") == (town.holder.signer.key(C), None)
    assert not kept.exists()


@pytest.mark.parametrize("damaged", ["", "[]", '{"origin": "x", "key": "AAAA"}', '{"origin": "x"}'])
def test_a_damaged_file_of_keys_is_named_and_not_replaced(town: Town, kept: Path, damaged: str) -> None:
    kept.write_text(damaged)
    with pytest.raises(ClientError, match=r"log\.json is not the description of a log"):
        ask(town.session("police"))
    assert kept.read_text() == damaged
