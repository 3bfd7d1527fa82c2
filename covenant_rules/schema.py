"""The JSON Schema (draft 2020-12) of a covenant, for editors and other programs; written from `grammar.COVENANT`.

A document with another form fails the schema and the loader alike. A schema cannot look names up or lay two parts side
by side, nor see a key that stands twice: what it accepts may still be refused by `load`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from covenant_rules.grammar import COVENANT
from covenant_rules.model import FIXED_ITEMS
from covenant_rules.shapes import (
    IDENTIFIER,
    OIN_DIGITS,
    RESERVED,
    SPAN,
    Choice,
    Count,
    Day,
    Flag,
    Identifier,
    Name,
    Oin,
    Record,
    Rows,
    Several,
    Shape,
    Span,
    Table,
    Tagged,
    Text,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:covenant-broker:schema:covenant:1"

Schema = dict[str, Any]

_ID = IDENTIFIER.pattern
_WORDS: Mapping[str, Schema] = {
    "id": {"type": "string", "pattern": f"^{_ID}$", "not": {"enum": list(RESERVED)}},
    "item": {"type": "string", "pattern": f"^({'|'.join(FIXED_ITEMS)}|{_ID}\\.{_ID})$"},
    "oin": {"type": "string", "pattern": f"^[0-9]{{{OIN_DIGITS}}}$"},
    "day": {
        "type": "string",
        "format": "date",
        "pattern": "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
    },
    "span": {"type": "string", "pattern": f"^{SPAN.pattern}$", "not": {"pattern": "^P(0+[YMWD])+$"}},
}


def json_schema() -> Schema:
    """The schema as JSON values; each record of the grammar stands under `$defs` once."""
    records: dict[str, Schema] = {}
    root = _record(COVENANT, records)
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        "title": "Covenant",
        "description": "One version of an agreement on who may show whom what, for which purpose and until when.",
        **root,
        "$defs": dict(_WORDS) | dict(sorted(records.items())),
    }


def schema_text() -> str:
    """The schema as it stands in `covenant.schema.json`."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _schema(shape: Shape, records: dict[str, Schema]) -> Schema:
    match shape:
        case Record(what):
            name = what.split(" ", 1)[1].replace(" ", "-")
            records.setdefault(name, _record(shape, records))
            return _ref(name)
        case Tagged(kinds):
            return {"oneOf": [_schema(record, records) for record in kinds.values()]}
        case Table(key, value, most):
            entries = {"propertyNames": _word(key), "additionalProperties": _schema(value, records)}
            return {"type": "object", **entries, "minProperties": 1, "maxProperties": most}
        case Rows(of, most, empty_allowed):
            rows = {"type": "array", "items": _schema(of, records), "maxItems": most}
            return rows if empty_allowed else rows | {"minItems": 1}
        case Several(of, all_allowed, empty_allowed, most):
            listing = {"type": "array", "items": _word(of), "uniqueItems": True, "maxItems": most}
            listing = listing if empty_allowed else listing | {"minItems": 1}
            return {"anyOf": [{"const": "all"}, listing]} if all_allowed else listing
        case _:
            return _word(shape)


def _word(shape: Text | Identifier | Oin | Day | Span | Count | Flag | Choice | Name) -> Schema:
    match shape:
        case Text(limit):
            return {"type": "string", "pattern": "\\S", "maxLength": limit}
        case Choice(_, options):
            return {"enum": list(options)}
        case Flag():
            return {"const": True}
        case Name("items"):
            return _ref("item")
        case Identifier() | Name():
            return _ref("id")
        case Oin():
            return _ref("oin")
        case Day():
            return _ref("day")
        case Span():
            return _ref("span")
        case _:
            return {"type": "integer", "minimum": shape.low, "maximum": shape.high}


def _record(shape: Record, records: dict[str, Schema]) -> Schema:
    members = {member.name: _schema(member.shape, records) | {"description": member.about} for member in shape.members}
    required = [member.name for member in shape.members if member.required]
    record: Schema = {"type": "object", "properties": members, "additionalProperties": False}
    return record | {"required": required} if required else record


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
