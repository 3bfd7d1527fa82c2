"""What changes between two versions of a covenant, on a terminal: who gains first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from clients.cli.options import console
from clients.cli.rules_view import conditions
from covenant_rules.conditions import Alternative
from covenant_rules.diff import Box, Change, ChangedCode, Difference, Terms
from covenant_rules.model import Covenant, HandlingCode
from covenant_rules.shapes import format_span


def lets_see_more(difference: Difference, old: Covenant, new: Covenant) -> bool:
    """Whether anybody may come to see something it could not, or sooner, or for longer.

    Where conditions changed and neither version contains the other, somebody may. A party that joins gains what its
    kind could see already.
    """
    return (
        bool(difference.gained)
        or any(changed.change is not Change.NARROWED for changed in difference.conditions)
        or any(_hidden(code.before, old) - _hidden(code.after, new) for code in difference.codes)
        or bool(_joined(old, new))
        or new.valid_from < old.valid_from
        or new.valid_until > old.valid_until
    )


def show_difference(difference: Difference, old: Covenant, new: Covenant) -> None:
    """Prints every change under its heading; one line if there is none."""
    _section("gained", "green", [f"+ {_spoken(box, new)}" for box in difference.gained])
    _section("lost", "red", [f"- {_spoken(box, old)}" for box in difference.lost])
    for change, heading in ((Change.WIDENED, "wider"), (Change.CHANGED, "other"), (Change.NARROWED, "narrower")):
        lines = [
            f"~ {_spoken(changed.box, new)}\n    before: {_ways(changed.before)}\n    now:    {_ways(changed.after)}"
            for changed in difference.conditions
            if changed.change is change
        ]
        _section(f"{heading} conditions", "yellow", lines)
    terms = [
        f"~ {changed.rule}\n    before: {_terms(changed.before)}\n    now:    {_terms(changed.after)}"
        for changed in difference.terms
    ]
    _section("other obligations or audit sight", "yellow", terms)
    _section("other handling codes", "yellow", [_code(code) for code in difference.codes])
    _section("parties", "yellow", _parties(old, new))
    if (old.valid_from, old.valid_until) != (new.valid_from, new.valid_until):
        before, now = (f"{covenant.valid_from} until {covenant.valid_until}" for covenant in (old, new))
        _section("in force", "yellow", [f"~ {before}, now {now}"])
    if not (difference or _parties(old, new) or old.valid_until != new.valid_until or old.valid_from != new.valid_from):
        console.print("nobody sees more or less than before")


def _section(heading: str, colour: str, lines: Sequence[str]) -> None:
    if lines:
        console.print(f"[bold {colour}]{heading}[/bold {colour}]")
        for line in lines:
            console.print(f"  {escape(line)}", soft_wrap=True)


def _spoken(box: Box, covenant: Covenant) -> str:
    """A box as one says it: who sees what of whom, about what, for what and when."""
    stages = "at every stage" if set(box.stages) == set(covenant.stages) else f"at {_list(box.stages)}"
    categories = "anything" if set(box.categories) == set(covenant.categories) else _list(box.categories)
    return (
        f"{_list(box.to)}: {_list(box.items)} of {_list(box.from_)}, about {categories}, "
        f"for {_list(box.purposes)}, {stages}"
    )


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"


def _ways(alternatives: Sequence[Alternative]) -> str:
    return "; or ".join(
        conditions(alternative.when) + (", also by look-up" if alternative.lookup else "")
        for alternative in alternatives
    )


def _terms(terms: Terms) -> str:
    confidential = terms.audit.confidential
    parts = (
        f"obligations [{', '.join(sorted(terms.obligations))}]",
        f"source sees [{', '.join(sorted(terms.audit.source))}]",
        f"recipient sees [{', '.join(sorted(terms.audit.recipient))}]",
        "not confidential" if confidential is None else f"confidential for {format_span(confidential)}",
    )
    return ", ".join(parts)


def _code(changed: ChangedCode) -> str:
    return f"~ {changed.code}\n    before: {_blocks(changed.before)}\n    now:    {_blocks(changed.after)}"


def _blocks(code: HandlingCode | None) -> str:
    if code is None:
        return "unknown"
    blocks = (f"{_list(sorted(block.items))} from {_list(sorted(block.to))}" for block in code.blocks)
    return f"hides {'; '.join(blocks)}"


def _hidden(code: HandlingCode | None, covenant: Covenant) -> frozenset[tuple[str, str]]:
    """The (kind, item) pairs the code hides: what it blocks and what implies it."""
    return frozenset(
        (kind, item)
        for block in (code.blocks if code else ())
        for kind in block.to
        for item in covenant.items
        if block.items & ({item} | covenant.implied[item])
    )


def _joined(old: Covenant, new: Covenant) -> list[str]:
    """Parties that are new, or that are of another kind or group than they were."""
    return [
        party.id
        for party in new.parties.values()
        if party.id not in old.parties or (party.kind, party.group) != _standing(old, party.id)
    ]


def _standing(covenant: Covenant, party: str) -> tuple[str, str]:
    return covenant.parties[party].kind, covenant.parties[party].group


def _parties(old: Covenant, new: Covenant) -> list[str]:
    joined = [f"+ {party}, of kind {new.parties[party].kind}" for party in _joined(old, new)]
    return joined + [f"- {party}" for party in old.parties if party not in new.parties]
