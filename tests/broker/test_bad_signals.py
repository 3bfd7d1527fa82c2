"""Every way a submission can be wrong: told with its place, nothing lost, and nothing that was sent said back."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlmodel import func, select

from clients.protocol.encoding import b64u_decode, b64u_encode
from service.audit.tables import AuditEntryRow
from service.signals.tables import PseudonymRow, SignalBatchRow, SignalFieldRow, SignalIdRow, SignalRow
from tests.kit import Made, Partner, Stage, subject
from tests.service.cast import amended

IDENTITY = bytes(32)
NOT_CANONICAL = bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")  # p, which is 0
NEGATIVE = b"\x01" + bytes(31)  # RFC 9496 appendix A.3: odd
NO_SQUARE = bytes.fromhex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371")  # RFC 9496 appendix A.3
NORMALISATION = "normalisationVersion"
IDENTIFIER = "Dorpsstraat 12, BSN 123456782"

Json = dict[str, Any]


def token_of(encoded: bytes) -> Callable[[Json], None]:
    def spoil(signal: Json) -> None:
        signal["tokens"][0]["token"] = b64u_encode(encoded)

    return spoil


def put(path: str, value: Any) -> Callable[[Json], None]:
    """Sets the member at a pointer."""

    def spoil(signal: Json) -> None:
        *way, last = path.strip("/").split("/")
        at: Any = signal
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value

    return spoil


def bit_255(signal: Json) -> None:
    raw = bytearray(b64u_decode(signal["tokens"][0]["token"]))
    raw[31] |= 0x80
    signal["tokens"][0]["token"] = b64u_encode(bytes(raw))


def padded(signal: Json) -> None:
    raw = b64u_decode(signal["tokens"][0]["token"])
    signal["tokens"][0]["token"] = urlsafe_b64encode(raw).decode()


def same_match_key_twice(signal: Json) -> None:
    signal["tokens"][1] = dict(signal["tokens"][0])


def other_salt(signal: Json) -> None:
    signal["salts"]["day"] = b64u_encode(bytes(16))


def one_absent_less(signal: Json) -> None:
    signal["absent"] = signal["absent"][1:]


def itself(signal: Json) -> None:
    signal["replaces"] = signal["signalId"]


def field_twice(signal: Json) -> None:
    signal["fields"].append(dict(signal["fields"][0]))


def without(member: str) -> Callable[[Json], None]:
    def spoil(signal: Json) -> None:
        del signal[member]

    return spoil


BAD: list[tuple[str, Callable[[Json], None], str, str]] = [
    ("a token that is the identity", token_of(IDENTITY), "/tokens/0/token", "token-identity"),
    ("a token with bit 255 set", bit_255, "/tokens/0/token", "token-not-canonical"),
    ("a token that is not canonical", token_of(NOT_CANONICAL), "/tokens/0/token", "token-not-an-element"),
    ("a token that is negative", token_of(NEGATIVE), "/tokens/0/token", "token-not-an-element"),
    ("a token that is no point", token_of(NO_SQUARE), "/tokens/0/token", "token-not-an-element"),
    ("a token of 31 bytes", token_of(bytes(31)), "/tokens/0/token", "value-error"),
    ("a padded token", padded, "/tokens/0/token", "value-error"),
    ("a token that is an identifier", put("tokens/0/token", IDENTIFIER), "/tokens/0/token", "value-error"),
    ("a token that is a number", put("tokens/0/token", 7), "/tokens/0/token", "value-error"),
    ("key version zero", put("tokens/0/keyVersion", 0), "/tokens/0/keyVersion", "greater-than-equal"),
    ("key version in words", put("tokens/0/keyVersion", IDENTIFIER), "/tokens/0/keyVersion", "int-type"),
    ("key version as text", put("tokens/0/keyVersion", "1"), "/tokens/0/keyVersion", "int-type"),
    ("key version with a fraction of nothing", put("tokens/0/keyVersion", 1.0), "/tokens/0/keyVersion", "int-type"),
    ("key version true", put("tokens/0/keyVersion", True), "/tokens/0/keyVersion", "int-type"),
    ("a match key of others", put("tokens/0/matchKey", "person-bsn"), "/tokens/0/matchKey", "match-key-not-allowed"),
    ("an unknown match key", put("tokens/0/matchKey", "dna"), "/tokens/0/matchKey", "match-key-not-allowed"),
    ("a match key twice", same_match_key_twice, "/tokens/1/matchKey", "match-key-repeated"),
    ("no token", put("tokens", []), "/tokens", "too-short"),
    ("tokens that are text", put("tokens", IDENTIFIER), "/tokens", "tuple-type"),
    ("a member that is ours nowhere", put("address", IDENTIFIER), "/address", "extra-forbidden"),
    ("a member named after a person", put(IDENTIFIER, 1), "/?", "extra-forbidden"),
    ("a member missing", without("salts"), "/salts", "missing"),
    ("an unknown category", put("category", "gossip"), "/category", "category-unknown"),
    ("a category that is an identifier", put("category", IDENTIFIER), "/category", "string-pattern-mismatch"),
    ("a category without legal basis", put("category", "care-concern"), "/purposes/0", "no-legal-basis"),
    ("an unknown purpose", put("purposes", ["profit"]), "/purposes/0", "name-unknown"),
    ("a purpose twice", put("purposes", ["nuisance", "nuisance"]), "/purposes/1", "name-repeated"),
    ("a purpose for other subjects", put("purposes", ["support"]), "/purposes/0", "purpose-not-for-subject"),
    ("no purpose", put("purposes", []), "/purposes", "too-short"),
    ("an unknown subject kind", put("subjectKind", "vehicle"), "/subjectKind", "literal-error"),
    ("an unknown origin", put("origins", ["press"]), "/origins/0", "name-unknown"),
    ("an origin that is oneself", put("origins", ["police"]), "/origins/0", "origin-own"),
    ("an unknown handling code", put("handlingCodes", ["burn"]), "/handlingCodes/0", "name-unknown"),
    ("a day to come", put("day", "2026-11-23"), "/day", "day-in-future"),
    ("a day past its retention", put("day", "2025-11-21"), "/day", "retention-over"),
    ("a day that is none", put("day", "2026-02-30"), "/day", "date-from-datetime-parsing"),
    ("a day that is a number", put("day", 0), "/day", "value-error"),
    ("another way to normalise", put(NORMALISATION, "2"), f"/{NORMALISATION}", "normalisation-version-unknown"),
    ("an id that is none", put("signalId", IDENTIFIER), "/signalId", "uuid-parsing"),
    ("a correction of itself", itself, "/replaces", "replaces-itself"),
    ("an unknown field", put("fields/0/field", "diary"), "/fields/0", "field-unknown"),
    ("an unknown variant", put("fields/0/variant", "juicy"), "/fields/0", "field-unknown"),
    ("a field twice", field_twice, "/fields/1", "field-repeated"),
    ("a short ciphertext", put("fields/0/ciphertext", "AAAA"), "/fields/0/ciphertext", "ciphertext-length"),
    ("a field in the clear", put("fields/0/ciphertext", IDENTIFIER), "/fields/0/ciphertext", "value-error"),
    ("a short wrapped key", put("fields/0/wrappedKey", "AAAA"), "/fields/0/wrappedKey", "wrapped-key-length"),
    ("another month", put("fields/0/retentionMonth", "2027-10"), "/fields/0/retentionMonth", "retention-month"),
    ("another salt than was signed", other_salt, "", "leaf-mismatch"),
    ("another category than was signed", put("category", "violence"), "", "leaf-mismatch"),
    ("slots left open", one_absent_less, "", "items-incomplete"),
]  # fmt: skip


def three(police: Partner) -> list[Made]:
    return [police.signal(subject(f"flat {n}"), fields={"note.gist": b""}, mock_seal=True) for n in range(3)]


def sent(police: Partner, made: list[Made], spoil: Callable[[Json], None] | None = None) -> tuple[httpx.Response, Json]:
    """The batch as JSON, its second signal spoilt."""
    document = police.batch(made).model_dump(mode="json")
    if spoil is not None:
        spoil(document["signals"][1])
    return police.post("/signals", document), document


def stored(stage: Stage) -> dict[str, int]:
    tables = (SignalRow, SignalFieldRow, SignalBatchRow, SignalIdRow, PseudonymRow)
    with stage.context.database.transaction() as session:
        return {
            str(table.__tablename__): session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        }


def refusals(stage: Stage) -> list[str]:
    with stage.context.database.transaction() as session:
        rows = session.exec(select(AuditEntryRow).where(AuditEntryRow.event == "submission-refused"))
        return [row.fields["reason"] for row in rows]


def assert_echoes_nothing(response: httpx.Response, document: Any) -> None:
    """No token, no salt, no field and no made-up text of the request is in the answer."""
    for signal in document.get("signals", ()):
        if isinstance(signal, dict):
            tokens = signal.get("tokens")
            for token in tokens if isinstance(tokens, list) else ():
                assert token["token"] == 7 or token["token"] not in response.text
            for sealed in signal.get("fields", ()):
                assert sealed["ciphertext"][:40] not in response.text
    assert IDENTIFIER not in response.text
    assert "Dorpsstraat" not in response.text
    assert "123456782" not in response.text


def test_each_bad_signal_is_located_and_stops_no_other(stage: Stage) -> None:
    # One stage for all: every case brings two good signals, which must be stored in spite of the third.
    police = stage.partner("police")
    for count, (name, spoil, pointer, code) in enumerate(BAD):
        made = three(police)
        before = len(refusals(stage))
        response, document = sent(police, made, spoil)
        assert response.status_code == 200, (name, response.text)
        answer = response.json()
        assert (answer["accepted"], answer["repeated"], answer["rejected"]) == (2, 0, 1), (name, answer)
        bad = answer["results"][1]
        assert bad["status"] == "rejected", name
        assert (f"/signals/1{pointer}", code) in [(f["pointer"], f["code"]) for f in bad["faults"]], (name, bad)
        assert_echoes_nothing(response, document)
        assert stored(stage)["signal"] == 2 * (count + 1), name
        assert len(refusals(stage)) == before + 1, name


@pytest.mark.parametrize("raw", ["text", 7, None, [], True])
def test_a_signal_that_is_no_object_is_located(stage: Stage, raw: Any) -> None:
    police = stage.partner("police")
    made = three(police)
    document = police.batch(made).model_dump(mode="json")
    document["signals"][1] = raw
    answer = police.post("/signals", document).json()
    assert (answer["accepted"], answer["rejected"]) == (2, 1)
    assert answer["results"][1]["faults"][0]["pointer"] == "/signals/1"
    assert "signalId" not in answer["results"][1]


def test_every_fault_of_a_signal_is_told_at_once(stage: Stage) -> None:
    police = stage.partner("police")

    def spoil(signal: Json) -> None:
        signal |= {"category": "gossip", "handlingCodes": ["burn"], "day": "2030-01-01"}
        signal["tokens"][0]["matchKey"] = "person-bsn"

    response, _ = sent(police, three(police), spoil)
    pointers = {fault["pointer"] for fault in response.json()["results"][1]["faults"]}
    assert pointers == {"/signals/1/category", "/signals/1/handlingCodes/0", "/signals/1/tokens/0/matchKey"}


def test_after_a_rotation_tokens_of_the_old_key_stop_the_batch_each_at_its_place(stage: Stage) -> None:
    police = stage.partner("police")
    known, old = police.signal(subject("flat 1")), police.signal(subject("flat 2"))
    police.submit(known)
    stage.holder.rotate("address-bag", "police")
    stage.set_up()
    before, new = stored(stage), police.signal(subject("flat 3"))
    response = police.post("/signals", police.batch([known, new, old]))
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "/problems/stale-key-version")
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [
        ("/signals/2/tokens/0/keyVersion", "stale-key-version")
    ]
    assert problem["parameters"] == {"address-bag": "2"}
    unchanged(stage, before)
    assert refusals(stage) == ["stale-key-version"]
    again = old.changed(tokens=police.tokens(subject("flat 2")))
    result = police.submit(known, new, again)
    assert [one.status.value for one in result.results] == ["repeated", "accepted", "accepted"]


def test_a_key_version_that_the_set_up_has_not_taken_in_is_stale_too(stage: Stage) -> None:
    police = stage.partner("police")
    stage.holder.rotate("address-bag", "police")
    response = police.post("/signals", police.batch([police.signal(subject("flat 1"))]))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/stale-key-version")


# -- the whole batch


def unchanged(stage: Stage, before: dict[str, int]) -> None:
    assert stored(stage) == before


def raw_batch(police: Partner) -> str:
    return police.batch(three(police)).model_dump_json()


@pytest.mark.parametrize(
    ("spoil", "status", "code", "pointer"),
    [
        pytest.param(lambda text: text[:-1], 400, "json-invalid", None, id="cut off"),
        pytest.param(lambda text: text + "x", 400, "json-invalid", None, id="something behind it"),
        pytest.param(
            lambda text: text.replace('"keyVersion":1', '"keyVersion":1,"keyVersion":1', 1),
            400,
            "json-invalid",
            "/signals/0/tokens/0/keyVersion",
            id="a name twice",
        ),
        pytest.param(
            lambda text: text.replace('"keyVersion":1', '"keyVersion":NaN', 1),
            400,
            "json-invalid",
            "/signals/0/tokens/0/keyVersion",
            id="not a number",
        ),
        pytest.param(lambda text: "[" * 40 + "]" * 40, 400, "json-invalid", None, id="deep nesting"),
        pytest.param(
            lambda text: text.replace('{"covenantVersion"', '{"party":"Dorpsstraat","covenantVersion"', 1),
            400,
            "request-invalid",
            "/party",
            id="a member of the envelope that is ours nowhere",
        ),
        pytest.param(lambda text: text.encode("utf-16").decode("latin-1"), 400, "json-invalid", None, id="no UTF-8"),
        pytest.param(lambda text: "{}", 400, "request-invalid", "/covenantVersion", id="empty"),
    ],
)
def test_a_body_that_is_not_a_batch_is_refused_whole(
    stage: Stage, spoil: Callable[[str], str], status: int, code: str, pointer: str | None
) -> None:
    police = stage.partner("police")
    text = raw_batch(police)
    before = stored(stage)
    response = police.post("/signals", spoil(text).encode("latin-1"))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["type"] == f"/problems/{code}"
    if pointer is not None:
        assert pointer in [fault["pointer"] for fault in problem["errors"]]
    assert_echoes_nothing(response, json.loads(text))
    unchanged(stage, before)


def test_an_item_too_many_is_refused_whole(stage: Stage) -> None:
    police = stage.partner("police")
    document = police.batch(three(police)).model_dump(mode="json")
    document["signals"] = [document["signals"][0]] * 1001
    before = stored(stage)
    response = police.post("/signals", document)
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"pointer": "/signals", "code": "too-long", "detail": "must have at most 1000 items"}
    ]
    unchanged(stage, before)


def test_a_body_too_large_is_refused_whole(stage: Stage) -> None:
    police = stage.partner("police")
    before = stored(stage)
    response = police.post("/signals", raw_batch(police).encode() + b" " * stage.settings.body_limit)
    assert (response.status_code, response.json()["type"]) == (413, "/problems/body-too-large")
    unchanged(stage, before)


def test_another_media_type_is_refused_whole(stage: Stage) -> None:
    police = stage.partner("police")
    response = police.post("/signals", raw_batch(police).encode(), Content_Type="text/csv")
    assert (response.status_code, response.json()["type"]) == (415, "/problems/media-type-unsupported")


def envelope(stage: Stage, spoil: Callable[[Partner, Json], None]) -> httpx.Response:
    police = stage.partner("police")
    made = three(police)
    document = police.batch(made).model_dump(mode="json")
    spoil(police, document)
    before = stored(stage)
    response = police.post("/signals", document)
    assert_echoes_nothing(response, document)
    unchanged(stage, before)
    return response


def test_a_leaf_for_each_signal(stage: Stage) -> None:
    response = envelope(stage, lambda _, document: document["leaves"].pop())
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/leaves")
    assert refusals(stage) == ["leaves-differ"]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _, d: d.update(signature=b64u_encode(bytes(64))), id="no signature"),
        pytest.param(lambda _, d: d["leaves"].reverse(), id="over other leaves"),
        pytest.param(
            lambda police, d: d.update(
                signature=police.stage.partner("housing-north")
                .batch(three(police))
                .model_dump(mode="json")["signature"]
            ),
            id="of another party",
        ),
    ],
)
def test_the_batch_bears_the_partys_own_signature(stage: Stage, spoil: Callable[[Partner, Json], None]) -> None:
    response = envelope(stage, spoil)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/signature")
    assert refusals(stage) == ["signature-invalid"]


def test_a_version_that_never_was_is_answered_with_the_current_one(stage: Stage) -> None:
    response = envelope(stage, lambda _, document: document.update(covenantVersion="0" * 64))
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "/problems/stale-covenant-version")
    assert problem["parameters"] == {"current": stage.covenant.version}
    assert problem["errors"][0]["pointer"] == "/covenantVersion"
    assert refusals(stage) == ["stale-covenant-version"]


def test_a_version_that_was_replaced_is_answered_with_the_current_one(stage: Stage) -> None:
    police = stage.partner("police")
    batch = police.batch(three(police))
    current = stage.adopt(amended("title: Complex approach Vogelplein", "title: Complex approach Spreeuwenplein"))
    before = stored(stage)
    response = police.post("/signals", batch)
    assert response.status_code == 409
    assert response.json()["parameters"] == {"current": current.version}
    unchanged(stage, before)
    assert police.submit(police.signal(subject("flat 1"))).accepted == 1


def test_another_covenant_is_no_place_for_this_partys_token(stage: Stage) -> None:
    police = stage.partner("police")
    batch = police.batch(three(police))
    response = stage.send(police.member, "POST", "/v1/covenants/severe-nuisance/signals", batch)
    assert response.status_code == 401
    assert_echoes_nothing(response, batch.model_dump(mode="json"))


def test_who_is_no_party_submits_nothing(stage: Stage) -> None:
    police = stage.partner("police")
    batch = police.batch(three(police))
    response = stage.send(None, "POST", f"/v1/covenants/{stage.covenant.id}/signals", batch)
    assert (response.status_code, response.json()["type"]) == (403, "/problems/role-not-allowed")


def test_a_suspended_party_is_refused_at_once_and_comes_back(stage: Stage) -> None:
    police = stage.partner("police")
    made = three(police)
    police.submit(made[0])
    stage.suspend("police")
    before = stored(stage)
    refused = [
        police.post("/signals", police.batch(made)),
        police.get("/signals"),
        police.post("/withdrawals", {"signalIds": [str(made[0].id)], "reason": "mistaken"}),
    ]
    assert [(one.status_code, one.json()["type"]) for one in refused] == [(403, "/problems/party-not-active")] * 3
    unchanged(stage, before)
    stage.reinstate("police")
    assert police.submit(*made).accepted == 2


def test_a_suspension_amid_a_submission_comes_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    police = stage.partner("police")
    submissions = stage.context.submissions
    random = submissions._random

    def suspending(size: int) -> bytes:
        # Asked for when tokens have become pseudonyms: everything is checked, and nothing is stored yet.
        monkeypatch.setattr(submissions, "_random", random)
        stage.suspend("police")
        return random(size)

    monkeypatch.setattr(submissions, "_random", suspending)
    before = stored(stage)
    response = police.post("/signals", police.batch(three(police)))
    assert (response.status_code, response.json()["type"]) == (403, "/problems/party-not-active")
    unchanged(stage, before)


def test_a_covenant_that_is_over_takes_nothing_in(stage: Stage) -> None:
    police = stage.partner("police")
    made = three(police)
    stage.clock.now = datetime(2029, 1, 1, 0, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))  # type: ignore[attr-defined]
    response = police.post("/signals", police.batch(made))
    assert (response.status_code, response.json()["type"]) == (403, "/problems/covenant-not-in-force")


def test_the_day_is_the_day_in_amsterdam(stage: Stage) -> None:
    police = stage.partner("police")
    stage.clock.now = datetime(2026, 11, 22, 22, 59, 58, tzinfo=UTC)  # type: ignore[attr-defined]
    tomorrow = police.signal(subject("flat 1"), day=date(2026, 11, 23))
    assert police.submit(tomorrow).results[0].faults[0].code == "day-in-future"
    stage.clock.now = datetime(2026, 11, 22, 23, 0, 1, tzinfo=UTC)  # type: ignore[attr-defined]
    assert police.submit(tomorrow).accepted == 1


@pytest.mark.parametrize("ids", [[], ["x"], ["00000000-0000-4000-8000-000000000000"] * 1001])
def test_a_withdrawal_must_have_its_form(stage: Stage, ids: list[str]) -> None:
    response = stage.partner("police").post("/withdrawals", {"signalIds": ids, "reason": "mistaken"})
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"].startswith("/signalIds")
