"""Messages by which the audit log is read: the officer's searches, a party's own lists, citizens' requests, findings.

The tree, its proofs and the witness have messages of their own (`log`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from clients.protocol.messages.base import (
    Bytes32,
    Identifier,
    IsoDate,
    Message,
    Moment,
    Whole,
)
from clients.protocol.messages.log import ShownFieldMessage
from clients.protocol.messages.signals import Token

MOST_HANDLES = 8
"""Subject handles in one search: more than one subject has match keys."""

Query = Annotated[str, Field(max_length=1000)]
"""Qualifiers, as in `action:disclosure created:2026-11-01..2026-11-22 party:police`."""
Handles = Annotated[tuple[Bytes32, ...], Field(max_length=MOST_HANDLES)]


class SearchTerms(Message):
    """What to look for. An entry must fit every qualifier, and name one of `handles` at least, if there are any.

    A body and not a URL, because it may name an employee or a subject, be it by a pseudonym.
    """

    query: Query = ""
    handles: Handles = ()


class SearchRequest(SearchTerms):
    """A page of the newest entries that fit, or the page after the one that gave `cursor`."""

    cursor: Annotated[str | None, Field(max_length=2048)] = None
    limit: Annotated[Whole, Field(ge=1, le=500)] = 50


class CountsRequest(SearchTerms):
    """How many entries fit, in days or in weeks from Monday."""

    bucket: Literal["day", "week"] = "day"


class ExportRequest(SearchTerms):
    """Everything that fits, the oldest first."""

    format: Literal["jsonl", "csv", "logboek"] = "jsonl"


class AuditEntryMessage(Message):
    """One entry as its reader sees it. What is absent is not there, or may not be seen.

    `reference` is what the reader asks for the entry by; it is the entry's id only where `entry_id` says so.
    """

    reference: UUID
    standing: Literal["officer", "own", "source", "covenant"]
    event: str
    entry_id: UUID | None = None
    day: IsoDate | None = None
    at: Moment | None = None
    leaf_index: Whole | None = None
    fields: dict[str, Any]


class AuditPage(Message):
    """Entries, the newest first. A page may be short, or empty, while `next_cursor` says that the search goes on."""

    entries: tuple[AuditEntryMessage, ...]
    next_cursor: str | None = None


class ProvedEntry(Message):
    """One entry, with what proves that it stands in the log as it is shown.

    `shown`, `hidden` and `groups` give its leaf (`clients.protocol.audit_leaf`), and `proof` the leaf's place under a
    checkpoint, as a `c2sp.org/tlog-proof@v1` file; absent until the witness has cosigned one that covers it.
    """

    entry: AuditEntryMessage
    shown: dict[str, ShownFieldMessage]
    hidden: tuple[Bytes32, ...]
    groups: tuple[Bytes32 | None, ...]
    proof: str | None = None


class FacetValue(Message):
    value: str
    count: Whole


class AuditFacets(Message):
    """How often each value stands in the entries of these days, the most frequent first."""

    first: IsoDate | None = None
    last: IsoDate
    total: Whole
    facets: dict[str, tuple[FacetValue, ...]]


class CountMessage(Message):
    """Entries of one day, or of the seven days from `start` on, and the refusals among them."""

    start: IsoDate
    entries: Whole
    refused: Whole


class AuditCounts(Message):
    """Every bucket from the first that has entries to the last day asked for."""

    first: IsoDate | None = None
    last: IsoDate
    bucket: Literal["day", "week"]
    counts: tuple[CountMessage, ...]


class SubjectTokens(Message):
    """One subject by the officers' own tokens, which no other key has made: for a citizen who asks who looked."""

    normalisation_version: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]
    tokens: Annotated[tuple[Token, ...], Field(min_length=1, max_length=MOST_HANDLES)]


class SubjectHandle(Message):
    match_key: Identifier
    handle: Bytes32


class SubjectHandles(Message):
    """By what the log names the subject, whether or not there is any entry."""

    handles: tuple[SubjectHandle, ...]


class MisuseFinding(Message):
    """Something that is out of the ordinary, and says nothing of anybody until somebody has looked at it.

    `observed` is what was counted from `first` to `last`, `usual` what the rule compares it with, `limit` what it may
    be. `entries` are the newest of those it was counted from, `total` is how many there are.
    """

    rule: str
    party: str
    actor: str | None = None
    handle: Bytes32 | None = None
    first: IsoDate
    last: IsoDate
    observed: float
    usual: float | None = None
    limit: float
    words: str
    entries: tuple[UUID, ...]
    total: Whole


class LogDifference(Message):
    """A grant of which the two services' logs do not say the same. `entry` of the broker's log put that on record.

    `issued` is the broker's entry about the grant, `used` are the key holder's.
    """

    day: IsoDate
    kind: str
    words: str
    grant: str
    entry: UUID
    issued: UUID | None = None
    used: tuple[UUID, ...]


class MisuseFindings(Message):
    """Signs of misuse in these days, in the order of their days. Nothing is ranked and nobody gets a score.

    `differences` are those of the two services' logs, which the broker compares every day; `compared_until` is the last
    day it did.
    """

    first: IsoDate
    last: IsoDate
    findings: tuple[MisuseFinding, ...]
    differences: tuple[LogDifference, ...]
    compared_until: IsoDate | None = None


class MisuseRulesChange(Message):
    """Rules by which signs of misuse are to be found, as TOML text."""

    document: Annotated[str, Field(max_length=50_000)]


class MisuseRules(Message):
    """The rules in force, as their TOML text, and who changed them when; absent for those that are shipped."""

    document: str
    changed_at: Moment | None = None
    changed_by: str | None = None
