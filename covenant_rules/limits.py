"""What two versions differ in around the rules: terms, limits and promises that no cell of the matrix shows.

The matrix says what can be seen. How easily it comes about is said elsewhere in the covenant: which approvals a stage
asks for, by which identifiers signals meet, how long they are kept, how often parties may ask. Who compares two
versions has to be told of these too, and above all of a promise that is no longer made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from covenant_rules.conditions import shorter
from covenant_rules.model import Covenant, Duration

Term = str | int | Duration | tuple[str, ...]
T = TypeVar("T", bound=Term | None)


@dataclass(frozen=True, slots=True)
class ChangedLimit:
    """`section` is that of the document, `about` the ids below it; None where a version says nothing of the kind."""

    section: str
    about: tuple[str, ...]
    before: Term | None
    after: Term | None
    widens: bool
    """Whether somebody may come to see more by it, or sooner, or for longer."""


def limits(old: Covenant, new: Covenant) -> tuple[ChangedLimit, ...]:
    """In the order of the document. Of what only one version declares, only what the other says nothing of is told."""
    return (
        *_changed("area", {(): old.area}, {(): new.area}, _never),
        *_shared("purposes", _subjects(old), _subjects(new), _more),
        *_shared("legal_basis", _articles(old), _articles(new), _never),
        *_shared("categories", _classes(old), _classes(new), _never),
        *_shared("anchors", _anchors(old), _anchors(new), _always),
        *_changed("match_keys", _match_keys(old), _match_keys(new), _more),
        *_shared("stages", _approvals(old), _approvals(new), _fewer),
        *_shared("retention", _kept(old), _kept(new), _longer),
        *_changed("audit", {(): old.retention.audit}, {(): new.retention.audit}, _never),
        *_changed("tokens", _tokens(old), _tokens(new), _higher),
        *_changed("lookups", _lookups(old), _lookups(new), _higher),
        *_changed("minimum_cell", {(): old.statistics.minimum_cell}, {(): new.statistics.minimum_cell}, _lower),
        *_changed("statistics", {(): _in_order(old.statistics.to)}, {(): _in_order(new.statistics.to)}, _more),
        *_changed("never", _promises(old, new), _promises(new, old), _never),
    )


Terms = Mapping[tuple[str, ...], T]


def _changed(
    section: str, was: Terms[T], now: Terms[T], widens: Callable[[T | None, T | None], bool]
) -> Iterator[ChangedLimit]:
    for about in {**now, **was}:
        before, after = was.get(about), now.get(about)
        if before != after:
            yield ChangedLimit(section, about, before, after, widens(before, after))


def _shared(
    section: str, was: Terms[T], now: Terms[T], widens: Callable[[T | None, T | None], bool]
) -> Iterator[ChangedLimit]:
    """Of what both versions declare. What only one does nobody could see in the other: the matrix says so."""
    both = was.keys() & now.keys()
    kept, told = ({about: term for about, term in terms.items() if about in both} for terms in (was, now))
    return _changed(section, kept, told, widens)


# -- what the sections say


def _subjects(covenant: Covenant) -> Terms[tuple[str, ...]]:
    return {(purpose.id,): _in_order(purpose.subjects) for purpose in covenant.purposes.values()}


def _articles(covenant: Covenant) -> Terms[str]:
    return {
        (purpose.id, kind): basis.article
        for purpose in covenant.purposes.values()
        for kind, basis in purpose.legal_basis.items()
    }


def _classes(covenant: Covenant) -> Terms[str]:
    return {(category.id,): category.class_.value for category in covenant.categories.values()}


def _anchors(covenant: Covenant) -> Terms[str]:
    return {(subject,): keys.anchor for subject, keys in covenant.match_keys.items()}


def _match_keys(covenant: Covenant) -> Terms[tuple[str, ...]]:
    return {
        (subject, kind): _in_order(keys)
        for subject, given in covenant.match_keys.items()
        for kind, keys in given.kinds.items()
    }


def _approvals(covenant: Covenant) -> Terms[tuple[str, ...]]:
    return {(stage.id,): _in_order(stage.approvals) for stage in covenant.stages.values()}


def _kept(covenant: Covenant) -> Terms[Duration]:
    return {(category,): term for category, term in covenant.retention.categories.items()}


def _tokens(covenant: Covenant) -> Terms[int]:
    return {(kind,): number for kind, number in covenant.quotas.tokens.items()}


def _lookups(covenant: Covenant) -> Terms[int]:
    return {
        (purpose, kind): number
        for purpose, numbers in covenant.quotas.lookups.items()
        for kind, number in numbers.items()
    }


def _promises(covenant: Covenant, other: Covenant) -> Terms[tuple[str, ...]]:
    """Each with all it names, so that one that promises less under the same name is told too.

    Without words that the other version does not have: `all` has been written out, and would be another promise
    whenever a word is added.
    """
    return {
        (never.id,): tuple(
            " ".join(word for word in _in_order(words) if word in known)
            for words, known in (
                (never.purposes, other.purposes),
                (never.stages, other.stages),
                (never.from_, other.kinds),
                (never.to, other.kinds),
                (never.categories, other.categories),
                (never.items, other.items),
            )
        )
        for never in covenant.never
    }


def _in_order(words: frozenset[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(words))


# -- what widens


def _never(before: object, after: object) -> bool:
    return False


def _always(before: object, after: object) -> bool:
    return True


def _more(before: tuple[str, ...] | None, after: tuple[str, ...] | None) -> bool:
    return not set(after or ()) <= set(before or ())


def _fewer(before: tuple[str, ...] | None, after: tuple[str, ...] | None) -> bool:
    return _more(after, before)


def _longer(before: Duration | None, after: Duration | None) -> bool:
    return not shorter(after or Duration(), before or Duration())


def _higher(before: int | None, after: int | None) -> bool:
    return (after or 0) > (before or 0)


def _lower(before: int | None, after: int | None) -> bool:
    return _higher(after, before)
