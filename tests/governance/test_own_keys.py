"""A party replaces its own keys: the new ones count at once, and what the old ones signed is believed still."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.protocol import jws
from clients.protocol.messages.keyholder import Enrolment, PartyKeys
from clients.sdk import ProfileError, Refused, Session, create_profile, open_profile
from clients.sdk.opening import Opened
from clients.sdk.operating import Operator
from clients.sdk.profile import Profile
from clients.sdk.renewal import prepare, switch
from tests.governance.town import ADDRESSES, C, Town, record, seen_by

WHY = "they are a year old"
SERVICES = ("broker", "keyholder")


def renew(town: Town, party: str) -> Profile:
    """At both services, and in the party's profile."""
    made = prepare(town.directory / party)
    for service in SERVICES:
        town.operator(service).replace_keys(C, made, WHY)
    return taken(town, party)


def taken(town: Town, party: str) -> Profile:
    transports = (town.transports["broker"], town.transports["keyholder"])
    return switch(town.directory / party, transports=transports, now=town.clock)


def values_shown(session: Session) -> list[str]:
    """What the party opens of everything it sees."""
    found: list[str] = []
    for entry in session.journal.live():
        for one in session.open_fields(session.disclose(entry.signal_id, "nuisance")):
            assert isinstance(one, Opened), one.reason
            found.append(one.value)
    return found


def test_what_was_signed_with_the_old_key_is_shown_and_opened_as_before(town: Town) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    renew(town, "police")
    assert values_shown(town.session("municipality")) == ["shouting at night"]
    town.submit("police", record("p2", 1, **{"note.gist": "a fight"}))
    assert sorted(values_shown(town.session("municipality"))) == ["a fight", "shouting at night"]


def test_fields_are_opened_to_the_new_key(town: Town) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    renew(town, "municipality")
    assert values_shown(town.session("municipality")) == ["shouting at night"]


def test_the_old_keys_do_nothing_any_more(town: Town) -> None:
    old = open_profile(town.directory / "police")
    renew(town, "police")
    for service in SERVICES:
        with pytest.raises(Refused) as refused:
            Operator(town.conversation(service, "police", old.authentication_key)).parties(C)
        assert refused.value.status == 401
    police = town.session("police")
    object.__setattr__(police.profile, "signing_key", old.signing_key)
    record_ = record("p1", 1)
    path = town.directory / "rows.csv"
    path.write_text(",".join(record_) + "\n" + ",".join(record_.values()) + "\n")
    with pytest.raises(Refused, match="signature-invalid"):
        police.submit(iter(police.records(path)))  # type: ignore[arg-type]


def test_directories_say_what_keys_a_party_had_and_both_logs_when(town: Town) -> None:
    first = open_profile(town.directory / "police").public_keys()
    second = renew(town, "police").public_keys()
    third = renew(town, "police").public_keys()
    for service in SERVICES:
        entries = {one.party: one for one in town.operator(service).parties(C).parties}
        assert entries["police"].signing_key == third.signing_key
        assert set(entries["police"].former_signing_keys) == {second.signing_key, first.signing_key}
        assert entries["municipality"].former_signing_keys == ()
        told = [fields for event, fields in town.events(service) if event == "party-keys-replaced"]
        assert [(one["parties"], one["words"], one["role"]) for one in told] == [(["police"], WHY, "operator")] * 2
        assert set(told[0]["fingerprints"]) == {"authentication", "signing", "encryption"}  # type: ignore[call-overload]


def test_one_key_may_be_replaced_alone(town: Town) -> None:
    keys = open_profile(town.directory / "police").public_keys()
    other = create_profile(
        town.directory / "elsewhere",
        covenant=C,
        party="police",
        broker=ADDRESSES["broker"],
        key_holder=ADDRESSES["keyholder"],
    ).public_keys()
    changed = Enrolment(party="police", keys=keys.model_copy(update={"encryption_key": other.encryption_key}))
    for _ in range(2):  # a repetition is harmless
        town.operator("keyholder").replace_keys(C, changed, WHY)
    [told] = [fields for event, fields in town.events("keyholder") if event == "party-keys-replaced"]
    assert set(told["fingerprints"]) == {"encryption"}  # type: ignore[call-overload]
    assert town.session("police").agreement.directory["police"].encryption_key == other.encryption_key


# -- what an operator is refused


def replaced(town: Town, service: str, party: str, keys: PartyKeys) -> str:
    with pytest.raises(Refused) as refused:
        town.operator(service).replace_keys(C, Enrolment(party=party, keys=keys), WHY)
    return refused.value.code


@pytest.mark.parametrize("service", SERVICES)
def test_no_key_that_is_or_was_somebodys_is_registered_again(town: Town, service: str) -> None:
    old = open_profile(town.directory / "police").public_keys()
    housing = open_profile(town.directory / "housing-north").public_keys()
    new = renew(town, "police").public_keys()
    assert replaced(town, service, "police", old) == "key-replaced"
    assert replaced(town, service, "housing-north", old) == "key-replaced"
    for name in ("authentication_key", "signing_key", "encryption_key"):
        taken_from = housing.model_copy(update={name: getattr(new, name)})
        assert replaced(town, service, "housing-north", taken_from) == "key-taken"
        back = housing.model_copy(update={name: getattr(old, name)})
        assert replaced(town, service, "housing-north", back) == "key-replaced"
    with pytest.raises(Refused, match="other keys"):
        town.operator(service).enrol_party(C, Enrolment(party="police", keys=old))


@pytest.mark.parametrize("service", SERVICES)
def test_keys_that_are_none_are_located(town: Town, service: str) -> None:
    keys = open_profile(town.directory / "police").public_keys()
    bad = keys.model_copy(update={"encryption_key": b"short", "authentication_key": {"kty": "EC"}})
    with pytest.raises(Refused) as refused:
        town.operator(service).replace_keys(C, Enrolment(party="police", keys=bad), WHY)
    assert [fault.pointer for fault in refused.value.faults] == ["/keys/authenticationKey", "/keys/encryptionKey"]


@pytest.mark.parametrize("service", SERVICES)
def test_who_is_suspended_may_get_new_keys_and_who_has_left_or_never_came_may_not(town: Town, service: str) -> None:
    operator, made = town.operator(service), prepare(town.directory / "police")
    assert replaced(town, service, "nobody", made.keys) == "party-unknown"
    operator.suspend(C, "police", "its keys were stolen")
    operator.replace_keys(C, made, "its keys were stolen")
    assert {one.party: one.state for one in operator.parties(C).parties}["police"] == "suspended"
    operator.leave(C, "housing-south", "it leaves")
    keys = open_profile(town.directory / "housing-south").public_keys()
    assert replaced(town, service, "housing-south", keys) == "party-left"


@pytest.mark.parametrize("service", SERVICES)
def test_a_party_does_not_replace_its_own_keys(town: Town, service: str) -> None:
    key = open_profile(town.directory / "police").authentication_key
    with pytest.raises(Refused, match="role-not-allowed"):
        Operator(town.conversation(service, "police", key)).replace_keys(C, prepare(town.directory / "police"), WHY)


# -- the party's profile


def test_new_keys_are_taken_into_use_only_when_both_services_know_them(town: Town) -> None:
    folder = town.directory / "police"
    old, made = open_profile(folder).public_keys(), prepare(folder)
    assert prepare(folder) == made
    for service, waiting in (("broker", "broker"), ("keyholder", "key holder")):
        with pytest.raises(ProfileError, match=f"the {waiting} has not registered the new keys"):
            taken(town, "police")
        assert open_profile(folder).public_keys() == old
        town.operator(service).replace_keys(C, made, WHY)
    assert taken(town, "police").public_keys() == made.keys
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["keys"]
    assert {path.stat().st_mode & 0o777 for path in (folder / "keys").iterdir()} == {0o600}
    with pytest.raises(ProfileError, match="there are no new keys"):
        taken(town, "police")


def test_a_switch_that_was_interrupted_is_finished_by_the_next(town: Town) -> None:
    folder: Path = town.directory / "police"
    made = prepare(folder)
    for service in SERVICES:
        town.operator(service).replace_keys(C, made, WHY)
    (folder / "keys").rename(folder / "keys.old")
    assert taken(town, "police").public_keys() == made.keys


def test_the_journal_is_read_after_the_switch(town: Town) -> None:
    town.submit("police", record("p1", 1))
    town.submit("municipality", record("m1", 1))
    renew(town, "police")
    assert set(seen_by(town.session("police"))) == {"p1 municipality"}
    key = jws.public_jwk(open_profile(town.directory / "police").authentication_key)
    assert town.session("police").agreement.directory["police"].authentication_key == key
