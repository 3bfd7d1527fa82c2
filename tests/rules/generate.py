"""Random covenants, facts and questions, from one source of chance: seeded, or led by hypothesis.

Chance is led towards questions worth asking. Rules name wide sets, most facts are known and most conditions could hold,
so that about half of all item questions are allowed; and every kind of unknown word turns up now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypeVar

from covenant_rules.model import (
    AUDIT_FIELDS,
    STAGES,
    Anchor,
    AuditSight,
    Block,
    CaseMembership,
    Category,
    CategoryClass,
    Conditions,
    Covenant,
    Decision,
    Duration,
    Effect,
    Facts,
    Field,
    HandlingCode,
    Kind,
    LegalBasis,
    LookUp,
    Never,
    OwnSignal,
    Party,
    Purpose,
    Question,
    Quotas,
    Retention,
    Rule,
    Signal,
    Stage,
    Statistics,
    SubjectKeys,
)

T = TypeVar("T")

TODAY = date(2026, 11, 22)
NOBODY = "nobody"
"""A word that no covenant declares."""
WINDOWS = (Duration(days=30), Duration(months=3), Duration(years=1), Duration(days=90))


@dataclass(frozen=True)
class Size:
    """How large a covenant is made."""

    kinds: int = 3
    parties: int = 5
    purposes: int = 2
    categories: int = 3
    fields: int = 2
    variants: int = 0
    """Per field; 0 leaves it to chance."""
    stages: int = 3
    permits: int = 10
    forbids: int = 1
    codes: int = 2
    wide: float = 0.85
    """How much of each section a permit names."""


SMALL = Size()


def chance(random: Random, probability: float) -> bool:
    return random.random() < probability


def some(random: Random, words: Iterable[T], probability: float = 0.75) -> frozenset[T]:
    """A subset that is never empty, as long as `words` is not."""
    words = tuple(words)
    return frozenset(word for word in words if chance(random, probability)) or frozenset(words[:1])


def covenant(random: Random, size: Size = SMALL, name: str = "covenant") -> Covenant:
    kinds = [f"kind-{n}" for n in range(size.kinds)]
    purposes = [f"purpose-{n}" for n in range(size.purposes)]
    categories = [f"category-{n}" for n in range(size.categories)]
    stages = STAGES[: size.stages]
    fields = {
        f"field-{n}": Field(
            f"field-{n}", f"Field {n}", ("gist", "more", "full")[: size.variants or random.randint(1, 3)]
        )
        for n in range(size.fields)
    }
    made = Covenant(
        id=name,
        version=f"{random.getrandbits(256):064x}",
        title="A covenant",
        valid_from=TODAY - timedelta(days=random.randint(0, 400)),
        valid_until=TODAY + timedelta(days=random.randint(0, 400)),
        area="Somewhere",
        kinds={kind: Kind(kind, kind) for kind in kinds},
        parties={party.id: party for party in (_party(random, n, kinds) for n in range(size.parties))},
        purposes={purpose: _purpose(random, purpose, kinds) for purpose in purposes},
        categories={
            category: Category(category, category, random.choice(tuple(CategoryClass))) for category in categories
        },
        fields=fields,
        match_keys={"address": SubjectKeys("address-bag", dict.fromkeys(kinds, ("address-bag",)))},
        stages={stage: Stage(stage, stage, ()) for stage in stages},
        handling_codes={},
        retention=Retention({}, None),
        quotas=Quotas({}, {}),
        statistics=Statistics(10, frozenset()),
        rules=(),
        never=(),
    )
    made = replace(made, handling_codes={f"code-{n}": _code(random, f"code-{n}", made) for n in range(size.codes)})
    permits = [rule(random, made, f"permit-{n}", wide=size.wide) for n in range(size.permits)]
    forbids = [rule(random, made, f"forbid-{n}", Effect.FORBID) for n in range(size.forbids)]
    rules = [*permits, *forbids]
    random.shuffle(rules)
    return replace(made, rules=tuple(rules), never=(never(random, made),))


def _party(random: Random, number: int, kinds: Sequence[str]) -> Party:
    # Every kind has a party first, then chance; and now and then two parties are one group.
    kind = kinds[number] if number < len(kinds) else random.choice(kinds)
    group = f"party-{random.randrange(number + 1)}" if chance(random, 0.2) else f"party-{number}"
    return Party(f"party-{number}", f"Party {number}", kind, f"{number:020}", group)


def _purpose(random: Random, name: str, kinds: Sequence[str]) -> Purpose:
    bases = {
        kind: LegalBasis(f"article {kind} {name}", some(random, CategoryClass, 0.96))
        for kind in kinds
        if chance(random, 0.96)
    }
    return Purpose(name, name, "necessary", frozenset({"address"}), bases)


def _code(random: Random, name: str, declared: Covenant) -> HandlingCode:
    items = frozenset({random.choice(declared.items)})
    return HandlingCode(name, name, (Block(some(random, declared.kinds, 0.5), items),))


def rule(
    random: Random, declared: Covenant, name: str, effect: Effect = Effect.PERMIT, wide: float = SMALL.wide
) -> Rule:
    """A rule in the words of `declared`. Permits are wide and forbids narrow."""
    permit = effect is Effect.PERMIT
    wide = wide if permit else 0.35
    return Rule(
        id=name,
        effect=effect,
        clause=f"art. {random.randint(1, 9)}.{random.randint(1, 9)}",
        purpose=random.choice(tuple(declared.purposes)),
        stages=some(random, declared.stages, wide),
        from_=some(random, declared.kinds, wide),
        to=some(random, declared.kinds, wide),
        categories=some(random, declared.categories, wide),
        items=some(random, declared.items, max(wide, 0.75) if permit else 0.2),
        when=_conditions(random, declared) if permit and chance(random, 0.6) else Conditions(),
        lookup=permit and chance(random, 0.5),
        obligations=frozenset({"notify_source"}) if permit and chance(random, 0.3) else frozenset(),
        audit=_audit(random) if permit else AuditSight(),
    )


def _conditions(random: Random, declared: Covenant) -> Conditions:
    return Conditions(
        independent_parties=random.randint(1, 3) if chance(random, 0.4) else None,
        within=random.choice(WINDOWS) if chance(random, 0.3) else None,
        viewer_has=some(random, declared.categories, 0.6) if chance(random, 0.2) else frozenset(),
        source_released=chance(random, 0.15),
        case_member=chance(random, 0.15),
        approved_by=some(random, declared.kinds, 0.3) if chance(random, 0.15) else frozenset(),
    )


def _audit(random: Random) -> AuditSight:
    return AuditSight(
        some(random, AUDIT_FIELDS, 0.7),
        some(random, AUDIT_FIELDS, 0.7),
        random.choice(WINDOWS) if chance(random, 0.3) else None,
    )


def never(random: Random, declared: Covenant) -> Never:
    return Never(
        "never-0",
        "art. 10",
        some(random, declared.purposes),
        some(random, declared.stages, 0.3),
        some(random, declared.kinds, 0.3),
        some(random, declared.kinds, 0.3),
        some(random, declared.categories, 0.3),
        some(random, declared.items, 0.3),
    )


def revised(random: Random, base: Covenant) -> Covenant:
    """Another version of a covenant: rules come and go, and a few declarations change."""
    changed = replace(base, version=f"{random.getrandbits(256):064x}")
    if chance(random, 0.3):
        fields = dict(base.fields)
        name = random.choice(tuple(fields))
        variants = list(fields[name].variants)
        random.shuffle(variants)
        fields[name] = Field(name, name, tuple(variants[: random.randint(1, 3)]))
        if chance(random, 0.2):
            fields = {"field-new": Field("field-new", "new", ("gist",)), **fields}
        changed = replace(changed, fields=fields)
    if chance(random, 0.2):
        parties = dict(base.parties)
        name = random.choice(tuple(parties))
        if chance(random, 0.3):
            del parties[name]
        else:
            parties[name] = replace(parties[name], kind=random.choice(tuple(base.kinds)))
        changed = replace(changed, parties=parties)
    if chance(random, 0.2):
        purpose = random.choice(tuple(base.purposes))
        changed = replace(changed, purposes={**base.purposes, purpose: _purpose(random, purpose, tuple(base.kinds))})
    if chance(random, 0.15):
        category = random.choice(tuple(base.categories))
        class_ = random.choice(tuple(CategoryClass))
        changed = replace(changed, categories={**base.categories, category: Category(category, category, class_)})
    if chance(random, 0.2):
        codes = {name: code for name, code in base.handling_codes.items() if chance(random, 0.7)}
        changed = replace(changed, handling_codes=codes)
    rules = [kept for kept in base.rules if chance(random, 0.85)]
    for number in range(random.randint(0, 2)):
        effect = Effect.FORBID if chance(random, 0.3) else Effect.PERMIT
        rules.append(rule(random, changed, f"added-{changed.version[:8]}-{number}", effect))
    random.shuffle(rules)
    return replace(changed, rules=tuple(rules))


def moment(random: Random, current: Covenant) -> datetime:
    if chance(random, 0.96):
        day = TODAY
    else:
        day = random.choice((current.valid_from, current.valid_until)) + timedelta(days=random.randint(-2, 2))
    noon = datetime(day.year, day.month, day.day, random.randrange(24), random.randrange(60), tzinfo=UTC)
    return noon.replace(tzinfo=None) if chance(random, 0.01) else noon


def facts(random: Random, current: Covenant, older: Sequence[Covenant], fewest: int = 0, most: int = 7) -> Facts:
    parties = (*current.parties, NOBODY) if chance(random, 0.05) else tuple(current.parties)
    count = random.randint(fewest, most)
    signals = {signal.id: signal for signal in (signal(random, f"s{n}", current, older, parties) for n in range(count))}
    if chance(random, 0.02) and signals:
        twin = replace(random.choice(tuple(signals.values())), category=NOBODY)
        signals["twin"] = twin
    return Facts(
        current=current,
        versions={version.version: version for version in older},
        signals=frozenset(signals.values()),
        active=frozenset(party for party in parties if chance(random, 0.98)),
        released=frozenset(name for name in signals if chance(random, 0.7)),
        approvals=frozenset(kind for kind in current.kinds if chance(random, 0.7)),
        case_member=chance(random, 0.8),
    )


def signal(random: Random, name: str, current: Covenant, older: Sequence[Covenant], parties: Sequence[str]) -> Signal:
    version = current.version
    if older and chance(random, 0.25):
        version = random.choice(older).version
    if chance(random, 0.02):
        version = NOBODY
    words = (*current.handling_codes, *older[0].handling_codes, NOBODY) if older else tuple(current.handling_codes)
    return Signal(
        id=name,
        party=random.choice(parties),
        category=NOBODY if chance(random, 0.01) else random.choice(tuple(current.categories)),
        day=TODAY
        - timedelta(days=random.choice((-1, 0, 1, 20, 29, 30, 31, 60, 89, 90, 91, 92, 93, 200, 364, 365, 366))),
        purposes=some(random, current.purposes, 0.9),
        version=version,
        origins=frozenset(random.sample(parties, random.randint(1, 2))) if chance(random, 0.15) else frozenset(),
        handling_codes=frozenset({random.choice(words)}) if words and chance(random, 0.12) else frozenset(),
        tainted=chance(random, 0.1),
    )


def question(random: Random, asked: Facts) -> Question:
    current = asked.current
    own = sorted((s for s in asked.signals if s.party in current.parties), key=lambda s: (s.id, s.category))
    viewer = NOBODY if chance(random, 0.02) else random.choice(tuple(current.parties))
    anchor = _anchor(random)
    if own and not isinstance(anchor, LookUp) and chance(random, 0.95):
        stand = random.choice(own)
        viewer = stand.party
        if isinstance(anchor, OwnSignal):
            anchor = OwnSignal(stand.id)
    return Question(
        viewer=viewer,
        purpose=NOBODY if chance(random, 0.01) else random.choice(tuple(current.purposes)),
        stage=NOBODY if chance(random, 0.01) else random.choice(tuple(current.stages)),
        time=moment(random, current),
        anchor=anchor,
    )


def _anchor(random: Random) -> Anchor:
    draw = random.random()
    return OwnSignal("s0") if draw < 0.6 else CaseMembership() if draw < 0.85 else LookUp()


def family(random: Random, size: Size = SMALL) -> tuple[Covenant, ...]:
    """One to three versions of one covenant, the current one first."""
    versions = [covenant(random, size)]
    for _ in range(random.randint(0, 2)):
        versions.append(revised(random, random.choice(versions)))
    random.shuffle(versions)
    return tuple(versions)


Triple = tuple[Covenant, Facts, Question]


def triple(random: Random, size: Size = SMALL) -> Triple:
    current, *older = family(random, size)
    return _asked(random, current, older)


def _asked(random: Random, current: Covenant, older: Sequence[Covenant]) -> Triple:
    known = facts(random, current, older)
    return current, known, question(random, known)


CROWD = Size(kinds=2, parties=7, purposes=1, categories=3, fields=1, stages=1, permits=0, forbids=0, codes=0)


def crowded(random: Random) -> Covenant:
    """A covenant in which little is shown but to enough parties together, and how many is enough differs by signal."""
    made = covenant(random, CROWD)
    permits = []
    for number in range(6):
        when = Conditions(
            independent_parties=random.choice((2, 3, 3, 4, 4, 5, 6)),
            within=random.choice(WINDOWS) if chance(random, 0.1) else None,
        )
        permit = rule(random, made, f"permit-{number}", wide=0.6)
        permits.append(replace(permit, when=when, items=permit.items | {"hit"}))
    groups = {name: replace(party, group=name) for name, party in made.parties.items()}
    return replace(made, rules=tuple(permits), parties=groups)


def crowd(random: Random, current: Covenant | None = None) -> Triple:
    """Many parties with something to say about one subject, and a question in which it counts how many they are."""
    current = current or crowded(random)
    known = facts(random, current, (), fewest=4, most=9)
    question_ = question(random, known)
    own = [signal for signal in known.signals if signal.party == question_.viewer and not signal.handling_codes]
    if own:
        question_ = replace(question_, anchor=OwnSignal(min(signal.id for signal in own)))
    return current, known, question_


def some_triple(random: Random) -> Triple:
    """A triple of either sort."""
    return crowd(random) if chance(random, 0.4) else triple(random)


def triples(random: Random, number: int, questions: int = 20) -> Iterator[Triple]:
    """Many triples; as making covenants is what takes time, each family of versions is asked several questions."""
    made = 0
    while made < number:
        crowds = chance(random, 0.25)
        current, *older = (crowded(random),) if crowds else family(random)
        for _ in range(min(questions, number - made)):
            yield crowd(random, current) if crowds else _asked(random, current, older)
            made += 1


def item_questions(asked: Question, known: Facts, decision: Decision) -> tuple[int, int]:
    """How many (signal of another party, item) pairs a triple asks about, and how many of them are allowed."""
    others = [signal for signal in known.signals if signal.party != asked.viewer]
    return len(others) * len(known.current.items), sum(len(visible.items) for visible in decision.visible)
