"""From a party's CSV file to records that can become signals, row by row, with every fault named and located.

The columns the client knows are listed in `COLUMNS`, with one more for each sealed item of the covenant (`note.gist`).
A mapping says what they are called in the party's file, and gives constants for what the file does not hold:

    [columns]
    postcode = "PC6"
    house_number = "Huisnr"

    [constants]
    subject_kind = "address"
    purposes = "nuisance"
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise import columns as match_key_columns
from clients.protocol.normalise import normalise
from clients.sdk.errors import ClientError, RecordError
from covenant_rules.model import MATCH_KEYS, Covenant

SIGNAL_COLUMNS = ("reference", "subject_kind", "category", "day", "purposes", "handling_codes", "origins")
_NEEDED = ("reference", "subject_kind", "category", "day", "purposes")
IDENTIFIER_COLUMNS = tuple(
    dict.fromkeys(c for keys in MATCH_KEYS.values() for key in keys for c in match_key_columns(key))
)
COLUMNS = SIGNAL_COLUMNS + IDENTIFIER_COLUMNS
"""Columns of every covenant; lists within one are separated by spaces."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What our columns are called in the party's file, and constants for those it does not have."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One row, checked against the covenant and normalised. `subject` holds the value of each match key it gives."""

    row: int
    reference: str
    subject_kind: str
    category: str
    day: date
    purposes: tuple[str, ...]
    handling_codes: tuple[str, ...]
    origins: tuple[str, ...]
    subject: Mapping[str, bytes] = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    columns: Mapping[str, str] = field(repr=False)
    """The row as it was read, under our column names: what the journal keeps."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that gives no signal: why, and the row itself, for the file of rejected rows."""

    error: RecordError
    original: Mapping[str, str] = field(repr=False)


def read_mapping(path: Path | None) -> ColumnMapping:
    """The mapping in a TOML file, or none. Raises ClientError for a file that is not one, or names unknown columns."""
    if path is None:
        return ColumnMapping()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ClientError(f"cannot read the mapping {path.name}: {error}") from None
    unknown = sorted(set(document) - {"columns", "constants"})
    if unknown:
        raise ClientError(f"the mapping {path.name} has sections it should not have: {', '.join(unknown)}")
    sections = {name: document.get(name, {}) for name in ("columns", "constants")}
    for name, section in sections.items():
        if not isinstance(section, dict) or not all(isinstance(value, str) for value in section.values()):
            raise ClientError(f"[{name}] in the mapping {path.name} must give text for each column")
        strange = sorted(key for key in section if key not in COLUMNS and "." not in key)
        if strange:
            raise ClientError(f"[{name}] in the mapping {path.name} names columns we do not know: {', '.join(strange)}")
    return ColumnMapping(sections["columns"], sections["constants"])


class RecordFile:
    """A CSV file (comma, semicolon or tab; UTF-8) read against one covenant version and one party.

    Raises ClientError when the file cannot be read or lacks columns no constant stands in for. `ignored` names the
    file's columns that nothing is made of.
    """

    def __init__(self, path: Path, mapping: ColumnMapping, covenant: Covenant, party: str) -> None:
        self._path, self._mapping = path, mapping
        self._reader = RecordReader(covenant, party)
        known = COLUMNS + self._reader.sealed
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                first = stream.readline()
        except (OSError, UnicodeDecodeError) as error:
            raise ClientError(f"cannot read {path.name} as UTF-8 text: {type(error).__name__}") from None
        self._delimiter = max(",;\t", key=first.count)
        header = next(csv.reader([first], delimiter=self._delimiter), [])
        self.header = tuple(header)
        self._columns = {ours: mapping.columns.get(ours, ours) for ours in known}
        self._columns = {ours: theirs for ours, theirs in self._columns.items() if theirs in header}
        absent = [theirs for theirs in mapping.columns.values() if theirs not in header]
        absent += [c for c in _NEEDED if not self._gives(c)]
        if absent:
            raise ClientError(f"{path.name} has no column {', '.join(absent)}: map it, or give a constant")
        self.ignored = tuple(name for name in header if name not in self._columns.values())

    def _gives(self, column: str) -> bool:
        return column in self._columns or column in self._mapping.constants

    def count(self) -> int:
        """Rows, for a progress bar; reads the file once."""
        with self._path.open(encoding="utf-8-sig", newline="") as stream:
            return max(0, sum(1 for _ in csv.reader(stream, delimiter=self._delimiter)) - 1)

    def __iter__(self) -> Iterator[Record | Rejected]:
        with self._path.open(encoding="utf-8-sig", newline="") as stream:
            seen: set[str] = set()
            for number, original in enumerate(csv.DictReader(stream, delimiter=self._delimiter), start=1):
                # csv puts surplus cells under None, and None where cells are missing
                row = {key: value or "" for key, value in original.items() if isinstance(key, str)}
                try:
                    if len(row) != len(original) or None in original.values():
                        raise RecordError(number, "row", "wrong-number-of-columns")
                    record = self._reader.read(number, self._renamed(row))
                    if record.reference in seen:  # or each run would replace the one's signal by the other's
                        raise RecordError(number, "reference", "used-in-another-row")
                    seen.add(record.reference)
                    yield record
                except RecordError as error:
                    yield Rejected(error, row)

    def _renamed(self, original: Mapping[str, str]) -> dict[str, str]:
        """The row under our column names, with constants for what it does not give."""
        row = {ours: original[theirs].strip() for ours, theirs in self._columns.items()}
        return {**self._mapping.constants, **{ours: value for ours, value in row.items() if value}}


class RecordReader:
    """Turns rows under our column names into records of one covenant version and one party."""

    def __init__(self, covenant: Covenant, party: str) -> None:
        self._covenant = covenant
        self._kind = covenant.parties[party].kind
        self.sealed = tuple(item for item in covenant.items if "." in item)

    def read(self, number: int, row: Mapping[str, str]) -> Record:
        """The record in row `number`. Raises RecordError for one from which no signal can be made."""
        covenant = self._covenant

        def one_of(column: str, known: Mapping[str, object]) -> str:
            value = row.get(column, "")
            if value not in known:
                raise RecordError(number, column, "not-in-the-covenant" if value else "missing")
            return value

        def some_of(column: str, known: Mapping[str, object]) -> tuple[str, ...]:
            values = tuple(sorted(set(row.get(column, "").split())))
            if any(value not in known for value in values):
                raise RecordError(number, column, "not-in-the-covenant")
            return values

        if not row.get("reference"):
            raise RecordError(number, "reference", "missing")
        subject_kind = one_of("subject_kind", covenant.match_keys)
        category = one_of("category", covenant.categories)
        purposes = some_of("purposes", covenant.purposes)
        if not purposes:
            raise RecordError(number, "purposes", "missing")
        class_ = covenant.categories[category].class_
        for purpose in purposes:
            basis = covenant.purposes[purpose].legal_basis.get(self._kind)
            if subject_kind not in covenant.purposes[purpose].subjects:
                raise RecordError(number, "subject_kind", "not-for-this-purpose")
            if basis is None or class_ not in basis.classes:
                raise RecordError(number, "category", "no-legal-basis-for-this-purpose")
        try:
            day = date.fromisoformat(row.get("day", ""))
        except ValueError:
            raise RecordError(number, "day", "not-a-date-written-as-YYYY-MM-DD") from None
        if row["day"] != day.isoformat():
            raise RecordError(number, "day", "not-a-date-written-as-YYYY-MM-DD")
        return Record(
            row=number,
            reference=row["reference"],
            subject_kind=subject_kind,
            category=category,
            day=day,
            purposes=purposes,
            handling_codes=some_of("handling_codes", covenant.handling_codes),
            origins=some_of("origins", covenant.parties),
            subject=self._subject(number, subject_kind, row),
            fields={item: row[item] for item in self.sealed if item in row},
            columns=dict(row),
        )

    def _subject(self, number: int, subject_kind: str, row: Mapping[str, str]) -> dict[str, bytes]:
        """The value of every match key this party may use and the row gives: at least one."""
        values: dict[str, bytes] = {}
        for match_key in self._covenant.match_keys[subject_kind].kinds.get(self._kind, ()):
            given = {column: row.get(column, "") for column in match_key_columns(match_key)}
            if any(given.values()):
                try:
                    values[match_key] = normalise(match_key, given)
                except NormalisationError as error:
                    raise RecordError(number, error.field, error.code) from None
        if not values:
            raise RecordError(number, subject_kind, "no-identifier-this-party-may-use")
        return values
