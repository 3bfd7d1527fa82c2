"""Evaluation over HTTP, against the client's half of the protocol."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from clients.protocol.ceremony import KeyScope, accept_share
from clients.protocol.encoding import b64u_encode
from clients.protocol.errors import ProofError, SealError
from clients.protocol.group import GENERATOR, Element, multiply_base, random_scalar
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.messages.keyholder import (
    CommitmentsAnswer,
    ConversionShares,
    EvaluationAnswer,
    EvaluationRequest,
    ProofAnswer,
    ProofRequest,
    ReceiptMessage,
)
from clients.protocol.receipts import Receipt, SignedReceipt, verify_receipt
from clients.protocol.shares import open_share
from clients.protocol.tokens import TokenContext, blind_values, rekey, unblind, verify_evaluation
from service.errors import QuotaExceeded
from service.keyholder.upkeep import upkeep
from tests.keyholder.house import C, House, faults, read
from tests.service.cast import OPERATOR, amended

CONTEXT = TokenContext(C, "address-bag", "1")
VALUES = [b"0344200000000001", b"0344200000000002", b"0344200000000003"]
IDENTITY, HIGH_BIT = bytes(32), GENERATOR[:31] + bytes([GENERATOR[31] | 0x80])
NOT_CANONICAL = bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")


def elements(count: int) -> list[Element]:
    return [multiply_base(random_scalar(secrets.token_bytes)) for _ in range(count)]


def ask(house: House, party: str, blinded: Sequence[bytes], **changes: Any) -> httpx.Response:
    request = {"matchKey": "address-bag", "keyVersion": 1, "blinded": [b64u_encode(b) for b in blinded]} | changes
    return house.by_party(party, "POST", "/evaluations", request)


def public_key(house: House, party: str, match_key: str = "address-bag") -> Element:
    commitments = read(house.by_party(party, "GET", "/commitments"), CommitmentsAnswer)
    [keys] = [keys for keys in commitments.keys if keys.match_key == match_key]
    return Element(next(entry.point for entry in keys.parties if entry.party == party))


def believed(message: ReceiptMessage) -> SignedReceipt:
    receipt = Receipt(
        receipt_id=message.receipt_id,
        party=message.party,
        covenant=message.covenant_id,
        match_key=message.match_key,
        key_version=message.key_version,
        count=message.count,
        digest=message.digest,
    )
    return SignedReceipt(receipt, message.signature)


def test_two_parties_tokens_differ_and_lead_to_one_pseudonym(house: House) -> None:
    tokens: dict[str, list[Element]] = {}
    for party in ("police", "housing-north"):
        batch = blind_values(CONTEXT, VALUES, secrets.token_bytes, pad_to=8)
        answer = read(ask(house, party, batch.blinded), EvaluationAnswer)
        verify_evaluation(public_key(house, party), batch.blinded, answer.evaluated, answer.proof or b"")
        tokens[party] = unblind(batch, answer.evaluated)
    assert not set(tokens["police"]) & set(tokens["housing-north"])

    shares = read(house.by_broker("GET", "/conversion-shares"), ConversionShares)
    commitments = read(house.by_broker("GET", "/commitments"), CommitmentsAnswer)
    holder_point = next(keys.point for keys in commitments.keys if keys.match_key == "address-bag")
    scope, b = KeyScope(C, "address-bag"), random_scalar(secrets.token_bytes)
    pseudonyms = []
    for share in shares.shares:
        if share.match_key == "address-bag" and share.party in tokens:
            public = Element(share.commitment)
            opened = open_share(share.sealed_share, house.broker.encryption, scope, share.party, 1, public)
            d = accept_share(b, opened, public, holder_point)
            pseudonyms.append([rekey(d, token) for token in tokens[share.party]])
    assert len(pseudonyms) == 2
    assert pseudonyms[0] == pseudonyms[1]
    [entry] = house.entries("conversion-shares-given")
    assert (entry["service"], entry["counts"]) == ("broker", {"shares": 17})


def test_an_evaluation_is_signed_for_debited_and_logged(house: House) -> None:
    batch = blind_values(CONTEXT, VALUES, secrets.token_bytes)
    answer = read(ask(house, "police", batch.blinded), EvaluationAnswer)
    receipt_key = read(house.by_party("police", "GET", "/commitments"), CommitmentsAnswer).receipt_key
    verify_receipt(
        receipt_key,
        believed(answer.receipt),
        party="police",
        covenant=C,
        match_key="address-bag",
        key_version=1,
        blinded=batch.blinded,
        evaluated=answer.evaluated,
    )
    ask(house, "police", batch.blinded)
    first, second = house.entries("evaluation-made")
    assert first["receipt"] == str(answer.receipt.receipt_id)
    assert first["digest"] == b64u_encode(answer.receipt.digest)
    assert (first["party"], first["actor"], first["match_keys"]) == ("police", "e-1203", ["address-bag"])
    assert [entry["counts"] for entry in (first, second)] == [{"elements": 3, "today": 3}, {"elements": 3, "today": 6}]


def test_a_proof_may_be_asked_afterwards(house: House) -> None:
    batch = blind_values(CONTEXT, VALUES, secrets.token_bytes)
    answer = read(ask(house, "police", batch.blinded, prove=False), EvaluationAnswer)
    assert answer.proof is None
    request = ProofRequest(receipt=answer.receipt, blinded=batch.blinded, evaluated=answer.evaluated)
    proof = read(house.by_party("police", "POST", "/evaluation-proofs", request), ProofAnswer).proof
    verify_evaluation(public_key(house, "police"), batch.blinded, answer.evaluated, proof)
    with pytest.raises(ProofError):
        verify_evaluation(public_key(house, "housing-north"), batch.blinded, answer.evaluated, proof)
    assert house.entries("proof-given")[0]["receipt"] == str(answer.receipt.receipt_id)


@pytest.mark.parametrize(
    ("change", "status", "fault"),
    [
        ({"receipt_id": uuid4()}, 404, ("/receipt/receiptId", "receipt-unknown")),
        ({"signature": bytes(64)}, 400, ("/receipt/signature", "receipt-invalid")),
        ({"count": 2}, 400, ("/receipt/signature", "receipt-invalid")),
        ({"digest": bytes(32)}, 400, ("/receipt/signature", "receipt-invalid")),
        ({"key_version": 0}, 400, ("/receipt", "receipt-invalid")),
    ],
)
def test_a_receipt_this_key_holder_did_not_issue_gets_no_proof(
    house: House, change: dict[str, Any], status: int, fault: tuple[str, str]
) -> None:
    batch = blind_values(CONTEXT, VALUES, secrets.token_bytes)
    answer = read(ask(house, "police", batch.blinded), EvaluationAnswer)
    receipt = answer.receipt.model_copy(update=change)
    request = ProofRequest(receipt=receipt, blinded=batch.blinded, evaluated=answer.evaluated)
    response = house.by_party("police", "POST", "/evaluation-proofs", request)
    assert (response.status_code, faults(response)) == (status, [fault])
    assert house.entries("proof-refused")[0]["reason"] == fault[1]


def test_receipts_and_uses_go_when_nobody_can_ask_about_them_any_more(house: House) -> None:
    batch = blind_values(CONTEXT, VALUES, secrets.token_bytes)
    answer = read(ask(house, "police", batch.blinded, prove=False), EvaluationAnswer)
    request = ProofRequest(receipt=answer.receipt, blinded=batch.blinded, evaluated=answer.evaluated)
    for aged, rows in ((timedelta(days=6), (1, 0)), (timedelta(days=1, seconds=1), (0, 0))):
        assert house.by_party("police", "POST", "/evaluation-proofs", request).status_code == 200
        house.clock.advance(aged)
        if not rows[0]:  # too late before it is gone, so that nobody can tell when upkeep was
            response = house.by_party("police", "POST", "/evaluation-proofs", request)
            assert (response.status_code, faults(response)) == (404, [("/receipt/receiptId", "receipt-unknown")])
        upkeep(house.holder)
        assert counted(house, "evaluation_receipt", "token_use") == rows


def test_todays_uses_stay(house: House) -> None:
    ask(house, "police", elements(3))
    upkeep(house.holder)
    assert counted(house, "evaluation_receipt", "token_use") == (1, 1)


def test_request_tokens_that_are_over_go_too(house: House) -> None:
    ask(house, "police", elements(1))
    house.clock.advance(timedelta(minutes=10))
    upkeep(house.holder)
    assert counted(house, "spent_token") == (0,)


def counted(house: House, *tables: str) -> tuple[int, ...]:
    with house.holder.database.transaction() as session:
        connection = session.connection()
        return tuple(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables)


def test_a_receipt_proves_only_its_own_elements_to_its_own_party(house: House) -> None:
    batch = blind_values(CONTEXT, VALUES, secrets.token_bytes)
    answer = read(ask(house, "police", batch.blinded), EvaluationAnswer)
    swapped = (*answer.evaluated[1:], answer.evaluated[0])
    request = ProofRequest(receipt=answer.receipt, blinded=batch.blinded, evaluated=swapped)
    response = house.by_party("police", "POST", "/evaluation-proofs", request)
    assert (response.status_code, faults(response)) == (400, [("/receipt", "receipt-mismatch")])
    request = ProofRequest(receipt=answer.receipt, blinded=batch.blinded, evaluated=answer.evaluated)
    assert house.by_party("housing-north", "POST", "/evaluation-proofs", request).status_code == 404
    assert not house.entries("proof-given")


def test_every_element_that_is_none_is_located(house: House) -> None:
    blinded = elements(20)
    for index, bad in ((3, IDENTITY), (9, HIGH_BIT), (17, NOT_CANONICAL)):
        blinded[index] = Element(bad)
    response = ask(house, "police", blinded)
    assert response.status_code == 400
    assert faults(response) == [(f"/blinded/{index}", "element-invalid") for index in (3, 9, 17)]
    assert house.entries("evaluation-refused")[0]["reason"] == "elements-invalid"
    assert not house.entries("evaluation-made")


def test_a_request_that_cannot_be_read_is_located(house: House) -> None:
    response = ask(house, "police", [b"\1" * 31, *elements(2)])
    assert response.status_code == 400
    assert [pointer for pointer, _ in faults(response)] == ["/blinded/0"]
    assert [p for p, _ in faults(ask(house, "police", []))] == ["/blinded"]
    assert [p for p, _ in faults(ask(house, "police", [GENERATOR] * 1001))] == ["/blinded"]


@pytest.mark.parametrize(
    ("party", "changes", "status", "fault"),
    [
        ("police", {"matchKey": "person-bsn"}, 403, ("/matchKey", "match-key-not-allowed")),
        ("police", {"matchKey": "no-such-key"}, 403, ("/matchKey", "match-key-not-allowed")),
        ("police", {"keyVersion": 2}, 409, ("/keyVersion", "stale-key-version")),
        ("care-team", {"keyVersion": 0}, 400, ("/keyVersion", "greater-than-equal")),
        ("care-team", {"keyVersion": "1"}, 400, ("/keyVersion", "int-type")),
        ("care-team", {"keyVersion": 1.0}, 400, ("/keyVersion", "int-type")),
        ("care-team", {"keyVersion": True}, 400, ("/keyVersion", "int-type")),
        ("care-team", {"prove": 1}, 400, ("/prove", "bool-type")),
    ],
)
def test_only_the_partys_current_key_for_its_own_match_keys_evaluates(
    house: House, party: str, changes: dict[str, Any], status: int, fault: tuple[str, str]
) -> None:
    response = ask(house, party, elements(1), **changes)
    assert (response.status_code, faults(response)) == (status, [fault])
    assert len(house.entries("evaluation-refused")) == (status != 400)


def test_a_suspended_party_gets_nothing(house: House) -> None:
    batch = blind_values(CONTEXT, VALUES, secrets.token_bytes)
    answer = read(ask(house, "police", batch.blinded), EvaluationAnswer)
    house.suspend("police")
    request = ProofRequest(receipt=answer.receipt, blinded=batch.blinded, evaluated=answer.evaluated)
    for response in (
        ask(house, "police", batch.blinded),
        house.by_party("police", "POST", "/evaluation-proofs", request),
        house.by_party("police", "GET", "/sealing-keys/2027-11"),
    ):
        assert (response.status_code, response.json()["type"]) == (403, "/problems/party-not-active")
    assert [e["reason"] for e in house.entries("evaluation-refused")] == ["party-not-active"]
    assert [e["reason"] for e in house.entries("proof-refused")] == ["party-not-active"]


def test_the_daily_quota_is_per_match_key_and_ends_at_midnight_in_amsterdam(house: House) -> None:
    house.adopt(amended("care: 2000}", "care: 5}"))
    assert ask(house, "care-team", elements(3)).status_code == 200
    refused = ask(house, "care-team", elements(3))
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/quota-tokens-spent")
    # 09:30 UTC is 10:30 in Amsterdam.
    assert abs(int(refused.headers["Retry-After"]) - int(timedelta(hours=13, minutes=30).total_seconds())) < 5
    assert ask(house, "care-team", elements(2)).status_code == 200
    assert ask(house, "care-team", elements(1)).status_code == 429
    assert ask(house, "care-team", elements(5), matchKey="person-bsn").status_code == 200
    house.clock.advance(timedelta(seconds=int(refused.headers["Retry-After"]) + 1))
    assert ask(house, "care-team", elements(5)).status_code == 200
    assert ask(house, "care-team", elements(6)).status_code == 429
    assert [entry["reason"] for entry in house.entries("quota-refused")] == ["quota-tokens-spent"] * 3


def test_what_is_refused_costs_nothing(house: House) -> None:
    house.adopt(amended("care: 2000}", "care: 5}"))
    ask(house, "care-team", [IDENTITY, *elements(3)])
    ask(house, "care-team", elements(6))
    assert ask(house, "care-team", elements(5)).status_code == 200


def test_concurrent_requests_do_not_get_more_than_the_quota(house: House) -> None:
    house.adopt(amended("care: 2000}", "care: 5}"))
    request = EvaluationRequest(match_key="address-bag", key_version=1, blinded=tuple(elements(3)), prove=False)
    database, evaluations = house.holder.database, house.holder.evaluations
    with database.transaction() as session:
        current = house.holder.covenants.current(session, C)
        keys = [evaluations.ready(session, current, "care-team", request) for _ in range(2)]
    # Both were let through; recording decides, one after the other.
    made = [evaluations.evaluate(key, request) for key in keys]
    with database.transaction() as session:
        evaluations.record(session, current, made[0], by=OPERATOR)
    with pytest.raises(QuotaExceeded), database.transaction() as session:
        evaluations.record(session, current, made[1], by=OPERATOR)


def test_what_was_computed_under_a_wider_version_is_recorded_under_the_current_one(house: House) -> None:
    request = EvaluationRequest(match_key="address-bag", key_version=1, blinded=tuple(elements(3)), prove=False)
    database, evaluations, covenants = house.holder.database, house.holder.evaluations, house.holder.covenants
    with database.transaction() as session:
        key = evaluations.ready(session, covenants.current(session, C), "care-team", request)
    made = evaluations.evaluate(key, request)
    house.adopt(amended("care: 2000}", "care: 2}"))
    with pytest.raises(QuotaExceeded), database.transaction() as session:
        evaluations.record(session, covenants.current(session, C), made, by=OPERATOR)
    assert not house.entries("evaluation-made")


def test_nothing_is_evaluated_when_the_covenant_is_over(house: House) -> None:
    house.clock.advance(timedelta(days=3 * 365))
    response = ask(house, "police", elements(1))
    assert (response.status_code, response.json()["type"]) == (403, "/problems/covenant-not-in-force")


def test_without_an_audit_entry_nothing_is_evaluated(house: House) -> None:
    with house.holder.database.transaction() as session:
        session.connection().execute(text("ALTER TABLE audit_entry RENAME TO gone"))
    response = ask(house, "police", elements(1))
    assert (response.status_code, response.json()["type"]) == (503, "/problems/audit-unavailable")
    with house.holder.database.transaction() as session:
        assert session.connection().execute(text("SELECT count(*) FROM token_use")).scalar_one() == 0
        assert session.connection().execute(text("SELECT count(*) FROM evaluation_receipt")).scalar_one() == 0


def test_shares_are_for_the_broker_alone(house: House) -> None:
    shares = read(house.by_broker("GET", "/conversion-shares"), ConversionShares).shares
    other = HybridPrivateKey.generate(secrets.token_bytes)
    for share in shares[:2]:
        scope = KeyScope(C, share.match_key)
        with pytest.raises(SealError):
            open_share(share.sealed_share, other, scope, share.party, 1, Element(share.commitment))
    assert house.by_party("police", "GET", "/conversion-shares").status_code == 403
