"""What only shows between two parts of a document: dates in order, ids used once, keys that fit their subject.

Every check works on the tree and skips what has the wrong form, which `conformance.py` has reported; so one misspelt
date does not hide ten other problems.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from covenant_rules.diagnostics import Report, listed, quoted
from covenant_rules.model import FIXED_ITEMS, MATCH_KEYS, Place
from covenant_rules.shapes import parse_day
from covenant_rules.tree import Listing, Mapping, Node, Scalar

MOST_CELLS = 500_000
"""Cells of the matrix. Every rule and item has a set of them, a bit for each cell."""


def check_consistency(root: Mapping, report: Report) -> None:
    """Reports every contradiction between parts of the document."""
    _check_period(root, report)
    _check_parties(root, report)
    _check_fields(root, report)
    _check_match_keys(root, report)
    _check_subjects(root, report)
    _check_stages(root, report)
    _check_retention(root, report)
    _check_rule_ids(root, report)
    _check_size(root, report)


def _check_period(root: Mapping, report: Report) -> None:
    first, last = (_word(root, "valid", key) for key in ("from", "until"))
    if first is None or last is None:
        return
    first_day, last_day = parse_day(first.text), parse_day(last.text)
    if first_day and last_day and last_day < first_day:
        message = f"the covenant ends on {quoted(last.text)}, before it begins on {quoted(first.text)}"
        report.error("CR401", last.place, message, "exchange the two, or correct the year")


def _check_parties(root: Mapping, report: Report) -> None:
    group_of = {name: (_word(party, "group") or key) for name, key, party in _records(root, "parties")}
    first_with_oin: dict[str, str] = {}
    for name, _, party in _records(root, "parties"):
        group = _word(party, "group")
        if group is not None and group.text in group_of and group_of[group.text].text != group.text:
            message = f"the group {quoted(group.text)} itself belongs to another group"
            report.error("CR404", group.place, message, f"write {quoted(group_of[group.text].text)}")
        oin = _word(party, "oin")
        if oin is None:
            continue
        other = first_with_oin.setdefault(oin.text, name)
        if group_of[other].text != group_of[name].text:
            message = f"{quoted(name)} and {quoted(other)} have the same OIN but count as independent of each other"
            report.error("CR403", oin.place, message, f"add `group: {group_of[other].text}`, or correct the OIN")


def _check_fields(root: Mapping, report: Report) -> None:
    for name, key, _ in _records(root, "fields"):
        if name in FIXED_ITEMS:
            message = f"{quoted(name)} is an item of every signal and cannot be a field"
            report.error("CR409", key.place, message, "choose another id")


def _check_match_keys(root: Mapping, report: Report) -> None:
    for subject, _, record in _records(root, "match_keys"):
        known = MATCH_KEYS.get(subject)
        if known is None:
            continue
        used = [word for kind, _ in _entries(record, "kinds") for word in _words(record, "kinds", kind)]
        anchor = _word(record, "anchor")
        for word in [anchor, *used] if anchor else used:
            if word.text not in known and any(word.text in keys for keys in MATCH_KEYS.values()):
                message = f"{quoted(word.text)} does not identify a subject of kind {quoted(subject)}"
                report.error("CR405", word.place, message, f"write {listed(known)}")


def _check_subjects(root: Mapping, report: Report) -> None:
    section = root.value("match_keys")
    if not isinstance(section, Mapping):
        return
    for name, _, purpose in _records(root, "purposes"):
        for word in _words(purpose, "subjects"):
            if word.text in MATCH_KEYS and word.text not in section.entries:
                message = f"{quoted(name)} is about subjects of kind {quoted(word.text)}, which have no match keys"
                report.error("CR406", word.place, message, f"add `{word.text}:` to `match_keys`")


def _check_stages(root: Mapping, report: Report) -> None:
    section = root.value("stages")
    if not isinstance(section, Mapping):
        return
    if "signal" not in section.entries:
        message = "the stage `signal` is missing, and every subject starts there"
        report.error("CR407", section.place, message, "add `signal: {title: Signal}`")
    for name, _, stage in _records(root, "stages"):
        if name == "signal" and "approvals" in stage.entries:
            place = stage.entries["approvals"][0].place
            report.error("CR408", place, "the stage `signal` needs no approval", "remove `approvals`")


def _check_retention(root: Mapping, report: Report) -> None:
    periods = _find(root, "retention", "categories")
    if isinstance(periods, Mapping):
        for name, key in _entries(root, "categories"):
            if name not in periods.entries:
                message = f"nothing says how long signals of {quoted(name)} are kept"
                report.error("CR410", key.place, message, f"add `{name}:` with a duration to `retention`")


def _check_rule_ids(root: Mapping, report: Report) -> None:
    first: dict[str, Place] = {}
    for section, tags in (("rules", ("permit", "forbid")), ("never", ("never",))):
        rows = root.value(section)
        for row in rows.items if isinstance(rows, Listing) else ():
            for word in [word for tag in tags if (word := _word(row, tag))]:
                if word.text in first:
                    message = f"the id {quoted(word.text)} is used a second time, the first is in line "
                    message += str(first[word.text].line)
                    report.error("CR402", word.place, message, "give each rule an id of its own")
                else:
                    first[word.text] = word.place


def _check_size(root: Mapping, report: Report) -> None:
    sections = [root.value(section) for section in ("purposes", "stages", "kinds", "kinds", "categories")]
    cells = prod(len(section.entries) if isinstance(section, Mapping) else 1 for section in sections)
    if cells > MOST_CELLS:
        message = f"purposes × stages × kinds × kinds × categories is {cells:,}, more than {MOST_CELLS:,}"
        report.error("CR411", root.place, message, "leave out what is not needed, or make a second covenant")


def _entries(node: Node | None, *path: str) -> Iterator[tuple[str, Scalar]]:
    node = _find(node, *path)
    if isinstance(node, Mapping):
        for name, (key, _) in node.entries.items():
            yield name, key


def _records(root: Mapping, section: str) -> Iterator[tuple[str, Scalar, Mapping]]:
    """Id, key and record of each entry of a section that has the form of one."""
    for name, key in _entries(root, section):
        record = _find(root, section, name)
        if isinstance(record, Mapping):
            yield name, key, record


def _word(node: Node | None, *path: str) -> Scalar | None:
    found = _find(node, *path)
    return found if isinstance(found, Scalar) else None


def _words(node: Node | None, *path: str) -> Iterator[Scalar]:
    found = _find(node, *path)
    if isinstance(found, Listing):
        yield from (item for item in found.items if isinstance(item, Scalar))


def _find(node: Node | None, *path: str) -> Node | None:
    for key in path:
        node = node.value(key) if isinstance(node, Mapping) else None
    return node
