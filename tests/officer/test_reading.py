"""The log over HTTP: what the officer reads, what parties read, and that every reading stands in the log itself."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from clients.protocol.audit_leaf import PartialView, ShownField, entry_leaf, leaf_of_view
from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.messages.audit import ProvedEntry
from covenant_rules.dates import amsterdam_date
from service.audit.leaf import leaf_fields
from tests.kit.disclosure import address
from tests.officer.office import Office, faults


@pytest.fixture
def busy(office: Office) -> Office:
    """The police asked about an address where the municipality and a housing corporation have signals."""
    world = office.world
    world.submit("municipality", address(1))
    world.submit("housing-north", address(1), fields={"note.gist": b"music"})
    anchor = world.submit("police", address(1))
    world.submit("care-team", address(2))
    assert world.disclose("municipality", world.submit("municipality", address(2))).status == 200
    assert world.disclose("police", anchor).status == 200
    return office


def leaf_of(proved: ProvedEntry) -> bytes:
    shown = {name: ShownField(one.key, one.value.encode()) for name, one in proved.shown.items()}
    return leaf_of_view(PartialView(shown, proved.hidden, proved.groups))


def stored_leaf(office: Office, entry_id: object) -> bytes:
    (row,) = office.world.rows("SELECT leaf_hash FROM audit_leaf WHERE entry_id = :id", id=str(entry_id))
    return bytes(row.leaf_hash)


# -- the officer


def test_the_officer_sees_every_entry_the_newest_first(busy: Office) -> None:
    total = busy.world.count("audit_entry") - len(busy.world.rows("SELECT FROM audit_entry WHERE covenant_id = '-'"))
    entries = busy.entries(limit=500)
    assert len(entries) == total
    ids = [entry["entryId"] for entry in entries]
    assert ids == sorted(ids, reverse=True)
    assert {entry["standing"] for entry in entries} == {"officer"}
    assert all("subjects" in entry["fields"] for entry in entries if entry["event"] == "disclosure-decided")


def test_pages_follow_one_another(busy: Office) -> None:
    whole = [entry["entryId"] for entry in busy.entries(limit=500)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = busy.get("/audit-entries", limit=4, **cursor).json()
        seen += [entry["entryId"] for entry in page["entries"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen[-len(whole) :] == whole  # what was read meanwhile stands before
    assert len(set(seen)) == len(seen)


def test_a_cursor_is_worth_nothing_in_another_search(busy: Office) -> None:
    cursor = busy.get("/audit-entries", limit=1).json()["nextCursor"]
    assert faults(busy.get("/audit-entries", q="party:police", cursor=cursor)) == [("query/cursor", "cursor-invalid")]
    assert faults(busy.get("/audit-entries", by="police", cursor=cursor)) == [("query/cursor", "cursor-invalid")]


def test_a_search_finds_by_its_qualifiers(busy: Office) -> None:
    assert {entry["fields"]["party"] for entry in busy.entries("party:police")} == {"police"}
    events = {entry["event"] for entry in busy.entries("action:disclosure source:housing-north")}
    assert events == {"disclosure-decided"}
    assert busy.entries("purpose:support") == []


def test_a_subject_s_entries_are_found_by_its_handle_in_a_body(busy: Office) -> None:
    (decided,) = busy.entries("event:disclosure-decided party:police")
    (handle,) = decided["fields"]["subjects"]
    for body in ({"query": f"handle:{handle}"}, {"handles": [handle]}):
        found = busy.post("/audit-searches", body).json()["entries"]
        assert {entry["event"] for entry in found if entry["event"] != "log-read"} == {
            "disclosure-decided", "signal-submitted"
        }  # fmt: skip
        assert all(handle in entry["fields"]["subjects"] for entry in found)
    assert len([e for e in found if e["event"] == "log-read"]) == 1  # searching for a subject names it too


def test_what_names_somebody_is_refused_in_a_url(busy: Office) -> None:
    assert faults(busy.get("/audit-entries", q="actor:desk-4")) == [("query/q", "qualifier-not-in-url")]
    assert busy.post("/audit-searches", {"query": "actor:desk-4"}).json()["entries"] == []
    assert faults(busy.post("/audit-searches", {"query": "actor:"})) == [("/query", "value-missing")]


def test_facets_and_counts(busy: Office) -> None:
    facets = busy.get("/audit-facets", q="action:submission").json()
    assert facets["total"] == 5
    assert facets["facets"]["party"][0] == {"value": "municipality", "count": 2}
    assert facets["facets"]["event"] == [{"value": "signal-submitted", "count": 5}]
    posted = busy.post("/audit-searches/facets", {"query": "action:submission"}).json()
    assert posted["facets"] == facets["facets"]
    today = amsterdam_date(busy.world.stage.clock())
    assert today is not None
    counts = busy.get("/audit-counts", q=f"action:submission created:{today - timedelta(days=3)}..").json()
    assert [count["entries"] for count in counts["counts"]] == [0, 0, 0, 5]
    ahead = busy.get("/audit-counts", q=f"action:submission created:{today}..2099-12-31").json()
    assert (ahead["last"], len(ahead["counts"])) == (today.isoformat(), 1)  # what is to come is not counted
    assert busy.get("/audit-counts", q="created:2099-12-31").json()["counts"][0]["entries"] == 0
    weeks = busy.post("/audit-searches/counts", {"query": "party:police", "bucket": "week"}).json()
    assert weeks["counts"][-1]["start"] == "2026-11-16"  # the Monday before
    assert len(weeks["counts"]) == 14


def test_one_entry_is_proved_to_the_officer_whole(busy: Office) -> None:
    (decided,) = busy.entries("event:disclosure-decided party:police")
    response = busy.get(f"/audit-entries/{decided['reference']}")
    proved = ProvedEntry.model_validate_json(response.content)
    assert proved.entry.fields == decided["fields"]
    assert leaf_of(proved) == stored_leaf(busy, decided["entryId"])
    assert json.loads(proved.shown["withheld"].value)["subjects"] == decided["fields"]["subjects"]
    assert busy.get(f"/audit-entries/{uuid4()}").status_code == 404


# -- reading is on record


def test_every_reading_of_the_officer_is_an_entry(busy: Office) -> None:
    (first,) = busy.entries(limit=1)
    reads = [
        busy.get("/audit-entries", q="party:police"),
        busy.post("/audit-searches", {"query": "actor:desk-1", "handles": [b64u_encode(bytes(32))]}),
        busy.get(f"/audit-entries/{first['reference']}"),
        busy.get("/audit-facets"),
        busy.get("/audit-counts"),
        busy.get("/audit-export"),
    ]
    assert [read.status_code for read in reads] == [200] * 6
    entries = busy.world.entries("log-read")[-5:]
    assert [(fields["form"], fields.get("filters")) for _, fields in entries] == [
        ("page", ["party"]),
        ("page", ["actor", "handle"]),
        ("entry", None),
        ("facets", None),
        ("counts", None),
    ]
    assert entries[1][1]["subjects"] == [b64u_encode(bytes(32))]
    assert entries[2][1]["entry"] == first["entryId"]
    assert [fields["form"] for _, fields in busy.world.entries("log-exported")] == ["jsonl"]


def test_nothing_is_read_when_the_log_takes_no_entry(busy: Office) -> None:
    with busy.world.stage.context.database.transaction() as session:
        session.connection().execute(text("ALTER TABLE audit_leaf ADD CONSTRAINT full_up CHECK (false) NOT VALID"))
    for response in (
        busy.get("/audit-entries"),
        busy.get("/audit-facets"),
        busy.get("/audit-export"),
        busy.get("/audit-entries", by="police"),
        busy.get("/audit-entries", by="police", list_="source"),
        busy.get("/audit-facets", by="police"),
    ):
        assert response.status_code == 503, response.text
        assert "entries" not in response.json()


def test_a_refusal_to_read_is_an_entry(busy: Office) -> None:
    assert busy.get("/audit-entries", q="nonsense").status_code == 400
    for path in ("/audit-facets", "/audit-counts", "/audit-export"):
        assert busy.get(path, by="police").status_code == 403
    assert [(party, fields["reason"]) for party, fields in busy.world.entries("log-refused")] == [
        (None, "query-invalid"),
        ("police", "role-not-allowed"),
        ("police", "role-not-allowed"),
        ("police", "role-not-allowed"),
    ]


def test_operators_and_suspended_parties_read_nothing(busy: Office) -> None:
    target = f"/v1/covenants/{busy.world.stage.covenant.id}/audit-entries"
    assert busy.world.stage.send(None, "GET", target).status_code == 403
    busy.world.stage.suspend("police")
    assert busy.get("/audit-entries", by="police").status_code == 403


# -- parties


def test_a_party_sees_its_own_acts_and_no_handle(busy: Office) -> None:
    entries = busy.entries(by="police", limit=500)
    assert {entry["event"] for entry in entries} == {"signal-submitted", "disclosure-decided"}
    assert {entry["standing"] for entry in entries} == {"own"}
    assert not any("subjects" in entry["fields"] for entry in entries)
    (decided,) = busy.entries("event:disclosure-decided", by="police")
    assert sorted(part["source"] for part in decided["fields"]["shown"].values()) == ["housing-north", "municipality"]


def test_a_source_sees_the_next_day_that_a_partner_saw_its_signal(busy: Office) -> None:
    assert busy.entries(by="municipality", list_="source") == []
    busy.world.advance(timedelta(days=1))
    (seen,) = busy.entries(by="municipality", list_="source")
    assert (seen["standing"], seen["event"], seen["day"]) == ("source", "disclosure-decided", "2026-11-22")
    assert seen["fields"].keys() == {"party", "purpose", "shown", "signals"}
    assert seen["fields"]["party"] == "police"
    assert not {"at", "entryId", "leafIndex"} & seen.keys()
    assert "housing-north" not in json.dumps(seen)


def test_a_source_s_reference_opens_the_entry_to_it_alone(busy: Office) -> None:
    busy.world.advance(timedelta(days=1))
    (seen,) = busy.entries(by="municipality", list_="source")
    proved = ProvedEntry.model_validate_json(busy.get(f"/audit-entries/{seen['reference']}", by="municipality").content)
    (decided,) = busy.entries("event:disclosure-decided party:police")
    assert leaf_of(proved) == stored_leaf(busy, decided["entryId"])
    assert proved.shown.keys() - {name for name in proved.shown if name.startswith("shown/")} == {
        "day", "party", "purpose"
    }  # fmt: skip
    for by, reference in (
        ("housing-north", seen["reference"]),
        ("care-team", seen["reference"]),
        ("municipality", decided["entryId"]),
        (None, seen["reference"]),
    ):
        assert busy.get(f"/audit-entries/{reference}", by=by).status_code == 404


def test_a_source_page_goes_on_within_a_day(office: Office) -> None:
    world = office.world
    anchors = []
    for number in range(5):
        world.submit("municipality", address(number))
        anchors.append(world.submit("police", address(number)))
    for day in range(3):
        for anchor in anchors[: 3 + day]:
            assert world.disclose("police", anchor).status == 200
        world.advance(timedelta(days=1))
    whole = office.entries(by="municipality", list_="source", limit=500)
    days = [entry["day"] for entry in whole]
    assert (len(whole), days) == (12, sorted(days, reverse=True))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = office.get("/audit-entries", by="municipality", list_="source", limit=2, **cursor).json()
        seen += [entry["reference"] for entry in page["entries"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == [entry["reference"] for entry in whole]
    for day in set(days):
        of_day = [entry["reference"] for entry in whole if entry["day"] == day]
        assert of_day == sorted(of_day)  # in no order that tells the time


def test_what_every_party_is_told_is_a_list_of_its_own(busy: Office) -> None:
    busy.world.stage.suspend("care-team")
    entries = busy.entries(by="police", list_="covenant", limit=500)
    assert {entry["standing"] for entry in entries} == {"covenant"}
    assert {"covenant-founded", "party-enrolled", "party-suspended", "officer-enrolled"} <= {
        e["event"] for e in entries
    }


def test_a_party_searches_by_what_it_sees(busy: Office) -> None:
    assert len(busy.entries("action:disclosure purpose:nuisance", by="police")) == 1
    assert busy.entries("outcome:refused", by="police") == []
    assert faults(busy.get("/audit-entries", by="police", q="source:municipality")) == [
        ("query/q", "qualifier-not-here")
    ]
    assert faults(busy.post("/audit-searches", {"query": "actor:desk-1"}, by="police", list_="source")) == [
        ("/query", "qualifier-not-here")
    ]
    assert busy.post("/audit-searches", {"handles": [b64u_encode(bytes(32))]}, by="police").status_code == 400
    busy.world.advance(timedelta(days=1))
    assert len(busy.entries("party:police", by="municipality", list_="source")) == 1
    assert busy.entries("party:care-team", by="municipality", list_="source") == []


# -- exports


def test_a_line_of_the_export_is_enough_for_the_entry_s_leaf(busy: Office) -> None:
    lines = busy.lines()
    whole = busy.entries("", limit=500)
    assert [line["entry"] for line in lines] == [entry["entryId"] for entry in reversed(whole)][: len(lines)]
    assert len(lines) > 15
    for line in lines:
        fields = leaf_fields(
            line["covenant"], UUID(line["entry"]), line["event"], datetime.fromisoformat(line["at"]), line["fields"]
        )
        assert entry_leaf(b64u_decode(line["salt"]), fields) == stored_leaf(busy, line["entry"])


def test_an_export_does_not_hold_its_own_entry(busy: Office) -> None:
    lines = busy.lines("action:log")
    assert [line["event"] for line in lines] == []
    assert [line["event"] for line in busy.lines("action:log")] == ["log-exported"]


def test_the_csv_export_has_a_row_for_each_entry(busy: Office) -> None:
    response = busy.get("/audit-export", format="csv", q="party:police")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [row["event"] for row in rows] == ["signal-submitted", "disclosure-decided"]
    assert (rows[1]["outcome"], rows[1]["party"], rows[1]["purpose"]) == ("shown", "police", "nuisance")


def test_the_logboek_export_has_a_record_for_each_subject(busy: Office) -> None:
    records = busy.lines("party:police", form="logboek")
    assert [record["name"] for record in records] == ["signal-submitted", "signal-submitted", "disclosure-decided"]
    for record in records:
        assert (len(record["trace_id"]), len(record["span_id"])) == (32, 16)
        assert record["status_code"] == "STATUS_CODE_UNSET"
        assert record["attributes"].keys() == {
            "dpl.core.processing_activity_id",
            "dpl.core.data_subject_id",
            "dpl.core.data_subject_id_type",
        }
    assert len({record["span_id"] for record in records}) == 3
