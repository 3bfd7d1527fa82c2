"""The covenant document, described once: every section, key and closed list, with its meaning.

Read from the bottom: `COVENANT` is the document. The sentences beside the members are the hover texts of an editor that
reads the JSON Schema; the manual explains at length.
"""

from __future__ import annotations

from covenant_rules.model import AUDIT_FIELDS, MATCH_KEYS, STAGES, SUBJECT_KINDS, CategoryClass
from covenant_rules.shapes import (
    Choice,
    Count,
    Day,
    Flag,
    Identifier,
    Member,
    Name,
    Oin,
    Record,
    Rows,
    Several,
    Span,
    Table,
    Tagged,
    Text,
)

SECTIONS_OF_NAMES = ("kinds", "parties", "purposes", "categories", "fields", "stages", "handling_codes")
"""Top-level mappings whose keys are ids that other parts may refer to."""

_CLASS = Choice("class", tuple(CategoryClass))
_SUBJECT = Choice("subject kind", SUBJECT_KINDS)
_STAGE = Choice("stage", STAGES)
_MATCH_KEY = Choice("match key", tuple(key for keys in MATCH_KEYS.values() for key in keys))
_AUDIT_FIELD = Choice("audit field", AUDIT_FIELDS)
_OBLIGATION = Choice("obligation", ("notify_source",))

_KINDS = Several(Name("kinds"))
_KINDS_OR_ALL = Several(Name("kinds"), all_allowed=True)
_STAGES_OR_ALL = Several(Name("stages"), all_allowed=True)
_CATEGORIES = Several(Name("categories"))
_CATEGORIES_OR_ALL = Several(Name("categories"), all_allowed=True)
_ITEMS = Several(Name("items"))
_ITEMS_OR_ALL = Several(Name("items"), all_allowed=True)

_TITLE = Member("title", Text(), "Name by which people know it.")

_VALID = Record(
    "the period of validity",
    (
        Member("from", Day(), "First day on which the covenant is in force."),
        Member("until", Day(), "Sunset: the last day on which it is in force. On the day after, nothing is shown."),
    ),
)

_PARTY = Record(
    "a party",
    (
        _TITLE,
        Member("kind", Name("kinds"), "The kind of organisation, by which rules speak of it."),
        Member("oin", Oin(), "Organisatie-identificatienummer: twenty digits between quotes."),
        Member("group", Name("parties"), "Party it is one organisation with; the two never count twice.", False),
    ),
)

_LEGAL_BASIS = Record(
    "a legal basis",
    (
        Member("article", Text(500), "The article of law under which this kind processes for this purpose."),
        Member("classes", Several(_CLASS), "The classes of data that this article covers."),
    ),
)

_PURPOSE = Record(
    "a purpose",
    (
        _TITLE,
        Member("necessity", Text(2000), "Why no party can reach this alone or with less data."),
        Member("subjects", Several(_SUBJECT), "What signals for this purpose are about."),
        Member("legal_basis", Table(Name("kinds"), _LEGAL_BASIS), "Per kind; without one, a kind shares nothing."),
    ),
)

_CATEGORY = Record(
    "a category",
    (_TITLE, Member("class", _CLASS, "Class of personal data (GDPR art. 9 and 10).")),
)

_FIELD = Record(
    "a field",
    (
        _TITLE,
        Member("variants", Several(Identifier(), most=6), "From coarse to fine; a finer one implies the coarser ones."),
    ),
)

_SUBJECT_KEYS = Record(
    "the match keys of a subject kind",
    (
        Member("anchor", _MATCH_KEY, "The match key that stages, cases and audit entries hang on."),
        Member("kinds", Table(Name("kinds"), Several(_MATCH_KEY)), "Per kind, the match keys its parties may use."),
    ),
)

_STAGE_RECORD = Record(
    "a stage",
    (_TITLE, Member("approvals", _KINDS, "Kinds of which a party must approve before this stage is reached.", False)),
)

_HANDLING_CODE = Record(
    "a handling code",
    (
        _TITLE,
        Member(
            "blocks",
            Rows(
                Record(
                    "a block",
                    (
                        Member("to", _KINDS_OR_ALL, "Kinds from which a signal with this code hides the items."),
                        Member("items", _ITEMS_OR_ALL, "Items it hides, and whatever implies them."),
                    ),
                ),
                most=30,
            ),
            "What a signal with this code hides, and from whom.",
        ),
    ),
)

_RETENTION = Record(
    "the retention",
    (
        Member("categories", Table(Name("categories"), Span()), "How long a signal is kept after its day."),
        Member("audit", Span(), "How long an audit entry is kept.", False),
    ),
)

_QUOTAS = Record(
    "the quotas",
    (
        Member("tokens", Table(Name("kinds"), Count(0, 10_000_000)), "Tokens a party may make a day and match key."),
        Member(
            "lookups",
            Table(Name("purposes"), Table(Name("kinds"), Count(0, 100_000))),
            "Per purpose and kind, look-ups a party may make a day; none where it is not named.",
            False,
        ),
    ),
)

_STATISTICS = Record(
    "the statistics",
    (
        Member("minimum_cell", Count(1, 1000), "Smallest number of subjects an area figure may stand for."),
        Member("to", _KINDS, "Kinds that may see area figures.", False),
    ),
)

_CONDITIONS = Record(
    "a condition",
    (
        Member("independent_parties", Count(2, 20), "So many independent parties have observed it themselves.", False),
        Member("within", Span(), "The signal, and those counted with it, are no older than this.", False),
        Member("viewer_has", _CATEGORIES, "The viewer has a live signal of its own in one of these.", False),
        Member("source_released", Flag(), "The source has released this signal to this viewer.", False),
        Member("case_member", Flag(), "The viewer is a member of the case.", False),
        Member("approved_by", _KINDS, "A party of each of these kinds has approved.", False),
    ),
)

_AUDIT = Record(
    "the audit sight",
    (
        Member("source", Several(_AUDIT_FIELD, empty_allowed=True), "Fields of the entry the source sees.", False),
        Member("recipient", Several(_AUDIT_FIELD, empty_allowed=True), "Fields the recipient sees.", False),
        Member("confidential", Span(), "How long the entry is kept from the source.", False),
    ),
)

_CLAUSE = Member("clause", Text(80), "The article of the covenant this carries out.")


def _rule(effect: str, items: Several, *more: Member) -> Record:
    return Record(
        f"a {effect}",
        (
            Member(effect, Identifier(), "Id of the rule: a few words that say what it does."),
            _CLAUSE,
            Member("purpose", Name("purposes"), "The one purpose it holds for."),
            Member("stages", _STAGES_OR_ALL, "Stages it holds in."),
            Member("from", _KINDS_OR_ALL, "Kinds of the source."),
            Member("to", _KINDS_OR_ALL, "Kinds of the viewer."),
            Member("categories", _CATEGORIES_OR_ALL, "Categories of the signals it speaks of."),
            Member("items", items, "What of them it shows or withholds."),
            *more,
        ),
    )


RULE = Tagged(
    {
        "permit": _rule(
            "permit",
            _ITEMS,
            Member("when", _CONDITIONS, "What must hold besides, all of it.", False),
            Member("lookup", Flag(), "It also answers a viewer without a signal of its own.", False),
            Member("obligations", Several(_OBLIGATION), "What follows when it is used.", False),
            Member("audit", _AUDIT, "What source and recipient may see of the audit entry.", False),
        ),
        "forbid": _rule("forbid", _ITEMS_OR_ALL),
    }
)
"""A permit lists its items one by one, so that a field added later is shared with nobody by accident."""

_NEVER = Record(
    "a never",
    (
        Member("never", Identifier(), "Id of the promise."),
        _CLAUSE,
        Member("purposes", Several(Name("purposes"), all_allowed=True), "Purposes it holds for."),
        Member("stages", _STAGES_OR_ALL, "Stages it holds in."),
        Member("from", _KINDS_OR_ALL, "Kinds of the source."),
        Member("to", _KINDS_OR_ALL, "Kinds of the viewer."),
        Member("categories", _CATEGORIES_OR_ALL, "Categories it speaks of."),
        Member("items", _ITEMS_OR_ALL, "Items that are never shown."),
    ),
)

COVENANT = Record(
    "the covenant",
    (
        Member("covenant", Identifier(), "Id of the covenant; it stays the same over all versions."),
        _TITLE,
        Member("valid", _VALID, "When it is in force; a sunset date is mandatory."),
        Member("area", Text(), "Where it holds."),
        Member("kinds", Table(Identifier(), Text(), most=30), "Kinds of organisation, each with its name."),
        Member("parties", Table(Identifier(), _PARTY, most=500), "Signatories, or designated units of one."),
        Member(
            "purposes", Table(Identifier(), _PURPOSE, most=12), "What the parties share for, each with its legal bases."
        ),
        Member("categories", Table(Identifier(), _CATEGORY, most=60), "What a signal can say."),
        Member("fields", Table(Identifier(), _FIELD, most=12), "Sealed fields a signal can carry.", False),
        Member("match_keys", Table(_SUBJECT, _SUBJECT_KEYS), "By which identifiers signals are matched."),
        Member("stages", Table(_STAGE, _STAGE_RECORD), "How far parties come with a subject; `signal` is the first."),
        Member("handling_codes", Table(Identifier(), _HANDLING_CODE, most=30), "Marks for single signals.", False),
        Member("retention", _RETENTION, "How long things are kept."),
        Member("quotas", _QUOTAS, "Daily limits; whatever is not named has a limit of zero."),
        Member("statistics", _STATISTICS, "Area figures."),
        Member("rules", Rows(RULE, most=1000, empty_allowed=True), "Permits and forbids; their order means nothing."),
        Member("never", Rows(_NEVER, most=200, empty_allowed=True), "Promises no permit may break.", False),
    ),
)
