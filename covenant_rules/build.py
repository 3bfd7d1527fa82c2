"""From a tree that passed every check to the frozen `Covenant`. Nothing is judged here any more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, TypeVar

from covenant_rules.model import (
    AUDIT_FIELDS,
    FIXED_ITEMS,
    AuditSight,
    Block,
    Category,
    CategoryClass,
    Conditions,
    Covenant,
    Duration,
    Effect,
    Field,
    HandlingCode,
    Kind,
    LegalBasis,
    Never,
    Party,
    Place,
    Purpose,
    Quotas,
    Retention,
    Rule,
    Stage,
    Statistics,
    SubjectKeys,
)
from covenant_rules.shapes import parse_span
from covenant_rules.tree import Listing, plain
from covenant_rules.tree import Mapping as Tree

Value = TypeVar("Value")


def build(root: Tree, version: str) -> Covenant:
    """The covenant that a checked tree describes; `all` is written out and white space folded."""
    document = plain(root)
    sections = _Sections(document)
    return Covenant(
        id=document["covenant"],
        version=version,
        title=_prose(document["title"]),
        valid_from=date.fromisoformat(document["valid"]["from"]),
        valid_until=date.fromisoformat(document["valid"]["until"]),
        area=_prose(document["area"]),
        kinds=_table(document["kinds"], lambda id_, title: Kind(id_, _prose(title))),
        parties=_table(document["parties"], _party),
        purposes=_table(document["purposes"], _purpose),
        categories=_table(document["categories"], _category),
        fields=_table(document.get("fields", {}), _field),
        match_keys=_table(document["match_keys"], _subject_keys),
        stages=_table(document["stages"], _stage),
        handling_codes=_table(document.get("handling_codes", {}), sections.handling_code),
        retention=_retention(document["retention"]),
        quotas=_quotas(document["quotas"]),
        statistics=_statistics(document["statistics"]),
        rules=tuple(map(sections.rule, document["rules"], _places(root, "rules"))),
        never=tuple(map(sections.never, document.get("never", ()), _places(root, "never"))),
    )


def _table(entries: Mapping[str, Any], make: Callable[[str, Any], Value]) -> Mapping[str, Value]:
    return MappingProxyType({id_: make(id_, entry) for id_, entry in entries.items()})


def _prose(text: str) -> str:
    return " ".join(text.split())


def _span(text: str | None) -> Duration | None:
    return None if text is None else parse_span(text)


def _places(root: Tree, section: str) -> Iterable[Place]:
    rows = root.value(section)
    return [row.place for row in rows.items] if isinstance(rows, Listing) else ()


def _party(id_: str, entry: Any) -> Party:
    return Party(id_, _prose(entry["title"]), entry["kind"], entry["oin"], entry.get("group", id_))


def _purpose(id_: str, entry: Any) -> Purpose:
    basis = _table(entry["legal_basis"], lambda _, row: LegalBasis(_prose(row["article"]), _classes(row["classes"])))
    return Purpose(id_, _prose(entry["title"]), _prose(entry["necessity"]), frozenset(entry["subjects"]), basis)


def _classes(words: Iterable[str]) -> frozenset[CategoryClass]:
    return frozenset(map(CategoryClass, words))


def _category(id_: str, entry: Any) -> Category:
    return Category(id_, _prose(entry["title"]), CategoryClass(entry["class"]))


def _field(id_: str, entry: Any) -> Field:
    return Field(id_, _prose(entry["title"]), tuple(entry["variants"]))


def _subject_keys(_: str, entry: Any) -> SubjectKeys:
    return SubjectKeys(entry["anchor"], _table(entry["kinds"], lambda _, keys: tuple(keys)))


def _stage(id_: str, entry: Any) -> Stage:
    return Stage(id_, _prose(entry["title"]), tuple(entry.get("approvals", ())))


def _retention(entry: Any) -> Retention:
    categories = {id_: span for id_, text in entry["categories"].items() if (span := parse_span(text))}
    return Retention(MappingProxyType(categories), _span(entry.get("audit")))


def _quotas(entry: Any) -> Quotas:
    lookups = _table(entry.get("lookups", {}), lambda _, limits: MappingProxyType(dict(limits)))
    return Quotas(MappingProxyType(dict(entry["tokens"])), lookups)


def _statistics(entry: Any) -> Statistics:
    return Statistics(entry["minimum_cell"], frozenset(entry.get("to", ())))


def _conditions(entry: Any) -> Conditions:
    return Conditions(
        independent_parties=entry.get("independent_parties"),
        within=_span(entry.get("within")),
        viewer_has=frozenset(entry.get("viewer_has", ())),
        source_released=entry.get("source_released", False),
        case_member=entry.get("case_member", False),
        approved_by=frozenset(entry.get("approved_by", ())),
    )


def _audit_sight(entry: Any) -> AuditSight:
    return AuditSight(
        source=frozenset(entry.get("source", ())),
        recipient=frozenset(entry.get("recipient", AUDIT_FIELDS)),
        confidential=_span(entry.get("confidential")),
    )


class _Sections:
    """What `all` stands for, section by section, while rules are written out."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._all = {name: frozenset(document[name]) for name in ("kinds", "purposes", "categories", "stages")}
        variants = ((id_, field["variants"]) for id_, field in document.get("fields", {}).items())
        self._all["items"] = frozenset(FIXED_ITEMS).union(f"{id_}.{name}" for id_, names in variants for name in names)

    def _set(self, section: str, words: str | list[str]) -> frozenset[str]:
        return self._all[section] if words == "all" else frozenset(words)

    def handling_code(self, id_: str, entry: Any) -> HandlingCode:
        blocks = (Block(self._set("kinds", row["to"]), self._set("items", row["items"])) for row in entry["blocks"])
        return HandlingCode(id_, _prose(entry["title"]), tuple(blocks))

    def rule(self, entry: Any, place: Place) -> Rule:
        effect = Effect.PERMIT if "permit" in entry else Effect.FORBID
        return Rule(
            id=entry[effect],
            effect=effect,
            clause=_prose(entry["clause"]),
            purpose=entry["purpose"],
            stages=self._set("stages", entry["stages"]),
            from_=self._set("kinds", entry["from"]),
            to=self._set("kinds", entry["to"]),
            categories=self._set("categories", entry["categories"]),
            items=self._set("items", entry["items"]),
            when=_conditions(entry.get("when", {})),
            lookup=entry.get("lookup", False),
            obligations=frozenset(entry.get("obligations", ())),
            audit=_audit_sight(entry["audit"]) if "audit" in entry else AuditSight(),
            place=place,
        )

    def never(self, entry: Any, place: Place) -> Never:
        return Never(
            id=entry["never"],
            clause=_prose(entry["clause"]),
            purposes=self._set("purposes", entry["purposes"]),
            stages=self._set("stages", entry["stages"]),
            from_=self._set("kinds", entry["from"]),
            to=self._set("kinds", entry["to"]),
            categories=self._set("categories", entry["categories"]),
            items=self._set("items", entry["items"]),
            place=place,
        )
