"""Founding and enrolment over HTTP, at the broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.protocol.messages.keyholder import Directory, Enrolment, Founding
from tests.kit import Stage, open_stage
from tests.service.cast import Approver, Member

C = "complex-approach"


@pytest.fixture
def empty(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A founded covenant nobody takes part in yet."""
    with open_stage(database_url, tmp_path, parties=[]) as stage:
        yield stage


def founding(stage: Stage) -> Founding:
    approvals = tuple(one.approve(C, stage.covenant.version) for one in stage.administrators)
    return Founding(document=stage.document.decode(), approvals=approvals)


def test_founding_again_is_harmless(empty: Stage) -> None:
    response = empty.send(None, "POST", "/v1/covenants", founding(empty))
    assert response.status_code == 200
    answer = response.json()
    assert (answer["covenantId"], answer["version"]) == (C, empty.covenant.version)
    assert answer["matchKeys"] == ["address-bag", "address-postcode", "person-bsn", "person-name-birthdate"]


def test_a_covenant_is_founded_by_those_whom_the_operator_enrolled(empty: Stage) -> None:
    stranger = Approver("stranger", "police").approve(C, empty.covenant.version)
    spoilt = founding(empty).model_copy(update={"approvals": (founding(empty).approvals[0], stranger)})
    response = empty.send(None, "POST", "/v1/covenants", spoilt)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/approvals/1")


def test_a_document_with_mistakes_is_answered_with_their_places(empty: Stage) -> None:
    spoilt = founding(empty).model_copy(update={"document": "covenant: x\ncovenant: y\n"})
    response = empty.send(None, "POST", "/v1/covenants", spoilt)
    assert response.status_code == 400
    assert response.json()["errors"]


def test_enrolling_is_repeatable_with_the_same_keys_only(empty: Stage) -> None:
    member = Member("police")
    enrolment = Enrolment(party="police", keys=member.keys)
    path = f"/v1/covenants/{C}/parties"
    assert [empty.send(None, "POST", path, enrolment).status_code for _ in range(2)] == [204, 204]
    other = Enrolment(party="police", keys=Member("police").keys)
    assert empty.send(None, "POST", path, other).status_code == 409
    assert empty.send(None, "POST", path, Enrolment(party="press", keys=member.keys)).status_code == 400
    taken = Enrolment(party="municipality", keys=member.keys)
    assert empty.send(None, "POST", path, taken).status_code == 409
    directory = Directory.model_validate_json(empty.send(member, "GET", path).content)
    assert [(one.party, one.kind, one.state) for one in directory.parties] == [("police", "police", "active")]
    assert directory.parties[0].signing_key == member.keys.signing_key


def test_who_takes_part_shows_suspensions(stage: Stage) -> None:
    stage.suspend("police")
    found = stage.partner("municipality").get("/parties").json()["parties"]
    assert {one["party"]: one["state"] for one in found}["police"] == "suspended"
    assert "police" not in stage.partner("municipality").get("").json()["activeParties"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/covenants"),
        ("POST", f"/v1/covenants/{C}/parties"),
        ("POST", f"/v1/covenants/{C}/administrators"),
        ("PUT", f"/v1/covenants/{C}/parties/police/suspension"),
        ("DELETE", f"/v1/covenants/{C}/parties/police/suspension"),
        ("POST", f"/v1/covenants/{C}/set-up"),
    ],
)
def test_a_party_operates_nothing(stage: Stage, method: str, path: str) -> None:
    body = None if method == "DELETE" or path.endswith("set-up") else {}
    response = stage.send(stage.members["police"], method, path, body)
    expected = 401 if path == "/v1/covenants" else 403  # a party's key is known in its covenant alone
    assert response.status_code == expected


def test_nobody_unknown_is_answered(stage: Stage) -> None:
    for path in (f"/v1/covenants/{C}", f"/v1/covenants/{C}/parties", f"/v1/covenants/{C}/signals"):
        assert stage.send(Member("police"), "GET", path).status_code == 401
        assert stage.http.get(path).status_code == 401


def test_health_and_description_are_open(stage: Stage) -> None:
    assert stage.http.get("/v1/health/ready").json() == {"status": "ready"}
    paths = stage.http.get("/v1/openapi.json").json()["paths"]
    assert {"/covenants", "/covenants/{covenantId}/signals", "/covenants/{covenantId}/set-up"} <= set(paths)
