"""Whether a document can become a version: it loads, its promises are proved, and the lint finds no error in it."""

from __future__ import annotations

from covenant_rules.diagnostics import Diagnostic, Severity
from covenant_rules.lint import lint_document
from covenant_rules.load import read_covenant
from covenant_rules.model import Covenant
from service.errors import Invalid, LocatedFault

__all__ = ["checked"]


def checked(document: bytes) -> tuple[Covenant, tuple[Diagnostic, ...]]:
    """The covenant, and the warnings about it. Raises Invalid with every error, each with its place."""
    read = read_covenant(document)
    findings = lint_document(read)
    mistakes = [found for found in findings if found.severity is Severity.ERROR]
    if mistakes or read.covenant is None:
        faults = tuple(
            LocatedFault("/document", m.code.lower(), f"line {m.place.line}, column {m.place.column}: {m.message}")
            for m in mistakes
        )
        raise Invalid("covenant-invalid", "the document is no covenant that can be approved", faults=faults)
    return read.covenant, findings
