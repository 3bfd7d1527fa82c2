"""What is kept here about signals and subjects besides what the signals say: echoes, releases, approvals; read at once.

One statement, however many subjects there are: every decision waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.disclosure.conditions.repository import AFFIRMED
from service.signals.arrays import written_bytes, written_texts, written_uuids

__all__ = ["Approved", "Standing", "standing"]


@dataclass(frozen=True, slots=True)
class Approved:
    """That a party approves of a purpose on the subject with this match key value."""

    match_key: str
    index: bytes
    purpose: str
    party: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found.

    `echoes` are signals whose party was told of their subject before it first said anything about it itself; a signal
    is asked about by all its match key values, whichever of them it was found by. `released` are signals that their
    source has released to the viewer, each with the purpose.
    """

    echoes: frozenset[UUID]
    released: frozenset[tuple[UUID, str]]
    approved: frozenset[Approved]


def _statement(hold_release: str, hold_approval: str) -> str:
    return f"""
    WITH echo AS (
        SELECT DISTINCT p.signal_id FROM pseudonym p
        JOIN told t ON t.covenant_id = p.covenant_id AND t.match_key = p.match_key AND t.index_ = p.index_
            AND t.party = p.party AND t.first_told_at < p.evidence_at
        WHERE p.covenant_id = :covenant_id AND p.signal_id = ANY(CAST(:signals AS uuid[]))
    ), said AS (
        SELECT signal_id, signal_id AS of FROM unnest(CAST(:releasable AS uuid[])) AS asked (signal_id)
        UNION ALL
        SELECT later.signal_id, earlier.signal_id FROM signal later JOIN signal earlier ON {AFFIRMED}
        WHERE later.covenant_id = :covenant_id AND later.signal_id = ANY(CAST(:releasable AS uuid[]))
    ), released AS (
        SELECT said.signal_id, r.purpose FROM said
        JOIN source_release r ON r.covenant_id = :covenant_id AND r.viewer = :viewer AND r.signal_id = said.of
            AND r.state = 'released'
        {hold_release}
    ), approved AS (
        SELECT a.match_key, a.index_, a.purpose, a.party FROM approval a
        JOIN unnest(CAST(:match_keys AS text[]), CAST(:indexes AS bytea[])) AS s (match_key, index_)
            USING (match_key, index_)
        WHERE a.covenant_id = :covenant_id
        {hold_approval}
    )
    SELECT signal_id, CAST(NULL AS text), CAST(NULL AS bytea), CAST(NULL AS text), CAST(NULL AS text) FROM echo
    UNION ALL SELECT signal_id, NULL, NULL, purpose, NULL FROM released
    UNION ALL SELECT NULL, match_key, index_, purpose, party FROM approved
    """  # noqa: S608 - constants


_STANDING = {
    False: text(_statement("", "")),
    True: text(_statement("FOR SHARE OF r", "FOR SHARE OF a")),
}
"""By whether it is held."""


def standing(
    session: Session,
    covenant_id: str,
    viewer: str,
    signals: Iterable[UUID],
    *,
    releasable: Iterable[UUID],
    approvable: Iterable[tuple[str, bytes]],
    hold: bool = False,
) -> Standing:
    """What is kept of signals, of those among them that a release may open, and of subjects as (match key, index).

    With `hold`, nobody can take back a release or an approval until the transaction ends.
    """
    values = sorted(set(approvable))
    asked = {
        "covenant_id": covenant_id,
        "viewer": viewer,
        "signals": written_uuids(signals),
        "releasable": written_uuids(releasable),
        "match_keys": written_texts(match_key for match_key, _ in values),
        "indexes": written_bytes(index for _, index in values),
    }
    echoes: set[UUID] = set()
    released: set[tuple[UUID, str]] = set()
    approved: set[Approved] = set()
    for signal, match_key, index, purpose, party in session.connection().execute(_STANDING[hold], asked):
        if purpose is None:
            echoes.add(signal)
        elif signal is not None:
            released.add((signal, purpose))
        else:
            approved.add(Approved(match_key, index, purpose, party))
    return Standing(frozenset(echoes), frozenset(released), frozenset(approved))
