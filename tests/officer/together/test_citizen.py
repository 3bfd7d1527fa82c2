"""A citizen asks who looked: the officer finds it, and neither service learns whom it is about."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

import service.evaluation.entitlement
from clients.protocol.encoding import b64u_encode
from clients.protocol.messages.audit import SubjectTokens
from clients.protocol.messages.signals import Token
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.officers import OFFICERS
from clients.sdk.errors import ClientError, OverQuota, Refused
from clients.sdk.tokenise import PADDED_TO, Tokeniser
from tests.governance.town import Town, record
from tests.officer.together.people import olga_of

HOUSE = {"postcode": "3561 ab", "house_number": "7"}


def house(number: int) -> dict[str, str]:
    """As a citizen writes an address; each test has one of its own."""
    return HOUSE | {"house_number": str(number)}


def submitted(town: Town, party: str, number: int) -> UUID:
    """A signal of the party's about a house."""
    town.submit(party, record(f"{party}-{number}", number))
    return list(town.session(party).own_signals())[-1].signal_id


def test_the_officer_finds_every_entry_about_an_address(town: Town) -> None:
    submitted(town, "municipality", 7)
    anchor = submitted(town, "police", 7)
    submitted(town, "housing-north", 8)
    town.session("police").disclose(anchor, "nuisance")
    olga = olga_of(town)
    handles = olga.handles("address", house(7))
    assert handles.keys() == {"address-postcode"}
    entries = [e for e in olga.broker.entries(handles=list(handles.values())) if e.event != "subject-traced"]
    assert [(entry.event, entry.fields["party"]) for entry in entries if entry.event != "log-read"] == [
        ("disclosure-decided", "police"),
        ("signal-submitted", "police"),
        ("signal-submitted", "municipality"),
    ]
    handle = b64u_encode(handles["address-postcode"])
    assert all(handle in entry.fields["subjects"] for entry in entries)


def test_somebody_whom_nobody_looked_at_has_a_handle_and_no_entries(town: Town) -> None:
    olga = olga_of(town)
    handles = olga.handles("address", house(99))
    found = list(olga.broker.entries("action:submission", handles=list(handles.values())))
    assert found == []


def test_a_request_is_on_record_at_both_services_and_leaves_nothing_else(town: Town) -> None:
    submitted(town, "municipality", 17)
    before = {service: town.rows(service) for service in ("broker", "keyholder")}
    olga = olga_of(town)
    handles = olga.handles("address", house(17))
    traced = [fields for event, fields in town.events("broker") if event == "subject-traced"][-1]
    assert (traced["principal"], traced["subjects"]) == ("olga", [b64u_encode(handles["address-postcode"])])
    evaluated = [fields for event, fields in town.events("keyholder") if event == "evaluation-made"][-1]
    assert (evaluated["principal"], evaluated["counts"]["elements"]) == ("olga", PADDED_TO)  # type: ignore[index]
    grown = {
        service: {table for table, rows in town.rows(service).items() if rows != before[service].get(table)}
        for service in before
    }
    log = {"audit_entry", "audit_leaf", "audit_head", "audit_checkpoint", "audit_tile", "witnessed_head"}
    assert grown["broker"] - log == set()
    assert grown["keyholder"] - log - {"token_use"} == {"evaluation_receipt"}


def test_the_officers_have_a_quota_of_their_own(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.clock.advance(timedelta(days=1))  # with nothing spent
    monkeypatch.setattr(service.evaluation.entitlement, "OFFICERS_QUOTA", 2 * PADDED_TO)
    olga = olga_of(town)
    for _ in range(2):
        olga.handles("address", HOUSE)
    with pytest.raises(OverQuota):
        olga.handles("address", HOUSE)
    olga.handles("address", {"bag_id": "0344200000000001"})  # of each match key by itself
    refused = [fields for event, fields in town.events("keyholder") if event == "quota-refused"]
    assert [fields["principal"] for fields in refused] == ["olga"]


def test_what_a_party_tokenised_finds_nothing_with_the_officers_key_nor_the_other_way_round(town: Town) -> None:
    submitted(town, "municipality", 27)
    police, olga = town.session("police"), olga_of(town)
    value = police.subject("address", house(27))["address-postcode"]
    theirs = police.tokens("address-postcode", [value])[value]
    tokeniser = Tokeniser(olga._services[1], olga.agreement, OFFICERS, olga._random, renew=olga._renewed)
    own = tokeniser.tokens("address-postcode", [value])
    officers = own[value].token
    assert theirs != officers

    def handle(token: bytes) -> bytes:
        tokens = (Token(match_key="address-postcode", key_version=1, token=token),)
        (found,) = olga.broker.handles(
            SubjectTokens(normalisation_version=NORMALISATION_VERSION, tokens=tokens)
        ).handles
        return found.handle

    assert handle(officers) == olga.handles("address", house(27))["address-postcode"]
    assert handle(theirs) != handle(officers)
    stolen = {"tokens": lambda *_: own, "carry_on": lambda _, ask: ask()}
    police.__dict__["_tokeniser"] = type("Stolen", (), stolen)()
    assert police.look_up("address", {"address-postcode": value}, "nuisance").hits == ()


def test_an_officer_asks_for_nothing_that_parties_ask_for(town: Town) -> None:
    olga = olga_of(town)
    broker, holder = olga._services
    for ask in (lambda: broker.hits(), lambda: broker.own_signals(), lambda: holder.sealing_key("2027-11")):
        with pytest.raises(Refused, match="role-not-allowed"):
            ask()


def test_a_party_asks_for_no_handles(town: Town) -> None:
    police = town.session("police")
    value = police.subject("address", HOUSE)["address-postcode"]
    token = Token(match_key="address-postcode", key_version=1, token=police.tokens("address-postcode", [value])[value])
    body = SubjectTokens(normalisation_version=NORMALISATION_VERSION, tokens=(token,))
    with pytest.raises(Refused, match="role-not-allowed"):
        police.broker_conversation.tell(f"/v1/covenants/{police.profile.covenant}/subject-handles", body)


def test_faults_of_a_subject_are_located(town: Town) -> None:
    olga = olga_of(town)

    def refused(*tokens: Token, version: str = NORMALISATION_VERSION) -> list[tuple[str, str]]:
        with pytest.raises(Refused) as answer:
            olga.broker.handles(SubjectTokens(normalisation_version=version, tokens=tokens))
        return [(fault.pointer, fault.code) for fault in answer.value.faults] or [("", answer.value.code)]

    def token(match_key: str = "address-bag", version: int = 1, raw: bytes = bytes(32)) -> Token:
        return Token(match_key=match_key, key_version=version, token=raw)

    assert refused(token()) == [("/tokens/0/token", "token-identity")]
    assert refused(token("address-guess")) == [("/tokens/0/matchKey", "key-not-set-up")]
    assert refused(token(), token()) == [("/tokens/1/matchKey", "match-key-repeated")]
    assert refused(token(), version="9") == [("/normalisationVersion", "normalisation-version-unknown")]
    assert refused(token(version=2)) == [("/tokens/0/keyVersion", "stale-key-version")]


def test_what_is_no_identifier_is_refused_here_and_not_repeated(town: Town) -> None:
    with pytest.raises(ClientError) as refused:
        olga_of(town).handles("address", {"postcode": "Hoofdstraat", "house_number": "7"})
    assert "Hoofdstraat" not in str(refused.value)
    with pytest.raises(ClientError, match="identifiers"):
        olga_of(town).handles("person", {})
