"""What the document declares under each section, so that names elsewhere can be looked up or guessed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from covenant_rules.diagnostics import did_you_mean, listed, quoted
from covenant_rules.grammar import SECTIONS_OF_NAMES
from covenant_rules.model import FIXED_ITEMS
from covenant_rules.tree import Listing, Mapping, Node, Scalar

UNKNOWN_CODES = {
    "kinds": ("CR301", "kind"),
    "purposes": ("CR302", "purpose"),
    "categories": ("CR303", "category"),
    "items": ("CR304", "item"),
    "stages": ("CR305", "stage"),
    "parties": ("CR306", "party"),
}
"""Per section the code and the word for a name that the section does not declare."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Ids per section. `None` stands for a section that is missing or unreadable: then nothing is called unknown."""

    names: dict[str, tuple[str, ...] | None]
    kind_of_party: dict[str, str]

    def is_known(self, section: str, word: str) -> bool:
        names = self.names[section]
        return names is None or word in names

    def all_of(self, section: str) -> Iterable[str]:
        return self.names[section] or ()

    def advice(self, section: str, word: str) -> str:
        """What to write instead of a word that `section` does not declare."""
        if section == "kinds" and word in self.kind_of_party:
            return f"{quoted(word)} is a party, and rules speak of kinds: write {quoted(self.kind_of_party[word])}"
        if section == "items":
            variants = [name for name in self.all_of("items") if name.startswith(f"{word}.")]
            if variants:
                return f"a field is shown in one of its variants: write {listed(variants)}"
        return did_you_mean(word, self.all_of(section)) or f"declare it in `{_home(section)}`"


def declared_in(root: Mapping) -> Declared:
    """Collects ids without judging them; whatever has the wrong form is left to the check of forms."""
    names: dict[str, tuple[str, ...] | None] = {section: _keys(root.value(section)) for section in SECTIONS_OF_NAMES}
    names["items"] = _items(root.value("fields"))
    return Declared(names, _kinds_of_parties(root.value("parties")))


def _home(section: str) -> str:
    return "fields" if section == "items" else section


def _keys(node: Node | None) -> tuple[str, ...] | None:
    return tuple(node.entries) if isinstance(node, Mapping) else None


def _items(fields: Node | None) -> tuple[str, ...] | None:
    if fields is None:
        return FIXED_ITEMS
    if not isinstance(fields, Mapping):
        return None
    items = list(FIXED_ITEMS)
    for name, (_, record) in fields.entries.items():
        variants = record.value("variants") if isinstance(record, Mapping) else None
        if not isinstance(variants, Listing):
            return None
        items += [f"{name}.{variant.text}" for variant in variants.items if isinstance(variant, Scalar)]
    return tuple(items)


def _kinds_of_parties(parties: Node | None) -> dict[str, str]:
    if not isinstance(parties, Mapping):
        return {}
    kinds: dict[str, str] = {}
    for name, (_, record) in parties.entries.items():
        kind = record.value("kind") if isinstance(record, Mapping) else None
        if isinstance(kind, Scalar):
            kinds[name] = kind.text
    return kinds
