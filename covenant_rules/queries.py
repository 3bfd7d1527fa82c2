"""Questions about a covenant that its matrix answers for good, each with the cell and the rules as the proof.

"Can the police ever see care notes?" `can` says yes, with a cell and the permits; or no, with what came nearest and why
it failed. "Are all promises kept?" `broken` names the counterexamples. Nothing is simulated: what the matrix excludes
no facts can bring about.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from covenant_rules.matrix import Cell, Matrix, first, legal_basis, named_by
from covenant_rules.model import Covenant, Effect, Never


@dataclass(frozen=True, slots=True)
class BrokenNever:
    """A promise the rules do not keep, with the first cell that breaks it, the item, and the permits that name it."""

    never: Never
    cell: Cell
    item: str
    permits: tuple[str, ...]


class Refusal(StrEnum):
    """Why an item can never be seen, from the nearest miss to the farthest."""

    IMPLIED_ITEM_MISSING = "implied-item-missing"
    FORBIDDEN = "forbidden"
    NO_LEGAL_BASIS = "no-legal-basis"
    NO_PERMIT = "no-permit"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an item can ever be seen, with one cell as the example.

    Yes: `rules` are the permits that name the item there. No: `rules` are the forbids, if that is the reason, and
    `missing` names what is absent: the kinds without a legal basis, the implied items, or the unknown words.
    """

    allowed: bool
    cell: Cell | None = None
    rules: tuple[str, ...] = ()
    refusal: Refusal | None = None
    missing: tuple[str, ...] = ()


def broken(covenant: Covenant) -> tuple[BrokenNever, ...]:
    """The `never` clauses that the rules do not keep, in their own order; none at all is the proof of all of them."""
    matrix, found = Matrix(covenant), []
    for never in covenant.never:
        box = matrix.space.box(never.purposes, never.stages, never.from_, never.to, never.categories)
        for item in covenant.items:
            cells = matrix.sets[item] & box if item in never.items else 0
            if cells:
                cell = matrix.space.cell(first(cells))
                found.append(BrokenNever(never, cell, item, named_by(covenant, Effect.PERMIT, cell, (item,))))
                break
    return tuple(found)


def can(
    covenant: Covenant,
    *,
    from_: str,
    to: str,
    item: str,
    purpose: str | None = None,
    stage: str | None = None,
    category: str | None = None,
) -> Answer:
    """Can parties of kind `to` ever see `item` of signals of parties of kind `from_`? What is left out means: any."""
    matrix = Matrix(covenant)
    asked = {"purposes": purpose, "stages": stage, "kinds": from_, "categories": category, "items": item}
    unknown = [word for section, word in asked.items() if word is not None and word not in getattr(covenant, section)]
    unknown += [to] if to not in covenant.kinds else []
    if unknown:
        return Answer(False, refusal=Refusal.UNKNOWN, missing=tuple(dict.fromkeys(unknown)))
    box = matrix.space.box(
        covenant.purposes if purpose is None else (purpose,),
        covenant.stages if stage is None else (stage,),
        (from_,),
        (to,),
        covenant.categories if category is None else (category,),
    )
    cells = matrix.sets[item] & box
    if not cells:
        return _refused(covenant, matrix, item, box)
    cell = matrix.space.cell(first(cells))
    return Answer(True, cell, named_by(covenant, Effect.PERMIT, cell, (item,)))


def _refused(covenant: Covenant, matrix: Matrix, item: str, box: int) -> Answer:
    """The refusal of the cell that came nearest to a yes."""
    permitted = matrix.permitted[item] & box
    lawful = permitted & matrix.lawful
    free = lawful & ~matrix.forbidden[item]
    nearest = free or lawful or permitted
    if not nearest:
        return Answer(False, refusal=Refusal.NO_PERMIT)
    cell = matrix.space.cell(first(nearest))
    if free:
        held = matrix.mask(*cell)
        implied = [i for bit, i in enumerate(covenant.items) if i in covenant.implied[item] and not held >> bit & 1]
        return Answer(False, cell, refusal=Refusal.IMPLIED_ITEM_MISSING, missing=tuple(implied))
    if lawful:
        forbids = named_by(covenant, Effect.FORBID, cell, covenant.implied[item] | {item})
        return Answer(False, cell, forbids, Refusal.FORBIDDEN)
    kinds = (
        kind
        for kind in (cell.from_kind, cell.to_kind)
        if legal_basis(covenant, cell.purpose, kind, cell.category) is None
    )
    return Answer(False, cell, refusal=Refusal.NO_LEGAL_BASIS, missing=tuple(dict.fromkeys(kinds)))
