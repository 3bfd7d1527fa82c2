"""h of each match key and k_A of each party: drawn here, kept in the key directory, published as points.

The database has points, versions and states; a secret's file is named by its point. A file is written before the row
that publishes its point is committed, so no published point is without its secret. A transaction that fails leaves a
file that nothing refers to, and that opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from clients.protocol.ceremony import KeyScope, draw_party_key, draw_secret
from clients.protocol.group import Element, Scalar, decode_element, decode_scalar, scalar_invert, scalar_multiply
from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.keyholder import ConversionShare, MatchKeyCommitments, PartyCommitment
from clients.protocol.shares import seal_share
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Unavailable
from service.evaluation import repository
from service.evaluation.tables import MatchKeyRow, PartyKeyRow
from service.principals import Principal
from service.storage.keystore import KeyDirectory, KeyMissing

__all__ = ["OprfKeys", "PartyKey", "party_folder", "secrets_folder"]


@dataclass(frozen=True, slots=True)
class PartyKey:
    """One active key of a party: its version, and the K_A under which proofs of its use are verified."""

    covenant_id: str
    match_key: str
    party: str
    key_version: int
    point: Element


class OprfKeys:
    """The keys that make tokens. Methods work in the caller's transaction."""

    def __init__(
        self,
        directory: KeyDirectory,
        audit: AuditWriter,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._directory = directory
        self._audit = audit
        self._clock = clock
        self._random = random

    def draw_match_keys(
        self,
        session: Session,
        covenant_id: str,
        match_keys: Collection[str],
        *,
        by: Principal,
        trace: str | None = None,
    ) -> None:
        """Draws h for each match key that has none yet."""
        drawn = {row.match_key for row in repository.match_keys(session, covenant_id)}
        for match_key in sorted(set(match_keys) - drawn):
            secret = draw_secret(self._random)
            self._directory.create(_secret_name(covenant_id, match_key, secret.public), secret.secret)
            row = MatchKeyRow(covenant_id=covenant_id, match_key=match_key, point=secret.public, drawn_at=self._clock())
            if repository.add(session, row):
                record = AuditRecord(
                    event="match-key-drawn",
                    covenant_id=covenant_id,
                    by=by,
                    trace=trace,
                    match_keys=(match_key,),
                    point=secret.public,
                )
                self._audit.append(session, record)

    def draw_party_keys(
        self,
        session: Session,
        covenant_id: str,
        party: str,
        match_keys: Collection[str],
        *,
        by: Principal,
        trace: str | None = None,
    ) -> None:
        """Draws k_A for each of `match_keys` for which the party has no active key."""
        holders = {row.match_key: row.point for row in repository.match_keys(session, covenant_id)}
        held = {row.match_key for row in repository.party_keys(session, covenant_id, party)}
        for match_key in sorted(set(match_keys) - held):
            h = self._read(_secret_name(covenant_id, match_key, decode_element(holders[match_key])))
            key = draw_party_key(h, self._random)
            if repository.points_known(session, (key.public,)):
                raise RuntimeError("a key was drawn twice: the source of randomness is broken")
            row = PartyKeyRow(
                covenant_id=covenant_id,
                match_key=match_key,
                party=party,
                key_version=repository.last_version(session, covenant_id, match_key, party) + 1,
                point=key.public,
                state="active",
                drawn_at=self._clock(),
            )
            self._directory.create(_party_name(covenant_id, match_key, party, key.public), key.secret)
            if repository.add(session, row):
                record = AuditRecord(
                    event="party-key-drawn",
                    covenant_id=covenant_id,
                    by=by,
                    trace=trace,
                    parties=(party,),
                    match_keys=(match_key,),
                    key_version=row.key_version,
                    point=key.public,
                )
                self._audit.append(session, record)

    def active(self, session: Session, covenant_id: str, match_key: str, party: str) -> PartyKey | None:
        """The party's key that evaluates now."""
        row = repository.party_key(session, covenant_id, match_key, party)
        return _party_key(row) if row else None

    def secret(self, key: PartyKey) -> Scalar:
        """k_A. Raises Unavailable where its file is not there."""
        return self._read(_party_name(key.covenant_id, key.match_key, key.party, key.point))

    def commitments(self, session: Session, covenant_id: str) -> tuple[MatchKeyCommitments, ...]:
        """H of every match key with the K_A of every party that has one."""
        keys = repository.party_keys(session, covenant_id)
        return tuple(
            MatchKeyCommitments(
                match_key=row.match_key,
                point=row.point,
                parties=tuple(
                    PartyCommitment(party=key.party, key_version=key.key_version, point=key.point)
                    for key in keys
                    if key.match_key == row.match_key
                ),
            )
            for row in repository.match_keys(session, covenant_id)
        )

    def shares(self, session: Session, covenant_id: str, broker_key: HybridPublicKey) -> Sequence[ConversionShare]:
        """c_A = h/k_A of every active key, each sealed to the broker. Computed when asked for, and stored nowhere."""
        secrets = {
            row.match_key: self._read(_secret_name(covenant_id, row.match_key, decode_element(row.point)))
            for row in repository.match_keys(session, covenant_id)
        }
        shares: list[ConversionShare] = []
        for row in repository.party_keys(session, covenant_id):
            key = _party_key(row)
            share = scalar_multiply(secrets[key.match_key], scalar_invert(self.secret(key)))
            scope = KeyScope(covenant_id, key.match_key)
            shares.append(
                ConversionShare(
                    match_key=key.match_key,
                    party=key.party,
                    key_version=key.key_version,
                    commitment=key.point,
                    sealed_share=seal_share(share, broker_key, scope, key.party, key.key_version, key.point),
                )
            )
        return shares

    def _read(self, name: str) -> Scalar:
        try:
            return decode_scalar(self._directory.read(name))
        except KeyMissing:
            raise Unavailable("key-missing", "a key of this service is not where it was put") from None


def _party_key(row: PartyKeyRow) -> PartyKey:
    return PartyKey(row.covenant_id, row.match_key, row.party, row.key_version, decode_element(row.point))


def secrets_folder(covenant_id: str) -> str:
    """Where the h of a covenant's match keys are."""
    return f"match-keys/{covenant_id}/"


def party_folder(covenant_id: str, match_key: str = "", party: str = "") -> str:
    """Where k_A of every version are: of one party for one match key, or, left out from the right, of all."""
    return "/".join(("party-keys", covenant_id, *filter(None, (match_key, party)), ""))


def _secret_name(covenant_id: str, match_key: str, point: Element) -> str:
    return f"{secrets_folder(covenant_id)}{match_key}/{point.hex()}"


def _party_name(covenant_id: str, match_key: str, party: str, point: Element) -> str:
    return f"{party_folder(covenant_id, match_key, party)}{point.hex()}"
