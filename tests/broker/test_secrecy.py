"""What the broker must not keep: no token, no pseudonym in the clear, in no table, file or log line."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterator

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text

from clients.protocol.encoding import lp
from service.signals import repository
from service.signals.keys import SignalKeys
from service.storage.embedded import EmbeddedPostgres
from tests.canary.watch import dump, everything_logged, found_in, found_in_files
from tests.kit import Stage, subject

FLATS = [subject(f"flat {number}") for number in range(4)]


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with everything_logged() as stream:
        yield stream


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


def test_no_token_pseudonym_or_identifier_is_in_any_table_file_or_log(
    stage: Stage, log: io.StringIO, postgres: EmbeddedPostgres
) -> None:
    points = [*whole_story(stage), *pseudonyms(stage)]
    assert len(set(points)) == 16 + 8
    hidden = {f"point {number}": bytes(point) for number, point in enumerate(points)}
    known = {f"{key} {number}": value.decode() for number, about in enumerate(FLATS) for key, value in about.items()}
    tables, written = dump(stage.settings.database_url), log.getvalue()
    # Were the search blind, it would not see these either.
    with stage.context.database.transaction() as session:
        index, handle = session.connection().execute(text("SELECT index_, handle FROM pseudonym LIMIT 1")).one()
    assert found_in(tables, {"index": index, "handle": handle}) == {"index", "handle"}
    assert '"route": "/v1/covenants/{covenantId}/signals"' in written
    for place in (tables, written):
        assert not found_in(place, hidden | known | {"content": "loud"})
    assert found_in_files(postgres.directory, hidden | {"index": index}) == {"index"}


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
