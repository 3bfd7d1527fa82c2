"""Whether one signal may come in: every rule that needs no database and no secret, each fault with its place.

Pure. A fault names a rule and a place, never what stood there. Places are JSON pointers below the signal's own.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from clients.protocol.errors import SignatureError
from clients.protocol.messages.signals import SignalSubmission
from clients.protocol.sealing import CIPHERTEXT_LENGTHS, WRAPPED_KEY_BYTES
from clients.protocol.signed_items import (
    SignalIdentity,
    item_digests,
    item_slots,
    plain_items,
    sealed_item,
    signal_leaf,
)
from covenant_rules.model import Covenant
from covenant_rules.retention import last_day, month_of
from service.errors import LocatedFault

__all__ = ["Admitted", "Terms", "admit"]


@dataclass(frozen=True)
class Terms:
    """What a party's signals are held against, the same for a whole batch.

    `key_versions` holds per match key the version of the party's current key; `today` is the day in Amsterdam.
    """

    covenant: Covenant
    party: str
    today: date
    key_versions: Mapping[str, int]
    normalisation_versions: frozenset[str]

    @cached_property
    def match_keys(self) -> Mapping[str, frozenset[str]]:
        """Per subject kind, those that this party may use."""
        kind = self.covenant.parties[self.party].kind
        return {name: frozenset(keys.kinds.get(kind, ())) for name, keys in self.covenant.match_keys.items()}

    @cached_property
    def judged(self) -> dict[Hashable, tuple[LocatedFault, ...]]:
        """What was found of the statements seen so far; see `_stated`."""
        return {}

    @cached_property
    def _retained(self) -> dict[tuple[str, date], tuple[date, str]]:
        return {}

    def retained(self, category: str, day: date) -> tuple[date, str]:
        """The last day of retention and its month; days and categories repeat within a batch."""
        known = self._retained.get((category, day))
        if known is None:
            last = last_day(self.covenant, category, day)
            known = self._retained[category, day] = last, month_of(last)
        return known

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """The item slots of the version."""
        return item_slots([(f.id, variant) for f in self.covenant.fields.values() for variant in f.variants])

    @cached_property
    def variants(self) -> frozenset[tuple[str, str]]:
        return frozenset((f.id, variant) for f in self.covenant.fields.values() for variant in f.variants)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A signal that breaks no rule, with the digests of its item slots."""

    signal: SignalSubmission
    leaf_index: int
    leaf: bytes
    digests: tuple[bytes, ...]


def admit(signal: SignalSubmission, terms: Terms, leaf_index: int, leaf: bytes) -> Admitted | tuple[LocatedFault, ...]:
    """The signal as it may be stored, or every rule it breaks."""
    faults = list(_stated(signal, terms))
    if signal.replaces == signal.signal_id:
        faults.append(LocatedFault("/replaces", "replaces-itself", "a correction has an id of its own"))
    if signal.category in terms.covenant.categories:
        faults += _dates(signal, terms)
    if not faults:
        faults += _sealed(signal, terms)
    if faults:
        return tuple(faults)
    digests = _digests(signal, terms)
    if digests is None:
        return (LocatedFault("", "items-incomplete", "items, salts and absent digests do not fill the slots"),)
    identity = SignalIdentity(terms.covenant.id, terms.covenant.version, terms.party, signal.signal_id.bytes)
    if signal_leaf(identity, digests) != leaf:
        return (LocatedFault("", "leaf-mismatch", "the leaf given for this signal is not the one its items make"),)
    return Admitted(signal, leaf_index, leaf, digests)


def _stated(signal: SignalSubmission, terms: Terms) -> tuple[LocatedFault, ...]:
    """The faults of what a signal states in words of the covenant, found once for all that state the same."""
    statement = (
        signal.subject_kind,
        signal.category,
        signal.purposes,
        signal.origins,
        signal.handling_codes,
        signal.normalisation_version,
        tuple([token.match_key for token in signal.tokens]),
    )
    faults = terms.judged.get(statement)
    if faults is None:
        found = [*_names(signal, terms), *_tokens(signal, terms)]
        if signal.category in terms.covenant.categories:
            found += _basis(signal, terms)
        faults = terms.judged[statement] = tuple(found)
    return faults


def _names(signal: SignalSubmission, terms: Terms) -> Iterator[LocatedFault]:
    """Words must be the covenant's, and stand once in their list."""
    covenant = terms.covenant
    if signal.subject_kind not in covenant.match_keys:
        yield LocatedFault("/subjectKind", "subject-kind-unknown", "the covenant has no subjects of this kind")
    if signal.category not in covenant.categories:
        yield LocatedFault("/category", "category-unknown", "the covenant has no such category")
    yield from _known("purposes", signal.purposes, covenant.purposes, "the covenant has no such purpose")
    yield from _known("origins", signal.origins, covenant.parties, "the covenant has no such party")
    yield from _known("handlingCodes", signal.handling_codes, covenant.handling_codes, "the covenant has no such code")
    if terms.party in signal.origins:
        index = signal.origins.index(terms.party)
        yield LocatedFault(f"/origins/{index}", "origin-own", "a signal is not derived from its own party's")
    if signal.normalisation_version not in terms.normalisation_versions:
        yield LocatedFault(
            "/normalisationVersion", "normalisation-version-unknown", "tokens of this version match nothing here"
        )


def _known(member: str, names: Sequence[str], vocabulary: Collection[str], words: str) -> Iterator[LocatedFault]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name not in vocabulary:
            yield LocatedFault(f"/{member}/{index}", "name-unknown", words)
        if name in seen:
            yield LocatedFault(f"/{member}/{index}", "name-repeated", "the name stands in the list already")
        seen.add(name)


def _tokens(signal: SignalSubmission, terms: Terms) -> Iterator[LocatedFault]:
    allowed = terms.match_keys.get(signal.subject_kind, frozenset())
    seen: set[str] = set()
    for index, token in enumerate(signal.tokens):
        at = f"/tokens/{index}"
        if token.match_key not in allowed:
            yield LocatedFault(
                f"{at}/matchKey", "match-key-not-allowed", "the covenant does not give this party the match key here"
            )
        elif token.match_key in seen:
            yield LocatedFault(f"{at}/matchKey", "match-key-repeated", "a signal has one token for each match key")
        elif token.match_key not in terms.key_versions:
            yield LocatedFault(f"{at}/matchKey", "key-not-set-up", "the set-up has not taken in this party's key yet")
        seen.add(token.match_key)


def _basis(signal: SignalSubmission, terms: Terms) -> Iterator[LocatedFault]:
    """The party needs a legal basis for each purpose it names, and for what the category is about."""
    covenant = terms.covenant
    kind = covenant.parties[terms.party].kind
    class_ = covenant.categories[signal.category].class_
    for index, name in enumerate(signal.purposes):
        purpose = covenant.purposes.get(name)
        if purpose is None:
            continue
        at = f"/purposes/{index}"
        basis = purpose.legal_basis.get(kind)
        if signal.subject_kind not in purpose.subjects:
            yield LocatedFault(at, "purpose-not-for-subject", "the purpose is not about subjects of this kind")
        if basis is None or class_ not in basis.classes:
            yield LocatedFault(
                at, "no-legal-basis", "the covenant gives this party no legal basis for this purpose and category"
            )


def _dates(signal: SignalSubmission, terms: Terms) -> Iterator[LocatedFault]:
    if signal.day > terms.today:
        yield LocatedFault("/day", "day-in-future", "the day has not come yet in Amsterdam")
    elif terms.retained(signal.category, signal.day)[0] < terms.today:
        yield LocatedFault("/day", "retention-over", "the covenant's retention for this category is over")


def _sealed(signal: SignalSubmission, terms: Terms) -> Iterator[LocatedFault]:
    if not signal.fields:
        return
    _, month = terms.retained(signal.category, signal.day)
    seen: set[tuple[str, str]] = set()
    for index, sealed in enumerate(signal.fields):
        at, variant = f"/fields/{index}", (sealed.field, sealed.variant)
        if variant not in terms.variants:
            yield LocatedFault(at, "field-unknown", "the covenant has no such field and variant")
        if variant in seen:
            yield LocatedFault(at, "field-repeated", "the variant stands in the list already")
        seen.add(variant)
        if len(sealed.ciphertext) not in CIPHERTEXT_LENGTHS:
            yield LocatedFault(f"{at}/ciphertext", "ciphertext-length", "a sealed field is padded to a fixed length")
        if len(sealed.wrapped_key) != WRAPPED_KEY_BYTES:
            yield LocatedFault(f"{at}/wrappedKey", "wrapped-key-length", f"must be {WRAPPED_KEY_BYTES} bytes")
        if sealed.retention_month != month:
            yield LocatedFault(
                f"{at}/retentionMonth", "retention-month", "not the month in which the signal's retention ends"
            )


def _digests(signal: SignalSubmission, terms: Terms) -> tuple[bytes, ...] | None:
    salts = signal.salts
    given = {
        "category": salts.category,
        "day": salts.day,
        "purposes": salts.purposes,
        "origins": salts.origins,
        "handling-codes": salts.handling_codes,
    }
    items = plain_items(
        category=signal.category,
        day=signal.day.isoformat(),
        purposes=signal.purposes,
        origins=signal.origins,
        handling_codes=signal.handling_codes,
    )
    for sealed in signal.fields:
        slot = f"{sealed.field}.{sealed.variant}"
        items[slot] = sealed_item(sealed.commitment, sealed.ciphertext, sealed.wrapped_key)
        given[slot] = sealed.salt
    try:
        return item_digests(terms.slots, items, given, signal.absent)
    except SignatureError:
        return None
