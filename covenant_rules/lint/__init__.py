"""Checks beyond validity: a covenant that loads may still promise what the law does not give, or what nobody can use.

An error should keep a version from being signed, a warning asks whether it is meant. Every code has its story in the
catalogue. The checks work on the matrix, so that what they say holds for every question that could ever be asked.
"""

from __future__ import annotations

from covenant_rules.diagnostics import Diagnostic, Report
from covenant_rules.lint import bases, disclosures, rules, upkeep
from covenant_rules.lint.examined import Examined
from covenant_rules.load import DEFAULT_NAME, read_covenant
from covenant_rules.model import Covenant
from covenant_rules.tree import Mapping

CHECKS = (*bases.CHECKS, *rules.CHECKS, *disclosures.CHECKS, *upkeep.CHECKS)

__all__ = ["CHECKS", "lint", "lint_covenant"]


def lint(source: bytes, name: str = DEFAULT_NAME) -> tuple[Diagnostic, ...]:
    """Every finding about a document, in its order; if it is no covenant, why not. Never raises for any bytes."""
    document = read_covenant(source, name)
    if document.covenant is None or document.root is None:
        return document.diagnostics
    return lint_covenant(document.covenant, document.root, name)


def lint_covenant(covenant: Covenant, root: Mapping, name: str = DEFAULT_NAME) -> tuple[Diagnostic, ...]:
    """Findings about a covenant that has been read from the tree `root`."""
    report = Report(name)
    examined = Examined(covenant, root, report)
    for check in CHECKS:
        check(examined)
    return report.diagnostics()
