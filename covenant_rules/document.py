"""From bytes to a tree with a place for every word; everything in YAML that could surprise a reader is refused.

An administrator reads a covenant aloud and two of them sign its bytes. So a document must mean what it shows: no
anchors, aliases, tags, merge keys or directives, no key twice, no invisible characters, one document.

The tree is built from the events of libyaml's parser and not by its composer, for two reasons: the composer resolves
aliases and forgets anchors before anyone can object, and it recurses in C, where a deeply nested document ends the
process. There is no fallback to the parser in Python, which is thirty times slower.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any

import yaml
from yaml import CSafeLoader

from covenant_rules.diagnostics import Report, quoted
from covenant_rules.model import Place
from covenant_rules.tree import Listing, Mapping, Node, Reading, Refused, Scalar

MOST_BYTES = 1_000_000
DEEPEST = 12
"""Levels of lists and mappings inside each other. A covenant needs six."""

_START = Place(1, 1)

# Characters that do not show, or that change the order in which their neighbours show ("Trojan Source",
# CVE-2021-42574): controls except tab and line ends, the soft hyphen, bidirectional marks, embeddings and isolates,
# zero-width characters, line and paragraph separators, tag characters, and a byte order mark inside the text.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f]"
)

# What libyaml says, and what the author should hear. Anything else is passed on in libyaml's words.
_SYNTAX = {
    "mapping values are not allowed in this context": (
        "a colon stands where none is expected",
        "put the text between quotes, or check the indentation",
    ),
    "found character that cannot start any token": (
        "this character cannot stand here",
        "indent with spaces, never tabs, and put a text that starts with a sign between quotes",
    ),
    "did not find expected key": ("the indentation does not match", "align this line with the keys beside it"),
    "could not find expected ':'": ("a colon is missing after this key", "write `key: value`"),
    "did not find expected ',' or ']'": ("a list is not closed", "separate with commas and end with `]`"),
    "did not find expected ',' or '}'": ("a mapping is not closed", "separate with commas and end with `}`"),
    "found unexpected end of stream": ("the document ends inside a quoted text", "close the quotes"),
}
_OPENED = ("did not find expected ',' or ']'", "did not find expected ',' or '}'", "found unexpected end of stream")
"""Problems of what begins in one place and shows in another, which may be the end of the document."""


def read_document(source: bytes, report: Report) -> Mapping | None:
    """The tree of one YAML document whose root is a mapping; `None` if there is none. Problems go to `report`."""
    text = _decoded(source, report)
    if text is None:
        return None
    loader = CSafeLoader(text)
    try:
        return _root(_Events(loader, report))
    except yaml.MarkedYAMLError as error:  # its reader has nothing to say of a text without hidden characters
        _report_syntax(error, report)
        return None
    finally:
        loader.dispose()


def _decoded(source: bytes, report: Report) -> str | None:
    if len(source) > MOST_BYTES:
        message = f"the document has {len(source):,} bytes, more than {MOST_BYTES:,}"
        report.error("CR103", _START, message, "split the agreement into covenants of one purpose each")
        return None
    body = source.removeprefix(BOM_UTF8)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        place = _place_after(body[: error.start].decode())
        report.error("CR102", place, "the document is not UTF-8", "save it as UTF-8")
        return None
    for found in _HIDDEN.finditer(text):
        place = _START if report.is_full else _place_after(text[: found.start()])  # a search from the start of the text
        report.error("CR104", place, f"the invisible character U+{ord(found.group()):04X}", "remove it")
    return None if report.failed else text


def _place_after(before: str) -> Place:
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _report_syntax(error: Any, report: Report) -> None:
    shows, problem = error.problem_mark, error.problem
    mark = error.context_mark if problem in _OPENED else shows
    message, suggestion = _SYNTAX.get(problem, (problem, "check the punctuation and indentation around this place"))
    if mark is not shows:
        suggestion += f"; it shows in line {shows.line + 1}"
    report.error("CR101", Place(mark.line + 1, mark.column + 1), message, suggestion)


class _Events:
    """libyaml's events one by one, each with its place, and the report that goes with them."""

    def __init__(self, loader: CSafeLoader, report: Report) -> None:
        self._get = loader.get_event
        self.report = report

    def __iter__(self) -> Iterator[tuple[Any, Place]]:
        while (event := self._get()) is not None:
            mark: Any = event.start_mark
            yield event, Place(mark.line + 1, mark.column + 1)


class _Open:
    """A list or mapping whose end has not been read yet."""

    __slots__ = ("entries", "items", "key", "place")

    def __init__(self, place: Place, is_mapping: bool) -> None:
        self.place = place
        self.items: list[Node] = []
        self.entries: dict[str, tuple[Scalar, Node]] | None = {} if is_mapping else None
        self.key: Node | None = None

    def take(self, node: Node, report: Report) -> None:
        if self.entries is None:
            self.items.append(node)
        elif self.key is None:
            self.key = node
        else:
            key = _usable_key(self.key, self.entries, report)
            self.key = None
            if key is not None:
                self.entries[key.text] = (key, node)

    def closed(self) -> Node:
        if self.entries is None:
            return Listing(tuple(self.items), self.place)
        return Mapping(self.entries, self.place)


def _usable_key(key: Node, entries: dict[str, tuple[Scalar, Node]], report: Report) -> Scalar | None:
    if isinstance(key, Refused):
        return None
    if not isinstance(key, Scalar):
        report.error("CR113", key.place, "a list or mapping stands where a key is expected", "write `key: value`")
        return None
    if key.bare and key.text == "<<":
        report.error("CR107", key.place, "the merge key `<<`", "write the keys out where they are meant")
        return None
    if key.text in entries:
        first = entries[key.text][0].place
        message = f"{quoted(key.text)} stands here a second time, the first is in line {first.line}"
        report.error("CR108", key.place, message, "keep one of the two")
        return None
    return key


def _root(events: _Events) -> Mapping | None:
    report = events.report
    stack: list[_Open] = []
    root: Node | None = None
    documents = 0
    for event, place in events:
        match event:
            case yaml.ScalarEvent():
                _refuse_decoration(event, place, report)
                scalar = Scalar(event.value, event.implicit[0], place)
                _refuse_escapes(scalar, report)
                node: Node = scalar
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                node = stack.pop().closed()
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                _refuse_decoration(event, place, report)
                if len(stack) == DEEPEST:
                    message = f"lists and mappings stand more than {DEEPEST} levels inside each other"
                    report.error("CR109", place, message, "a covenant needs no more than six")
                    return None
                stack.append(_Open(place, isinstance(event, yaml.MappingStartEvent)))
                continue
            case yaml.AliasEvent():
                message = f"the alias {quoted(f'*{event.anchor}')}"
                report.error("CR105", place, message, "write out what it stands for")
                node = Refused(place)
            case yaml.DocumentStartEvent():
                documents += 1
                if documents > 1:
                    report.error("CR110", place, "a second document starts here", "keep one covenant in one file")
                    return None
                if event.version or event.tags:
                    report.error("CR112", place, "a directive stands before the document", "remove the line with `%`")
                continue
            case _:
                continue
        if stack:
            stack[-1].take(node, report)
        else:
            root = node
    return _mapping_or_complaint(root, report)


def _refuse_decoration(event: Any, place: Place, report: Report) -> None:
    if event.anchor is not None:
        report.error("CR105", place, f"the anchor {quoted('&' + event.anchor)}", "remove it")
    if event.tag is not None:
        report.error("CR106", place, f"the tag {quoted(event.tag)}", "remove it, or put the text between quotes")


def _refuse_escapes(scalar: Scalar, report: Report) -> None:
    """Between double quotes, `\\u202e` shows in the document and hides in whatever is made of it."""
    hidden = None if scalar.bare else _HIDDEN.search(scalar.text)
    if hidden:
        message = f"an escape that stands for the invisible character U+{ord(hidden.group()):04X}"
        report.error("CR104", scalar.place, message, "remove it")


def _mapping_or_complaint(root: Node | None, report: Report) -> Mapping | None:
    if isinstance(root, Mapping):
        return root
    if root is None or (isinstance(root, Scalar) and root.reading is Reading.NOTHING):
        report.error("CR111", _START, "the document is empty", "start with `covenant:` and the covenant's id")
    elif not isinstance(root, Refused):
        report.error("CR111", root.place, "the document has no sections", "start with `covenant:` and its id")
    return None
