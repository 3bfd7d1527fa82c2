"""What the operator of the broker cannot bring about, with everything the broker has: a covenant in force."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from clients.protocol import jws, signatures
from clients.protocol.approvals import sign_approval, sign_proposal
from clients.protocol.messages.governance import ApprovalSignature, ApprovedVersion, Proposal, VersionDescription
from clients.protocol.messages.keyholder import AdministratorEnrolment, Approval
from clients.sdk import Refused, VerificationError
from clients.sdk.governing import Governing
from clients.sdk.opening import NotOpened
from service.storage.service_keys import es256_key
from tests.governance.town import OPERATOR_KEYS, C, Town, hash_of, record, version_from
from tests.service.cast import COVENANT

WIDER = version_from(
    "2026-11-22",
    (
        "to: [municipality]\n    categories: [noise, waste, illegal-subletting]",
        "to: [municipality, housing]\n    categories: [noise, waste, illegal-subletting]",
    ),
)
V2 = hash_of(WIDER)
PATH = f"/v1/covenants/{C}/versions"


def brought(town: Town, author: str, approvers: dict[str, bytes], document: bytes = WIDER) -> ApprovedVersion:
    """What is brought to the key holder: the proposal of an honest author, and approvals by these keys."""
    key = town.steward(author).profile.approval_key or b""
    version = hash_of(document)
    return ApprovedVersion(
        document=document.decode(),
        predecessor=COVENANT.version,
        author=author,
        proposal=sign_proposal(key, C, version, COVENANT.version),
        approvals=tuple(
            Approval(administrator=name, signature=sign_approval(one, C, version)) for name, one in approvers.items()
        ),
    )


def key_of(town: Town, name: str) -> bytes:
    return town.steward(name).profile.approval_key or b""


def refused_at_key_holder(who: Governing, version: ApprovedVersion) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        who._key_holder.schedule(version)
    return [(fault.pointer, fault.code) for fault in refused.value.faults] or [("", refused.value.code)]


def test_neither_the_brokers_operator_nor_the_broker_schedules_anything_at_the_key_holder(town: Town) -> None:
    version = brought(town, "dora", {name: key_of(town, name) for name in ("anna", "bob")})
    operator = town.conversation("keyholder", "operator", OPERATOR_KEYS["broker"])
    with pytest.raises(Refused) as refused:
        operator.post(PATH, version, VersionDescription)
    assert refused.value.status == 401
    broker = town.conversation("keyholder", "broker", es256_key(town.keys["broker"], "service/authentication"))
    with pytest.raises(Refused) as refused:
        broker.post(PATH, version, VersionDescription)
    assert (refused.value.status, refused.value.code) == (403, "role-not-allowed")
    assert town.statuses("keyholder") == {COVENANT.version: "active"}


def test_forged_approvals_are_refused(town: Town) -> None:
    """Even when one administrator helps: the other's signature cannot be made."""
    anna = town.steward("anna")
    one, other, forged = key_of(town, "anna"), key_of(town, "bob"), secrets.token_bytes(32)
    assert refused_at_key_holder(anna, brought(town, "dora", {"anna": one, "bob": forged})) == [
        ("/approvals/1", "signature-invalid")
    ]
    assert refused_at_key_holder(anna, brought(town, "dora", {"anna": one, "dora": key_of(town, "dora")})) == [
        ("/approvals/1", "approval-by-author")
    ]
    assert refused_at_key_holder(anna, brought(town, "dora", {"bob": other, "carl": key_of(town, "carl")})) == [
        ("/approvals/1", "approval-same-party")
    ]
    approved = brought(town, "dora", {"anna": one, "bob": other})
    another = approved.model_copy(update={"document": approved.document.replace("Vogelplein", "Mussenplein")})
    assert refused_at_key_holder(anna, another) == [("/proposal", "signature-invalid")]
    assert [fields["reason"] for event, fields in town.events("keyholder") if event == "request-refused"] == [
        "approvals-invalid",
        "approvals-invalid",
        "approvals-invalid",
        "signature-invalid",
    ]


def test_administrators_whom_the_broker_made_up_put_nothing_in_force(town: Town) -> None:
    """The broker enrols people of its own and plays the whole course with them; the key holder knows none of them."""
    made_up = {}
    for name, party in (("eve", "police"), ("mallory", "municipality"), ("trudy", "care-team")):
        profile = replace(
            town.steward("anna").profile,
            name=name,
            party=party,
            authentication_key=jws.generate_key(),
            approval_key=secrets.token_bytes(32),
        )
        transports = (town.transports["broker"], town.transports["keyholder"])
        made_up[name] = Governing(profile, transports=transports, now=town.clock)
        enrolment = AdministratorEnrolment(
            administrator=name,
            party=party,
            approval_key=signatures.public_key(profile.approval_key or b""),
            authentication_key=jws.public_jwk(profile.authentication_key),
        )
        town.operator("broker").enrol_administrator(C, enrolment)
    with pytest.raises(Refused):  # their client asks the key holder, which does not know them
        made_up["trudy"].last()
    made_up["trudy"].draft(WIDER)
    keys = {name: one.profile.approval_key or b"" for name, one in made_up.items()}
    proposal = Proposal(predecessor=COVENANT.version, signature=sign_proposal(keys["trudy"], C, V2, COVENANT.version))
    made_up["trudy"]._broker.step(V2, "proposal", proposal)
    town.steward("olga").advise(V2, "unfavourable", "who are these people?")
    for name in ("eve", "mallory"):
        approval = ApprovalSignature(signature=sign_approval(keys[name], C, V2))
        told = made_up[name]._broker.step(V2, "approvals", approval)
    assert told.status.value == "approved"
    with pytest.raises(Refused) as refused:
        made_up["eve"]._broker.step(V2, "schedule")
    assert (refused.value.status, refused.value.code) == (409, "not-at-key-holder")
    with pytest.raises(Refused) as refused:  # an honest administrator who is taken in does not help them either
        town.steward("anna").schedule(V2)
    assert refused.value.code == "administrator-unknown"
    assert town.statuses("broker") == town.statuses("keyholder") == {COVENANT.version: "active"}


def test_a_version_forced_into_the_brokers_database_opens_no_field_and_no_client_believes_it(town: Town) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    municipality = town.session("municipality")
    assert municipality.agreement.covenant == COVENANT
    with psycopg.connect(town.urls["broker"]) as connection:
        connection.execute(
            "INSERT INTO covenant_version (covenant_id, version, state, document, number, in_force_from, changed_at)"
            " VALUES (%s, %s, 'scheduled', %s, 2, '2026-11-22', now())",
            (C, V2, WIDER),
        )
    assert town.statuses("broker")[V2] == "active"
    with pytest.raises(VerificationError):
        _ = town.session("care-team").agreement
    # Who had the old version at hand asks under the forced one unawares: the broker decides, the key stays closed.
    [hit] = municipality.hits()
    assert hit.own is not None
    disclosure = municipality.disclose(hit.own.signal_id, "nuisance")
    assert disclosure.covenant_version == V2
    [answer] = municipality.open_fields(disclosure)
    assert isinstance(answer, NotOpened)
    assert "version-not-current" in answer.reason


def test_who_was_dismissed_at_the_key_holder_has_no_say_there(town: Town) -> None:
    version = town.approved(version_from("2026-12-01"))
    town.operator("keyholder").dismiss_administrator(C, "bob")
    with pytest.raises(Refused) as refused:
        town.steward("anna").schedule(version)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/approvals/1", "administrator-unknown")
    ]
    with pytest.raises(Refused) as refused:
        town.steward("bob").last()
    assert refused.value.status == 401


def test_who_stands_for_a_suspended_party_has_no_say(town: Town) -> None:
    version = town.approved(version_from("2026-12-01"))
    town.operator("keyholder").suspend(C, "police", "its keys were stolen")
    with pytest.raises(Refused) as refused:
        town.steward("anna").schedule(version)
    assert [fault.code for fault in refused.value.faults] == ["administrator-unknown"]
    town.operator("broker").suspend(C, "police", "its keys were stolen")
    with pytest.raises(Refused) as refused:
        town.steward("bob").draft(version_from("2026-12-02"))
    assert (refused.value.status, refused.value.code) == (403, "administrator-not-active")
    for service in ("broker", "keyholder"):
        town.operator(service).reinstate(C, "police")
    assert town.steward("anna").schedule(version).status.value == "scheduled"


def test_the_broker_takes_over_what_the_key_holder_has_even_after_its_day(town: Town) -> None:
    """The key holder was in time. The broker, which was away, catches up, and both have the same versions again."""
    version = town.approved(version_from("2026-11-23"))
    anna = town.steward("anna")
    told = anna.version(version).told
    anna._key_holder.schedule(
        ApprovedVersion(
            document=told.document,
            predecessor=told.predecessor or "",
            author=told.author or "",
            proposal=told.proposal,
            approvals=tuple(Approval(administrator=a.administrator, signature=a.signature) for a in told.approvals),
        )
    )
    town.clock.advance(timedelta(days=3))
    assert town.statuses("keyholder")[version] == "active"
    assert version not in town.statuses("broker")
    assert anna.schedule(version).status.value == "active"
    assert town.statuses("broker") == town.statuses("keyholder")
