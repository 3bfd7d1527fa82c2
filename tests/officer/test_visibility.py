"""Who sees what of an entry: the officer all of it, a party what the covenant gives it and nothing that tells more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.audit_leaf import entry_leaf, leaf_of_view, partial_view
from covenant_rules.model import AUDIT_FIELDS, AuditSight, Duration
from service.audit.events import CATALOGUE, WITHHELD, Sight
from service.audit.leaf import leaf_fields
from service.audit.record import AuditRecord
from service.audit.search import Entry
from service.audit.visibility import View, party_view, source_view, whole
from service.principals import Principal, Role
from service.storage.database import Database
from service.web.audit_messages import entry_message, proved_message
from tests.officer.logs import PARTIES, C, Scribe, entry_of

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
TODAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 23)
LATER = date(2027, 11, 22)
ALL = AuditSight(source=frozenset(AUDIT_FIELDS), recipient=frozenset(AUDIT_FIELDS))

scribe = Scribe(cast(Database, None), random=Random(4))


def disclosed(**changes: object) -> Entry:
    return entry_of(scribe.disclosure(**changes), NOW)  # type: ignore[arg-type]


def seen(view: View | None) -> View:
    assert view is not None
    return view


# -- the officer


def test_the_officer_sees_every_field_of_every_entry() -> None:
    for _ in range(100):
        entry = entry_of(scribe.any(), NOW)
        assert whole(entry).fields == entry.fields
        message = entry_message(whole(entry), entry.entry_id)
        assert (message.entry_id, message.at, message.leaf_index) == (entry.entry_id, entry.at, 7)


# -- the source


def test_a_source_sees_that_a_partner_saw_its_signal_with_the_fields_of_the_permit_alone() -> None:
    entry = disclosed(sight=AuditSight(source=frozenset({"day", "party", "purpose", "items"})))
    view = seen(source_view(entry, "municipality", TOMORROW))
    assert view.fields.keys() == {"party", "purpose", "signals", "shown"}
    assert view.fields["party"] == "police"
    message = entry_message(view, scribe.uuid())
    assert (message.standing, message.day, message.at, message.entry_id, message.leaf_index) == (
        "source", TODAY, None, None, None
    )  # fmt: skip


@given(st.sets(st.sampled_from(AUDIT_FIELDS)))
def test_a_source_sees_each_field_just_if_its_permit_says_so(allowed: set[str]) -> None:
    entry = disclosed(sight=AuditSight(source=frozenset(allowed)))
    view = seen(source_view(entry, "municipality", TOMORROW))
    message = entry_message(view, scribe.uuid())
    assert (message.day is not None) == bool(allowed & {"day", "time"})
    assert (message.at is not None) == (message.entry_id is not None) == ("time" in allowed)
    for name, field in (("party", "party"), ("actor", "actor"), ("purpose", "purpose"), ("stage", "stage")):
        assert (field in message.fields) == (name in allowed)
    assert ("rules" in message.fields) == ("rule" in allowed)
    assert ("shown" in message.fields) == ("items" in allowed)


def test_a_source_sees_nothing_of_other_sources() -> None:
    entry = disclosed(sources=("municipality", "care-team"), sight=ALL)
    view = seen(source_view(entry, "municipality", TOMORROW))
    message = entry_message(view, scribe.uuid())
    others = [signal for signal, part in entry.fields["shown"].items() if part["source"] == "care-team"]
    assert others
    assert "care-team" not in message.model_dump_json()
    assert not any(signal in message.model_dump_json() for signal in others)
    assert "rules" not in message.fields  # they may be those by which the other signal was shown
    proof = proved_message(view, scribe.uuid(), None)
    assert "care-team" not in proof.model_dump_json()
    assert not any(signal in proof.model_dump_json() for signal in others)


def test_entries_about_one_other_source_and_about_three_look_alike_to_each() -> None:
    few = disclosed(sources=("municipality", "care-team"), sight=ALL)
    many = disclosed(sources=("municipality", "care-team", "housing-north"), sight=ALL)
    one, other = (proved_message(seen(source_view(e, "municipality", LATER)), scribe.uuid(), None) for e in (few, many))
    assert len(one.hidden) == len(other.hidden)
    assert one.shown.keys() - {n for n in one.shown if n.startswith("shown/")} == other.shown.keys() - {
        n for n in other.shown if n.startswith("shown/")
    }


def test_a_source_sees_an_entry_when_its_day_is_over() -> None:
    entry = disclosed(sight=AuditSight(source=frozenset({"day", "party"})))
    assert source_view(entry, "municipality", TODAY) is None
    assert source_view(entry, "municipality", TOMORROW) is not None


def test_a_source_that_may_see_the_time_sees_an_entry_at_once() -> None:
    assert source_view(disclosed(sight=ALL), "municipality", TODAY) is not None


@pytest.mark.parametrize(("allowed", "first"), [({"day"}, date(2026, 12, 22)), ({"time"}, date(2026, 12, 22))])
def test_a_confidential_entry_is_seen_from_its_lift_date_on(allowed: set[str], first: date) -> None:
    entry = disclosed(sight=AuditSight(source=frozenset(allowed), confidential=Duration(days=30)))
    assert source_view(entry, "municipality", first - timedelta(days=1)) is None
    assert source_view(entry, "municipality", first) is not None


def test_who_is_no_source_of_an_entry_sees_nothing_of_it() -> None:
    entry = disclosed(sight=ALL)
    for party in ("care-team", "housing-north", "police", "nobody"):
        assert source_view(entry, party, LATER) is None


def test_the_source_of_an_opened_field_sees_which_one() -> None:
    record = AuditRecord(
        event="grant-issued", covenant_id=C, by=Principal("police", Role.PARTY, "police", C, "desk-1"),
        disclosure=scribe.uuid(), purpose="nuisance", stage="signal", subjects=(bytes(32),), signals=(scribe.uuid(),),
        parties=("municipality",), origins=("care-team",), items=("note.full",), rules=("rule-a",), sight=ALL,
        grant=str(scribe.uuid()), entry=scribe.uuid(),
    )  # fmt: skip
    entry = entry_of(record, NOW)
    view = seen(source_view(entry, "municipality", LATER))
    assert view.fields["items"] == ["note.full"]
    assert view.fields["signals"] == entry.fields["signals"]
    assert view.fields["rules"] == ["rule-a"]
    assert view.fields.keys() <= {"party", "actor", "purpose", "stage", "items", "signals", "rules"}
    assert source_view(entry, "care-team", LATER) is None  # an origin does not know that the signal exists


# -- the party that acted


def test_a_recipient_sees_its_own_entry_as_far_as_the_permit_says() -> None:
    entry = disclosed(sight=AuditSight(recipient=frozenset({"day", "items"})))
    view = seen(party_view(entry, "police"))
    assert view.fields.keys() == {"shown", "signals", "outcome", "disclosure"}
    message = entry_message(view, entry.entry_id)
    assert (message.standing, message.day, message.at) == ("own", TODAY, None)
    assert view.provable == {"entry", "day"} | {f"shown/{signal}" for signal in entry.fields["shown"]}


def test_a_recipient_does_not_see_the_source_of_a_signal_that_hides_it() -> None:
    entry = disclosed(items=("hit", "category"), sight=ALL)
    view = seen(party_view(entry, "police"))
    text = entry_message(view, entry.entry_id).model_dump_json()
    text += proved_message(view, entry.entry_id, None).model_dump_json()
    assert "municipality" not in text
    assert "category" in text


def test_a_party_sees_its_own_acts() -> None:
    entry = entry_of(scribe.submission("police"), NOW)
    view = seen(party_view(entry, "police"))
    assert view.fields == {name: value for name, value in entry.fields.items() if name != "subjects"}
    assert party_view(entry, "municipality") is None


def test_a_party_sees_what_the_service_did_with_something_of_its_own() -> None:
    record = AuditRecord(
        event="signal-expired", covenant_id=C, parties=("police",), signals=(scribe.uuid(),), subjects=(bytes(32),)
    )
    assert party_view(entry_of(record, NOW), "police") is not None
    assert party_view(entry_of(record, NOW), "municipality") is None


def test_every_party_sees_who_takes_part_and_under_which_rules() -> None:
    record = AuditRecord(event="party-suspended", covenant_id=C, parties=("police",), words="keys were stolen")
    assert seen(party_view(entry_of(record, NOW), "care-team")).standing == "covenant"


def test_what_an_officer_does_is_not_seen_by_the_party_it_works_for() -> None:
    officer = Principal("officer-1", Role.OFFICER, "police", C)
    record = AuditRecord(event="log-read", covenant_id=C, by=officer, counts={"entries": 1}, form="page")
    assert party_view(entry_of(record, NOW), "police") is None


def test_what_the_key_holder_learns_of_a_signal_is_not_its_recipient_s() -> None:
    entry = entry_of(scribe.refusal("police"), NOW)
    fields = entry.fields | {"origins": ["care-team"], "category": "violence", "submitted": "cd" * 32}
    for event in ("field-released", "release-refused"):
        view = seen(party_view(replace(entry, event=event, fields=fields), "police"))
        assert not view.fields.keys() & {"origins", "category", "submitted"}
        assert "rest" not in view.provable


# -- all of them


def views(entry: Entry) -> list[View]:
    found = [party_view(entry, party) for party in PARTIES]
    found += [source_view(entry, party, LATER) for party in PARTIES]
    return [view for view in found if view is not None]


def test_no_party_ever_sees_a_handle() -> None:
    """By handles two parties could find out which subjects they share."""
    total = 0
    for _ in range(300):
        entry = entry_of(scribe.any(), NOW)
        handles = entry.fields.get("subjects", [])
        for view in views(entry):
            total += 1
            assert not view.fields.keys() & WITHHELD
            text = proved_message(view, scribe.uuid(), None).model_dump_json()
            assert not any(handle in text for handle in handles)
    assert total > 300


def test_every_view_leads_to_the_leaf_of_its_entry() -> None:
    for _ in range(200):
        entry = entry_of(scribe.any(), NOW)
        fields = leaf_fields(entry.covenant_id, entry.entry_id, entry.event, entry.at, entry.fields)
        leaf = entry_leaf(entry.salt, fields)
        for view in (*views(entry), whole(entry)):
            partial = partial_view(entry.salt, fields, view.provable)
            assert leaf_of_view(partial) == leaf
            assert partial.shown.keys() == view.provable & fields.keys()


def test_a_source_is_shown_the_same_by_the_proof_as_by_the_view() -> None:
    """Nothing is in the proof that is not in the view: what may not be read may not be proved either."""
    for allowed in ({"day"}, {"party"}, {"items"}, {"rule", "purpose"}, {"stage", "actor", "day"}):
        view = seen(source_view(disclosed(sight=AuditSight(source=frozenset(allowed))), "municipality", LATER))
        named = {"rule": "rules"}
        proved = {name for name in view.provable if not name.startswith("shown/")}
        assert proved == {named.get(name, name) for name in allowed - {"items"}}
        assert any(name.startswith("shown/") for name in view.provable) == ("items" in allowed)


def test_where_nothing_may_be_proved_not_even_the_leaf_is_given() -> None:
    """The leaf alone would tell the entry's place."""
    view = seen(source_view(disclosed(sight=AuditSight(source=frozenset())), "municipality", LATER))
    proof = proved_message(view, scribe.uuid(), "the place of the leaf")
    assert (proof.shown, proof.hidden, proof.groups, proof.proof) == ({}, (), (), None)


def test_no_event_is_forgotten() -> None:
    """Whatever can be written, a party that did it sees something of it, or the catalogue says that it does not."""
    for event in CATALOGUE.values():
        form = {"party": "police", "role": "party", "parties": ["police"], "sight": {"source": [], "recipient": []}}
        view = party_view(Entry(C, scribe.uuid(), event.id, NOW, form, bytes(32), 0), "police")
        assert (view is None) == (event.sight is Sight.OFFICER), event.id
