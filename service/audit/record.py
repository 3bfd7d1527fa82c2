"""One happening in the words of the catalogue, and the JSON form in which it is stored and hashed.

Every field has one shape, checked when it is written: a shape is what keeps an identifier out of a log that nobody can
erase from. A field that is `None` or empty is absent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sized
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from clients.protocol.encoding import b64u_encode
from clients.protocol.officers import OFFICERS
from covenant_rules.model import AuditSight, Duration
from service.audit.events import CATALOGUE, SERVICE_LOG, Log
from service.principals import Principal

__all__ = ["AuditRecord", "CatalogueError", "Shown", "stored_form"]


class CatalogueError(Exception):
    """The program tried to write what the catalogue does not allow. Names the event and field, never the value."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What was shown of one signal: its source, as the log knows it, and the items."""

    source: str
    items: Collection[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRecord:
    """What happened. `covenant_id` is `SERVICE_LOG` for what concerns no single covenant."""

    event: str
    covenant_id: str

    # Who, and under which request and rules.
    by: Principal | None = None
    """Who acted; None for what a service does by itself. Stored as `principal`, `role`, `party` and `actor`."""
    trace: str | None = None
    """Trace id of the request, 32 hexadecimal digits."""
    request: UUID | None = None
    """Idempotency key of the request."""
    version: str | None = None
    """Hash of the version in force, or of the one the event is about."""
    service: str | None = None

    # What about.
    purpose: str | None = None
    stage: str | None = None
    purposes: Collection[str] = ()
    category: str | None = None
    subjects: Collection[bytes] = ()
    """Subject handles, HMAC(audit key, κ ‖ t), 32 bytes each; never pseudonyms."""
    anchor: UUID | None = None
    """The own signal that the question stood on."""
    signals: Collection[UUID] = ()
    replaces: UUID | None = None
    retracted: Collection[UUID] = ()
    parties: Collection[str] = ()
    """The other parties concerned: sources of what was shown, or whom an operator's act is about."""
    origins: Collection[str] = ()
    items: Collection[str] = ()
    shown: Mapping[UUID, Shown] | None = None
    disclosure: UUID | None = None
    case: UUID | None = None

    # How it was decided.
    outcome: str | None = None
    reason: str | None = None
    words: str | None = None
    """An operator's own words for what it does to a party or covenant; the only free text of the log."""
    rules: Collection[str] = ()
    obligations: Collection[str] = ()
    sight: AuditSight | None = None
    counts: Mapping[str, int] | None = None

    # Grants and releases.
    grant: str | None = None
    """`jti` of the grant."""
    release: UUID | None = None
    entry: UUID | None = None
    """The broker's audit entry that a grant names, or that is about the grant."""
    entries: Collection[UUID] = ()
    """The key holder's audit entries about a grant."""
    submitted: str | None = None
    """Hash of the version a signal was submitted under."""

    # Keys and set-up: versions, public points and hashes of public keys.
    match_keys: Collection[str] = ()
    key_version: int | None = None
    point: bytes | None = None
    digest: bytes | None = None
    receipt: UUID | None = None
    month: str | None = None
    fingerprints: Mapping[str, bytes] | None = None
    administrators: Collection[str] = ()
    officers: Collection[str] = ()
    previous: str | None = None
    day: date | None = None
    """From which a version is in force, up to which entries were erased, or which was compared."""

    # Reading the log.
    filters: Collection[str] = ()
    form: str | None = None


Json = Any
Shape = Callable[[Any], Json]

_WORD = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_PARTY = re.compile(rf"{OFFICERS}|{_WORD.pattern}", re.ASCII)
_ITEM = re.compile(r"[a-z][a-z0-9-]{0,62}(\.[a-z][a-z0-9-]{0,62})?", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TRACE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ACTOR = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~:/@-]{0,127}", re.ASCII)
_LARGEST_COUNT = 2**53 - 1
_MOST_WORDS = 500


class _ShapeError(Exception):
    """The value has not the shape of its field."""


def _matching(pattern: re.Pattern[str]) -> Shape:
    def shape(value: Any) -> Json:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _ShapeError
        return str(value)

    return shape


def _each(shape: Shape) -> Shape:
    """A set: written sorted and without repetitions, so that one set has one form."""

    def shape_all(values: Any) -> Json:
        return sorted({shape(value) for value in values})

    return shape_all


def _uuid(value: Any) -> Json:
    if not isinstance(value, UUID):
        raise _ShapeError
    return str(value)


def _bytes32(value: Any) -> Json:
    if not isinstance(value, bytes) or len(value) != 32:
        raise _ShapeError
    return b64u_encode(value)


def _day(value: Any) -> Json:
    if type(value) is not date:
        raise _ShapeError
    return value.isoformat()


def _count(value: Any) -> Json:
    if type(value) is not int or not 0 <= value <= _LARGEST_COUNT:
        raise _ShapeError
    return value


def _named(shape: Shape) -> Shape:
    def shape_mapping(value: Any) -> Json:
        return {_word(name): shape(value[name]) for name in sorted(value)}

    return shape_mapping


def _words(value: Any) -> Json:
    if not isinstance(value, str) or len(value) > _MOST_WORDS or not value.isprintable():
        raise _ShapeError
    return value


def _shown(value: Any) -> Json:
    return {
        _uuid(signal): {"items": _items(what.items), "source": _word(what.source)} for signal, what in value.items()
    }


def _sight(value: Any) -> Json:
    if not isinstance(value, AuditSight):
        raise _ShapeError
    form = {"recipient": _each(_word)(value.recipient), "source": _each(_word)(value.source)}
    return form | ({"confidential": _duration(value.confidential)} if value.confidential else {})


def _duration(value: Duration) -> str:
    parts = ((value.years, "Y"), (value.months, "M"), (value.days, "D"))
    return "P" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0D")


_word = _matching(_WORD)
_items = _each(_matching(_ITEM))

_SHAPES: Mapping[str, Shape] = {
    "principal": _matching(_REFERENCE),
    "role": _word,
    "party": _word,
    "actor": _matching(_ACTOR),
    "trace": _matching(_TRACE),
    "request": _uuid,
    "version": _matching(_HASH),
    "service": _word,
    "purpose": _word,
    "stage": _word,
    "purposes": _each(_word),
    "category": _word,
    "subjects": _each(_bytes32),
    "anchor": _uuid,
    "signals": _each(_uuid),
    "replaces": _uuid,
    "retracted": _each(_uuid),
    "parties": _each(_matching(_PARTY)),
    "origins": _each(_word),
    "items": _items,
    "shown": _shown,
    "disclosure": _uuid,
    "case": _uuid,
    "outcome": _word,
    "reason": _word,
    "words": _words,
    "rules": _each(_word),
    "obligations": _each(_matching(re.compile(r"[a-z][a-z0-9_-]{0,62}", re.ASCII))),
    "sight": _sight,
    "counts": _named(_count),
    "grant": _matching(_REFERENCE),
    "release": _uuid,
    "entry": _uuid,
    "entries": _each(_uuid),
    "submitted": _matching(_HASH),
    "match_keys": _each(_word),
    "key_version": _count,
    "point": _bytes32,
    "digest": _bytes32,
    "receipt": _uuid,
    "month": _matching(_MONTH),
    "fingerprints": _named(_bytes32),
    "administrators": _each(_word),
    "officers": _each(_word),
    "previous": _matching(_HASH),
    "day": _day,
    "filters": _each(_word),
    "form": _word,
}
_OWN_NAMES = tuple(field.name for field in fields(AuditRecord) if field.name not in ("event", "covenant_id", "by"))


def _fields(record: AuditRecord) -> Iterator[tuple[str, Any]]:
    if record.by is not None:
        yield "principal", record.by.id
        yield "role", record.by.role.value
        yield "party", record.by.party
        yield "actor", record.by.actor
    for name in _OWN_NAMES:
        yield name, getattr(record, name)


def stored_form(record: AuditRecord, log: Log) -> dict[str, Json]:
    """The record's fields as JSON, without event and covenant.

    Raises CatalogueError for an event that is not in the catalogue or not of this log, a field it does not allow, one
    it requires and that is missing, and a value that has not the shape of its field.
    """
    event = CATALOGUE.get(record.event)
    if event is None:
        raise CatalogueError("the catalogue knows no such event")
    if log not in event.logs:
        raise CatalogueError(f"{event.id} is no event of the log of the {log.value}")
    if record.covenant_id != SERVICE_LOG and not _WORD.fullmatch(record.covenant_id):
        raise CatalogueError(f"{event.id}: covenant_id has not its shape")
    form: dict[str, Json] = {}
    for name, value in _fields(record):
        if value is None or (isinstance(value, Sized) and not len(value)):
            continue
        if name not in event.allowed:
            raise CatalogueError(f"{event.id}: {name} is not allowed")
        try:
            form[name] = _SHAPES[name](value)
        except (_ShapeError, TypeError, AttributeError):
            raise CatalogueError(f"{event.id}: {name} has not its shape") from None
    missing = event.required - form.keys()
    if missing:
        raise CatalogueError(f"{event.id}: {', '.join(sorted(missing))} missing")
    return form
