"""Entries in three forms for programs of others: JSON Lines, CSV, and records of the Logboek Dataverwerkingen.

JSON Lines has everything, the salt included: a line is enough to compute the entry's leaf. CSV is for a spreadsheet,
and safe to open in one. The third follows the standard of Logius: one record for each subject an entry names, with the
handle as its pseudonym. A refusal is `STATUS_CODE_UNSET` there, never an error: the processing itself went well.
Pure.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from clients.protocol.encoding import b64u_encode
from service.audit.search import Entry

__all__ = ["FORMATS", "HANDLE_TYPE", "Format", "csv_cell"]

HANDLE_TYPE = "covenant-subject-handle"
"""What `dpl.core.data_subject_id` is: the pseudonym by which one covenant's log names a subject."""

_COLUMNS = (
    "at", "day", "event", "outcome", "reason", "role", "principal", "party", "actor", "purpose", "stage", "category",
    "rules", "parties", "items", "subjects", "signals", "disclosure", "grant", "match_keys", "counts", "words",
    "version", "trace", "entry", "leaf_index",
)  # fmt: skip

# A spreadsheet takes a cell for a formula by its first character, and finds cells behind separators of its own country.
_FORMULA = re.compile("(^|[\t\r\n;,|])([=+@＝＋－＠-])")


@dataclass(frozen=True, slots=True)
class Format:
    """One form. `lines` gives the bytes of some entries, for a service with the given issuer; `head` goes before."""

    media_type: str
    extension: str
    head: bytes
    lines: Callable[[Iterable[Entry], str], bytes]


def csv_cell(text: str) -> str:
    """The text as no spreadsheet takes it for a formula: an apostrophe before each place where one could begin."""
    return _FORMULA.sub(r"\1'\2", text)


def _json_lines(entries: Iterable[Entry], _: str) -> bytes:
    return b"".join(_line(_document(entry)) for entry in entries)


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "covenant": entry.covenant_id,
        "entry": str(entry.entry_id),
        "event": entry.event,
        "at": _moment(entry.at),
        "leafIndex": entry.leaf_index,
        "fields": entry.fields,
        "salt": b64u_encode(entry.salt),
    }


def _csv(entries: Iterable[Entry], _: str) -> bytes:
    return _rows([_cells(entry) for entry in entries])


def _cells(entry: Entry) -> list[str]:
    shown: Mapping[str, Any] = entry.fields.get("shown", {})
    items = sorted({item for part in shown.values() for item in part["items"]}) or entry.fields.get("items")
    refused = entry.event.endswith("-refused")
    known = entry.fields | {
        "at": _moment(entry.at),
        "day": entry.day.isoformat(),
        "event": entry.event,
        "outcome": "refused" if refused else entry.fields.get("outcome", "done"),
        "items": items,
        "entry": str(entry.entry_id),
        "leaf_index": entry.leaf_index,
    }
    return [csv_cell(_text(known.get(name))) for name in _COLUMNS]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return " ".join(f"{name}:{value[name]}" for name in sorted(value))
    return str(value)


def _rows(rows: Iterable[list[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return written.getvalue().encode()


def _logboek(entries: Iterable[Entry], issuer: str) -> bytes:
    return b"".join(_line(record) for entry in entries for record in _records(entry, issuer))


def _records(entry: Entry, issuer: str) -> Iterable[dict[str, Any]]:
    """A record for each subject: 16 bytes of trace, 8 of span, times in milliseconds as RFC 3339."""
    trace = entry.fields.get("trace") or sha256(entry.entry_id.bytes).hexdigest()[:32]
    activity = f"{issuer}/v1/covenants/{entry.covenant_id}#{entry.fields.get('purpose', entry.event)}"
    at = entry.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for subject in entry.fields.get("subjects", ()):
        yield {
            "trace_id": trace,
            "span_id": sha256(entry.entry_id.bytes + subject.encode()).hexdigest()[:16],
            "status_code": "STATUS_CODE_UNSET",
            "name": entry.event,
            "start_time": at,
            "end_time": at,
            "resource": {"attributes": {"service.name": issuer, "covenant.party": entry.fields.get("party", "")}},
            "attributes": {
                "dpl.core.processing_activity_id": activity,
                "dpl.core.data_subject_id": subject,
                "dpl.core.data_subject_id_type": HANDLE_TYPE,
            },
        }


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


FORMATS: Mapping[str, Format] = {
    "jsonl": Format("application/jsonl", "jsonl", b"", _json_lines),
    "csv": Format("text/csv; charset=utf-8", "csv", _rows([list(_COLUMNS)]), _csv),
    "logboek": Format("application/jsonl", "logboek.jsonl", b"", _logboek),
}
"""By the name that a request has for it."""
