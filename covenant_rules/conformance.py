"""Judges the tree of a document by the grammar: every part has its form, and every name is declared somewhere.

What only shows between two parts (a date before another, an id used twice) is `consistency.py`'s affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from covenant_rules.declared import UNKNOWN_CODES, Declared
from covenant_rules.diagnostics import Report, did_you_mean, listed, quoted
from covenant_rules.model import Place
from covenant_rules.shapes import (
    IDENTIFIER,
    OIN_DIGITS,
    RESERVED,
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
    parse_day,
    parse_span,
)
from covenant_rules.tree import Listing, Mapping, Node, Reading, Refused, Scalar

_Word = Text | Identifier | Oin | Day | Span | Count | Flag | Choice | Name

_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}
_SPOKEN_SPAN = re.compile(r"([0-9]{1,4}) ?(day|week|month|year)s?", re.IGNORECASE)
_DUTCH_DAY = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")


def check_forms(root: Mapping, shape: Record, declared: Declared, report: Report) -> None:
    """Reports everything under `root` that is not as `shape` says."""
    _Judge(declared, report).record(root, shape)


class _Judge:
    def __init__(self, declared: Declared, report: Report) -> None:
        self.declared = declared
        self.report = report

    def judge(self, node: Node, shape: Shape) -> None:
        match shape:
            case Record():
                self.record(node, shape)
            case Tagged():
                self.tagged(node, shape)
            case Table():
                self.table(node, shape)
            case Rows():
                self.rows(node, shape)
            case Several():
                self.several(node, shape)
            case _:
                self.word(node, shape)

    def record(self, node: Node, shape: Record) -> None:
        if not isinstance(node, Mapping):
            self._wrong_form(node, f"{shape.what} is written as `key: value` pairs")
            return
        members = {member.name: member for member in shape.members}
        for name, (key, value) in node.entries.items():
            if name in members:
                self.judge(value, members[name].shape)
            else:
                self._unknown_key(key, shape, [word for word in members if word not in node.entries])
        for member in shape.members:
            if member.required and member.name not in node.entries:
                message = f"{shape.what} lacks {quoted(member.name)}"
                self.report.error("CR202", node.place, message, f"add `{member.name}:` ({member.about.rstrip('.')})")

    def tagged(self, node: Node, shape: Tagged) -> None:
        if not isinstance(node, Mapping):
            self._wrong_form(node, f"a rule is written as `key: value` pairs that start with {listed(shape.records)}")
            return
        tags = [name for name in node.entries if name in shape.records]
        if len(tags) == 1:
            self.record(node, shape.records[tags[0]])
        elif tags:
            message = f"the rule is {listed(tags, 'and')} at once"
            self.report.error("CR214", node.entries[tags[1]][0].place, message, "split it into two rules")
        else:
            message = f"the rule is neither {listed(shape.records)}"
            first = next(iter(node.entries), "")
            self.report.error("CR214", node.place, message, lambda: did_you_mean(first, shape.records))

    def table(self, node: Node, shape: Table) -> None:
        if not isinstance(node, Mapping):
            self._wrong_form(node, "pairs of `key: value` are expected here")
            return
        if not node.entries:
            self.report.error("CR205", node.place, "nothing stands here", "add an entry, or leave out an optional key")
        if self._too_many(node.place, len(node.entries), shape.most):
            return
        for key, value in node.entries.values():
            self.word(key, shape.key)
            self.judge(value, shape.value)

    def rows(self, node: Node, shape: Rows) -> None:
        if not isinstance(node, Listing):
            self._wrong_form(node, "a list is expected here, each entry starting with `- `")
            return
        if not node.items and not shape.empty_allowed:
            self.report.error("CR205", node.place, "the list is empty", "add an entry, or leave out an optional key")
        if self._too_many(node.place, len(node.items), shape.most):
            return
        for item in node.items:
            self.judge(item, shape.of)

    def several(self, node: Node, shape: Several) -> None:
        if isinstance(node, Scalar) and node.reading is Reading.TEXT:
            if not (shape.all_allowed and node.text == "all"):
                hint = "`all` or a list" if shape.all_allowed else "a list"
                self.report.error("CR203", node.place, f"{hint} is expected here", f"write `[{node.text[:40]}]`")
            return
        if not isinstance(node, Listing):
            self._wrong_form(node, "a list is expected here, such as `[one, two]`")
            return
        if not node.items and not shape.empty_allowed:
            self.report.error("CR205", node.place, "the list is empty", "name one, or leave out an optional key")
        if self._too_many(node.place, len(node.items), shape.most):
            return
        seen: set[str] = set()
        for item in node.items:
            if isinstance(item, Scalar) and item.text == "all":
                self._all_in_list(item, shape)
                continue
            self.word(item, shape.of)
            if isinstance(item, Scalar) and item.text in seen:
                self.report.error("CR213", item.place, f"{quoted(item.text)} is listed twice", "keep one of the two")
            elif isinstance(item, Scalar):
                seen.add(item.text)

    def word(self, node: Node, shape: _Word) -> None:
        if not isinstance(node, Scalar):
            self._wrong_form(node, "a single word or text is expected here")
            return
        if node.reading is Reading.NOTHING or not node.text.strip():
            self.report.error("CR205", node.place, "nothing stands here", "fill it in, or leave out an optional key")
            return
        match shape:
            case Count():
                self._count(node, shape)
            case Flag():
                if node.reading is not Reading.TRUTH or node.text != "true":
                    message = f"only `true` can stand here, not {quoted(node.text)}"
                    self.report.error("CR216", node.place, message, "write `true`, or leave the key out to say no")
            case Day():
                if parse_day(node.text) is None:
                    message = f"{quoted(node.text)} is not a date"
                    self.report.error("CR208", node.place, message, _day_advice(node.text))
            case Span():
                if parse_span(node.text) is None:
                    message = f"{quoted(node.text)} is not a duration"
                    self.report.error("CR209", node.place, message, _span_advice(node.text))
            case _:
                self._text(node, shape)

    def _text(self, node: Scalar, shape: Text | Identifier | Oin | Choice | Name) -> None:
        if node.reading is not Reading.TEXT:
            what = "a number" if node.reading is Reading.NUMBER else "true or false"
            message = f"{quoted(node.text)} stands without quotes and would be read as {what}"
            self.report.error("CR204", node.place, message, f'write `"{node.text[:60]}"`')
            return
        match shape:
            case Text(limit):
                if len(node.text) > limit:
                    message = f"this text has {len(node.text)} characters, more than {limit}"
                    self.report.error("CR215", node.place, message, "say it shorter")
            case Identifier():
                self._identifier(node)
            case Oin():
                if not (node.text.isascii() and node.text.isdecimal() and len(node.text) == OIN_DIGITS):
                    message = f"{quoted(node.text)} is not an OIN"
                    advice = f"write its {OIN_DIGITS} digits between quotes; here are {len(node.text)} characters"
                    self.report.error("CR212", node.place, message, advice)
            case Choice(what, options):
                if node.text not in options:
                    message = f"unknown {what} {quoted(node.text)}"
                    self.report.error("CR211", node.place, message, partial(did_you_mean, node.text, options))
            case _:
                if not self.declared.is_known(shape.section, node.text):
                    code, what = UNKNOWN_CODES[shape.section]
                    message = f"unknown {what} {quoted(node.text)}"
                    instead = partial(self.declared.advice, shape.section, node.text)
                    self.report.error(code, node.place, message, instead)

    def _identifier(self, node: Scalar) -> None:
        if node.text in RESERVED:
            message = f"{quoted(node.text)} has a meaning of its own and cannot be an id"
            self.report.error("CR207", node.place, message, "choose another word")
        elif not IDENTIFIER.fullmatch(node.text):
            message = f"{quoted(node.text)} cannot be an id"
            self.report.error("CR206", node.place, message, _identifier_advice(node.text))

    def _count(self, node: Scalar, shape: Count) -> None:
        digits = node.text if node.bare and node.text.isascii() and node.text.isdecimal() else ""
        canonical = digits == "0" or (digits != "" and not digits.startswith("0"))
        if not canonical:
            message = f"{quoted(node.text)} is not a whole number"
            self.report.error("CR210", node.place, message, f"write digits only, from {shape.low} to {shape.high}")
        elif len(digits) > 9 or not shape.low <= int(digits) <= shape.high:
            message = f"{quoted(node.text)} is out of range"
            self.report.error("CR210", node.place, message, f"write a number from {shape.low} to {shape.high}")

    def _all_in_list(self, item: Scalar, shape: Several) -> None:
        advice = "write `all` by itself, without brackets" if shape.all_allowed else "name them one by one"
        self.report.error("CR214", item.place, "`all` stands in a list", advice)

    def _unknown_key(self, key: Scalar, shape: Record, unused: Iterable[str]) -> None:
        message = f"{shape.what} has no key {quoted(key.text)}"
        if shape.what == "a forbid" and key.text in ("when", "lookup", "obligations", "audit"):
            self.report.error("CR217", key.place, message, "a forbid holds always; put conditions on the permits")
            return
        self.report.error("CR201", key.place, message, lambda: did_you_mean(key.text, unused) or "remove it")

    def _too_many(self, place: Place, count: int, most: int) -> bool:
        if count > most:
            advice = "leave out what is not needed, or make a second covenant"
            self.report.error("CR218", place, f"{count} entries stand here, more than {most}", advice)
        return count > most

    def _wrong_form(self, node: Node, expectation: str) -> None:
        if isinstance(node, Refused):
            return
        if isinstance(node, Scalar) and node.reading is Reading.NOTHING:
            self.report.error("CR205", node.place, "nothing stands here", expectation)
            return
        found = {Scalar: "a single word", Listing: "a list", Mapping: "pairs of keys and values"}[type(node)]
        self.report.error("CR203", node.place, f"{found} cannot stand here", expectation)


def _day_advice(text: str) -> str:
    dutch = _DUTCH_DAY.fullmatch(text)
    if dutch:
        day, month, year = dutch.groups()
        written = f"{year}-{month:0>2}-{day:0>2}"
        if parse_day(written):
            return f"write `{written}`"
    return "write year, month and day as in `2028-12-31`"


def _span_advice(text: str) -> str:
    spoken = _SPOKEN_SPAN.fullmatch(text)
    if spoken:
        return f"write `P{spoken.group(1)}{_UNITS[spoken.group(2).lower()]}`"
    return "write years, months, weeks or days as in `P1Y`, `P6M`, `P2W` or `P90D`"


def _identifier_advice(text: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-0123456789")[:63].rstrip("-")
    rule = "start with a letter and use lower-case letters, digits and hyphens, at most 63"
    return f"write `{slug}`" if IDENTIFIER.fullmatch(slug) and slug not in RESERVED else rule
