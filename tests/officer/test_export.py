"""Exports: whatever is in an entry, a spreadsheet finds no formula in it, and a Logboek record names no one."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from random import Random
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.encoding import b64u_encode
from service.audit.export import FORMATS, csv_cell
from service.audit.search import Entry
from service.storage.database import Database
from tests.officer.logs import C, Scribe, entry_of, handle

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
ISSUER = "https://broker.example"
AWKWARD = st.text(st.sampled_from("=+-@\t\r\n;,|'\" ab＝＋－＠"), max_size=12)

scribe = Scribe(cast(Database, None), random=Random(4))


def entry(**fields: object) -> Entry:
    return Entry(C, UUID(int=7), "party-suspended", NOW, fields, bytes(32), 3)


@given(AWKWARD)
def test_no_cell_begins_like_a_formula_whatever_a_spreadsheet_takes_for_a_separator(text: str) -> None:
    for separators in ("\t\r\n", "\t\r\n;", "\t\r\n,", "\t\r\n|"):
        for cell in re.split(f"[{separators}]", csv_cell(text)):
            assert not cell.startswith(tuple("=+-@＝＋－＠"))
    assert csv_cell(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", ["2026-11-22T09:30:15.123456Z", "police", "rule-a rule-b", "hits:3", ""])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert csv_cell(text) == text


@given(AWKWARD)
def test_the_csv_reads_back_as_one_row_for_one_entry(words: str) -> None:
    form = FORMATS["csv"]
    written = form.head + form.lines([entry(words=words, actor="-1", role="operator")], ISSUER)
    (row,) = csv.DictReader(io.StringIO(written.decode(), newline=""))
    assert row["words"] == csv_cell(words)
    assert row["actor"] == "'-1"
    assert (row["event"], row["at"], row["leaf_index"]) == ("party-suspended", "2026-11-22T09:30:15.123456Z", "3")


def test_every_entry_has_a_row_with_its_outcome() -> None:
    entries = [entry_of(scribe.any(), NOW) for _ in range(100)]
    form = FORMATS["csv"]
    written = (form.head + form.lines(entries, ISSUER)).decode()
    rows = list(csv.DictReader(io.StringIO(written, newline="")))
    assert [row["event"] for row in rows] == [one.event for one in entries]
    assert {row["outcome"] for row in rows} == {"shown", "empty", "refused", "done"}


def test_json_lines_hold_the_whole_entry() -> None:
    one = entry_of(scribe.disclosure(), NOW)
    (line,) = FORMATS["jsonl"].lines([one], ISSUER).splitlines()
    assert json.loads(line) == {
        "covenant": C,
        "entry": str(one.entry_id),
        "event": "disclosure-decided",
        "at": "2026-11-22T09:30:15.123456Z",
        "leafIndex": 7,
        "fields": one.fields,
        "salt": b64u_encode(bytes(32)),
    }


def test_a_logboek_record_for_each_subject() -> None:
    two, none, refused = scribe.submission("police"), scribe.refusal("police"), scribe.disclosure(sources=())
    written = FORMATS["logboek"].lines([entry_of(record, NOW) for record in (two, none, refused)], ISSUER)
    records = [json.loads(line) for line in written.splitlines()]
    assert [record["name"] for record in records] == ["signal-submitted", "signal-submitted", "disclosure-decided"]
    assert records[2] == {
        "trace_id": refused.trace,
        "span_id": records[2]["span_id"],
        "status_code": "STATUS_CODE_UNSET",
        "name": "disclosure-decided",
        "start_time": "2026-11-22T09:30:15.123Z",
        "end_time": "2026-11-22T09:30:15.123Z",
        "resource": {"attributes": {"service.name": ISSUER, "covenant.party": "police"}},
        "attributes": {
            "dpl.core.processing_activity_id": f"{ISSUER}/v1/covenants/{C}#nuisance",
            "dpl.core.data_subject_id": b64u_encode(handle(1)),
            "dpl.core.data_subject_id_type": "covenant-subject-handle",
        },
    }
    assert records[0]["trace_id"] == records[1]["trace_id"]
    assert len({record["span_id"] for record in records}) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", record["trace_id"]) for record in records)
    assert all(re.fullmatch("[0-9a-f]{16}", record["span_id"]) for record in records)
