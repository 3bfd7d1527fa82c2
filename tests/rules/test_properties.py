"""What holds of every decision, in the words of the normative rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.evaluate import decide
from covenant_rules.matrix import Matrix
from covenant_rules.model import (
    CaseMembership,
    Conditions,
    Covenant,
    Decision,
    Effect,
    Facts,
    LookUp,
    OwnSignal,
    Question,
    Rule,
    Signal,
)
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.generate import NOBODY, Triple

Property = Callable[[Triple, Random], None]


def holds(test: Property) -> Callable[[], None]:
    """Ask a property of many triples. What fails is told by its seed: `generate.some_triple(Random(seed))`."""
    return _asked(test, generate.some_triple, 300)


def holds_of_crowds(test: Property) -> Callable[[], None]:
    """Ask a property of many triples in which it counts how many parties there are: `generate.crowd(Random(seed))`."""
    return _asked(test, generate.crowd, 600)


def _asked(test: Property, made: Callable[[Random], Triple], number: int) -> Callable[[], None]:
    @examples(number)
    @given(seed=st.integers(0, 2**32 - 1))
    def asked(seed: int) -> None:
        test(made(Random(seed)), Random(seed + 1))

    asked.__name__, asked.__doc__ = test.__name__, test.__doc__
    return asked


def shown(decision: Decision) -> dict[str, set[str]]:
    """Visible items by signal."""
    return {visible.signal: set(visible.items) for visible in decision.visible}


def within(narrow: Decision, wide: Decision) -> bool:
    wider = shown(wide)
    return all(items <= wider.get(signal, set()) for signal, items in shown(narrow).items())


def in_bytes(decision: Decision) -> bytes:
    """Everything a decision says, in one canonical form."""
    return json.dumps(asdict(decision), sort_keys=True, default=sorted).encode()


def signals(facts: Facts) -> dict[str, Signal]:
    return {signal.id: signal for signal in facts.signals}


def versions(facts: Facts) -> dict[str, Covenant]:
    return {**facts.versions, facts.current.version: facts.current}


def each_version(facts: Facts, change: Callable[[Covenant], Covenant]) -> Facts:
    """The same facts under changed versions, which keep their hashes here so that signals still name them."""
    return replace(
        facts,
        current=change(facts.current),
        versions={name: change(version) for name, version in facts.versions.items()},
    )


def some_version(random: Random, facts: Facts, change: Callable[[Covenant], Covenant]) -> Facts:
    chosen = random.choice(sorted(versions(facts)))
    return each_version(facts, lambda version: change(version) if version.version == chosen else version)


def forbidding(facts: Facts, question: Question, signal: Signal, item: str, version: Covenant) -> Rule:
    """A forbid of exactly one item towards the viewer, in one cell."""
    return Rule(
        id="forbidden-now",
        effect=Effect.FORBID,
        clause="art. 0",
        purpose=question.purpose,
        stages=frozenset({question.stage}),
        from_=frozenset({version.parties[signal.party].kind}),
        to=frozenset({version.parties[question.viewer].kind}),
        categories=frozenset({signal.category}),
        items=frozenset({item}),
    )


# -- permits and forbids


@holds
def test_nothing_is_visible_unless_a_permit_names_it(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    for visible in decide(question, facts).visible:
        signal = signals(facts)[visible.signal]
        for version in (current, versions(facts)[signal.version]):
            for item in visible.items:
                for party in (signal.party, *signal.origins):
                    assert any(
                        rule.effect is Effect.PERMIT
                        and rule.purpose == question.purpose
                        and question.stage in rule.stages
                        and version.parties[party].kind in rule.from_
                        and version.parties[question.viewer].kind in rule.to
                        and signal.category in rule.categories
                        and item in rule.items
                        for rule in version.rules
                    )


@holds
def test_without_permits_nothing_is_visible(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    bare = each_version(facts, lambda version: replace(version, rules=()))
    assert decide(question, bare) == Decision(facts.current.version)


@holds
def test_a_forbid_beats_every_permit_in_either_version(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    before = decide(question, facts)
    for visible in before.visible:
        signal, item = signals(facts)[visible.signal], random.choice(visible.items)
        for name in (facts.current.version, signal.version):
            forbid = forbidding(facts, question, signal, item, versions(facts)[name])
            after = decide(
                question,
                each_version(
                    facts, lambda v, n=name, f=forbid: replace(v, rules=(*v.rules, f)) if v.version == n else v
                ),
            )
            assert item not in shown(after).get(signal.id, set())


@holds
def test_forbidding_an_item_forbids_what_implies_it(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    for visible in decide(question, facts).visible:
        for item in visible.items:
            assert current.implied[item] <= set(visible.items)
            assert versions(facts)[signals(facts)[visible.signal].version].implied[item] <= set(visible.items)


@holds
def test_rule_order_changes_nothing(triple: Triple, random: Random) -> None:
    _, facts, question = triple

    def shuffled(version: Covenant) -> Covenant:
        return replace(version, rules=tuple(random.sample(version.rules, len(version.rules))))

    assert in_bytes(decide(question, each_version(facts, shuffled))) == in_bytes(decide(question, facts))


@holds
def test_adding_a_forbid_never_widens(triple: Triple, random: Random) -> None:
    _, facts, question = triple

    def stricter(version: Covenant) -> Covenant:
        return replace(version, rules=(*version.rules, generate.rule(random, version, "new", Effect.FORBID)))

    assert within(decide(question, some_version(random, facts, stricter)), decide(question, facts))


@holds
def test_adding_a_permit_never_narrows_what_is_visible(triple: Triple, random: Random) -> None:
    """Of items. Sight of the audit entry intersects over the permits used, so one permit more may well narrow that."""
    _, facts, question = triple

    def wider(version: Covenant) -> Covenant:
        return replace(version, rules=(*version.rules, generate.rule(random, version, "new")))

    assert within(decide(question, facts), decide(question, some_version(random, facts, wider)))


@holds
def test_whatever_is_decided_lies_inside_the_matrix(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    for visible in decide(question, facts).visible:
        signal = signals(facts)[visible.signal]
        for version in (current, versions(facts)[signal.version]):
            for party in (signal.party, *signal.origins):
                kinds = (version.parties[party].kind, version.parties[question.viewer].kind)
                for item in visible.items:
                    assert Matrix(version).may(question.purpose, question.stage, *kinds, signal.category, item)


# -- when the answer is empty


@holds
def test_an_expired_covenant_shows_nothing(triple: Triple, random: Random) -> None:
    days = random.randint(1, 4000)
    current, facts, question = triple
    late = replace(question, time=question.time + (current.valid_until - question.time.date()) + timedelta(days + 1))
    assert decide(late, facts) == Decision(current.version)


@holds
def test_a_covenant_not_yet_in_force_shows_nothing(triple: Triple, random: Random) -> None:
    days = random.randint(1, 4000)
    current, facts, question = triple
    early = replace(question, time=question.time - (question.time.date() - current.valid_from) - timedelta(days + 1))
    assert decide(early, facts) == Decision(current.version)


@holds
def test_only_the_dates_of_the_current_version_count(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    ended = {
        name: replace(version, valid_until=version.valid_from - timedelta(1))
        for name, version in facts.versions.items()
        if name != current.version
    }
    assert decide(question, replace(facts, versions=ended)) == decide(question, facts)


@holds
def test_a_suspended_viewer_sees_nothing(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    suspended = replace(facts, active=facts.active - {question.viewer})
    assert decide(question, suspended) == Decision(facts.current.version)


@holds
def test_a_time_without_a_zone_is_no_time(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    naive = replace(question, time=question.time.replace(tzinfo=None))
    assert decide(naive, facts) == Decision(facts.current.version)


@holds
def test_unknown_words_are_an_empty_answer_and_never_an_error(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    word = random.choice(("viewer", "purpose", "stage"))
    asked = replace(question, **{word: NOBODY})
    facts = replace(facts, active=facts.active | {NOBODY})
    assert decide(asked, facts) == Decision(facts.current.version)


@holds
def test_without_an_anchor_there_is_no_answer(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    empty = Decision(facts.current.version)
    assert decide(replace(question, anchor=CaseMembership()), replace(facts, case_member=False)) == empty
    assert decide(replace(question, anchor=OwnSignal(NOBODY)), facts) == empty
    assert decide(replace(question, anchor=None), facts) == empty  # type: ignore[arg-type]
    for signal in facts.signals:
        if signal.party != question.viewer or question.purpose not in signal.purposes:
            assert decide(replace(question, anchor=OwnSignal(signal.id)), facts) == empty


@holds
def test_a_look_up_answers_only_through_permits_for_look_ups(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    asked = replace(question, anchor=LookUp())
    rules = {rule.id: rule for rule in facts.current.rules}
    for visible in decide(asked, facts).visible:
        assert all(rules[ground.rule].lookup for grounds in visible.grounds.values() for ground in grounds)
    unasked = each_version(facts, lambda v: replace(v, rules=tuple(replace(r, lookup=False) for r in v.rules)))
    assert decide(asked, unasked) == Decision(facts.current.version)


# -- sources


@holds
def test_no_legal_basis_no_sight(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    kind = random.choice(sorted(current.kinds))

    def without(version: Covenant) -> Covenant:
        purposes = {
            name: replace(purpose, legal_basis={k: b for k, b in purpose.legal_basis.items() if k != kind})
            for name, purpose in version.purposes.items()
        }
        return replace(version, purposes=purposes)

    changed = some_version(random, facts, without)
    for visible in decide(question, changed).visible:
        signal = signals(facts)[visible.signal]
        for version in (current, versions(facts)[signal.version]):
            if versions(changed)[version.version] is not version:
                involved = {signal.party, question.viewer, *signal.origins}
                assert kind not in {version.parties[party].kind for party in involved}


@holds
def test_a_partys_own_signals_never_make_a_hit_for_itself(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    for visible in decide(question, facts).visible:
        assert signals(facts)[visible.signal].party != question.viewer


@holds
def test_a_suspended_party_shows_nothing_not_even_through_others(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    party = random.choice(sorted(facts.current.parties))
    for visible in decide(question, replace(facts, active=facts.active - {party})).visible:
        signal = signals(facts)[visible.signal]
        assert party != signal.party
        assert party not in signal.origins


@holds
def test_a_signal_with_an_unknown_word_is_as_good_as_none(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    word = random.choice(("party", "category", "version", "handling_codes", "origins", "purposes"))
    for signal in facts.signals:
        if signal.party == question.viewer:
            continue
        unknown = frozenset({NOBODY}) if word in ("handling_codes", "origins", "purposes") else NOBODY
        rest = frozenset(other for other in facts.signals if other.id != signal.id)
        changed = replace(facts, signals=rest | {replace(signal, **{word: unknown})}, active=facts.active | {NOBODY})
        assert decide(question, changed) == decide(question, replace(facts, signals=rest))


@holds
def test_of_two_signals_with_one_id_neither_is_known(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    for signal in facts.signals:
        rest = frozenset(other for other in facts.signals if other.id != signal.id)
        twin = replace(signal, tainted=not signal.tainted)
        assert decide(question, replace(facts, signals=facts.signals | {twin})) == decide(
            question, replace(facts, signals=rest)
        )


# -- counting


@holds_of_crowds
def test_a_derived_signal_never_completes_independent_parties(triple: Triple, random: Random) -> None:
    """Nor does an echo: whatever they are, the other signals are seen as if they were not there."""
    current, facts, question = triple
    parties = sorted(current.parties)
    extra = generate.signal(random, "extra", current, (), parties)
    marks = random.choice(({"origins": frozenset(random.sample(parties, 1))}, {"tainted": True}))
    more = replace(facts, signals=facts.signals | {replace(extra, **marks)})
    seen = shown(decide(question, more))
    seen.pop("extra", None)
    assert seen == shown(decide(question, facts))


@holds
def test_a_derived_signal_shows_nothing_that_its_origin_may_not(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    for visible in decide(question, facts).visible:
        signal = signals(facts)[visible.signal]
        for origin in signal.origins - {question.viewer}:
            firsthand = replace(signal, party=origin, origins=frozenset())
            changed = replace(facts, signals=facts.signals - {signal} | {firsthand})
            assert set(visible.items) <= shown(decide(question, changed)).get(signal.id, set())


@holds
def test_too_few_independent_parties_show_nothing(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    groups = {party.group for party in current.parties.values()}
    lonely = Conditions(independent_parties=len(groups) + 1)
    never_enough = each_version(facts, lambda v: replace(v, rules=tuple(replace(r, when=lonely) for r in v.rules)))
    assert decide(question, never_enough) == Decision(current.version)


# -- non-interference


@holds
def test_removing_every_signal_the_viewer_does_not_see_changes_no_byte(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    decision = decide(question, facts)
    unseen = sorted({s.id for s in facts.signals if s.party != question.viewer} - set(shown(decision)))
    for gone in (unseen, [name for name in unseen if random.random() < 0.5]):
        left = frozenset(signal for signal in facts.signals if signal.id not in gone)
        without = replace(facts, signals=left, released=facts.released - set(gone))
        assert in_bytes(decide(question, without)) == in_bytes(decision)


@holds
def test_a_hit_one_may_not_see_is_the_same_bytes_as_no_hit(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    decision = decide(question, facts)
    if not decision.visible:
        alone = frozenset(signal for signal in facts.signals if signal.party == question.viewer)
        assert in_bytes(decision) == in_bytes(decide(question, replace(facts, signals=alone)))
        assert decision == Decision(facts.current.version)


# -- what only narrows, what only widens


@holds
def test_a_handling_code_never_widens(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    for signal in facts.signals:
        marked = replace(signal, handling_codes=signal.handling_codes | set(current.handling_codes))
        stricter = replace(facts, signals=facts.signals - {signal} | {marked})
        assert within(decide(question, stricter), decide(question, facts))


@holds
def test_more_conditions_met_never_narrow(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    met = replace(
        facts,
        released=frozenset(signals(facts)),
        approvals=frozenset(current.kinds),
        case_member=True,
        active=frozenset(current.parties) & (facts.active | {question.viewer}),
    )
    if question.viewer in facts.active:
        assert within(decide(question, replace(facts, active=met.active)), decide(question, met))


@holds
def test_affirming_signals_under_the_current_version_never_narrows(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    known = [signal for signal in facts.signals if not signal.handling_codes]
    affirmed = {replace(signal, version=current.version) for signal in known}
    changed = replace(facts, signals=facts.signals - set(known) | affirmed)
    assert within(decide(question, facts), decide(question, changed))


# -- the answer itself


@holds
def test_the_same_question_has_the_same_answer(triple: Triple, random: Random) -> None:
    _, facts, question = triple
    fresh = each_version(facts, replace)  # equal covenants that remember nothing yet
    assert in_bytes(decide(question, facts)) == in_bytes(decide(question, fresh)) == in_bytes(decide(question, facts))


@holds
def test_every_visible_item_cites_a_permit_of_the_current_version_and_both_legal_bases(
    triple: Triple, random: Random
) -> None:
    current, facts, question = triple
    rules = {rule.id: rule for rule in current.rules}
    for visible in decide(question, facts).visible:
        source = current.parties[signals(facts)[visible.signal].party].kind
        bases = current.purposes[question.purpose].legal_basis
        assert tuple(visible.grounds) == visible.items
        for item, grounds in visible.grounds.items():
            assert grounds
            assert [ground.rule for ground in grounds] == sorted({ground.rule for ground in grounds})
            for ground in grounds:
                assert item in rules[ground.rule].items
                assert rules[ground.rule].effect is Effect.PERMIT
                assert ground.clause == rules[ground.rule].clause
                assert ground.source_basis == bases[source].article
                assert ground.viewer_basis == bases[current.parties[question.viewer].kind].article


@holds
def test_obligations_unite_and_audit_sight_intersects_over_the_permits_used(triple: Triple, random: Random) -> None:
    current, facts, question = triple
    decision = decide(question, facts)
    rules = {rule.id: rule for rule in current.rules}
    cited = {g.rule for visible in decision.visible for grounds in visible.grounds.values() for g in grounds}
    for rule in (rules[name] for name in cited):
        assert rule.obligations <= decision.obligations
        assert decision.audit.source <= rule.audit.source
        assert decision.audit.recipient <= rule.audit.recipient
        assert rule.audit.confidential is None or decision.audit.confidential is not None
