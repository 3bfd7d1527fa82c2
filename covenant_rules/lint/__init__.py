"""Checks beyond validity: a covenant that loads may still promise what the law does not give, or what nobody can use.

An error should keep a version from being signed, a warning asks whether it is meant. Every code has its story in the
catalogue. The checks work on the matrix, so that what they say holds for every question that could ever be asked.
"""

from __future__ import annotations

from covenant_rules.diagnostics import Diagnostic, Report
from covenant_rules.lint import bases, disclosures, rules, upkeep
from covenant_rules.lint.examined import Examined
from covenant_rules.load import DEFAULT_NAME, Document, read_covenant

CHECKS = (*bases.CHECKS, *rules.CHECKS, *disclosures.CHECKS, *upkeep.CHECKS)

__all__ = ["CHECKS", "lint", "lint_document"]


def lint(source: bytes, name: str = DEFAULT_NAME) -> tuple[Diagnostic, ...]:
    """Every finding about a document, in its order; if it is no covenant, why not. Never raises for any bytes."""
    return lint_document(read_covenant(source, name), name)


def lint_document(document: Document, name: str = DEFAULT_NAME) -> tuple[Diagnostic, ...]:
    """As `lint`, for a document that has been read."""
    if document.covenant is None or document.root is None:
        return document.diagnostics
    report = Report(name)
    examined = Examined(document.covenant, document.root, report)
    for check in CHECKS:
        check(examined)
    return report.diagnostics()
