"""A party's keys are replaced: what it submitted stays and matches, its client goes on, and the old keys are gone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from clients.protocol.ceremony import KeyScope, PublishedKeys, PublishedParty, verify_succession
from clients.protocol.officers import OFFICERS
from clients.sdk import ClientError, Refused, Session, open_profile
from clients.sdk.errors import Stale, Unreachable, VerificationError
from clients.sdk.officer import Officer
from clients.sdk.offices import open_office_profile
from clients.sdk.operating import Operator
from clients.sdk.records import Rejected
from clients.sdk.submission import Tally
from service.evaluation.destruction import KeyDestruction
from tests.governance.town import C, Town, record, seen_by

WHY = "the keys may have been copied"
KEYS = ("address-bag", "address-postcode", "person-name-birthdate")
"""What the covenant gives the police."""


def rotate(town: Town, party: str = "police", keys: Iterable[str] = KEYS, version: int = 2) -> None:
    """At the key holder alone: the broker knows nothing of it yet."""
    for match_key in keys:
        town.operator("keyholder").rotate_key(C, party, match_key, version, WHY)


def submit(session: Session, town: Town, *rows: dict[str, str]) -> Tally:
    """Submits in a session that is open already."""
    path = town.directory / "rows.csv"
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return session.submit(one for one in session.records(path) if not isinstance(one, Rejected))


def files(town: Town, service: str, of: str) -> set[str]:
    return {name for name in town.keys[service].names() if of in name}


def published(town: Town, match_key: str = "address-bag") -> PublishedKeys:
    session = town.session("municipality")
    (ours,) = (key for key in session.broker.covenant().keys if key.match_key == match_key)
    (theirs,) = (key for key in session.key_holder.commitments().keys if key.match_key == match_key)
    points = {one.party: one.point for one in theirs.parties}
    return PublishedKeys(
        KeyScope(C, match_key),
        theirs.point,
        ours.broker_point,
        ours.joint_point,
        ours.proof,
        tuple(PublishedParty(p.party, p.key_version, points[p.party], p.point, p.proof) for p in ours.parties),
    )


def test_what_was_submitted_before_and_after_a_rotation_meets(town: Town) -> None:
    town.submit("police", record("p1", 1))
    town.submit("municipality", record("m1", 1), record("m2", 2))
    before = {party: seen_by(town.session(party)) for party in ("police", "municipality")}
    rotate(town)
    town.operator("broker").set_up(C)
    assert {party: seen_by(town.session(party)) for party in before} == before
    town.submit("police", record("p2", 2), record("p3", 1))
    assert set(seen_by(town.session("municipality"))) == {"m1 police", "m2 police"}
    assert {"p2 municipality", "p3 municipality"} <= set(seen_by(town.session("police")))


def test_what_is_published_follows_from_what_was(town: Town) -> None:
    before = published(town)
    rotate(town)
    town.operator("broker").set_up(C)
    after = published(town)
    verify_succession(before, after)
    versions = {one.party: one.key_version for one in after.parties}
    assert versions == {one.party: 1 + (one.party == "police") for one in before.parties}
    assert (after.holder_point, after.joint_point) == (before.holder_point, before.joint_point)


def test_the_old_keys_are_nowhere_and_both_logs_say_so(town: Town) -> None:
    old = {service: files(town, service, "/police") for service in town.urls}
    rotate(town)
    assert not old["keyholder"] & files(town, "keyholder", "/police")
    assert old["broker"] == files(town, "broker", "/police")
    town.operator("broker").set_up(C)
    assert not old["broker"] & files(town, "broker", "/police")
    for service in town.urls:
        assert len(files(town, service, "/police")) == len(old[service]) == len(KEYS)
        told = [fields for event, fields in town.events(service) if event == "party-key-rotated"]
        assert sorted(fields["match_keys"] for fields in told) == [[key] for key in KEYS]
        assert all((one["parties"], one["key_version"], one["role"]) == (["police"], 2, "operator") for one in told)
        assert {one.get("words") for one in told} == ({WHY} if service == "keyholder" else {None})


def test_a_key_holder_that_stopped_too_early_destroys_the_old_key_later(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = files(town, "keyholder", "/police")

    class Killed(Exception):
        pass

    def killed(*_: object) -> int:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(KeyDestruction, "replaced", killed)
        with pytest.raises(Refused):
            rotate(town, keys=["address-bag"])
    assert old < files(town, "keyholder", "/police")
    town.upkeep()
    assert len(files(town, "keyholder", "/police") & old) == len(KEYS) - 1
    town.operator("broker").set_up(C)
    town.submit("police", record("p1", 1))


# -- the party's client


def test_between_the_two_services_the_party_is_told_to_wait_and_others_go_on(town: Town) -> None:
    rotate(town, keys=["address-postcode"])
    with pytest.raises(ClientError, match="was rotated at the key holder, and the broker has not taken the new one in"):
        town.submit("police", record("p1", 1))
    town.submit("municipality", record("m1", 1))
    assert town.session("police").hits() == []


def test_a_client_at_work_takes_the_new_key_and_goes_on(town: Town) -> None:
    town.submit("municipality", record("m1", 1), record("m2", 2))
    police = town.session("police")
    assert police.agreement.keys["address-postcode"].version == 1
    rotate(town)
    town.operator("broker").set_up(C)
    tally = submit(police, town, record("p1", 1), record("p2", 2))  # the key holder refuses the old version
    assert (tally.new, tally.tokenised_again, tally.refused) == (2, 0, [])
    assert set(seen_by(police)) == {"p1 municipality", "p2 municipality"}


def test_tokens_that_a_client_has_made_already_are_made_again(town: Town) -> None:
    town.submit("municipality", record("m1", 1), record("m2", 2))
    police = town.session("police")
    places = [police.subject("address", {"postcode": "3561AB", "house_number": number}) for number in ("1", "2")]
    values = [place["address-postcode"] for place in places]
    old = police.tokens("address-postcode", values)
    rotate(town)
    town.operator("broker").set_up(C)
    tally = submit(police, town, record("p1", 1), record("p2", 2))  # the broker refuses them
    assert (tally.new, tally.tokenised_again, tally.refused) == (2, 2, [])
    assert not set(police.tokens("address-postcode", values).values()) & set(old.values())
    assert set(seen_by(police)) == {"p1 municipality", "p2 municipality"}


def test_a_look_up_and_an_officers_search_take_the_new_key(town: Town) -> None:
    town.submit("municipality", record("m1", 1))
    police = town.session("police")
    about = police.subject("address", {"postcode": "3561AB", "house_number": "1"})
    transports = (town.transports["broker"], town.transports["keyholder"])
    with Officer(open_office_profile(town.directory / "olga"), transports=transports, now=town.clock) as olga:
        house = {"postcode": "3561AB", "house_number": "1"}
        handles, seen = olga.handles("address", house), police.look_up("address", about, "nuisance").hits
        rotate(town)
        rotate(town, OFFICERS, ["address-postcode"])
        town.operator("broker").set_up(C)
        assert olga.handles("address", house) == handles
    again = police.look_up("address", about, "nuisance").hits
    assert [hit.items for hit in again] == [hit.items for hit in seen]


class Deaf(httpx.BaseTransport):
    """Lets nobody submit anything."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith("/signals"):
            raise httpx.ConnectError("nobody there")
        return self._inner.handle_request(request)


def test_what_was_written_down_before_the_rotation_is_sent_with_new_tokens(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    town.submit("municipality", record("m1", 1))
    transports = (Deaf(town.transports["broker"]), town.transports["keyholder"])
    with Session(open_profile(town.directory / "police"), transports=transports, now=town.clock) as cut_off:
        cut_off.broker_conversation._pause = lambda _: None
        with pytest.raises(Unreachable):
            submit(cut_off, town, record("p1", 1), record("p2", 2))
        [(first, *_), (second, *_)] = list(cut_off.journal.pending())
    rotate(town)
    town.operator("broker").set_up(C)
    police = town.session("police")
    tally = police.submit([])
    assert (tally.resumed, tally.tokenised_again, tally.refused) == (2, 2, [])
    assert {one.signal_id for one in police.own_signals()} == {first, second}
    assert set(seen_by(police)) == {"p1 municipality"}


def test_a_stale_key_that_no_rotation_explains_is_a_refusal(town: Town) -> None:
    police = town.session("police")
    key = police.agreement.keys["address-postcode"]
    object.__setattr__(key, "version", 7)
    police._renewed = lambda: police.agreement  # type: ignore[method-assign]
    with pytest.raises(Stale, match="stale-key-version"):
        police.tokens("address-postcode", [b"value"])


def test_a_broker_that_is_ahead_of_the_key_holder_is_not_believed(town: Town) -> None:
    before = {party: town.session(party).key_holder.commitments() for party in ("police", "municipality")}
    rotate(town)
    town.operator("broker").set_up(C)
    for party, commitments in before.items():
        session = town.session(party)
        session.key_holder.commitments = lambda commitments=commitments: commitments  # type: ignore[method-assign, misc]
        with pytest.raises(VerificationError, match="disagree about the key version of 'police'"):
            _ = session.agreement


# -- what an operator is refused


@pytest.fixture
def operator(town: Town) -> Operator:
    return town.operator("keyholder")


def test_a_repetition_changes_nothing(town: Town, operator: Operator) -> None:
    first = operator.rotate_key(C, "police", "address-bag", 2, WHY)
    assert operator.rotate_key(C, "police", "address-bag", 2, "once more") == first
    assert [event for event, _ in town.events("keyholder")].count("party-key-rotated") == 1
    assert operator.rotate_key(C, "police", "address-bag", 3, WHY).point != first.point


@pytest.mark.parametrize(
    ("party", "match_key", "version", "status", "code"),
    [
        ("police", "address-bag", 3, 409, "key-version-not-next"),
        ("police", "person-bsn", 2, 404, "key-not-drawn"),
        ("nobody", "address-bag", 2, 404, "key-not-drawn"),
        ("police", "address-bag", 1, 400, "request-invalid"),
        ("_nobody", "address-bag", 2, 400, "request-invalid"),
    ],
)
def test_only_the_next_version_of_a_key_there_is_can_be_drawn(
    town: Town, operator: Operator, party: str, match_key: str, version: int, status: int, code: str
) -> None:
    path = f"/v1/covenants/{C}/parties/{party}/keys/{match_key}"
    before = files(town, "keyholder", "party-keys/")
    with pytest.raises(Refused) as refused:
        put(town, path, version)
    assert (refused.value.status, refused.value.code) == (status, code)
    assert files(town, "keyholder", "party-keys/") == before


def put(town: Town, path: str, version: int) -> None:
    from tests.audit.story import _Body

    conversation = town.operator("keyholder")._http
    conversation.put(path, _Body.model_validate({"keyVersion": version, "reason": WHY}))


def test_who_has_left_gets_no_key(operator: Operator) -> None:
    operator.leave(C, "police", "it leaves the approach")
    with pytest.raises(Refused, match="key-not-drawn"):
        operator.rotate_key(C, "police", "address-bag", 2, WHY)


@pytest.mark.parametrize("who", ["police", "anna", "olga"])
def test_only_an_operator_rotates_keys(town: Town, who: str) -> None:
    profile: Path = town.directory / who
    key = (open_profile if who == "police" else open_office_profile)(profile).authentication_key
    with pytest.raises(Refused, match="role-not-allowed"):
        Operator(town.conversation("keyholder", who, key)).rotate_key(C, "police", "address-bag", 2, WHY)
