"""Destroying keys for good: of a party that leaves, of what a version no longer gives, of a covenant that ends.

Files go first. Should the transaction fail, the rows are still there for the next call, which finds nothing to destroy
and marks them. Whole folders go, and so also what was drawn in a transaction that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from sqlmodel import Session

from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.evaluation import repository
from service.evaluation.keys import party_folder, party_key_name, secrets_folder
from service.evaluation.sealing_keys import sealing_folder
from service.evaluation.tables import PartyKeyRow
from service.principals import Principal
from service.storage.keystore import KeyDirectory, KeyMissing

__all__ = ["KeyDestruction"]


class KeyDestruction:
    """Methods work in the caller's transaction, and are harmless to repeat."""

    def __init__(self, directory: KeyDirectory, audit: AuditWriter) -> None:
        self._directory = directory
        self._audit = audit

    def leave(
        self, session: Session, covenant_id: str, party: str, *, by: Principal | None = None, trace: str | None = None
    ) -> None:
        """Destroys every k_A of one party, those of earlier versions too."""
        rows = repository.held_party_keys(session, covenant_id, party)
        names = (name for name in self._directory.names(party_folder(covenant_id)) if name.split("/")[3] == party)
        self._destroy(names)
        self._mark(session, rows, by, trace)

    def keep_only(self, session: Session, covenant_id: str, given: Callable[[str], Collection[str]]) -> int:
        """Destroys the keys for match keys that `given` no longer names for their party; returns how many there were.

        A version may give a match key back: the party then gets a new key, and what it submitted before still matches.
        """
        rows = [
            row for row in repository.held_party_keys(session, covenant_id) if row.match_key not in given(row.party)
        ]
        for row in rows:
            self._destroy(self._directory.names(party_folder(covenant_id, row.match_key, row.party)))
        self._mark(session, rows, None, None)
        return len(rows)

    def replaced(self, session: Session, covenant_id: str) -> int:
        """Destroys the k_A that rotations have replaced, and returns how many were still there.

        For a transaction after the one that replaced them: until that commits, the old keys are the current ones.
        """
        rows = repository.destroyed_party_keys(session, covenant_id)
        return self._destroy(party_key_name(row) for row in rows if self._directory.exists(party_key_name(row)))

    def end(self, session: Session, covenant_id: str) -> None:
        """Destroys every secret of a covenant: h, k_A, and the private sealing keys of all months."""
        for folder in (secrets_folder(covenant_id), party_folder(covenant_id), sealing_folder(covenant_id)):
            self._destroy(self._directory.names(folder))
        repository.end(session, covenant_id)

    def _destroy(self, names: Iterable[str]) -> int:
        destroyed = 0
        for name in names:
            try:
                self._directory.destroy(name)
            except KeyMissing:
                continue  # somebody else was quicker
            destroyed += 1
        return destroyed

    def _mark(self, session: Session, rows: Iterable[PartyKeyRow], by: Principal | None, trace: str | None) -> None:
        by_party: dict[str, list[PartyKeyRow]] = {}
        for row in rows:
            repository.mark_party_key_destroyed(session, row)
            by_party.setdefault(row.party, []).append(row)
        self._audit.append_many(
            session,
            [
                AuditRecord(
                    event="party-keys-destroyed",
                    covenant_id=gone[0].covenant_id,
                    by=by,
                    trace=trace,
                    parties=(party,),
                    match_keys=[row.match_key for row in gone],
                )
                for party, gone in sorted(by_party.items())
            ],
        )
