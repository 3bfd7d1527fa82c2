"""Signs of misuse: fishing is found, an ordinary week is not, and nobody gets a score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from random import Random
from typing import cast

import pytest
from sqlalchemy import MetaData

from clients.protocol.messages.audit import MisuseFinding
from covenant_rules.dates import amsterdam_time
from service.audit.misuse.counting import count
from service.audit.misuse.rules import MisuseRules, read_rules, shipped_rules
from service.audit.misuse.signs import Counted, Day, FollowUp, Sign, SubjectDay, Who, signs
from service.audit.misuse.windows import Series, Window
from service.audit.record import AuditRecord
from service.errors import Invalid
from service.storage.database import Database
from tests.officer.logs import METADATA, C, Scribe, handle
from tests.officer.office import Office, faults
from tests.officer.red_team import UNTIL, Neighbourhood, found_in

RULES = read_rules(shipped_rules())
LAST = date(2026, 11, 22)
FIRST = LAST - timedelta(days=27)
ASKED = ("disclosure-decided", "look-up-decided", "disclosure-refused", "look-up-refused")


def counted(happened: Iterable[tuple[datetime, AuditRecord]]) -> Counted:
    """What the statements count, counted once more and without PostgreSQL; follow-ups aside."""
    days: dict[tuple[str, str, date], Day] = {}
    subjects: dict[tuple[str, str, bytes, date], int] = defaultdict(int)
    for moment, record in happened:
        local = amsterdam_time(moment)
        if local is None or record.by is None or record.by.party is None or record.by.actor is None:
            continue
        who = record.by.party, record.by.actor, local.date()
        day = days.get(who, Day(*who))
        asked, decided = record.event in ASKED, record.event in ASKED[:2]
        days[who] = replace(
            day,
            questions=day.questions + asked,
            answered=day.answered + decided,
            shown=day.shown + (decided and record.outcome == "shown"),
            nights=day.nights + (asked and (local.hour >= 22 or local.hour < 6)),
            submissions=day.submissions + (record.event == "signal-submitted"),
            openings=day.openings + (record.event == "grant-issued"),
        )
        if decided and local.date() >= FIRST - timedelta(days=14):
            for subject in record.subjects:
                subjects[who[0], who[1], subject, who[2]] += 1
    return Counted(
        sorted(days.values(), key=lambda day: (day.party, day.actor, day.day)),
        [SubjectDay(party, actor, subject, day, n) for (party, actor, subject, day), n in subjects.items()],
    )


def weeks(seed: int, fished: float = 1.0, *, by_party: bool = False) -> Counted:
    town = Neighbourhood(Random(seed), fished, by_party=by_party)
    return counted(town.records(Scribe(cast(Database, None), random=town.random, now=UNTIL)))


@pytest.mark.parametrize("seed", range(4))
def test_fishing_at_three_times_the_usual_rate_is_found(seed: int) -> None:
    found = signs(RULES, weeks(seed, 3.0), FIRST, LAST)
    assert ("unusual-volume", Who("police", "desk-1")) in {(sign.rule, sign.who) for sign in found}


def test_a_party_that_fishes_with_all_its_employees_is_found_as_a_party() -> None:
    found = signs(RULES, weeks(7, 3.0, by_party=True), FIRST, LAST)
    assert ("unusual-volume", Who("police")) in {(sign.rule, sign.who) for sign in found}


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_found_in_ordinary_weeks(seed: int) -> None:
    assert signs(RULES, weeks(seed), FIRST, LAST) == ()


def test_the_log_is_counted_as_it_is_and_the_fisher_found_in_it(
    fresh_database: Callable[[MetaData], Database],
) -> None:
    database = fresh_database(METADATA)
    findings = found_in(database, Neighbourhood(Random(1), 3.0))
    with database.transaction() as session:
        stored = count(session, C, RULES, FIRST, LAST)
    expected = weeks(1, 3.0)
    assert sorted(stored.days, key=lambda day: (day.party, day.actor, day.day)) == expected.days
    assert set(stored.subjects) == set(expected.subjects)
    assert {(finding.sign.rule, finding.sign.who.actor) for finding in findings} == {
        ("unusual-volume", "desk-1"),
        ("hit-rate", "desk-1"),
    }
    for finding in findings:
        assert finding.total > len(finding.entries) > 0 or finding.total == len(finding.entries)
    (volume,) = [finding for finding in findings if finding.sign.rule == "unusual-volume"]
    assert volume.total == volume.sign.observed


def test_look_ups_are_followed_up_by_what_the_party_does_with_the_subject_in_time(
    fresh_database: Callable[[MetaData], Database],
) -> None:
    database = fresh_database(METADATA)
    scribe = Scribe(database)
    start = UNTIL - timedelta(days=20)

    def look_up(subject: int, *, shown: bool = True) -> None:
        sources = ("municipality",) if shown else ()
        scribe.write(scribe.disclosure("police", subject=subject, sources=sources, event="look-up-decided"), at=start)

    for subject in range(6):
        look_up(subject)
    look_up(6, shown=False)
    hour = timedelta(hours=1)
    scribe.write(scribe.submission("police", subject=0), at=start + hour)
    scribe.write(scribe.disclosure("police", subject=1), at=start + timedelta(days=6))
    scribe.write(scribe.submission("police", subject=2), at=start + timedelta(days=8))  # too late
    scribe.write(scribe.submission("municipality", subject=3), at=start + hour)  # somebody else
    scribe.write(scribe.submission("police", subject=4), at=start - hour)  # before
    with database.transaction() as session:
        found = count(session, C, RULES, LAST, LAST).follow_ups
    assert found == [FollowUp("police", start.date(), 6, 4)]


# -- each rule by itself


def days_of(actor: str = "desk-1", **each: Callable[[int], int]) -> list[Day]:
    """Twelve weeks of one employee: each number a function of how many days ago it was."""
    return [
        Day("police", actor, LAST - timedelta(days=ago), **{name: number(ago) for name, number in each.items()})
        for ago in range(84)
    ]


def rules_found(counted: Counted, rules: MisuseRules = RULES) -> list[Sign]:
    return list(signs(rules, counted, FIRST, LAST))


def test_a_newcomer_is_not_compared_with_a_past_it_has_not() -> None:
    newcomer = Counted(days_of(questions=lambda ago: 30 if ago < 14 else 0)[:14])
    assert rules_found(newcomer) == []


def test_a_holiday_in_the_past_makes_no_week_unusual() -> None:
    back = Counted(days_of(questions=lambda ago: 0 if 7 <= ago < 21 else 8))
    assert rules_found(back) == []


def test_a_rise_is_one_finding_however_many_windows_see_it() -> None:
    (employee, party) = rules_found(Counted(days_of(questions=lambda ago: 30 if ago < 7 else 5)))
    assert (party.who, employee.who) == (Who("police", "desk-1"), Who("police"))
    assert (employee.first, employee.last, employee.observed) == (LAST - timedelta(days=6), LAST, 210)
    assert (employee.usual, employee.limit) == (35, 87.5)


def test_a_share_of_hits_far_from_the_own_past_is_found_either_way() -> None:
    for now, before in ((0.1, 0.6), (0.9, 0.3)):
        share = lambda ago, now=now, before=before: round(20 * (now if ago < 14 else before))  # noqa: E731
        found = rules_found(Counted(days_of(answered=lambda _: 20, shown=share)))
        assert {sign.rule for sign in found} == {"hit-rate"}
        assert found[0].observed == pytest.approx(now)
        assert found[0].usual == pytest.approx(before)


def test_an_afternoon_s_work_on_one_case_is_not_found_and_coming_back_is() -> None:
    subject = handle(1)
    once = Counted(subjects=[SubjectDay("police", "desk-1", subject, LAST, 40)])
    assert rules_found(once) == []
    back = Counted(
        subjects=[SubjectDay("police", "desk-1", subject, LAST - timedelta(days=ago), 3) for ago in range(4)]
    )
    (sign,) = rules_found(back)
    assert (sign.rule, sign.who, sign.observed) == ("repeated-subject", Who("police", "desk-1", subject), 12)
    elsewhere = Counted(
        subjects=[SubjectDay("police", "desk-1", handle(ago), LAST - timedelta(days=ago), 3) for ago in range(4)]
    )
    assert rules_found(elsewhere) == []


def test_look_ups_that_nothing_comes_of_are_found() -> None:
    idle = Counted(follow_ups=[FollowUp("police", LAST - timedelta(days=ago), 2, 2) for ago in range(7, 20)])
    (sign,) = rules_found(idle)
    assert (sign.rule, sign.observed) == ("no-follow-up", 1.0)
    busy = Counted(follow_ups=[FollowUp("police", LAST - timedelta(days=ago), 2, 1) for ago in range(7, 20)])
    assert rules_found(busy) == []


def test_nights_are_found_in_who_had_none() -> None:
    found = rules_found(Counted(days_of(nights=lambda ago: 2 if ago < 28 else 0)))
    assert {(sign.rule, sign.who.actor) for sign in found} == {("nights", "desk-1"), ("nights", "")}
    shift = Counted(days_of(nights=lambda _: 2))
    assert rules_found(shift) == []


def test_a_rule_that_is_left_out_is_off() -> None:
    only_nights = read_rules(shipped_rules()[shipped_rules().index("[nights]") :])
    assert only_nights.unusual_volume is None
    assert rules_found(Counted(days_of(questions=lambda ago: 30 if ago < 7 else 5)), only_nights) == []


def test_windows_know_their_past() -> None:
    series = Series({LAST - timedelta(days=ago): 1 for ago in range(50)})
    window = Window(series, LAST - timedelta(days=6), LAST)
    usual = window.usual(8)
    assert usual is not None
    assert (window.sum, usual.median, usual.windows) == (7, 7, 6)
    assert Window(series, LAST - timedelta(days=35), LAST - timedelta(days=29)).usual(8) is None  # too little known


# -- the rules and the findings over HTTP


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("[unusual-volume", "not TOML"),
        ("times = 3", "a section of its own"),
        ("[guesses]\nleast = 3", "there are the rules"),
        ("[repeated-subject]\nwindow_days = 14\nleast = 12", "[repeated-subject] days: a whole number from 1 to 92"),
        ("[repeated-subject]\nwindow_days = 0\nleast = 12\ndays = 4", "window_days: a whole number from 1 to 92"),
        ("[repeated-subject]\nwindow_days = true\nleast = 12\ndays = 4", "window_days"),
        ("[repeated-subject]\nwindow_days = 1.5\nleast = 12\ndays = 4", "window_days"),
        ("[repeated-subject]\nwindow_days = 14\nleast = 12\ndays = 4\nscore = 1", "and nothing else"),
        (shipped_rules().replace('["questions", "submissions", "openings"]', '["everything"]'), "a list of questions"),
        (shipped_rules().replace("times = 3.0", "times = nan"), "times: a number from 1 to 100"),
    ],
)
def test_rules_that_are_none_are_refused_with_every_mistake(document: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_rules(document)
    told = f"{refused.value.detail} {' '.join(fault.detail for fault in refused.value.faults)}"
    assert words in told
    assert {fault.pointer for fault in refused.value.faults} == {"/document"}


def test_a_refusal_of_rules_repeats_nothing_of_them() -> None:
    with pytest.raises(Invalid) as refused:
        read_rules("[repeated-subject]\nhoofdstraat = 'Jansen\n")
    assert "Jansen" not in str([refused.value, *refused.value.faults])


def test_an_officer_reads_and_changes_the_rules(office: Office) -> None:
    assert office.get("/audit-misuse-rules").json() == {"document": shipped_rules()}
    document = "[nights]\n" + shipped_rules().partition("[nights]\n")[2]
    changed = office.put("/audit-misuse-rules", {"document": document}).json()
    assert (changed["document"], changed["changedBy"]) == (document, "officer-1")
    assert office.get("/audit-misuse-rules").json() == changed
    assert [fields.keys() >= {"digest", "principal"} for _, fields in office.world.entries("misuse-rules-changed")] == [
        True
    ]
    assert faults(office.put("/audit-misuse-rules", {"document": "[guess]"})) == [("/document", "rule-invalid")]
    assert office.put("/audit-misuse-rules", {"document": document}, by="police").status_code == 403
    assert office.get("/audit-misuse-rules", by="police").status_code == 403


def test_findings_link_their_entries_and_are_on_record(office: Office) -> None:
    world = office.world
    document = "[repeated-subject]\nwindow_days = 14\nleast = 3\ndays = 1\n"
    assert office.put("/audit-misuse-rules", {"document": document}).status_code == 200
    with world.stage.context.database.transaction() as session:
        scribe = Scribe(cast(Database, None), now=world.stage.clock())
        scribe.writer().append_many(session, [scribe.disclosure("police", subject=5) for _ in range(3)])
    answer = office.get("/audit-findings").json()
    (finding,) = answer["findings"]
    assert (finding["rule"], finding["party"], finding["actor"], finding["total"]) == (
        "repeated-subject", "police", "desk-1", 3
    )  # fmt: skip
    found = office.post("/audit-searches", {"handles": [finding["handle"]]}).json()["entries"]
    assert [entry["entryId"] for entry in found if entry["event"] == "disclosure-decided"] == finding["entries"]
    assert [fields["counts"] for _, fields in world.entries("findings-read")] == [{"findings": 1}]
    assert office.get("/audit-findings", firstDate="2026-11-22", lastDate="2026-11-21").status_code == 400
    assert office.get("/audit-findings", firstDate="2026-01-01").status_code == 400
    assert faults(office.get("/audit-findings", firstDate="0001-01-01", lastDate="0001-01-05")) == [
        ("query/lastDate", "days-invalid")
    ]
    assert office.get("/audit-findings", by="police").status_code == 403


def test_a_finding_has_no_room_for_a_score() -> None:
    assert {field.name for field in fields(Sign)} == {
        "rule", "measure", "who", "first", "last", "observed", "usual", "limit", "words"
    }  # fmt: skip
    assert not {name for name in MisuseFinding.model_fields if "score" in name or "rank" in name or "risk" in name}
