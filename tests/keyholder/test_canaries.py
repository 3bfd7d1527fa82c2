"""Secrets stay where they belong: none in a log, none in the database, however requests end."""

from __future__ import annotations

import io
import json
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from sqlalchemy import text

from clients.protocol.encoding import b64u_encode
from clients.protocol.grants import sign_grant
from clients.protocol.messages.keyholder import EvaluationAnswer, EvaluationRequest, ProofRequest, ReleaseAnswer
from clients.protocol.sealing import ReleaseInfo, receive_key
from clients.protocol.tokens import TokenContext, blind_values, unblind
from service.keyholder.upkeep import upkeep
from service.storage.keystore import KeyDirectory
from service.web.access_log import configure_logging
from tests.keyholder.house import MEMBERS, C, House, read


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """As in production, only chattier: every logger of every library, from DEBUG on."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "alembic", "sqlalchemy")}
    configure_logging("DEBUG", stream)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
        for name, value in levels.items():
            logging.getLogger(name).setLevel(value)
        root.handlers[:], root.level = before, level
        structlog.reset_defaults()


def spellings(secret: bytes) -> set[str]:
    """How bytes may come to stand in a text, or in a JSON line."""
    plain = repr(secret)[2:-1]
    return {secret.hex(), secret.hex().upper(), b64u_encode(secret), str(list(secret))[1:-1]} | {
        plain,
        json.dumps(plain)[1:-1],
    }


def secrets_on_disk(directory: Path) -> dict[str, bytes]:
    keys = KeyDirectory(directory)
    return {name: keys.read(name) for name in keys.names()}


def found_in(haystack: str, wanted: dict[str, bytes]) -> set[str]:
    """Names of those that stand in the text, in whichever spelling."""
    return {name for name, secret in wanted.items() for spelling in spellings(secret) if spelling in haystack}


def live(house: House) -> tuple[dict[str, bytes], str]:
    """A day at the key holder, good and bad; what came by that day and must not stay, and a grant that was used."""
    values = [b"0344200000000001", b"0344200000000002"]
    batch = blind_values(TokenContext(C, "address-bag", "1"), values, secrets.token_bytes)
    request = EvaluationRequest(match_key="address-bag", key_version=1, blinded=batch.blinded)
    answer = read(house.by_party("police", "POST", "/evaluations", request), EvaluationAnswer)
    proof = ProofRequest(receipt=answer.receipt, blinded=batch.blinded, evaluated=answer.evaluated)
    assert house.by_party("police", "POST", "/evaluation-proofs", proof).status_code == 200
    element = b64u_encode(batch.blinded[0])
    bad = {"matchKey": "address-bag", "keyVersion": 1, "blinded": [b64u_encode(bytes(32)), element]}
    assert house.by_party("police", "POST", "/evaluations", bad).status_code == 400
    assert house.by_party("police", "POST", "/evaluations", bad | {element: element}).status_code == 400

    info, sealed = house.sealed()
    grant = house.grant(info, sealed.wrapped_key)
    token = sign_grant(grant, house.broker.granting)
    released = read(house.release(token, sealed.wrapped_key), ReleaseAnswer)
    release = ReleaseInfo(grant.jti, grant.recipient, info.place)
    field_key = receive_key(MEMBERS["municipality"].encryption, released.sealed_key, release)
    assert house.release(house.grant(info, sealed.wrapped_key, stage="closed"), sealed.wrapped_key).status_code == 403
    assert house.release(token[:-4] + "AAAA", sealed.wrapped_key).status_code == 403
    assert house.by_broker("GET", "/conversion-shares").status_code == 200
    upkeep(house.holder)
    rename(house, "release", "released")
    assert house.release(house.grant(info, sealed.wrapped_key), sealed.wrapped_key).status_code == 500
    rename(house, "audit_leaf", "leaves")
    assert house.by_party("police", "POST", "/evaluations", request).status_code == 503

    passing = {"field key": field_key, "wrapped key": sealed.wrapped_key}
    for name, elements in {
        "token": unblind(batch, answer.evaluated),
        "blinded": batch.blinded,
        "evaluated": answer.evaluated,
    }.items():
        passing |= {f"{name} {index}": bytes(element) for index, element in enumerate(elements)}
    return passing, token


def rename(house: House, table: str, to: str) -> None:
    with house.holder.database.transaction() as session:
        session.connection().execute(text(f"ALTER TABLE {table} RENAME TO {to}"))


def test_no_log_has_a_key_a_token_or_an_element(house: House) -> None:
    with everything_logged() as stream:
        passing, token = live(house)
    log = stream.getvalue()
    assert "/v1/covenants/{covenantId}/releases" in log
    assert "INSERT INTO" in log, "the test must see what the database driver would log"
    assert not found_in(log, secrets_on_disk(house.directory) | passing)
    assert not [part for part in token.split(".")[1:] if part in log]


def test_the_database_has_no_secret_and_nothing_of_what_was_evaluated(house: House) -> None:
    passing, _ = live(house)
    with house.holder.database.transaction() as session:
        connection = session.connection()
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        dump = "\n".join(
            row for table in tables for row in connection.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()
        )
    assert "evaluation-made" in dump
    assert not found_in(dump, secrets_on_disk(house.directory) | passing)


def test_a_secret_that_is_logged_is_found() -> None:
    secret = secrets.token_bytes(32)
    for leak in (secret, secret.hex(), b64u_encode(secret), list(secret)):
        with everything_logged() as stream:
            logging.getLogger("anyone").debug("leak %s", leak)
        assert found_in(stream.getvalue(), {"it": secret}) == {"it"}, type(leak)
