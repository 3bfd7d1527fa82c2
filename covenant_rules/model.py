"""The covenant as a frozen value: what every other module of this package reads.

A `Covenant` is one immutable version of the agreement. It holds parties, purposes with their legal bases, categories,
fields with variants, match keys, stages, rules and prohibitions, and nothing that can be executed. `Facts` and
`Question` are what is asked of it; `Decision` is what it answers.

Items are plain strings, so that a rule reads as it is spoken: the fixed ones (`hit`, `source`, `category`, `period`)
and, per sealed field, one for each variant (`note.gist`, `note.full`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

FIXED_ITEMS = ("hit", "source", "category", "period")
STAGES = ("signal", "weighing", "case", "aftercare", "closed")
SUBJECT_KINDS = ("address", "person")
MATCH_KEYS = {
    "address": ("address-bag", "address-postcode"),
    "person": ("person-bsn", "person-name-birthdate"),
}
"""Match keys known to the language, per subject kind. How a value is normalised is the protocol's affair."""

AUDIT_FIELDS = ("day", "time", "party", "actor", "purpose", "stage", "items", "rule")
"""What a permit may let source or recipient see of the audit entry, besides that there is one."""


class CategoryClass(StrEnum):
    """Class of personal data a category falls in (GDPR art. 9 and 10)."""

    ORDINARY = "ordinary"
    CRIMINAL = "criminal"
    HEALTH = "health"
    OTHER_SPECIAL = "other-special"


class Effect(StrEnum):
    PERMIT = "permit"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration of whole days, weeks, months or years; calendar arithmetic, so `P1M` is not 30 days."""

    years: int = 0
    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document something stands. `line` and `column` count from one."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Kind:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Party:
    """A signatory, or a designated unit of one. Parties of one `group` never count as independent of each other."""

    id: str
    title: str
    kind: str
    oin: str
    group: str


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """The article under which parties of one kind process for one purpose, and the classes of data it covers."""

    article: str
    classes: frozenset[CategoryClass]


@dataclass(frozen=True, slots=True)
class Purpose:
    id: str
    title: str
    necessity: str
    subjects: frozenset[str]
    legal_basis: Mapping[str, LegalBasis]
    """Per kind. A kind that is not named has no legal basis for this purpose."""


@dataclass(frozen=True, slots=True)
class Category:
    id: str
    title: str
    class_: CategoryClass


@dataclass(frozen=True, slots=True)
class Field:
    """A sealed field. `variants` run from coarse to fine; a finer one implies the coarser ones."""

    id: str
    title: str
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubjectKeys:
    """Match keys of one subject kind: its anchor, and which of them parties of each kind may use."""

    anchor: str
    kinds: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Stage:
    id: str
    title: str
    approvals: tuple[str, ...]
    """Kinds of which a party must approve before a subject reaches this stage; none for `signal`."""


@dataclass(frozen=True, slots=True)
class Block:
    to: frozenset[str]
    items: frozenset[str]


@dataclass(frozen=True, slots=True)
class HandlingCode:
    """A mark a source puts on a signal. It travels with what is derived from it and hides fixed (to, item) sets."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Retention:
    categories: Mapping[str, Duration]
    audit: Duration | None


@dataclass(frozen=True, slots=True)
class Quotas:
    """Daily limits. Whatever is not named has a limit of zero."""

    tokens: Mapping[str, int]
    """Per kind: evaluations a party may ask of the key holder, per match key and day."""
    lookups: Mapping[str, Mapping[str, int]]
    """Per purpose and kind: look-ups a party may make a day."""


@dataclass(frozen=True, slots=True)
class Statistics:
    minimum_cell: int
    to: frozenset[str]
    """Kinds that may see area figures, whatever else they may see."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold besides. A condition that is absent is `None`, `False` or empty."""

    independent_parties: int | None = None
    within: Duration | None = None
    viewer_has: frozenset[str] = frozenset()
    source_released: bool = False
    case_member: bool = False
    approved_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class AuditSight:
    """Fields of the audit entry that source and recipient may see, and how long the entry is kept from the source."""

    source: frozenset[str] = frozenset()
    recipient: frozenset[str] = frozenset(AUDIT_FIELDS)
    confidential: Duration | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """`from_`, `to` hold kinds; `all` in the document has been written out."""

    id: str
    effect: Effect
    clause: str
    purpose: str
    stages: frozenset[str]
    from_: frozenset[str]
    to: frozenset[str]
    categories: frozenset[str]
    items: frozenset[str]
    when: Conditions = Conditions()
    lookup: bool = False
    obligations: frozenset[str] = frozenset()
    audit: AuditSight = AuditSight()
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Never:
    """A promise that no permit may break: proved on the matrix, not enforced by it."""

    id: str
    clause: str
    purposes: frozenset[str]
    stages: frozenset[str]
    from_: frozenset[str]
    to: frozenset[str]
    categories: frozenset[str]
    items: frozenset[str]
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Covenant:
    """One version of a covenant. `version` is the SHA-256 of its YAML bytes, in lower-case hexadecimal."""

    id: str
    version: str
    title: str
    valid_from: date
    valid_until: date
    """Last day on which the covenant is in force, inclusive."""
    area: str
    kinds: Mapping[str, Kind]
    parties: Mapping[str, Party]
    purposes: Mapping[str, Purpose]
    categories: Mapping[str, Category]
    fields: Mapping[str, Field]
    match_keys: Mapping[str, SubjectKeys]
    stages: Mapping[str, Stage]
    handling_codes: Mapping[str, HandlingCode]
    retention: Retention
    quotas: Quotas
    statistics: Statistics
    rules: tuple[Rule, ...]
    never: tuple[Never, ...]

    @cached_property
    def items(self) -> tuple[str, ...]:
        """Every item of this version in a fixed order: the fixed ones, then fields and variants as they stand."""
        return FIXED_ITEMS + tuple(f"{f.id}.{variant}" for f in self.fields.values() for variant in f.variants)

    @cached_property
    def implied(self) -> Mapping[str, frozenset[str]]:
        """Per item, the items it implies (design rule 4), transitively and without itself."""
        table: dict[str, frozenset[str]] = {"hit": frozenset()}
        for item in ("source", "category", "period"):
            table[item] = frozenset({"hit"})
        for f in self.fields.values():
            below = frozenset({"hit", "source"})
            for variant in f.variants:
                table[f"{f.id}.{variant}"] = below
                below = below | {f"{f.id}.{variant}"}
        return table


@dataclass(frozen=True, slots=True)
class Signal:
    """What the engine knows of a signal. `origins` are the parties it was derived from: none if observed by itself."""

    id: str
    party: str
    category: str
    day: date
    purposes: frozenset[str]
    version: str
    origins: frozenset[str] = frozenset()
    handling_codes: frozenset[str] = frozenset()
    tainted: bool = False
    """Submitted on a subject after a disclosure about it, without earlier dated evidence (echo guard)."""


@dataclass(frozen=True, slots=True)
class OwnSignal:
    """The viewer stands on a live signal of its own, named by id; it must be among the facts."""

    signal: str


@dataclass(frozen=True, slots=True)
class LookUp:
    """The viewer asks without a signal; only permits with `lookup: true` answer."""


@dataclass(frozen=True, slots=True)
class CaseMembership:
    """The viewer stands on its membership of a case that has a live signal."""


Anchor = OwnSignal | LookUp | CaseMembership


@dataclass(frozen=True, slots=True)
class Question:
    viewer: str
    purpose: str
    stage: str
    time: datetime
    """An aware moment; its date is taken in Europe/Amsterdam."""
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the answer may depend on. What is absent is a condition not met."""

    current: Covenant
    versions: Mapping[str, Covenant]
    """Versions by hash, for the versions signals were submitted under. The current one may be left out."""
    signals: frozenset[Signal]
    """Live signals on the subject, the viewer's own among them."""
    active: frozenset[str]
    """Parties that have joined and are not suspended."""
    released: frozenset[str] = frozenset()
    """Ids of signals whose source has released them to this viewer for this purpose."""
    approvals: frozenset[str] = frozenset()
    """Kinds that have approved, for this subject and purpose."""
    case_member: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """Why an item is visible: a permit of the current version, its clause, and both parties' legal bases."""

    rule: str
    clause: str
    source_basis: str
    viewer_basis: str


@dataclass(frozen=True, slots=True)
class Visible:
    """One signal as far as it may be seen. `grounds` holds per visible item the permits of the current version."""

    signal: str
    items: tuple[str, ...]
    grounds: Mapping[str, tuple[Ground, ...]]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one question, the same for every order of rules and signals.

    `visible` is sorted by signal id; `audit` is the intersection of what the permits used allow.
    """

    version: str
    visible: tuple[Visible, ...] = ()
    obligations: frozenset[str] = frozenset()
    audit: AuditSight = AuditSight()
