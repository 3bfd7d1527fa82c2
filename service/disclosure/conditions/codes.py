"""Handling codes that travel: who was told of a signal with codes and its source passes them on with what it derives.

It is remembered for as long as anything is left of the signal. Where the source was withheld nothing is: the recipient
cannot name it as an origin, and a refusal would tell that it has guessed right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from covenant_rules.model import Signal
from service.disclosure.answers import Decided
from service.disclosure.asking import Asking
from service.signals.derivation import Told, Value

__all__ = ["coded", "remember", "told_codes"]


def coded(shown: Iterable[Decided], signals: Mapping[str, Signal]) -> frozenset[UUID]:
    """What of the shown carries codes and names its source. `signals` are by id."""
    named = (one.signal_id for one in shown if "source" in one.items)
    return frozenset(signal_id for signal_id in named if signals[str(signal_id)].handling_codes)


def remember(session: Session, asking: Asking, signals: Collection[UUID]) -> None:
    """Remembers that the asking party is told of signals with codes."""
    if signals:
        session.connection().execute(
            text(
                "INSERT INTO coded_telling (covenant_id, party, signal_id)"
                " SELECT :covenant_id, :party, t.signal_id FROM unnest(CAST(:signals AS uuid[])) AS t (signal_id)"
                " ON CONFLICT DO NOTHING"
            ),
            {"covenant_id": asking.covenant_id, "party": asking.viewer, "signals": sorted(signals)},
        )


def told_codes(
    session: Session, covenant_id: str, party: str, values: Collection[Value]
) -> Mapping[Value, Collection[Told]]:
    """What the party was told with codes of subjects, each given as (match key, index)."""
    rows = session.connection().execute(
        text(
            "SELECT p.match_key, p.index_, s.signal_id, s.party, s.handling_codes"
            " FROM unnest(CAST(:match_keys AS text[]), CAST(:indexes AS bytea[])) AS v (match_key, index_)"
            " JOIN pseudonym p ON p.covenant_id = :covenant_id AND p.match_key = v.match_key AND p.index_ = v.index_"
            " JOIN coded_telling t ON t.covenant_id = p.covenant_id AND t.party = :party AND t.signal_id = p.signal_id"
            " JOIN signal s ON s.covenant_id = p.covenant_id AND s.signal_id = p.signal_id"
        ),
        {
            "covenant_id": covenant_id,
            "party": party,
            "match_keys": [match_key for match_key, _ in values],
            "indexes": [index for _, index in values],
        },
    )
    told: dict[Value, dict[UUID, Told]] = defaultdict(dict)
    for match_key, index, signal_id, source, codes in rows:
        told[match_key, index][signal_id] = Told(source, frozenset(codes))
    return {value: tuple(by_signal.values()) for value, by_signal in told.items()}
