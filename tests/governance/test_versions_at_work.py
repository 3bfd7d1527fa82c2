"""What a new version does to signals, hits, fields and keys: wider, narrower, other match keys, other parties."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clients.protocol.messages.keyholder import Enrolment
from clients.protocol.messages.signals import SignalBatch
from clients.sdk import ClientError, Refused, Stale, VerificationError, create_profile, open_profile
from clients.sdk.journal import EntryState
from clients.sdk.opening import Opened
from tests.governance.town import ADDRESSES, C, Town, record, seen_by, version_from
from tests.service.cast import COVENANT

WASTE_TO_POLICE = (
    "to: [police]\n    categories: [noise, illegal-subletting]",
    "to: [police]\n    categories: [noise, waste, illegal-subletting]",
)
NOTHING_OF_THE_POLICE = (
    "    from: [police, housing, care]\n    to: [municipality]",
    "    from: [housing, care]\n    to: [municipality]",
)
RETITLED = ("title: Complex approach", "title: Second approach")


def tomorrow(town: Town) -> str:
    return f"{town.clock.now + timedelta(days=1):%Y-%m-%d}"


def change_tomorrow(town: Town, *changes: tuple[str, str]) -> str:
    """A version with these changes, one day later: it is in force."""
    version = town.change(version_from(tomorrow(town), *changes)).version
    town.clock.advance(timedelta(days=1))
    return version


# -- both versions


def test_a_wider_version_shows_nothing_more_until_the_source_affirms(town: Town) -> None:
    town.submit("municipality", record("m1", 1, "waste"))
    town.submit("police", record("p1", 1))
    pattern = {"p1 municipality": ("hit", "source")}
    assert seen_by(town.session("police")) == pattern
    version = change_tomorrow(town, WASTE_TO_POLICE)
    assert seen_by(town.session("police")) == pattern
    tally = town.session("municipality").affirm()
    assert (tally.changed, tally.refused) == (1, [])
    assert seen_by(town.session("police")) == {"p1 municipality": ("hit", "source", "category", "period")}
    # Affirmed is affirmed: the journal has the new version, and nothing is submitted twice.
    again = town.session("municipality")
    assert (again.affirm().changed, again.affirm().changed) == (0, 0)
    [entry] = again.journal.live()
    assert (entry.version, entry.record["reference"]) == (version, "m1")
    assert [one.state for one in again.own_signals()] == ["withdrawn", "live"]


def test_a_narrower_version_hides_at_once(town: Town) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    municipality = town.session("municipality")
    assert "note.gist" in seen_by(municipality)["m1 police"]
    [hit] = municipality.hits()
    assert hit.own is not None
    disclosure = municipality.disclose(hit.own.signal_id, "nuisance")
    version = town.change(version_from(tomorrow(town), NOTHING_OF_THE_POLICE)).version
    [opened] = municipality.open_fields(disclosure)
    assert isinstance(opened, Opened)
    # A second before midnight in Amsterdam it is seen, a second later it is not, by nobody's doing.
    midnight = town.clock.now.replace(hour=23, minute=0, second=0, microsecond=0)
    town.clock.now = midnight - timedelta(seconds=1)
    assert seen_by(municipality)
    town.clock.now = midnight
    assert seen_by(municipality) == {}
    town.clock.now = midnight + timedelta(seconds=1)
    late = town.session("municipality")
    assert late.agreement.covenant.version == version
    assert late.disclose(hit.own.signal_id, "nuisance").hits == ()
    [answer] = late.open_fields(disclosure)
    assert not isinstance(answer, Opened)


def test_a_field_that_was_submitted_under_an_earlier_version_still_opens(town: Town) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    version = change_tomorrow(town, RETITLED)
    municipality = town.session("municipality")
    [hit] = municipality.hits()
    assert hit.own is not None
    disclosure = municipality.disclose(hit.own.signal_id, "nuisance")
    assert disclosure.covenant_version == version
    [disclosed] = disclosure.hits
    assert disclosed.evidence is not None
    assert disclosed.evidence.covenant_version == COVENANT.version
    [opened] = municipality.open_fields(disclosure)
    assert isinstance(opened, Opened)
    assert (opened.source, opened.value) == ("police", "shouting at night")


def test_an_earlier_version_that_the_broker_made_up_proves_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    change_tomorrow(town, RETITLED)
    municipality = town.session("municipality")
    honest = municipality.broker.version

    def dishonest(version: str) -> object:
        told = honest(version)
        return told.model_copy(update={"document": told.document.replace("Vogelplein", "Mussenplein")})

    monkeypatch.setattr(municipality.broker, "version", dishonest)
    [hit] = municipality.hits()
    assert hit.own is not None
    [answer] = municipality.open_fields(municipality.disclose(hit.own.signal_id, "nuisance"))
    assert not isinstance(answer, Opened)
    with pytest.raises(VerificationError):
        municipality.version(COVENANT.version)


# -- submitting across a change


def test_a_batch_under_a_superseded_version_is_refused_as_stale(town: Town) -> None:
    police = town.session("police")
    assert police.agreement.covenant == COVENANT  # read yesterday
    change_tomorrow(town, RETITLED)
    path = town.directory / "police" / "more.csv"
    row = record("p1", 1)
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n", encoding="utf-8")
    with pytest.raises(Stale) as stale:
        police.submit(list(police.records(path)))  # type: ignore[arg-type]
    assert stale.value.code == "stale-covenant-version"
    # What was written down for repeating cannot be sent any more; the next run settles it and submits anew.
    assert list(police.journal.counts()) == [EntryState.PENDING]
    police.journal.close()
    later = town.session("police")
    tally = later.submit(list(later.records(path)))  # type: ignore[arg-type]
    assert (tally.new, tally.resumed, tally.refused) == (1, 0, [])
    assert later.journal.counts() == {EntryState.REJECTED: 1, EntryState.LIVE: 1}


def test_what_arrived_before_the_change_without_an_answer_is_known_after_it(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    police = town.session("police")
    send = police.broker.submit

    def lost(batch: SignalBatch) -> object:
        send(batch)
        raise ClientError("the answer was lost")

    monkeypatch.setattr(police.broker, "submit", lost)
    path = town.directory / "police" / "more.csv"
    row = record("p1", 1)
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n", encoding="utf-8")
    with pytest.raises(ClientError, match="the answer was lost"):
        police.submit(list(police.records(path)))  # type: ignore[arg-type]
    police.journal.close()
    change_tomorrow(town, RETITLED)
    later = town.session("police")
    assert later.affirm().changed == 1
    assert later.journal.counts() == {EntryState.WITHDRAWN: 1, EntryState.LIVE: 1}


def test_what_is_no_record_under_the_new_version_stays_and_is_named(town: Town) -> None:
    town.submit("municipality", record("m1", 1, "waste"), record("m2", 2))
    change_tomorrow(
        town,
        ("municipality: [address-bag, address-postcode]", "municipality: [address-bag]"),
    )
    municipality = town.session("municipality")
    tally = municipality.affirm()
    assert tally.changed == 0
    assert sorted((reference, faults[0].code) for reference, faults in tally.refused) == [
        ("m1", "no-identifier-this-party-may-use"),
        ("m2", "no-identifier-this-party-may-use"),
    ]
    assert municipality.journal.counts() == {EntryState.LIVE: 2}


# -- match keys


def test_a_withdrawn_match_key_matches_and_evaluates_no_more_and_its_keys_are_destroyed(town: Town) -> None:
    both = {"bag_id": "0344200000000001"}
    town.submit("police", record("p1", 1), record("p2", 2, **both))
    town.submit("municipality", record("m1", 1), record("m2", 2, **both))
    assert set(seen_by(town.session("municipality"))) == {"m1 police", "m2 police"}
    change_tomorrow(town, ("      police: [address-bag, address-postcode]", "      police: [address-bag]"))
    assert set(seen_by(town.session("municipality"))) == {"m2 police"}
    [hit] = town.session("municipality").hits()
    assert hit.hit.matched_on == ("address-bag",)
    police = town.session("police")
    key = town.session("municipality").agreement.keys["address-postcode"].public
    with pytest.raises(Refused) as refused:
        police.key_holder.evaluate("address-postcode", 1, [key], prove=False)
    assert refused.value.code == "match-key-not-allowed"

    town.upkeep()
    for service in ("broker", "keyholder"):
        left = [name for name in town.keys[service].names() if "address-postcode/police" in name]
        assert left == []
        [(_, fields)] = [one for one in town.events(service) if one[0] == "party-keys-destroyed"]
        assert (fields["parties"], fields["match_keys"]) == (["police"], ["address-postcode"])
    assert set(town.session("police").agreement.keys) == {"address-bag", "person-name-birthdate"}
    town.operator("broker").set_up(C)  # what is gone does not stand in the way of what comes

    # Given back, the party has another key, and what was submitted before matches again.
    change_tomorrow(town)
    town.operator("broker").set_up(C)
    assert town.session("police").agreement.keys["address-postcode"].version == 2
    assert set(seen_by(town.session("municipality"))) == {"m1 police", "m2 police"}
    town.submit("police", record("p3", 3))
    town.submit("municipality", record("m3", 3))
    assert "m3 police" in seen_by(town.session("municipality"))


def test_a_match_key_that_a_version_gives_is_set_up_before_its_day(town: Town) -> None:
    housing = "      housing: [address-bag, address-postcode]\n      care"
    change_tomorrow(town, (housing, "      housing: [address-bag]\n      care"))
    town.upkeep()
    town.change(version_from(tomorrow(town)))
    town.operator("broker").set_up(C)
    before = town.session("housing-north")
    assert "address-postcode" not in before.agreement.covenant.match_keys["address"].kinds["housing"]
    town.clock.advance(timedelta(days=1))
    town.submit("housing-north", record("h1", 1))
    town.submit("municipality", record("m1", 1))
    assert set(seen_by(town.session("municipality"))) == {"m1 housing-north"}


# -- parties


SOUTH = '  housing-south: {title: Housing corporation Zuid, kind: housing, oin: "00000001004444444000"}\n'
WEST = '  housing-west: {title: Housing corporation West, kind: housing, oin: "00000001006666666000"}\n'


def test_a_party_that_a_version_names_joins_before_its_day_and_takes_part_from_it(town: Town) -> None:
    with pytest.raises(Refused):
        town.join("housing-west")
    town.change(version_from(tomorrow(town), (SOUTH, SOUTH + WEST)))
    profile = create_profile(
        town.directory / "west",
        covenant=C,
        party="housing-west",
        broker=ADDRESSES["broker"],
        key_holder=ADDRESSES["keyholder"],
    )
    for service in ("broker", "keyholder"):
        town.operator(service).enrol_party(C, Enrolment(party="housing-west", keys=profile.public_keys()))
    town.operator("broker").set_up(C)
    with pytest.raises(ClientError, match="no party of covenant"):
        _ = town.session("west").agreement
    assert town.session("west").hits() == []
    town.clock.advance(timedelta(days=1))
    town.submit("west", record("w1", 1))
    town.submit("municipality", record("m1", 1))
    assert set(seen_by(town.session("municipality"))) == {"m1 housing-west"}


def test_a_party_that_a_version_names_no_more_is_out(town: Town) -> None:
    town.submit("housing-south", record("h1", 1))
    town.submit("municipality", record("m1", 1))
    assert set(seen_by(town.session("municipality"))) == {"m1 housing-south"}
    change_tomorrow(town, (SOUTH, WEST))
    assert seen_by(town.session("municipality")) == {}
    session = town.session("housing-south")
    with pytest.raises(ClientError, match="no party of covenant"):
        _ = session.agreement
    assert session.hits() == []
    town.upkeep()
    for service in ("broker", "keyholder"):
        assert not [name for name in town.keys[service].names() if "/housing-south" in name]


def test_the_directories_say_of_what_kind_a_party_is_now(town: Town) -> None:
    """Nothing is decided on what they say: each decision reads the kind in the version it is decided under."""
    police, care = "Police unit Midden, kind: police", "Care team Vogelplein, kind: care"
    changes = (
        (police, police.replace("kind: police", "kind: care")),
        (care, care.replace("kind: care", "kind: police")),
    )
    change_tomorrow(town, *changes)
    town.upkeep()
    town.operator("broker").set_up(C)
    for service in ("broker", "keyholder"):
        town.operator(service).enrol_party(C, enrolment_of(town, "police"))  # a repetition is harmless still
        kinds = {one.party: one.kind for one in town.operator(service).parties(C).parties}
        assert (kinds["police"], kinds["care-team"], kinds["housing-north"]) == ("care", "police", "housing")
    assert "person-bsn" in town.session("police").agreement.keys
    assert "person-bsn" not in town.session("care-team").agreement.keys


def enrolment_of(town: Town, party: str) -> Enrolment:
    return Enrolment(party=party, keys=open_profile(town.directory / party).public_keys())
