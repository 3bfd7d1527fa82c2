"""Founding, enrolment and suspension over HTTP, and what each leaves in the log."""

from __future__ import annotations

from dataclasses import replace

from clients.protocol import jws
from clients.protocol.messages.keyholder import CommitmentsAnswer, Directory, Enrolment, Founded
from service.audit.events import SERVICE_LOG
from tests.keyholder.house import ANNA, BOB, MEMBERS, OPERATOR_KEY, C, House, faults, read
from tests.service.cast import COVENANT, DOCUMENT, Member, OtherService, amended


def test_an_operator_founds_a_covenant_and_enrols_its_parties(empty_house: House) -> None:
    empty_house.found()
    directory = read(empty_house.by_party("police", "GET", "/parties"), Directory)
    assert {entry.party: entry.state for entry in directory.parties} == dict.fromkeys(COVENANT.parties, "active")
    for entry in directory.parties:
        keys = MEMBERS[entry.party].keys
        assert (entry.signing_key, entry.encryption_key) == (keys.signing_key, keys.encryption_key)
        assert entry.authentication_key == keys.authentication_key
        assert entry.oin == COVENANT.parties[entry.party].oin
    assert [entry["event"] for entry in empty_house.entries(covenant=SERVICE_LOG)] == ["service-enrolled"]
    events = [entry["event"] for entry in empty_house.entries()]
    assert events[:3] == ["administrator-enrolled", "administrator-enrolled", "covenant-founded"]
    assert events.count("match-key-drawn") == 4
    assert events.count("party-enrolled") == 5
    assert events.count("party-key-drawn") == 17
    assert all(entry["principal"] == "operator-1" and len(entry["trace"]) == 32 for entry in empty_house.entries())


def test_a_party_has_keys_for_the_match_keys_of_its_kind_and_no_others(house: House) -> None:
    commitments = read(house.by_party("housing-north", "GET", "/commitments"), CommitmentsAnswer)
    held = {keys.match_key: {party.party for party in keys.parties} for keys in commitments.keys}
    assert held["person-bsn"] == {"municipality", "care-team"}
    assert held["address-bag"] == held["address-postcode"] == held["person-name-birthdate"] == set(COVENANT.parties)
    points = [party.point for keys in commitments.keys for party in keys.parties] + [k.point for k in commitments.keys]
    assert len(set(points)) == len(points)


def test_every_enrolment_is_harmless_to_repeat(house: House) -> None:
    before = read(house.by_party("police", "GET", "/commitments"), CommitmentsAnswer)
    entries = len(house.entries())
    house.found()
    assert read(house.by_party("police", "GET", "/commitments"), CommitmentsAnswer) == before
    assert len(house.entries()) == entries


def test_founding_answers_with_version_and_match_keys(house: House) -> None:
    founded = read(house.by_operator("POST", "/covenants", house.founding()), Founded)
    assert founded.version == COVENANT.version
    assert founded.match_keys == ("address-bag", "address-postcode", "person-bsn", "person-name-birthdate")


def test_a_founded_covenant_cannot_be_founded_with_another_version(house: House) -> None:
    other = amended("Complex approach Vogelplein", "Complex approach Mussenplein")
    response = house.by_operator("POST", "/covenants", house.founding(other))
    assert (response.status_code, faults(response)) == (409, [("/document", "covenant-founded")])


def test_approvals_are_verified_here(empty_house: House) -> None:
    for approver in (ANNA, BOB):
        empty_house.by_operator("POST", f"/covenants/{C}/administrators", approver.enrolment)
    stranger = replace(BOB, key=b"\x07" * 32)
    response = empty_house.by_operator("POST", "/covenants", empty_house.founding(DOCUMENT, ANNA, stranger))
    assert (response.status_code, faults(response)) == (400, [("/approvals/1", "signature-invalid")])
    assert "covenant-founded" not in [entry["event"] for entry in empty_house.entries()]


def test_only_parties_of_the_covenant_are_enrolled(house: House) -> None:
    response = house.enrol(Member("tax-office"))
    assert (response.status_code, faults(response)) == (400, [("/party", "party-not-in-covenant")])


def test_bad_keys_are_located(house: House) -> None:
    keys = MEMBERS["police"].keys.model_copy(update={"signing_key": bytes(32), "encryption_key": b"\xff" * 1216})
    response = house.by_operator("POST", f"/covenants/{C}/parties", Enrolment(party="police", keys=keys))
    assert response.status_code == 400
    assert faults(response) == [("/keys/signingKey", "key-invalid"), ("/keys/encryptionKey", "key-invalid")]


def test_a_second_broker_is_refused(house: House) -> None:
    assert house.by_operator("POST", "/services", OtherService("shadow-broker").enrolment).status_code == 409


def test_a_suspension_is_seen_in_the_directory_and_the_log(house: House) -> None:
    house.suspend("police")
    states = {e.party: e.state for e in read(house.by_party("care-team", "GET", "/parties"), Directory).parties}
    assert states["police"] == "suspended"
    [entry] = house.entries("party-suspended")
    assert (entry["parties"], entry["words"]) == (["police"], "keys were stolen")
    assert house.by_operator("DELETE", f"/covenants/{C}/parties/police/suspension").status_code == 204
    assert house.entries("party-reinstated")[0]["parties"] == ["police"]


def test_unknown_parties_and_covenants_are_not_found(house: House) -> None:
    assert house.by_operator("DELETE", f"/covenants/{C}/parties/tax-office/suspension").status_code == 404
    assert house.by_operator("GET", "/covenants/no-such-thing/parties").status_code == 404


def test_who_is_no_operator_is_refused_on_record(house: House) -> None:
    paths = [
        ("POST", f"/covenants/{C}/administrators", ANNA.enrolment),
        ("POST", f"/covenants/{C}/parties", Enrolment(party="police", keys=MEMBERS["police"].keys)),
        ("PUT", f"/covenants/{C}/parties/police/suspension", {"reason": "because"}),
        ("DELETE", f"/covenants/{C}/parties/police/suspension", None),
        ("GET", f"/covenants/{C}/conversion-shares", None),
    ]
    for method, path, body in paths:
        police = MEMBERS["police"].authentication
        response = house.call(method, path, body, key=police, principal="police")  # type: ignore[arg-type]
        assert (response.status_code, response.json()["type"]) == (403, "/problems/role-not-allowed")
    refused = house.entries("request-refused")
    assert len(refused) == len(paths)
    assert {(entry["party"], entry["reason"]) for entry in refused} == {("police", "role-not-allowed")}


def test_operators_and_strangers_cannot_act_for_a_party(house: House) -> None:
    body = {"matchKey": "address-bag", "keyVersion": 1, "blinded": ["A" * 43]}
    path = f"/covenants/{C}/evaluations"
    assert house.call("POST", path, body, key=OPERATOR_KEY, principal="operator-1").status_code == 403
    assert house.call("POST", path, body, key=OPERATOR_KEY, principal="police").status_code == 401
    assert house.call("POST", path, body, key=jws.generate_key(), principal="police").status_code == 401
    other = "/covenants/severe-nuisance/evaluations"
    police = MEMBERS["police"].authentication
    assert house.call("POST", other, body, key=police, principal="police").status_code == 401


def test_the_service_is_live_ready_and_described(house: House) -> None:
    with house.client as client:
        assert client.get("/v1/health/live").json() == {"status": "live"}
        assert client.get("/v1/health/ready").json() == {"status": "ready"}
        document = client.get("/v1/openapi.json").json()
    assert set(document["paths"]) == {
        "/services",
        "/covenants/{covenantId}/parties/{party}/keys/{matchKey}",
        "/covenants",
        "/covenants/{covenantId}/administrators",
        "/covenants/{covenantId}/administrators/{name}",
        "/covenants/{covenantId}/officers",
        "/covenants/{covenantId}/officers/{name}",
        "/covenants/{covenantId}/versions",
        "/covenants/{covenantId}/versions/{version}",
        "/covenants/{covenantId}/ending",
        "/covenants/{covenantId}/parties",
        "/covenants/{covenantId}/parties/{party}/departure",
        "/covenants/{covenantId}/parties/{party}/public-keys",
        "/covenants/{covenantId}/parties/{party}/suspension",
        "/covenants/{covenantId}/commitments",
        "/covenants/{covenantId}/conversion-shares",
        "/covenants/{covenantId}/sealing-keys/{month}",
        "/covenants/{covenantId}/evaluations",
        "/covenants/{covenantId}/evaluation-proofs",
        "/covenants/{covenantId}/releases",
        "/covenants/{covenantId}/witness",
        "/covenants/{covenantId}/witness/cosignatures",
        "/covenants/{covenantId}/witness/grant-uses",
        "/covenants/{covenantId}/witness/findings/{findingId}/acknowledgement",
        "/covenants/{covenantId}/log",
        "/covenants/{covenantId}/log/checkpoint",
        "/covenants/{covenantId}/log/consistency-proof",
        "/covenants/{covenantId}/log/entries/{bundle}",
        "/covenants/{covenantId}/log/inclusion-proof",
        "/covenants/{covenantId}/log/tile/{level}/{tile}",
        "/covenants/{covenantId}/audit-counts",
        "/covenants/{covenantId}/audit-entries",
        "/covenants/{covenantId}/audit-entries/{entry}",
        "/covenants/{covenantId}/audit-export",
        "/covenants/{covenantId}/audit-facets",
        "/covenants/{covenantId}/audit-searches",
        "/covenants/{covenantId}/audit-searches/counts",
        "/covenants/{covenantId}/audit-searches/export",
        "/covenants/{covenantId}/audit-searches/facets",
        "/health/live",
        "/health/ready",
        "/openapi.json",
    }
