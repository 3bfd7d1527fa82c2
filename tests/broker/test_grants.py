"""Grants over HTTP: permission to open one sealed field, for what was decided and would be decided still."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clients.protocol import jws
from clients.protocol.encoding import b64u_decode
from clients.protocol.grants import Grant, verify_grant
from clients.protocol.sealing import open_field, unwrap_key
from tests.kit.disclosure import Answer, World, address
from tests.kit.stage import ISSUER, KEY_HOLDER_ISSUER
from tests.service.cast import amended

NOTES = {"note.gist": b"noise at night", "note.full": b"noise at night, every night", "contact.role": b"desk officer"}


def granted(world: World, answer: Answer) -> Grant:
    """The grant in an answer, as the key holder reads it."""
    assert answer.status == 200, answer.body
    key = world.stage.context.desk.grants.private_key.public_key()
    keys = {jws.thumbprint(key): key}
    return verify_grant(
        answer.body["grant"], keys, broker=ISSUER, key_holder=KEY_HOLDER_ISSUER, now=world.stage.clock()
    )


def disclosed(world: World, **stated: Any) -> tuple[UUID, UUID, dict[str, Any]]:
    """The municipality's anchor, the police's signal, and the disclosure of the one to the other."""
    mine = world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), **({"fields": NOTES} | stated))
    answer = world.disclose("municipality", mine)
    assert answer.status == 200, answer.body
    return mine, theirs, answer.body


def refusal(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


def test_a_grant_opens_the_field_at_the_key_holder(world: World) -> None:
    _, theirs, disclosure = disclosed(world)
    grant = granted(world, world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist"))
    assert (grant.broker, grant.recipient, grant.purpose, grant.stage) == (ISSUER, "municipality", "nuisance", "signal")
    assert grant.current_version == grant.info.version == world.stage.covenant.version
    assert grant.rule == "municipality-sees-nuisance"
    assert grant.audit_entry == disclosure["auditEntryId"]
    assert timedelta() < grant.expires_at - grant.issued_at <= timedelta(seconds=120)
    ((hit,),) = ([one for one in disclosure["hits"] if one["hit"]["signalId"] == str(theirs)],)
    (sealed,) = [one for one in hit["sealed"] if (one["field"], one["variant"]) == ("note", "gist")]
    private_key = world.stage.holder.months[grant.info.retention_month]
    key = unwrap_key(private_key, b64u_decode(sealed["wrappedKey"]), grant.info)
    opened = open_field(b64u_decode(sealed["ciphertext"]), b64u_decode(sealed["commitment"]), key, grant.info.place)
    assert opened.value == NOTES["note.gist"]


def test_each_grant_has_an_entry_that_names_the_decision(world: World) -> None:
    _, theirs, disclosure = disclosed(world)
    grant = granted(world, world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist"))
    ((party, fields),) = world.entries("grant-issued")
    assert party == "municipality"
    assert (fields["grant"], fields["entry"]) == (grant.jti, disclosure["auditEntryId"])
    assert (fields["signals"], fields["parties"], fields["items"]) == ([str(theirs)], ["police"], ["note.gist"])
    assert fields["rules"] == ["municipality-sees-nuisance"]


def test_every_grant_is_another(world: World) -> None:
    _, theirs, disclosure = disclosed(world)
    answers = [world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist") for _ in range(2)]
    assert len({granted(world, answer).jti for answer in answers}) == 2


def test_what_was_not_decided_is_not_granted(world: World) -> None:
    mine, theirs, disclosure = disclosed(world)
    which = disclosure["disclosureId"]
    asked = [
        world.grant("municipality", which, theirs, "note", "full"),  # sealed, and not for this stage
        world.grant("municipality", which, theirs, "note", "no-such"),
        world.grant("municipality", which, mine, "note", "gist"),  # the anchor itself
        world.grant("municipality", which, uuid4(), "note", "gist"),
    ]
    assert [refusal(answer) for answer in asked] == [(403, "item-not-decided")] * 4
    assert [fields["reason"] for _, fields in world.entries("grant-refused")] == ["item-not-decided"] * 4


def test_what_is_not_there_is_not_granted(world: World) -> None:
    _, theirs, disclosure = disclosed(world, fields={"note.gist": b"noise"})
    answer = world.grant("municipality", disclosure["disclosureId"], theirs, "contact", "role")
    assert refusal(answer) == (403, "item-not-decided")


def test_a_grant_is_the_askers_own(world: World) -> None:
    _, theirs, disclosure = disclosed(world)
    answers = [
        world.grant("care-team", which, theirs, "note", "gist") for which in (disclosure["disclosureId"], str(uuid4()))
    ]
    assert [refusal(answer) for answer in answers] == [(404, "disclosure-unknown")] * 2


def test_a_decision_does_not_last(world: World) -> None:
    mine, theirs, disclosure = disclosed(world)
    world.advance(timedelta(minutes=14))
    assert world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist").status == 200
    world.advance(timedelta(minutes=2))
    answer = world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist")
    assert refusal(answer) == (403, "disclosure-too-old")
    again = world.disclose("municipality", mine).body["disclosureId"]
    assert world.grant("municipality", again, theirs, "note", "gist").status == 200


@pytest.mark.parametrize("change", ["withdrawn", "anchor withdrawn", "source suspended"])
def test_what_would_not_be_decided_now_is_not_granted(world: World, change: str) -> None:
    mine, theirs, disclosure = disclosed(world)
    match change:
        case "withdrawn":
            world.withdraw("police", theirs)
        case "anchor withdrawn":
            world.withdraw("municipality", mine)
        case _:
            world.stage.suspend("police")
    answer = world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist")
    assert refusal(answer) == (403, "item-no-longer-shown")
    assert "clause" not in answer.body
    assert len(world.entries("grant-refused")) == 1


def test_a_new_prohibition_ends_it_and_is_named_by_its_clause(world: World) -> None:
    _, theirs, disclosure = disclosed(world)
    world.stage.adopt(
        amended(
            "  - forbid: no-care-notes-to-police",
            "  - forbid: no-police-notes\n    clause: art. 8.9\n    purpose: nuisance\n    stages: all\n"
            "    from: [police]\n    to: [municipality]\n    categories: [noise]\n    items: [note.gist]\n\n"
            "  - forbid: no-care-notes-to-police",
        )
    )
    answer = world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist")
    assert refusal(answer) == (403, "item-no-longer-shown")
    assert answer.body["clause"] == "art. 8.9"
    assert world.grant("municipality", disclosure["disclosureId"], theirs, "contact", "role").status == 200


def test_what_was_submitted_under_an_earlier_version_is_granted_under_both(world: World) -> None:
    mine, theirs, _ = disclosed(world)
    before = world.stage.covenant.version
    world.stage.adopt(amended("title: Complex approach Vogelplein", "title: Vogelplein"))
    disclosure = world.disclose("municipality", mine).body
    grant = granted(world, world.grant("municipality", disclosure["disclosureId"], theirs, "note", "gist"))
    assert grant.info.version == before
    assert grant.current_version == world.stage.covenant.version != before


def looked_up(world: World) -> tuple[UUID, UUID, dict[str, Any]]:
    """Two signals that a look-up of the police shows, and the disclosure."""
    signals = [world.submit(party, address(1), fields=NOTES) for party in ("municipality", "housing-north")]
    answer = world.look_up("police", address(1))
    assert len(answer.body["hits"]) == 2, answer.body
    return signals[0], signals[1], answer.body


def test_what_was_looked_up_is_granted_without_having_been_kept(world: World) -> None:
    first, second, disclosure = looked_up(world)
    for signal, source in ((first, "municipality"), (second, "housing-north")):
        grant = granted(world, world.grant("police", disclosure["disclosureId"], signal, "contact", "role"))
        assert (grant.info.party, grant.rule) == (source, "police-looks-up-pattern")
    assert refusal(world.grant("police", disclosure["disclosureId"], first, "note", "gist")) == (
        403,
        "item-not-decided",
    )


def test_what_a_look_up_would_not_show_now_is_not_granted(world: World) -> None:
    first, second, disclosure = looked_up(world)
    world.withdraw("housing-north", second)  # the pattern is broken: one party is none
    answers = [
        world.grant("police", disclosure["disclosureId"], signal, "contact", "role") for signal in (first, second)
    ]
    assert [refusal(answer) for answer in answers] == [(403, "item-no-longer-shown")] * 2


def test_no_log_no_grant(world: World) -> None:
    _, theirs, disclosure = disclosed(world)
    world.break_log()
    for signal in (theirs, uuid4()):
        answer = world.grant("municipality", disclosure["disclosureId"], signal, "note", "gist")
        assert refusal(answer) == (503, "audit-unavailable")
        assert "grant" not in answer.body
