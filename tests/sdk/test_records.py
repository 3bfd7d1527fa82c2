"""Rows become records, or are rejected by place and reason without a word of what stood there."""

from __future__ import annotations

import re
from datetime import date
from importlib import resources
from pathlib import Path

import pytest

from clients.sdk.errors import ClientError, RecordError
from clients.sdk.reasons import REASONS
from clients.sdk.records import ColumnMapping, Record, RecordFile, Rejected, read_mapping
from covenant_rules.load import load

COVENANT = load((resources.files("covenant_rules") / "examples" / "complex-approach.yaml").read_bytes())
HEADER = "reference,subject_kind,category,day,purposes,bag_id,postcode,house_number,house_letter,addition,note.gist"
GOOD = "R-1,address,noise,2026-11-01,nuisance,,3561 ab,12,,bis,music at night"


def read(
    tmp_path: Path, text: str, party: str = "police", mapping: ColumnMapping | None = None
) -> list[Record | Rejected]:
    path = tmp_path / "records.csv"
    path.write_text(text, encoding="utf-8")
    return list(RecordFile(path, mapping or ColumnMapping(), COVENANT, party))


def reason(row: Record | Rejected) -> tuple[str, str]:
    assert isinstance(row, Rejected), "the row should have been rejected"
    return row.error.field, row.error.code


def test_a_good_row_is_a_record(tmp_path: Path) -> None:
    (record,) = read(tmp_path, f"{HEADER}\n{GOOD}\n")
    assert isinstance(record, Record)
    assert (record.reference, record.category, record.day) == ("R-1", "noise", date(2026, 11, 1))
    assert record.subject == {"address-postcode": b"3561AB|12|BIS"}
    assert record.fields == {"note.gist": "music at night"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("3561 ab", "3561 ss"), "postcode"),
        (("noise", "gossip"), ("category", "not-in-the-covenant")),
        (("noise", "care-concern"), ("category", "no-legal-basis-for-this-purpose")),
        (("nuisance", "support"), ("subject_kind", "not-for-this-purpose")),
        (("nuisance", ""), ("purposes", "missing")),
        (("R-1,", ","), ("reference", "missing")),
        (("2026-11-01", "01-11-2026"), ("day", "not-a-date-written-as-YYYY-MM-DD")),
        (("2026-11-01", "20261101"), ("day", "not-a-date-written-as-YYYY-MM-DD")),
        (("address,", "house,"), ("subject_kind", "not-in-the-covenant")),
        (("3561 ab,12,,bis", ",,,"), ("address", "no-identifier-this-party-may-use")),
    ],
)
def test_a_bad_row_is_rejected_by_column_and_reason(
    tmp_path: Path, change: tuple[str, str], expected: tuple[str, str] | str
) -> None:
    (row,) = read(tmp_path, f"{HEADER}\n{GOOD.replace(*change)}\n")
    assert reason(row) == expected if isinstance(expected, tuple) else reason(row)[0] == expected


def test_a_citizen_service_number_must_pass_its_test(tmp_path: Path) -> None:
    header = "reference,subject_kind,category,day,purposes,bsn"
    (row,) = read(tmp_path, f"{header}\nR-1,person,home-visit,2026-11-01,support,999900007\n", party="care-team")
    assert reason(row)[0] == "bsn"
    assert "999900007" not in str(row.error)  # type: ignore[union-attr]
    assert "999900007" not in repr(row)


def test_a_party_without_the_key_does_not_use_the_number(tmp_path: Path) -> None:
    header = "reference,subject_kind,category,day,purposes,bsn"
    (row,) = read(tmp_path, f"{header}\nR-1,person,home-visit,2026-11-01,support,999900006\n", party="police")
    assert reason(row) == ("person", "no-identifier-this-party-may-use")


def test_columns_may_be_called_otherwise(tmp_path: Path) -> None:
    mapping = ColumnMapping(
        columns={"reference": "Nr", "postcode": "PC6", "house_number": "Huisnr", "category": "Soort", "day": "Datum"},
        constants={"subject_kind": "address", "purposes": "nuisance"},
    )
    (record,) = read(tmp_path, "Nr;PC6;Huisnr;Soort;Datum;Kleur\n7;3561AB;12;noise;2026-11-01;rood\n", mapping=mapping)
    assert isinstance(record, Record)
    assert record.subject == {"address-postcode": b"3561AB|12|"}
    assert record.reference == "7"


def test_columns_nothing_is_made_of_are_named(tmp_path: Path) -> None:
    path = tmp_path / "records.csv"
    path.write_text(f"{HEADER},colour\n{GOOD},red\n")
    assert RecordFile(path, ColumnMapping(), COVENANT, "police").ignored == ("colour",)


def test_a_file_without_a_needed_column_is_refused_before_any_row(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="no column category"):
        read(tmp_path, "reference,subject_kind,day,purposes\n")


@pytest.mark.parametrize("row", [f"{GOOD},more", GOOD.rsplit(",", 2)[0]])
def test_a_row_with_cells_too_many_or_too_few_is_rejected(tmp_path: Path, row: str) -> None:
    (found,) = read(tmp_path, f"{HEADER}\n{row}\n")
    assert reason(found) == ("row", "wrong-number-of-columns")


def test_one_bad_row_does_not_stop_the_others(tmp_path: Path) -> None:
    rows = read(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD.replace('noise', 'gossip')}\n{GOOD.replace('R-1', 'R-2')}\n")
    assert [isinstance(row, Record) for row in rows] == [True, False, True]


def test_a_second_row_of_one_reference_does_not_replace_the_first(tmp_path: Path) -> None:
    first, second = read(tmp_path, f"{HEADER}\n{GOOD}\n{GOOD.replace('noise', 'violence')}\n")
    assert isinstance(first, Record)
    assert reason(second) == ("reference", "used-in-another-row")


def test_every_reason_has_words() -> None:
    codes = set()
    for source in ("clients/protocol/normalise", "clients/sdk"):
        for path in (Path(__file__).parents[2] / source).glob("*.py"):
            codes.update(re.findall(r'(?:NormalisationError|RecordError)\([^()]*?, "([a-z-]+)"\)', path.read_text()))
    assert len(codes) > 20
    assert codes <= REASONS.keys()
    assert str(RecordError(2, "bsn", "eleven-test")) == "row 2: bsn does not pass the eleven-test"


def test_a_mapping_that_names_strange_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text('[columns]\npostcod = "PC6"\n')
    with pytest.raises(ClientError, match="postcod"):
        read_mapping(path)
