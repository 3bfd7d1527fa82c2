"""The catalogue and the one writer of the audit log."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, text

from clients.protocol.audit_leaf import entry_leaf
from clients.protocol.strict_json import canonical_json, parse_json
from covenant_rules.model import AUDIT_FIELDS, AuditSight, Duration
from service.audit import repository
from service.audit.events import _EVENTS, CATALOGUE, EVERYWHERE, WITHHELD, Log
from service.audit.leaf import leaf_fields
from service.audit.record import _SHAPES, AuditRecord, CatalogueError, Shown, stored_form
from service.audit.tables import TABLES
from service.audit.writer import AuditWriter, uuid7
from service.errors import Unavailable
from service.principals import Principal, Role
from service.storage.database import Database

METADATA = MetaData()
for table in TABLES:
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

NOW = datetime(2026, 11, 22, 9, 30, 15, 123456, tzinfo=UTC)
POLICE = Principal("police", Role.PARTY, "police", "complex-approach", "e-1203")


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


@pytest.fixture
def writer() -> AuditWriter:
    return AuditWriter(Log.BROKER, clock=lambda: NOW, random=secrets.token_bytes)


def decided(**changes: object) -> AuditRecord:
    signal = uuid4()
    record = {
        "event": "disclosure-decided",
        "covenant_id": "complex-approach",
        "version": "ab" * 32,
        "by": POLICE,
        "trace": "0f" * 16,
        "disclosure": uuid4(),
        "purpose": "nuisance",
        "stage": "signal",
        "subjects": (secrets.token_bytes(32),),
        "signals": (signal,),
        "parties": ("housing",),
        "shown": {signal: Shown("housing", ("source", "hit", "note.gist"))},
        "outcome": "shown",
        "counts": {"hits": 1},
        "rules": ("police-sees-noise",),
        "obligations": frozenset({"notify_source"}),
        "sight": AuditSight(source=frozenset({"day"}), confidential=Duration(days=30)),
    }
    return AuditRecord(**(record | changes))  # type: ignore[arg-type]


def test_every_event_has_its_own_name_and_known_fields() -> None:
    names = {field.name for field in fields(AuditRecord)} - {"event", "covenant_id", "by"}
    names |= {"principal", "role", "party", "actor"}
    assert len(CATALOGUE) == len(_EVENTS)
    assert set(_SHAPES) == names
    for event in _EVENTS:
        assert event.allowed <= names, event.id
        assert not event.required & event.optional, event.id
        assert not (event.required | event.optional) & (EVERYWHERE - {"version"}), event.id


def test_every_field_can_be_written_by_some_event() -> None:
    assert set(_SHAPES) == frozenset().union(*(event.allowed for event in _EVENTS))


def test_an_unknown_event_is_refused() -> None:
    with pytest.raises(CatalogueError, match="no such event"):
        stored_form(decided(event="disclosure-guessed"), Log.BROKER)


def test_an_event_of_the_other_service_is_refused() -> None:
    with pytest.raises(CatalogueError, match="keyholder"):
        stored_form(decided(), Log.KEYHOLDER)


def test_a_field_the_catalogue_does_not_allow_is_refused() -> None:
    with pytest.raises(CatalogueError, match="month is not allowed"):
        stored_form(decided(month="2026-11"), Log.BROKER)


@pytest.mark.parametrize("name", ["subjects", "purpose", "counts", "sight"])
def test_a_required_field_is_required(name: str) -> None:
    with pytest.raises(CatalogueError, match=f"{name} missing"):
        stored_form(decided(**{name: None}), Log.BROKER)


@pytest.mark.parametrize(
    "misshapen",
    [
        {"purpose": "Hoofdstraat 12"},
        {"purpose": "123456782"},
        {"subjects": (b"\x01" * 31,)},
        {"subjects": ("123456782",)},
        {"signals": ("not-a-uuid",)},
        {"counts": {"hits": -1}},
        {"counts": {"hits": True}},
        {"counts": {"Hoofdstraat 12": 1}},
        {"rules": ("two words",)},
        {"shown": {uuid4(): Shown("police", ("free text",))}},
        {"by": replace(POLICE, actor="Jan de Vries")},
        {"by": replace(POLICE, id="123 456 782")},
        {"version": "AB" * 32},
        {"sight": {"source": []}},
        {"outcome": 1},
        {"covenant_id": "--"},
    ],
)
def test_a_value_without_the_shape_of_its_field_is_refused_and_not_repeated(misshapen: dict[str, object]) -> None:
    with pytest.raises(CatalogueError, match="has not its shape") as refused:
        stored_form(decided(**misshapen), Log.BROKER)
    assert "Hoofdstraat" not in str(refused.value)
    assert "123456782" not in str(refused.value)


def test_an_entry_says_who_acted() -> None:
    form = stored_form(decided(), Log.BROKER)
    assert {name: form[name] for name in ("principal", "role", "party", "actor")} == {
        "principal": "police",
        "role": "party",
        "party": "police",
        "actor": "e-1203",
    }


def test_one_set_has_one_form() -> None:
    one = stored_form(decided(disclosure=uuid4(), rules=("b", "a", "b")), Log.BROKER)
    assert one["rules"] == ["a", "b"]
    assert one["sight"]["confidential"] == "P30D"


def test_entries_are_read_back_and_give_the_leaf_that_was_written(database: Database, writer: AuditWriter) -> None:
    records = [decided() for _ in range(20)]  # enough for COPY
    with database.transaction() as session:
        written = [writer.append(session, records[0]), *writer.append_many(session, records[1:])]
    with database.transaction() as session:
        for entry, record in zip(written, records, strict=True):
            row = repository.entry(session, "complex-approach", entry.entry_id)
            leaf = repository.leaf(session, "complex-approach", entry.entry_id)
            assert row is not None
            assert leaf is not None
            assert row.fields == stored_form(record, Log.BROKER)
            assert (row.party, row.parties, row.subjects) == ("police", ["housing"], list(record.subjects))
            fields_ = leaf_fields(row.covenant_id, row.entry_id, row.event, row.at, row.fields)
            assert leaf.leaf_hash == entry.leaf_hash == entry_leaf(row.salt, fields_)
            assert leaf.leaf_index is None


def test_entries_come_back_in_the_order_in_which_they_were_written(database: Database, writer: AuditWriter) -> None:
    with database.transaction() as session:
        written = [entry.entry_id for entry in writer.append_many(session, [decided() for _ in range(9)])]
    with database.transaction() as session:
        first = repository.entries(session, "complex-approach", limit=4)
        rest = repository.entries(session, "complex-approach", after=first[-1].entry_id)
    assert [row.entry_id for row in (*first, *rest)] == written


def test_no_entry_no_effect(database: Database, writer: AuditWriter) -> None:
    with database.transaction() as session:
        session.connection().execute(text("CREATE TABLE effect (done boolean)"))
        session.connection().execute(text("ALTER TABLE audit_leaf RENAME TO gone"))

    def effect_and_entry() -> None:
        with database.transaction() as session:
            session.connection().execute(text("INSERT INTO effect VALUES (true)"))
            writer.append(session, decided())

    with pytest.raises(Unavailable):
        effect_and_entry()
    with database.transaction() as session:
        assert session.connection().execute(text("SELECT count(*) FROM effect")).scalar_one() == 0
        assert session.connection().execute(text("SELECT count(*) FROM audit_entry")).scalar_one() == 0


def test_nothing_is_written_for_no_records(database: Database, writer: AuditWriter) -> None:
    with database.transaction() as session:
        assert writer.append_many(session, ()) == ()


def test_what_was_shown_of_each_signal_is_a_field_by_itself() -> None:
    signal = uuid4()
    form = stored_form(decided(shown={signal: Shown("housing", ("hit",))}), Log.BROKER)
    named = leaf_fields("complex-approach", uuid4(), "disclosure-decided", NOW, form)
    assert named[f"shown/{signal}"] == b'{"items":["hit"],"source":"housing"}'
    assert "shown" not in named
    assert "shown" not in parse_json(named["rest"])  # type: ignore[operator]


def test_what_a_covenant_can_let_someone_see_is_a_field_by_itself() -> None:
    entry_id = uuid4()
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)  # the first of July in Amsterdam
    named = leaf_fields("complex-approach", entry_id, "disclosure-decided", late, stored_form(decided(), Log.BROKER))
    shown = {name for name in named if name.startswith("shown/")}
    assert named.keys() - shown == {
        "entry", "day", "time", "party", "actor", "purpose", "stage", "rules", "withheld", "rest"
    }  # fmt: skip
    assert len(shown) == 1
    own_names = {"rules": "rule"}
    assert {own_names.get(name, name) for name in named.keys() - shown - {"entry", "withheld", "rest"}} | {"items"} == {
        *AUDIT_FIELDS
    }
    assert parse_json(named["withheld"]).keys() == WITHHELD  # type: ignore[union-attr]
    assert named["day"] == b'"2026-07-01"'
    assert named["time"] == b'"2026-06-30T22:30:00.000000+00:00"'
    assert parse_json(named["entry"]) == {
        "covenant": "complex-approach", "event": "disclosure-decided", "id": str(entry_id)
    }  # fmt: skip


def test_every_value_is_canonical_json() -> None:
    form = stored_form(decided(by=replace(POLICE, actor="A.-_9")), Log.BROKER) | {"words": 'Ünderage "é" \\ 😀 \x7f'}
    for value in leaf_fields("complex-approach", uuid4(), "disclosure-decided", NOW, form).values():
        assert canonical_json(parse_json(value)) == value


MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, st.integers(0, 16383), st.binary(min_size=6, max_size=6))
def test_ids_are_uuids_of_version_7(moment: datetime, place: int, random: bytes) -> None:
    made = uuid7(moment, place, random)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(MOMENTS, st.integers(0, 16382), st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6))
def test_ids_sort_by_time_and_by_place_in_a_batch(moment: datetime, place: int, one: bytes, other: bytes) -> None:
    made = uuid7(moment, place, one)
    assert made < uuid7(moment, place + 1, other)
    assert made < uuid7(moment + timedelta(microseconds=1), 0, other)
