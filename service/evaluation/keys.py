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
from service.errors import Conflict, Invalid, NotFound, Unavailable
from service.evaluation import repository
from service.evaluation.tables import MatchKeyRow, PartyKeyRow
from service.principals import Principal
from service.storage.keystore import KeyDirectory, KeyMissing

__all__ = ["OprfKeys", "PartyKey", "party_folder", "party_key_name", "secrets_folder"]


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
        held = {row.match_key for row in repository.party_keys(session, covenant_id, party)}
        for match_key in sorted(set(match_keys) - held):
            version = repository.last_version(session, covenant_id, match_key, party) + 1
            drawn = self._draw(session, covenant_id, match_key, party, version)
            if drawn is not None:
                record = AuditRecord(
                    event="party-key-drawn",
                    covenant_id=covenant_id,
                    by=by,
                    trace=trace,
                    parties=(party,),
                    match_keys=(match_key,),
                    key_version=drawn.key_version,
                    point=drawn.point,
                )
                self._audit.append(session, record)

    def rotate(
        self,
        session: Session,
        covenant_id: str,
        match_key: str,
        party: str,
        key_version: int,
        *,
        reason: str,
        by: Principal,
        trace: str | None = None,
    ) -> PartyKey:
        """Replaces the party's k_A by a new one of `key_version` under the same h; or returns it, if that was done.

        What was tokenised before keeps its pseudonyms, and the broker takes no more tokens of the old key once its
        set-up was repeated. The old secret is to be destroyed after the commit (`KeyDestruction.replaced`).

        Raises NotFound where the party has no key, and Conflict where `key_version` is not the next one.
        """
        row = repository.held_party_key(session, covenant_id, match_key, party)
        if row is None:
            raise NotFound("key-not-drawn", "the party has no key for this match key")
        if row.key_version == key_version:
            return _party_key(row)
        if row.key_version + 1 != key_version:
            raise Conflict(
                "key-version-not-next",
                "the version of the new key is one more than that of the current one",
                pointer="/keyVersion",
                parameters={"keyVersion": str(row.key_version)},
            )
        if not reason.isprintable():
            raise Invalid("reason-unreadable", "must be one line of readable text", pointer="/reason")
        repository.mark_party_key_destroyed(session, row)
        drawn = self._draw(session, covenant_id, match_key, party, key_version)
        if drawn is None:
            raise RuntimeError("a key of a later version than the active one: the table was tampered with")
        record = AuditRecord(
            event="party-key-rotated",
            covenant_id=covenant_id,
            by=by,
            trace=trace,
            parties=(party,),
            match_keys=(match_key,),
            key_version=key_version,
            point=drawn.point,
            words=reason,
        )
        self._audit.append(session, record)
        return drawn

    def active(self, session: Session, covenant_id: str, match_key: str, party: str) -> PartyKey | None:
        """The party's key that evaluates now."""
        row = repository.party_key(session, covenant_id, match_key, party)
        return _party_key(row) if row else None

    def secret(self, key: PartyKey) -> Scalar:
        """k_A. Raises Unavailable where its file is not there."""
        return self._read(party_key_name(key))

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

    def _draw(
        self, session: Session, covenant_id: str, match_key: str, party: str, key_version: int
    ) -> PartyKey | None:
        """Draws k_A under the match key's h and publishes K_A; None if somebody else just did."""
        holder_point = repository.match_key(session, covenant_id, match_key).point
        h = self._read(_secret_name(covenant_id, match_key, decode_element(holder_point)))
        key = draw_party_key(h, self._random)
        if repository.points_known(session, (key.public,)):
            raise RuntimeError("a key was drawn twice: the source of randomness is broken")
        row = PartyKeyRow(
            covenant_id=covenant_id,
            match_key=match_key,
            party=party,
            key_version=key_version,
            point=key.public,
            state="active",
            drawn_at=self._clock(),
        )
        self._directory.create(party_key_name(row), key.secret)
        return _party_key(row) if repository.add(session, row) else None

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


def party_key_name(key: PartyKey | PartyKeyRow) -> str:
    """Where k_A of one version is."""
    return f"{party_folder(key.covenant_id, key.match_key, key.party)}{key.point.hex()}"
