"""The JSON Schema and the loader are two readings of one grammar: neither accepts a form the other refuses."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from covenant_rules.catalogue import catalogue
from covenant_rules.diagnostics import Report
from covenant_rules.document import read_document
from covenant_rules.load import check_document
from covenant_rules.schema import json_schema, schema_text
from covenant_rules.tree import plain
from tests.rules.fragments import COMPLEX_APPROACH, EXAMPLES, with_sections

VALIDATOR = Draft202012Validator(json_schema())
FORMS = [entry for entry in catalogue().values() if entry.code.startswith("CR2")]
BEYOND_A_SCHEMA = ("CR3", "CR4")
"""Codes of names that are not declared and of parts that contradict each other."""


def values(source: bytes) -> Any:
    root = read_document(source, Report("covenant.yaml"))
    assert root is not None
    return plain(root)


def test_the_committed_schema_is_current() -> None:
    committed = EXAMPLES.parent / "covenant.schema.json"
    assert committed.read_text("utf-8") == schema_text(), (
        "run `covenant rules schema > covenant_rules/covenant.schema.json`"
    )


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_validates(path: Any) -> None:
    assert list(VALIDATOR.iter_errors(values(path.read_bytes()))) == []


@pytest.mark.parametrize("entry", FORMS, ids=lambda entry: entry.code)
def test_a_document_of_another_form_fails_both(entry: Any) -> None:
    broken, repaired = with_sections(entry.example), with_sections(entry.fix)
    assert not VALIDATOR.is_valid(values(broken))
    assert check_document(broken)[0] is None
    assert VALIDATOR.is_valid(values(repaired))


def paths(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(deeper for key, child in children for deeper in paths(child, (*path, key)))]


DOCUMENT = values(COMPLEX_APPROACH.encode())
PATHS = [path for path in paths(DOCUMENT) if path]
WORDS = st.sampled_from(
    ["all", "hit", "noise", "police", "signal", "", " ", "P1Y", "P0D", "2026-01-01", "1", "address-bag", "x" * 201]
)
JUNK = st.one_of(
    WORDS,
    st.none(),
    st.booleans(),
    st.integers(-1, 10**9),
    st.dates(date(1, 1, 1)).map(str),
    st.lists(WORDS, max_size=3),
    st.dictionaries(WORDS, WORDS, max_size=2),
    st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=8),
)


@given(st.sampled_from(PATHS), st.one_of(st.just(...), JUNK), WORDS)
def test_schema_and_loader_agree_on_forms(path: tuple[str | int, ...], instead: Any, key: str) -> None:
    document = deepcopy(DOCUMENT)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    if instead is ...:
        del parent[path[-1]]
    elif isinstance(parent, dict) and key == "all":
        parent[f"{path[-1]}x"] = parent.pop(path[-1])
    else:
        parent[path[-1]] = instead
    covenant, found = check_document(json.dumps(document).encode())  # JSON is YAML
    is_valid = VALIDATOR.is_valid(document)
    if not is_valid:
        assert covenant is None
    if not all(diagnostic.code.startswith(BEYOND_A_SCHEMA) for diagnostic in found):
        assert not is_valid
