"""What the broker must not keep: no token, no pseudonym in the clear, in no table, file or log line."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from clients.protocol.encoding import b64u_encode, lp
from service.signals import repository
from service.signals.keys import SignalKeys
from service.storage.embedded import EmbeddedPostgres
from service.web.access_log import configure_logging
from tests.kit import Stage, subject

FLATS = [subject(f"flat {number}") for number in range(4)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged at any level, as the service writes it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("DEBUG", stream)
    for name in ("sqlalchemy.engine", "sqlalchemy.pool", "httpx", "httpcore", "psycopg"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    root.handlers[:], root.level = before


def spelled(secret: bytes) -> list[str]:
    """The ways a byte string can stand in text."""
    return [secret.hex(), secret.hex().upper(), b64u_encode(secret), str(list(secret)), str(secret)[2:-1]]


def whole_story(stage: Stage) -> list[bytes]:
    """Everything the broker does with tokens, well and badly; returns every token that was sent."""
    police, housing = stage.partner("police"), stage.partner("housing-north")
    made = [police.signal(about, fields={"note.gist": b"loud"}) for about in FLATS]
    police.submit(*made)
    police.submit(*made)
    housing.submit(*(housing.signal(about) for about in FLATS))
    correction = police.signal(FLATS[1], replaces=made[0].id)
    police.submit(correction)
    police.withdraw(made[2].id)
    batch = police.batch([police.signal(FLATS[3])]).model_dump(mode="json")
    for member, value in (("keyVersion", 9), ("matchKey", "person-bsn"), ("keyVersion", "x")):
        spoilt = json.loads(json.dumps(batch))
        spoilt["signals"][0]["tokens"][0][member] = value
        police.post("/signals", spoilt)
    spoilt = json.loads(json.dumps(batch))
    spoilt["signals"][0]["unknown"] = spoilt["signals"][0]["tokens"][0]["token"]
    police.post("/signals", spoilt)
    police.post("/signals", json.dumps(batch).encode()[:-2])
    police.post("/signals", batch | {"covenantVersion": "0" * 64})
    tokens = police.tokens(FLATS[0])
    asked = {
        "purpose": "nuisance",
        "subjectKind": "address",
        "normalisationVersion": "1",
        "tokens": [token.model_dump(mode="json") for token in tokens],
    }
    key = "5f0f6e2e-95a5-4d7a-8d6f-4f3d5f2b0c11"
    assert police.post("/look-ups", asked, Idempotency_Key=key).status_code == 200
    asked["tokens"][0]["keyVersion"] = 4
    police.post("/look-ups", asked, Idempotency_Key=key.replace("5f", "6f"))
    police.get("/hits")
    return [token.token for party in (police, housing) for about in FLATS for token in party.tokens(about)]


def pseudonyms(stage: Stage) -> list[bytes]:
    keys = SignalKeys(stage.keys, secrets.token_bytes)
    return [
        stage.holder.pseudonym(match_key, about[match_key], keys.broker_scalar(stage.covenant.id, match_key, 1))
        for match_key in ("address-bag", "address-postcode")
        for about in FLATS
    ]


def dump(stage: Stage) -> str:
    """Every row of every table of the broker's database, as text."""
    with stage.context.database.transaction() as session:
        connection = session.connection()
        names = connection.execute(
            text("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public'")
        ).scalars()
        return "\n".join(
            row for name in list(names) for row in connection.execute(text(f"SELECT t::text FROM {name} t")).scalars()
        )


def test_no_token_pseudonym_or_identifier_is_in_any_table_file_or_log(
    stage: Stage, log: io.StringIO, postgres: EmbeddedPostgres
) -> None:
    tokens = whole_story(stage)
    hidden = tokens + pseudonyms(stage)
    identifiers = [value for about in FLATS for value in about.values()] + [b"loud"]
    assert len(set(hidden)) == 16 + 8
    tables, written = dump(stage), log.getvalue()
    # Were the search blind, it would not see these either.
    with stage.context.database.transaction() as session:
        index, handle = session.connection().execute(text("SELECT index_, handle FROM pseudonym LIMIT 1")).one()
    assert index.hex() in tables
    assert b64u_encode(handle) in tables
    assert '"route": "/v1/covenants/{covenantId}/signals"' in written
    for secret in hidden:
        for spelling in spelled(secret):
            assert spelling not in tables
            assert spelling not in written
    for identifier in identifiers:
        assert identifier.decode() not in tables
        assert identifier.hex() not in tables
        assert identifier.decode() not in written
    assert_not_in_files(postgres.directory, hidden, seen=index)


def assert_not_in_files(directory: Path, hidden: list[bytes], *, seen: bytes) -> None:
    """The cluster's own files: tables, write-ahead log, server log."""
    found_seen = False
    needles = hidden + [spelling.encode() for secret in hidden for spelling in spelled(secret)[:3]]
    for file in directory.rglob("*"):
        if not file.is_file() or file.stat().st_size == 0:
            continue
        content = file.read_bytes()
        found_seen = found_seen or seen in content
        for needle in needles:
            assert needle not in content, file.name
    assert found_seen


def test_a_stored_pseudonym_opens_only_in_its_own_row(stage: Stage) -> None:
    police = stage.partner("police")
    made = police.signal(FLATS[0])
    police.submit(made)
    keys = SignalKeys(stage.keys, secrets.token_bytes)
    cipher = AESGCM(keys.subject_keys(stage.covenant.id).sealing)
    with stage.context.database.transaction() as session:
        rows = {row.match_key: row for row in repository.pseudonyms_of(session, stage.covenant.id, [made.id])}
    for match_key, row in rows.items():
        place = lp("covenant-broker/v1 stored pseudonym", stage.covenant.id, match_key, "1", "1") + made.id.bytes
        assert row.sealed is not None
        opened = cipher.decrypt(row.sealed[:12], row.sealed[12:], place)
        b = keys.broker_scalar(stage.covenant.id, match_key, 1)
        assert opened == stage.holder.pseudonym(match_key, FLATS[0][match_key], b)
        with pytest.raises(InvalidTag):
            cipher.decrypt(row.sealed[:12], row.sealed[12:], place[:-16] + bytes(16))
