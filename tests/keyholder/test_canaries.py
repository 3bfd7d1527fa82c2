"""Secrets stay where they belong: none in a log, none in the database, however requests end."""

from __future__ import annotations

import secrets

from sqlalchemy import text

from clients.protocol.encoding import b64u_encode
from clients.protocol.grants import sign_grant
from clients.protocol.messages.keyholder import EvaluationAnswer, EvaluationRequest, ProofRequest, ReleaseAnswer
from clients.protocol.sealing import ReleaseInfo, receive_key
from clients.protocol.tokens import TokenContext, blind_values, unblind
from service.keyholder.upkeep import upkeep
from tests.canary.watch import dump, everything_logged, found_in, secrets_on_disk
from tests.keyholder.house import MEMBERS, C, House, read


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
    rows = dump(house.url)
    assert "evaluation-made" in rows
    assert not found_in(rows, secrets_on_disk(house.directory) | passing)
