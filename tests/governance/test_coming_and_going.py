"""Suspended, gone, over: what stops at once, and what is then nowhere to be found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlmodel import Session

from clients.protocol.messages.disclosure import Disclosure
from clients.protocol.messages.governance import OfficerEnrolment
from clients.protocol.messages.keyholder import Enrolment
from clients.sdk import Refused, open_profile
from clients.sdk.opening import Opened
from clients.sdk.operating import Operator
from service.errors import Unavailable
from tests.governance.town import C, Town, hash_of, record, seen_by, version_from
from tests.service.cast import COVENANT, DOCUMENT

SERVICES = ("broker", "keyholder")


@pytest.fixture
def disclosure(town: Town) -> Disclosure:
    """The police and two others have a signal at one address; the municipality was told."""
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("housing-north", record("h1", 1))
    town.submit("municipality", record("m1", 1))
    municipality = town.session("municipality")
    assert set(seen_by(municipality)) == {"m1 police", "m1 housing-north"}
    [own] = municipality.journal.live()
    return municipality.disclose(own.signal_id, "nuisance")


def values(town: Town, service: str) -> set[bytes]:
    """Every binary value in a service's database, but for the audit log, which stays."""
    found: set[bytes] = set()
    with psycopg.connect(town.urls[service]) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'bytea' AND table_name NOT LIKE 'audit%'"
        ).fetchall()
        for table, column in columns:
            query = psycopg.sql.SQL("SELECT DISTINCT {} FROM {} WHERE {} IS NOT NULL").format(
                *map(psycopg.sql.Identifier, (column, table, column))
            )
            found.update(bytes(value) for (value,) in connection.execute(query))
    return found


def files(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


# -- suspension


def test_a_suspension_takes_effect_at_once_at_the_service_that_made_it(town: Town, disclosure: Disclosure) -> None:
    municipality, police = town.session("municipality"), town.session("police")
    assert [type(one) for one in municipality.open_fields(disclosure)] == [Opened]
    key = municipality.agreement.keys["address-postcode"].public

    town.operator("keyholder").suspend(C, "police", "its keys were stolen")
    [answer] = municipality.open_fields(disclosure)
    assert not isinstance(answer, Opened)
    assert "party-not-active" in answer.reason
    with pytest.raises(Refused) as refused:
        police.key_holder.evaluate("address-postcode", 1, [key], prove=False)
    assert (refused.value.status, refused.value.code) == (403, "party-not-active")
    assert set(seen_by(municipality)) == {"m1 police", "m1 housing-north"}  # the broker knows nothing of it yet

    town.operator("broker").suspend(C, "police", "its keys were stolen")
    assert set(seen_by(municipality)) == {"m1 housing-north"}
    for ask in (police.hits, lambda: list(police.own_signals())):
        with pytest.raises(Refused) as refused:
            ask()
        assert (refused.value.status, refused.value.code) == (403, "party-not-active")

    for service in SERVICES:
        town.operator(service).reinstate(C, "police")
    assert set(seen_by(municipality)) == {"m1 police", "m1 housing-north"}
    assert set(seen_by(police)) == {"p1 housing-north", "p1 municipality"}


# -- leaving


def test_who_leaves_takes_its_keys_and_signals_along(town: Town, disclosure: Disclosure) -> None:
    municipality, police = town.session("municipality"), town.session("police")
    assert seen_by(police)
    leaves = {service: town.rows(service)["audit_leaf"] for service in SERVICES}

    town.operator("broker").leave(C, "police", "it ends its part in the approach")
    assert set(seen_by(municipality)) == {"m1 housing-north"}
    with psycopg.connect(town.urls["broker"]) as connection:
        states = connection.execute("SELECT state, digests, salts FROM signal WHERE party = 'police'").fetchall()
        sealed = connection.execute("SELECT sealed, live FROM pseudonym WHERE party = 'police'").fetchall()
        told = connection.execute("SELECT count(*) FROM hit_state WHERE viewer = 'police'").fetchone()
    assert states == [("withdrawn", None, None)]
    assert sealed == [(None, False)]
    assert told == (0,)
    assert "signal_field" not in town.rows("broker")
    assert not [name for name in town.keys["broker"].names("conversion/") if "/police." in name]
    # Between the two services the others go on: what one does not publish any more is not missed at the other.
    assert set(town.session("care-team").agreement.keys) == {
        "address-bag",
        "address-postcode",
        "person-bsn",
        "person-name-birthdate",
    }

    town.operator("keyholder").leave(C, "police", "it ends its part in the approach")
    assert not [name for name in town.keys["keyholder"].names("party-keys/") if "/police/" in name]
    for ask in (police.hits, lambda: police.key_holder.sealing_key("2027-11")):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.code == "party-not-active"
    for service in SERVICES:
        [(_, fields)] = [one for one in town.events(service) if one[0] == "party-left"]
        assert (fields["parties"], fields["words"]) == (["police"], "it ends its part in the approach")
        assert town.rows(service)["audit_leaf"] > leaves[service]
    [(_, fields)] = [one for one in town.events("broker") if one[0] == "signal-withdrawn"]
    assert (fields["reason"], len(fields["signals"]), len(fields["subjects"])) == ("party-left", 1, 1)  # type: ignore[arg-type]
    town.operator("broker").set_up(C)
    town.submit("care-team", record("c1", 1))
    assert set(seen_by(town.session("municipality"))) == {"m1 housing-north", "m1 care-team"}


def test_leaving_is_for_good_and_harmless_to_repeat(town: Town) -> None:
    keys = open_profile(town.directory / "police").public_keys()
    for service in SERVICES:
        operator = town.operator(service)
        for _ in range(2):
            operator.leave(C, "police", "it ends its part in the approach")
        assert len([event for event, _ in town.events(service) if event == "party-left"]) == 1
        for step in (
            lambda operator=operator: operator.enrol_party(C, Enrolment(party="police", keys=keys)),
            lambda operator=operator: operator.reinstate(C, "police"),
            lambda operator=operator: operator.suspend(C, "police", "once more"),
        ):
            with pytest.raises(Refused) as refused:
                step()
            assert (refused.value.status, refused.value.code) == (409, "party-left")
        assert not [name for name in town.keys[service].names() if "police" in name]


# -- the end


def test_ending_destroys_what_the_covenant_held(town: Town, disclosure: Disclosure) -> None:
    town.submit("municipality", record("m2", 2, **{"note.gist": "a window was broken", "contact.role": "desk"}))
    town.steward("dora").draft(version_from("2026-12-01"))
    before = {service: values(town, service) for service in SERVICES}
    keys_before = {service: files(town.directory / f"{service}-keys") for service in SERVICES}
    leaves = {service: town.rows(service)["audit_leaf"] for service in SERVICES}
    police = town.session("police")

    for service in SERVICES:
        town.operator(service).end(C, "the block was demolished")

    own = {"broker": {".lock"}, "keyholder": {".lock"}}
    for service in SERVICES:
        left = files(town.directory / f"{service}-keys")
        assert left < keys_before[service]
        assert {name for name in left if not name.startswith("service/")} == own[service]
        rows = town.rows(service)
        assert rows["audit_leaf"] > leaves[service]
        assert rows["covenant_version"] >= 1
    held = {
        "broker": {"signal", "signal_id", "signal_field", "signal_batch", "pseudonym", "joint_key", "hit_state",
                   "hit_feed", "disclosure", "told", "notice", "lookup_count"},
        "keyholder": {"match_key", "token_use", "evaluation_receipt", "release"},
    }  # fmt: skip
    assert not held["broker"] & town.rows("broker").keys()
    assert not held["keyholder"] & town.rows("keyholder").keys()
    # Of the long values (ciphertexts, wrapped keys, batches of leaves) only public keys and documents are left.
    for service in SERVICES:
        kept = {value for value in values(town, service) if len(value) > 64}
        assert kept <= before[service]
        with psycopg.connect(town.urls[service]) as connection:
            public = connection.execute("SELECT encryption_key FROM party").fetchall()
            sealing = connection.execute("SELECT public_key FROM sealing_key").fetchall() if service != "broker" else []
            service_key = connection.execute("SELECT encryption_key FROM enrolled_service").fetchall()
        public_keys = {bytes(value) for rows in (public, sealing, service_key) for (value,) in rows}
        assert {value for value in kept if value not in public_keys} == {DOCUMENT} | (
            {version_from("2026-12-01")} if service == "broker" else set()
        )

    for ask in (police.hits, police.broker.covenant, lambda: police.key_holder.sealing_key("2027-11")):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.code in ("covenant-ended", "party-not-active")
    assert town.steward("olga").version(COVENANT.version).told.status.value == "ended"
    assert town.steward("olga").version(hash_of(version_from("2026-12-01"))).told.status.value == "withdrawn"
    with pytest.raises(Refused) as refused:
        town.steward("anna").draft(version_from("2026-12-02"))
    assert (refused.value.status, refused.value.code) == (409, "covenant-ended")


def test_an_ending_that_was_interrupted_is_finished_by_itself(
    town: Town, disclosure: Disclosure, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase: Callable[[Session, str], int] = town.broker.departures.erase_some
    calls: list[str] = []
    working = False

    def interrupted(_: object, session: Session, covenant_id: str) -> int:
        calls.append(covenant_id)
        if len(calls) > 1 and not working:
            raise Unavailable("database-unavailable", "the database went away")
        return erase(session, covenant_id)

    monkeypatch.setattr(type(town.broker.departures), "erase_some", interrupted)
    with pytest.raises(Refused) as refused:
        town.operator("broker").end(C, "the block was demolished")
    assert refused.value.status == 503
    assert "signal" in town.rows("broker")
    with pytest.raises(Refused):  # nothing of it can be used meanwhile
        town.session("municipality").hits()
    working = True
    town.upkeep()
    assert not {"signal", "signal_id", "pseudonym", "signal_batch", "hit_state"} & town.rows("broker").keys()


def test_an_ended_covenant_is_not_founded_again_and_ending_is_harmless_to_repeat(town: Town) -> None:
    for service in SERVICES:
        for _ in range(2):
            town.operator(service).end(C, "the block was demolished")
        assert len([event for event, _ in town.events(service) if event == "covenant-ended"]) == 1
        town.upkeep()


# -- people


def test_an_officer_is_enrolled_once_and_can_be_dismissed(town: Town) -> None:
    olga = town.steward("olga")
    enrolment = olga.profile.enrolment()
    assert isinstance(enrolment, OfficerEnrolment)
    for service in SERVICES:
        operator: Operator = town.operator(service)
        operator.enrol_officer(C, enrolment)
        assert len([event for event, _ in town.events(service) if event == "officer-enrolled"]) == 1
        other = enrolment.model_copy(
            update={"authentication_key": town.steward("anna").profile.enrolment().authentication_key}
        )
        with pytest.raises(Refused) as refused:
            operator.enrol_officer(C, other)
        assert refused.value.status == 409
    assert olga.versions().versions
    town.operator("broker").dismiss_officer(C, "olga")
    with pytest.raises(Refused) as refused:
        olga.versions()
    assert refused.value.status == 401


def test_only_operators_decide_who_takes_part(town: Town) -> None:
    from clients.protocol.messages.governance import OperatorReason

    anna = town.steward("anna")
    for conversation in (anna._broker._http, anna._key_holder._http):
        for path in (f"/v1/covenants/{C}/parties/police/departure", f"/v1/covenants/{C}/ending"):
            with pytest.raises(Refused) as refused:
                conversation.put(path, OperatorReason(reason="because I can"))
            assert (refused.value.status, refused.value.code) == (403, "role-not-allowed")
