"""Two evaluators, one answer: the engine against one written straight from the normative text."""

from __future__ import annotations

import os
from random import Random

from covenant_rules.evaluate import decide
from tests.rules import generate, reference

TRIPLES = int(os.environ.get("COVENANT_TRIPLES", "20000"))
"""Set COVENANT_TRIPLES=1000000 for the long form."""


def test_the_engine_and_the_reference_decide_alike() -> None:
    asked = allowed = 0
    for current, facts, question in generate.triples(Random(20261122), TRIPLES):
        decision = decide(question, facts)
        assert decision == reference.decide(question, facts), (current, facts, question)
        more, seen = generate.item_questions(question, facts, decision)
        asked, allowed = asked + more, allowed + seen
    assert allowed >= 0.3 * asked, "the questions must be worth asking"
