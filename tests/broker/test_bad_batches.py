"""Every way a whole submission can be wrong, or from the wrong hand: refused whole, and nothing said back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from clients.protocol.encoding import b64u_encode
from tests.broker.spoiling import Json, assert_echoes_nothing, refusals, stored, three, unchanged
from tests.kit import Partner, Stage, subject
from tests.service.cast import amended


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
