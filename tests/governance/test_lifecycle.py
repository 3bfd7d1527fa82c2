"""From a draft to the day on which both services turn to it, and everything that stands in the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clients.protocol.messages.governance import Advice, Draft
from clients.sdk import Refused, VerificationError
from tests.governance.town import C, Town, hash_of, version_from
from tests.service.cast import COVENANT, DOCUMENT

DECEMBER = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
"""When 1 December begins in Amsterdam."""
LATER = version_from("2026-12-01", ("title: Complex approach", "title: Second approach"))
V2 = hash_of(LATER)


def test_a_version_goes_from_draft_to_in_force_at_both_services_at_once(town: Town) -> None:
    author = town.steward("dora")
    told = author.draft(LATER)
    assert (told.version, told.status.value, told.author) == (V2, "draft", "dora")
    told = author.propose(V2)
    assert (told.status.value, told.predecessor) == ("proposed", COVENANT.version)
    told = town.steward("olga").advise(V2, "conditional", "write down who decides at the table")
    assert told.status.value == "advised"
    assert town.steward("anna").approve(V2).status.value == "advised"
    assert town.steward("bob").approve(V2).status.value == "approved"
    told = town.steward("carl").schedule(V2)
    assert (told.status.value, told.number) == ("scheduled", 2)
    assert [(one.administrator, one.party) for one in told.approvals] == [("anna", "municipality"), ("bob", "police")]
    assert [(one.officer, one.opinion) for one in told.advice] == [("olga", "conditional")]

    for moment, first, second in (
        (DECEMBER - timedelta(seconds=1), "active", "scheduled"),
        (DECEMBER, "superseded", "active"),
    ):
        town.clock.now = moment
        for service in ("broker", "keyholder"):
            assert town.statuses(service) == {COVENANT.version: first, V2: second}
        assert town.session("police").agreement.covenant.version == (V2 if second == "active" else COVENANT.version)


def test_every_step_is_on_record_with_who_took_it(town: Town) -> None:
    town.change(LATER)
    town.clock.now = DECEMBER
    town.upkeep()
    town.upkeep()
    steps = [(event, fields) for event, fields in town.events("broker") if event.startswith("version-")]
    assert [event for event, _ in steps] == [
        "version-drafted",
        "version-proposed",
        "version-advised",
        "version-approved",
        "version-approved",
        "version-scheduled",
        "version-adopted",
    ]
    assert all(fields["version"] == V2 for _, fields in steps)
    assert [fields.get("principal") for _, fields in steps] == ["dora", "dora", "olga", "anna", "bob", "anna", None]
    assert steps[2][1]["outcome"] == "favourable"
    assert steps[5][1] == {
        **{key: steps[5][1][key] for key in ("trace", "principal", "role", "party", "version")},
        "previous": COVENANT.version,
        "day": "2026-12-01",
        "administrators": ["anna", "bob", "dora"],
    }
    theirs = [event for event, _ in town.events("keyholder") if event.startswith("version-")]
    assert theirs == ["version-scheduled", "version-adopted"]


def test_every_step_is_harmless_to_repeat(town: Town) -> None:
    for _ in range(2):
        town.steward("dora").draft(LATER)
    for _ in range(2):
        town.steward("dora").propose(V2)
    for _ in range(2):
        town.steward("olga").advise(V2, "favourable", "as it should be")
    for name in ("anna", "anna", "bob", "bob"):
        town.steward(name).approve(V2)
    for name in ("anna", "dora"):
        town.steward(name).schedule(V2)
    events = [event for event, _ in town.events("broker") if event.startswith("version-")]
    assert len(events) == 6


def test_the_author_cannot_approve(town: Town) -> None:
    town.steward("dora").draft(LATER)
    town.steward("dora").propose(V2)
    town.steward("olga").advise(V2, "favourable", "as it should be")
    with pytest.raises(Refused) as refused:
        town.steward("dora").approve(V2)
    assert (refused.value.status, refused.value.code) == (403, "approval-by-author")
    assert town.events("broker")[-1][1]["reason"] == "approval-by-author"


def test_two_administrators_of_one_party_do_not_suffice(town: Town) -> None:
    town.steward("dora").draft(LATER)
    town.steward("dora").propose(V2)
    town.steward("olga").advise(V2, "favourable", "as it should be")
    town.steward("bob").approve(V2)
    with pytest.raises(Refused) as refused:
        town.steward("carl").approve(V2)
    assert (refused.value.status, refused.value.code) == (409, "approval-same-party")
    assert town.steward("anna").approve(V2).status.value == "approved"


def test_nobody_approves_before_the_officer_has_given_advice(town: Town) -> None:
    town.steward("dora").draft(LATER)
    with pytest.raises(Refused) as refused:
        town.steward("olga").advise(V2, "favourable", "too early")
    assert (refused.value.status, refused.value.code) == (409, "version-state")
    town.steward("dora").propose(V2)
    with pytest.raises(Refused) as refused:
        town.steward("anna").approve(V2)
    assert (refused.value.status, refused.value.code) == (409, "version-state")
    # Advice binds nobody; but it does not change under the hands of those who approve.
    town.steward("olga").advise(V2, "unfavourable", "it goes too far")
    town.steward("anna").approve(V2)
    with pytest.raises(Refused) as refused:
        town.steward("olga").advise(V2, "favourable", "on second thoughts")
    assert refused.value.code == "version-approved-by-some"
    assert town.steward("bob").approve(V2).status.value == "approved"


def test_back_dating_is_refused_at_every_step(town: Town) -> None:
    with pytest.raises(Refused) as refused:
        town.steward("dora").draft(version_from("2026-11-21"))
    assert (refused.value.status, refused.value.code) == (409, "version-back-dated")
    assert refused.value.parameters == {"validFrom": "2026-11-21", "today": "2026-11-22"}

    version = town.approved(LATER)
    town.clock.now = DECEMBER + timedelta(days=1)
    with pytest.raises(Refused) as refused:
        town.steward("anna").schedule(version)
    assert (refused.value.status, refused.value.code) == (409, "version-back-dated")
    assert town.statuses("keyholder") == town.statuses("broker") == {COVENANT.version: "active"}


def test_approvals_that_come_too_late_are_refused(town: Town) -> None:
    town.steward("dora").draft(LATER)
    town.steward("dora").propose(V2)
    town.steward("olga").advise(V2, "favourable", "as it should be")
    town.steward("anna").approve(V2)
    town.clock.now = DECEMBER + timedelta(days=1)
    with pytest.raises(Refused) as refused:
        town.steward("bob").approve(V2)
    assert refused.value.code == "version-back-dated"


def test_a_version_may_begin_today(town: Town) -> None:
    told = town.change(version_from("2026-11-22", ("title: Complex", "title: Second")))
    assert told.status.value == "active"
    assert town.session("police").agreement.covenant.title == "Second approach Vogelplein"


def test_a_draft_that_breaks_its_own_promise_is_refused_with_the_place(town: Town) -> None:
    promise = "never: full-notes-before-a-case, clause: art. 8.4, purposes: all, stages: [signal, weighing]"
    broken = version_from("2026-12-01", (promise, promise.replace("[signal, weighing]", "all")))
    with pytest.raises(Refused) as refused:
        town.steward("dora").draft(broken)
    assert (refused.value.status, refused.value.code) == (400, "covenant-invalid")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/document", "cr524")]


def test_a_version_is_drafted_once(town: Town) -> None:
    town.steward("dora").draft(LATER)
    with pytest.raises(Refused) as refused:
        town.steward("anna").draft(LATER)
    assert (refused.value.status, refused.value.code) == (409, "version-exists")
    with pytest.raises(Refused) as refused:
        town.steward("anna").draft(DOCUMENT)
    assert refused.value.code == "version-exists"


def test_only_its_author_proposes_and_withdraws_a_version(town: Town) -> None:
    town.steward("dora").draft(LATER)
    for step in (
        lambda: town.steward("anna").propose(V2),
        lambda: town.steward("anna").withdraw(V2, "it is not mine"),
    ):
        with pytest.raises(Refused) as refused:
            step()
        assert (refused.value.status, refused.value.code) == (403, "not-the-author")
    told = town.steward("dora").withdraw(V2, "a better one follows")
    assert (told.status.value, told.closed_by, told.closed_because) == ("withdrawn", "dora", "a better one follows")
    with pytest.raises(Refused) as refused:
        town.steward("dora").propose(V2)
    assert refused.value.code == "version-state"


def test_any_administrator_rejects_until_two_have_approved(town: Town) -> None:
    town.steward("dora").draft(LATER)
    with pytest.raises(Refused) as refused:
        town.steward("bob").reject(V2, "nobody has proposed it")
    assert refused.value.code == "version-state"
    town.steward("dora").propose(V2)
    assert town.steward("bob").reject(V2, "the police cannot answer for it").status.value == "rejected"

    version = town.approved(version_from("2026-12-02"))
    with pytest.raises(Refused) as refused:
        town.steward("carl").reject(version, "too late")
    assert (refused.value.status, refused.value.code) == (409, "version-state")


def test_a_version_that_another_came_before_is_proposed_anew_and_judged_anew(town: Town) -> None:
    overtaken = town.approved(version_from("2026-12-05", ("title: Complex", "title: Overtaken")))
    town.change(LATER)
    with pytest.raises(Refused) as refused:
        town.steward("anna").schedule(overtaken)
    assert (refused.value.status, refused.value.code) == (409, "predecessor-not-last")
    told = town.steward("dora").propose(overtaken)
    assert (told.status.value, told.predecessor, told.approvals, told.advice) == ("proposed", V2, (), ())
    town.steward("olga").advise(overtaken, "favourable", "still as it should be")
    for name in ("anna", "bob"):
        town.steward(name).approve(overtaken)
    assert town.steward("anna").schedule(overtaken).number == 3


def test_parties_see_what_was_decided_and_not_what_is_under_way(town: Town) -> None:
    town.steward("dora").draft(LATER)
    police = town.session("police")
    assert [one.version for one in police.broker.versions().versions] == [COVENANT.version]
    with pytest.raises(Refused) as refused:
        police.broker.version(V2)
    assert refused.value.status == 404
    assert {one.version for one in town.steward("olga").versions().versions} == {COVENANT.version, V2}
    assert police.broker.version(COVENANT.version).document == DOCUMENT.decode()


def test_each_step_is_for_its_own_role(town: Town) -> None:
    town.steward("dora").draft(LATER)
    police = town.session("police").broker_conversation
    anna, olga = (town.steward(name)._broker._http for name in ("anna", "olga"))
    draft, advice = Draft(document=LATER.decode()), Advice(opinion="favourable", words="as I see it")
    for who, path, body in (
        (police, "", draft),
        (olga, "", draft),
        (police, f"/{V2}/advice", advice),
        (anna, f"/{V2}/advice", advice),
    ):
        with pytest.raises(Refused) as refused:
            who.tell(f"/v1/covenants/{C}/versions{path}", body)
        assert (refused.value.status, refused.value.code) == (403, "role-not-allowed")


def test_what_is_signed_is_what_was_read(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that shows another text than the one it names is found out before anything is signed."""
    town.steward("dora").draft(LATER)
    town.steward("dora").propose(V2)
    town.steward("olga").advise(V2, "favourable", "as it should be")
    anna = town.steward("anna")
    honest = anna._broker.version

    def dishonest(version: str) -> object:
        told = honest(version)
        return told.model_copy(update={"document": told.document.replace("Second approach", "Another approach")})

    monkeypatch.setattr(anna._broker, "version", dishonest)
    with pytest.raises(VerificationError):
        anna.approve(V2)
