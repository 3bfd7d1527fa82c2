"""Explanations: reason codes with parameters, for three readers, put into words only at the edge.

The asker is told from its decision and the covenant alone, so it learns nothing it does not see. The source is told who
may see what of one signal of its own, from the covenants alone. The auditor is told, signal by signal and item by item,
what spoke for and against. `render` has the words, English and Dutch.
"""

from covenant_rules.explain.asker import for_asker
from covenant_rules.explain.auditor import Examination, Finding, for_auditor
from covenant_rules.explain.reason import Reason
from covenant_rules.explain.source import for_source
from covenant_rules.explain.words import CODES, LANGUAGES, Language, render

__all__ = [
    "CODES",
    "LANGUAGES",
    "Examination",
    "Finding",
    "Language",
    "Reason",
    "for_asker",
    "for_auditor",
    "for_source",
    "render",
]
