"""Reads a covenant from its YAML bytes, or says everything that is wrong with it at once.

Bytes → tree (`document`) → relations (`consistency`) → forms and names (`conformance`, by `grammar`) → `Covenant`
(`build`). A later step runs whatever the earlier one found, except that nothing is built from a document with errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from covenant_rules.build import build
from covenant_rules.conformance import check_forms
from covenant_rules.consistency import check_consistency
from covenant_rules.declared import declared_in
from covenant_rules.diagnostics import CovenantError, Diagnostic, Report
from covenant_rules.document import read_document
from covenant_rules.grammar import COVENANT
from covenant_rules.model import Covenant
from covenant_rules.tree import Mapping

DEFAULT_NAME = "covenant.yaml"


def load(source: bytes, name: str = DEFAULT_NAME) -> Covenant:
    """The covenant that `source` holds; `name` is what diagnostics call the file.

    Raises `CovenantError` with every problem found, each with its place, code and what to write instead.
    """
    covenant, diagnostics = check_document(source, name)
    if covenant is None:
        raise CovenantError(diagnostics)
    return covenant


def check_document(source: bytes, name: str = DEFAULT_NAME) -> tuple[Covenant | None, tuple[Diagnostic, ...]]:
    """The covenant, or `None` and the problems in the order of the document. Never raises for any bytes."""
    document = read_covenant(source, name)
    return document.covenant, document.diagnostics


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was read: the covenant it holds and the tree with its places, or why it holds none."""

    covenant: Covenant | None
    root: Mapping | None
    diagnostics: tuple[Diagnostic, ...]


def read_covenant(source: bytes, name: str = DEFAULT_NAME) -> Document:
    """As `check_document`, with the tree of a covenant besides, for who has more to say about places in it."""
    report = Report(name)
    root = read_document(source, report)
    if root is not None:
        check_consistency(root, report)  # first, as these are few and would be lost among hundreds of misspelt words
        check_forms(root, COVENANT, declared_in(root), report)
        if not report.failed:
            return Document(build(root, version=sha256(source).hexdigest()), root, ())
    return Document(None, None, report.diagnostics())
