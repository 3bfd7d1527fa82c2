"""What changes between two versions of a covenant, on a terminal: who gains first."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape

from clients.cli.options import console
from clients.cli.rules_view import conditions
from covenant_rules.conditions import Alternative
from covenant_rules.diff import Box, Change, ChangedCode, ChangedParty, Difference, Terms
from covenant_rules.limits import ChangedLimit, Term, limits
from covenant_rules.model import Covenant, Duration, HandlingCode
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
        or any(changed.after is not None for changed in difference.parties)
        or any(changed.widens for changed in limits(old, new))
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
    _section("parties", "yellow", [_party(changed) for changed in difference.parties])
    around = limits(old, new)
    _section("promises", "red", [_promise(one) for one in around if one.section == "never"])
    _section("limits and legal bases", "yellow", [_limit(one) for one in around if one.section != "never"])
    if (old.valid_from, old.valid_until) != (new.valid_from, new.valid_until):
        before, now = (f"{covenant.valid_from} until {covenant.valid_until}" for covenant in (old, new))
        _section("in force", "yellow", [f"~ {before}, now {now}"])
    elif not (difference or around):
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


def _party(changed: ChangedParty) -> str:
    if changed.after is None:
        return f"- {changed.party}"
    group = "" if changed.after.group == changed.party else f", of the group of {changed.after.group}"
    return f"{'+' if changed.before is None else '~'} {changed.party}, of kind {changed.after.kind}{group}"


_ABOUT = {
    "area": "the area",
    "purposes": "subjects of {0}",
    "legal_basis": "legal basis of {1} for {0}",
    "categories": "class of {0}",
    "anchors": "anchor of every {0}",
    "match_keys": "match keys of {1} for every {0}",
    "stages": "approvals for the stage {0}",
    "retention": "retention of {0}",
    "audit": "retention of the audit log",
    "tokens": "tokens a day for {0}",
    "lookups": "look-ups a day of {1} for {0}",
    "minimum_cell": "smallest area figure",
    "statistics": "area figures go to",
}


def _limit(changed: ChangedLimit) -> str:
    about = _ABOUT[changed.section].format(*changed.about)
    return f"~ {about}: {_term(changed.before)}, now {_term(changed.after)}"


def _promise(changed: ChangedLimit) -> str:
    (name,) = changed.about
    if changed.before is None:
        return f"+ {name}"
    return f"- {name}: no longer made" if changed.after is None else f"~ {name}: promises something else"


def _term(term: Term | None) -> str:
    match term:
        case Duration():
            return format_span(term)
        case tuple():
            return _list(term) if term else "none"
        case None:
            return "none"
        case _:
            return str(term)
