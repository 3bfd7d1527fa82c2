"""Three evaluators, one answer: the engine, one written straight from the normative text, and Cedar."""

from __future__ import annotations

import os
from random import Random

from covenant_rules.evaluate import decide
from tests.rules import generate, reference
from tests.rules.cedar import Cedar

TRIPLES = int(os.environ.get("COVENANT_TRIPLES", "20000"))
"""Set COVENANT_TRIPLES=1000000 for the long form. Cedar, which is slow to start, is asked a tenth of them."""


def test_the_engine_and_the_reference_decide_alike() -> None:
    asked = allowed = 0
    for current, facts, question in generate.triples(Random(20261122), TRIPLES):
        decision = decide(question, facts)
        assert decision == reference.decide(question, facts), (current, facts, question)
        more, seen = generate.item_questions(question, facts, decision)
        asked, allowed = asked + more, allowed + seen
    assert allowed >= 0.3 * asked, "the questions must be worth asking"


def test_the_engine_and_cedar_show_the_same_items() -> None:
    random, triples, asked, allowed = Random(2026), 0, 0, 0
    while triples < TRIPLES // 10:
        current, *older = generate.family(random)
        batch = []
        for _ in range(20):
            facts = generate.facts(random, current, older)
            batch.append((generate.question(random, facts), facts))
        for (question, facts), shown in zip(batch, Cedar((current, *older)).shown(batch), strict=True):
            decision = decide(question, facts)
            assert {visible.signal: set(visible.items) for visible in decision.visible} == shown, (facts, question)
            more, seen = generate.item_questions(question, facts, decision)
            triples, asked, allowed = triples + 1, asked + more, allowed + seen
    assert asked >= 5 * triples
    assert allowed >= 0.3 * asked, "the questions must be worth asking"
