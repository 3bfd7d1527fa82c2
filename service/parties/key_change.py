"""A party's own keys replaced by new ones: for its requests, for its signals, and for fields that are opened to it.

The new keys count from the commit on, and the old ones sign and open nothing any more. One thing they are kept for:
what the old signing key has signed stays signed, and whoever is shown such a signal verifies it with that key. No key
that was replaced is ever registered again, for anybody in the covenant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlmodel import Session

from clients.protocol.messages.keyholder import PartyKeys
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, NotFound
from service.parties import directory, repository
from service.parties import keys as public_keys
from service.parties.service import refuse_unreadable
from service.parties.tables import FormerKeyRow, PartyRow
from service.principals import Principal, Role

__all__ = ["KeyChanges"]


class KeyChanges:
    """Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def replace(
        self,
        session: Session,
        covenant_id: str,
        party: str,
        keys: PartyKeys,
        *,
        reason: str,
        by: Principal,
        trace: str | None = None,
    ) -> bool:
        """Registers `keys` in place of the party's; False if they are registered already: repeating is harmless.

        A key that stays the same may stand among them. Raises NotFound, Invalid with every key that is none, and
        Conflict where the party has left, or a key is or was somebody's.
        """
        refuse_unreadable(reason)
        public_keys.refuse_faults(*public_keys.party_faults(keys))
        row = repository.party(session, covenant_id, party, hold=True)
        if row is None:
            raise NotFound("party-unknown", "the covenant has no such party here")
        if row.state == "left":
            raise Conflict("party-left", "the party has left the covenant")
        old, new = public_keys.fingerprints(_keys(row)), public_keys.fingerprints(keys)
        changed = {use for use in new if new[use] != old[use]}
        if not changed:
            return False
        directory.refuse_replaced(session, covenant_id, *(new[use] for use in changed))
        now = self._clock()
        for use in sorted(changed):
            signing = row.signing_key if use == "signing" else None
            former = FormerKeyRow(
                covenant_id=covenant_id,
                fingerprint=old[use],
                party=party,
                use=use,
                signing_key=signing,
                replaced_at=now,
            )
            repository.insert(session, former)
        row.authentication_key = dict(keys.authentication_key)
        row.signing_key, row.encryption_key = keys.signing_key, keys.encryption_key
        repository.insert(session, row)
        if "authentication" in changed:
            repository.forget_principal(session, covenant_id, party, Role.PARTY)
            principal = Principal(party, Role.PARTY, party, covenant_id)
            directory.register(session, principal, keys.authentication_key, now)
        self._audit.append(
            session,
            AuditRecord(
                event="party-keys-replaced",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                parties=(party,),
                fingerprints={use: new[use] for use in sorted(changed)},
                words=reason,
            ),
        )
        return True

    def former_signing_keys(self, session: Session, covenant_id: str) -> Mapping[str, tuple[bytes, ...]]:
        """By party, the keys that it signed with before, the last one first."""
        found: dict[str, tuple[bytes, ...]] = {}
        for row in repository.former_keys(session, covenant_id):
            if row.signing_key is not None:
                found[row.party] = (*found.get(row.party, ()), row.signing_key)
        return found


def _keys(row: PartyRow) -> PartyKeys:
    return PartyKeys(
        authentication_key=row.authentication_key, signing_key=row.signing_key, encryption_key=row.encryption_key
    )
