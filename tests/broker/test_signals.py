"""Signals over HTTP: they come in, come again, are corrected and withdrawn, and nothing is counted twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import select

from clients.protocol.merkle import Tree
from clients.protocol.messages.signals import SignalBatchResult, SignalStatus
from clients.protocol.signed_items import DisclosedItems, item_slots, plain_items, verify_disclosed
from service.audit.tables import AuditEntryRow
from service.signals import matching, reading, repository
from service.signals.tables import PseudonymRow, SignalRow
from tests.kit import Made, Stage, subject

FLAT = subject("flat 1")


def states(stage: Stage, party: str) -> dict[str, str]:
    page = stage.partner(party).get("/signals").json()
    return {one["signalId"]: one["state"] for one in page["signals"]}


def entries(stage: Stage, event: str) -> list[AuditEntryRow]:
    with stage.context.database.transaction() as session:
        return list(session.exec(select(AuditEntryRow).where(AuditEntryRow.event == event)))


def codes(result: SignalBatchResult) -> list[list[str]]:
    return [[fault.code for fault in one.faults] for one in result.results]


def test_a_signal_is_stored_and_seen_by_its_party_alone(stage: Stage) -> None:
    police = stage.partner("police")
    made = police.signal(FLAT, fields={"note.gist": b"music until five"}, handling_codes=["not-to-landlords"])
    result = police.submit(made)
    assert (result.accepted, result.repeated, result.rejected) == (1, 0, 0)
    (own,) = police.get("/signals").json()["signals"]
    assert own["signalId"] == str(made.id)
    assert own["category"] == "noise"
    assert own["day"] == "2026-11-10"
    assert own["handlingCodes"] == ["not-to-landlords"]
    assert own["fields"] == ["note.gist"]
    assert own["state"] == "live"
    assert own["covenantVersion"] == stage.covenant.version
    assert stage.partner("housing-north").get("/signals").json() == {"signals": []}


def test_a_batch_without_fault_is_read_in_one_pass(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(_: bytes) -> object:
        raise AssertionError("read step by step")

    monkeypatch.setattr("service.web.body.parse_json", again)
    police = stage.partner("police")
    large = [police.signal(FLAT, fields={"note.gist": b"music until five"}) for _ in range(30)]
    assert police.submit(*large).accepted == 30


def test_signals_of_two_parties_on_one_subject_meet(stage: Stage) -> None:
    mine = stage.partner("police").signal(FLAT)
    theirs = stage.partner("housing-north").signal(FLAT)
    other = stage.partner("housing-north").signal(subject("flat 2"))
    stage.partner("police").submit(mine)
    stage.partner("housing-north").submit(theirs, other)
    with stage.context.database.transaction() as session:
        near = matching.neighbours(session, stage.covenant.id, "police", [mine.id])
    assert {neighbour.signal.signal_id for neighbour in near} == {mine.id, theirs.id}
    assert {match.match_key for neighbour in near for match in neighbour.matches} == {"address-bag", "address-postcode"}


def test_what_was_stored_proves_itself_under_the_signature(stage: Stage) -> None:
    police = stage.partner("police")
    made = [police.signal(subject(f"flat {n}")) for n in range(5)]
    police.submit(*made)
    with stage.context.database.transaction() as session:
        row = reading.signals_of(session, stage.covenant.id, [made[3].id])[made[3].id]
        batch = reading.batches(session, stage.covenant.id, [row.batch_id])[row.batch_id]
    assert row.digests is not None
    leaves = [batch.leaves[start : start + 32] for start in range(0, len(batch.leaves), 32)]
    covenant = stage.covenant
    day = plain_items(category="noise", day="2026-11-10", purposes=["nuisance"], origins=[], handling_codes=[])["day"]
    disclosed = DisclosedItems(
        identity=made[3].identity,
        slots=item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants]),
        items={"day": day},
        salts={"day": made[3].salts["day"]},
        digests=tuple(row.digests[start : start + 32] for start in range(0, len(row.digests), 32)),
        leaf_index=row.leaf_index,
        batch_size=len(leaves),
        path=tuple(Tree(leaves).inclusion_proof(row.leaf_index)),
        signature=batch.signature,
    )
    verify_disclosed(disclosed, police.member.keys.signing_key)


# -- repetition


def test_repeating_a_batch_stores_and_records_nothing_twice(stage: Stage) -> None:
    police = stage.partner("police")
    made = [police.signal(subject(f"flat {n}")) for n in range(3)]
    assert police.submit(*made).accepted == 3
    recorded = len(entries(stage, "signal-submitted"))
    again = police.submit(*made, police.signal(subject("flat 9")))
    assert (again.accepted, again.repeated, again.rejected) == (1, 3, 0)
    assert [one.status for one in again.results] == [SignalStatus.REPEATED] * 3 + [SignalStatus.ACCEPTED]
    assert len(states(stage, "police")) == 4
    assert len(entries(stage, "signal-submitted")) == recorded + 1


def test_an_id_stands_for_one_signal_whoever_uses_it(stage: Stage) -> None:
    police, housing = stage.partner("police"), stage.partner("housing-north")
    made = police.signal(FLAT)
    police.submit(made)
    assert codes(police.submit(police.signal(subject("flat 2"), signal_id=made.id))) == [["signal-id-reused"]]
    assert codes(housing.submit(housing.signal(FLAT, signal_id=made.id))) == [["signal-id-reused"]]
    police.withdraw(made.id)
    # To another party the id says the same as before: that somebody used it, not what became of the signal.
    assert codes(housing.submit(housing.signal(FLAT, signal_id=made.id))) == [["signal-id-reused"]]


def test_an_id_twice_in_a_batch_is_taken_for_neither(stage: Stage) -> None:
    police = stage.partner("police")
    twin = uuid4()
    result = police.submit(
        police.signal(FLAT, signal_id=twin), police.signal(subject("flat 2")), police.signal(FLAT, signal_id=twin)
    )
    assert codes(result) == [["signal-id-repeated"], [], ["signal-id-repeated"]]
    assert str(twin) not in states(stage, "police")


def test_two_identical_batches_at_once_store_every_signal_once(stage: Stage) -> None:
    police = stage.partner("police")
    made = [police.signal(subject(f"flat {n}"), mock_seal=True, fields={"note.gist": b""}) for n in range(120)]
    batch = police.batch(made)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: police.post("/signals", batch), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    results = [SignalBatchResult.model_validate_json(answer.content) for answer in answers]
    assert sum(result.accepted for result in results) == 120
    assert sum(result.repeated for result in results) == 360
    with stage.context.database.transaction() as session:
        assert len(list(session.exec(select(SignalRow.signal_id)))) == 120
        assert len(list(session.exec(select(PseudonymRow.signal_id)))) == 240


def test_batches_that_share_signals_in_opposite_orders_do_not_block_each_other(stage: Stage) -> None:
    police = stage.partner("police")
    made = [police.signal(subject(f"flat {n}")) for n in range(60)]
    batches = [police.batch(made), police.batch(made[::-1])] * 2
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda batch: police.post("/signals", batch), batches))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sum(answer.json()["accepted"] for answer in answers) == 60


# -- correction


def test_a_correction_takes_the_place_of_the_earlier_signal(stage: Stage) -> None:
    police = stage.partner("police")
    wrong = police.signal(FLAT, "noise", fields={"note.gist": b"wrong"})
    police.submit(wrong)
    right = police.signal(FLAT, "violence", replaces=wrong.id)
    assert police.submit(right).accepted == 1
    assert states(stage, "police") == {str(wrong.id): "withdrawn", str(right.id): "live"}
    with stage.context.database.transaction() as session:
        assert reading.fields_of(session, stage.covenant.id, [wrong.id]) == {}
    assert codes(police.submit(wrong)) == [["withdrawn"]]
    assert police.submit(right).repeated == 1
    (entry,) = [one for one in entries(stage, "signal-submitted") if one.fields.get("replaces")]
    assert entry.fields["replaces"] == str(wrong.id)


def test_a_correction_keeps_the_time_of_the_evidence_for_the_same_subject_only(stage: Stage) -> None:
    police = stage.partner("police")
    first = police.signal(subject("flat 1"))
    police.submit(first)
    stage.clock.advance(timedelta(hours=1))  # type: ignore[attr-defined]
    moved = police.signal(subject("flat 2", address_postcode="flat 1"), replaces=first.id)
    police.submit(moved)
    with stage.context.database.transaction() as session:
        before = {row.match_key: row for row in repository.pseudonyms_of(session, stage.covenant.id, [first.id])}
        after = {row.match_key: row for row in repository.pseudonyms_of(session, stage.covenant.id, [moved.id])}
    assert after["address-postcode"].evidence_at == before["address-postcode"].evidence_at
    assert after["address-bag"].evidence_at > before["address-bag"].evidence_at


@pytest.mark.parametrize("target", ["nobody's", "another party's", "withdrawn", "replaced", "of this batch"])
def test_only_a_live_signal_of_ones_own_can_be_replaced(stage: Stage, target: str) -> None:
    police, housing = stage.partner("police"), stage.partner("housing-north")
    own, theirs = police.signal(FLAT), housing.signal(FLAT)
    housing.submit(theirs)
    police.submit(own)
    companion = police.signal(subject("flat 3"))
    if target == "withdrawn":
        police.withdraw(own.id)
    if target == "replaced":
        police.submit(police.signal(FLAT, replaces=own.id))
    replaced: UUID = {"nobody's": uuid4(), "another party's": theirs.id, "of this batch": companion.id}.get(
        target, own.id
    )
    before = states(stage, "housing-north")
    result = police.submit(companion, police.signal(FLAT, replaces=replaced))
    assert codes(result) == [[], ["replaces-not-live"]]
    assert states(stage, "housing-north") == before


def test_two_corrections_of_one_signal_leave_one_signal(stage: Stage) -> None:
    police = stage.partner("police")
    wrong = police.signal(FLAT)
    police.submit(wrong)
    pair = [police.signal(FLAT, replaces=wrong.id), police.signal(FLAT, replaces=wrong.id)]
    assert codes(police.submit(*pair)) == [["replaced-twice"], ["replaced-twice"]]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(police.submit, pair))
    assert sorted(result.accepted for result in results) == [0, 1]
    assert sorted(states(stage, "police").values()) == ["live", "withdrawn"]


def test_the_same_correction_twice_at_once_is_one_correction(stage: Stage) -> None:
    police = stage.partner("police")
    wrong = police.signal(FLAT)
    police.submit(wrong)
    batch = police.batch([police.signal(FLAT, replaces=wrong.id)])
    with ThreadPoolExecutor(3) as pool:
        answers = [answer.json() for answer in pool.map(lambda _: police.post("/signals", batch), range(3))]
    assert sorted((answer["accepted"], answer["repeated"]) for answer in answers) == [(0, 1), (0, 1), (1, 0)]


# -- withdrawal


def test_withdrawing_erases_the_contents_and_can_be_repeated(stage: Stage) -> None:
    police, housing = stage.partner("police"), stage.partner("housing-north")
    mine, theirs = police.signal(FLAT, fields={"note.gist": b"secret"}), housing.signal(FLAT)
    police.submit(mine)
    housing.submit(theirs)
    stranger = uuid4()
    result = police.withdraw(mine.id, theirs.id, stranger, mine.id)
    assert (result.withdrawn, result.repeated, result.unknown) == ((mine.id,), (), (theirs.id, stranger))
    assert police.withdraw(mine.id).repeated == (mine.id,)
    assert states(stage, "police") == {str(mine.id): "withdrawn"}
    assert states(stage, "housing-north") == {str(theirs.id): "live"}
    with stage.context.database.transaction() as session:
        row = reading.signals_of(session, stage.covenant.id, [mine.id])[mine.id]
        assert (row.digests, row.salts, row.ended_because) == (None, None, "mistaken")
        assert reading.fields_of(session, stage.covenant.id, [mine.id]) == {}
        dead = repository.pseudonyms_of(session, stage.covenant.id, [mine.id])
        assert [(one.live, one.sealed) for one in dead] == [(False, None), (False, None)]
        near = matching.neighbours(session, stage.covenant.id, "housing-north", [theirs.id])
        assert [neighbour.signal.signal_id for neighbour in near] == [theirs.id]
    (entry,) = entries(stage, "signal-withdrawn")
    assert (entry.fields["reason"], len(entry.subjects)) == ("mistaken", 2)
    assert [one.fields["reason"] for one in entries(stage, "withdrawal-refused")] == ["signal-unknown"]


def test_a_withdrawn_signal_does_not_come_back(stage: Stage) -> None:
    police = stage.partner("police")
    made = police.signal(FLAT)
    police.submit(made)
    police.withdraw(made.id)
    result = police.submit(made, police.signal(FLAT))
    assert codes(result) == [["withdrawn"], []]
    assert result.results[0].faults[0].pointer == "/signals/0/signalId"


# -- reading back


@pytest.mark.parametrize("limit", ["5.0", "%2B5", "%205", "1_0", "05", "5e0", "true", "%D9%A5"])
def test_a_number_in_a_query_is_written_in_digits(stage: Stage, limit: str) -> None:
    response = stage.partner("police").get(f"/signals?limit={limit}")
    assert response.status_code == 400
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["query/limit"]


@pytest.mark.parametrize("word", ["1", "yes", "True", "on", ""])
def test_a_truth_value_in_a_query_is_true_or_false(stage: Stage, word: str) -> None:
    response = stage.partner("police").get(f"/log/checkpoint?witnessed={word}")
    assert response.status_code == 400
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["query/witnessed"]


def test_pages_hold_every_signal_once_in_the_order_they_came(stage: Stage) -> None:
    police = stage.partner("police")
    made: list[Made] = []
    for size in (3, 1, 4):
        batch = [police.signal(FLAT) for _ in range(size)]
        police.submit(*batch)
        made += sorted(batch, key=lambda one: one.id)
    seen: list[str] = []
    path = "/signals?limit=3"
    while True:
        page = police.get(path).json()
        seen += [one["signalId"] for one in page["signals"]]
        if "nextCursor" not in page:
            break
        path = f"/signals?limit=3&cursor={page['nextCursor']}"
    assert seen == [str(one.id) for one in made]


def test_a_cursor_is_worth_nothing_to_another_party(stage: Stage) -> None:
    police = stage.partner("police")
    police.submit(police.signal(FLAT), police.signal(FLAT))
    cursor = police.get("/signals?limit=1").json()["nextCursor"]
    refused = stage.partner("housing-north").get(f"/signals?cursor={cursor}")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "query/cursor"


# -- the log


def test_one_entry_stands_for_what_is_stated_alike_and_names_every_signal_and_subject(stage: Stage) -> None:
    police = stage.partner("police")
    made = [police.signal(subject(f"flat {n}"), "noise" if n % 2 else "violence") for n in range(6)]
    police.submit(*made)
    recorded = entries(stage, "signal-submitted")
    assert sorted(entry.fields["category"] for entry in recorded) == ["noise", "violence"]
    assert {signal for entry in recorded for signal in entry.signals} == {one.id for one in made}
    with stage.context.database.transaction() as session:
        rows = repository.pseudonyms_of(session, stage.covenant.id, [one.id for one in made])
    assert {handle for entry in recorded for handle in entry.subjects} == {row.handle for row in rows}
    assert {entry.fields["party"] for entry in recorded} == {"police"}


def test_what_the_log_does_not_take_is_not_stored(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.audit import repository as log

    def refuse(*_: object) -> None:
        raise RuntimeError("the log is full")

    police = stage.partner("police")
    made = police.signal(FLAT)
    with monkeypatch.context() as broken:
        broken.setattr(log, "insert_entries", refuse)
        assert police.post("/signals", police.batch([made])).status_code == 500
    assert states(stage, "police") == {}
    assert police.submit(made).accepted == 1
