"""The broker's side of the set-up (design §4), and what comes of it: conversion scalars kept, their points published.

`SetUp.run` is given what the key holder answered, and believes none of it:

1. one set-up of a covenant at a time;
2. the H of a match key never changes, for every stored pseudonym hangs on it;
3. b is drawn once per match key; B and T are published with their proof;
4. a share must belong to a published K_A of a party that is enrolled here and may use the match key;
5. c_A·K_A = H, and K_A served nobody and nothing before;
6. d_A = b·c_A goes into the key directory, D_A and its proof are published, the party's earlier key is retired;
7. what is then published must convince a stranger.

Running it again takes in whatever is new: parties that joined since, keys that were rotated. Unless all of it holds,
nothing is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from clients.protocol.ceremony import (
    KeyScope,
    accept_share,
    publish_joint_point,
    publish_party_point,
    verify_published_keys,
)
from clients.protocol.errors import CeremonyError, GroupError, SealError
from clients.protocol.group import Element, decode_element
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.messages.keyholder import (
    CommitmentsAnswer,
    ConversionShare,
    ConversionShares,
    MatchKeyCommitments,
)
from clients.protocol.officers import OFFICERS
from clients.protocol.shares import open_share
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, Unavailable
from service.principals import Principal
from service.signals import key_repository as repository
from service.signals.keys import PartyKeyId, SignalKeys
from service.signals.pseudonyms import Conversion
from service.signals.publication import publication
from service.signals.tables import JointKeyRow, PublishedKeyRow
from service.storage.keystore import KeyMissing

__all__ = ["SetUp", "SetUpOutcome", "conversions_of"]

FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class SetUpOutcome:
    """`accepted` party keys are new, `unchanged` ones were known. Destroy `superseded` once the transaction is over."""

    accepted: int
    unchanged: int
    superseded: tuple[PartyKeyId, ...]


class SetUp:
    """Runs set-ups in the caller's transaction. `private_key` is the one that shares are sealed to."""

    def __init__(
        self,
        keys: SignalKeys,
        private_key: HybridPrivateKey,
        audit: AuditWriter,
        *,
        random: Callable[[int], bytes],
    ) -> None:
        self._keys = keys
        self._private_key = private_key
        self._audit = audit
        self._random = random

    def run(
        self,
        session: Session,
        covenant: Covenant,
        enrolled: Collection[str],
        commitments: CommitmentsAnswer,
        shares: ConversionShares,
        *,
        coming: Sequence[Covenant] = (),
        by: Principal,
        trace: str | None = None,
    ) -> SetUpOutcome:
        """Takes in the shares of enrolled parties; others wait for the next time.

        Keys that a scheduled version of `coming` gives are taken in before its day. Those that no version gives any
        more, and that the key holder has not destroyed yet, are passed over.

        Raises Conflict, naming match key and party, for an answer that does not fit what is known or itself.
        """
        repository.hold_set_up(session, covenant.id)
        if {commitments.covenant_id, shares.covenant_id} != {covenant.id}:
            raise _refused("the key holder answered about another covenant")
        if len({key.match_key for key in commitments.keys}) != len(commitments.keys):
            raise _refused("the key holder published a match key twice")
        if not commitments.keys:
            raise _refused("the key holder has no keys for this covenant")
        self._keys.create(covenant.id)
        joint = repository.joint_keys(session, covenant.id)
        accepted = unchanged = 0
        versions = (covenant, *coming)
        for key in commitments.keys:
            if key.match_key not in _match_keys(versions):
                if key.match_key in joint:
                    continue
                raise _refused("the covenant has no such match key", key.match_key)
            row = self._joined(session, covenant.id, key, joint.get(key.match_key))
            for share in shares.shares:
                if share.match_key == key.match_key and share.party in enrolled:
                    if not _may_use(versions, share.party, share.match_key):
                        if self._was_taken_in(session, covenant.id, share):
                            continue
                        raise _refused(
                            "the covenant does not give this party the match key", share.match_key, share.party
                        )
                    taken = self._take_in(session, covenant, row, key, share, by, trace)
                    accepted, unchanged = accepted + taken, unchanged + (not taken)
            self._convince(session, row, key)
        self._audit.append(
            session,
            AuditRecord(
                event="set-up-completed",
                covenant_id=covenant.id,
                by=by,
                trace=trace,
                version=covenant.version,
                match_keys=[key.match_key for key in commitments.keys],
                counts={"accepted": accepted, "unchanged": unchanged},
            ),
        )
        return SetUpOutcome(accepted, unchanged, _superseded(session, covenant.id))

    def discard(self, outcome: SetUpOutcome) -> None:
        """Destroys the scalars of retired keys. Only after the commit: until then the old keys are the current ones."""
        for key in outcome.superseded:
            self._keys.destroy_conversion(key)

    def _joined(
        self, session: Session, covenant_id: str, key: MatchKeyCommitments, known: JointKeyRow | None
    ) -> JointKeyRow:
        if known is not None:
            if known.holder_point != key.point:
                raise _refused("H changed, and with it every pseudonym", key.match_key)
            return known
        b = self._keys.broker_scalar(covenant_id, key.match_key, FIRST_EPOCH, draw=True)
        try:
            holder_point = decode_element(key.point)
        except GroupError as error:
            raise _refused(f"H: {error.reason}", key.match_key) from None
        made = publish_joint_point(KeyScope(covenant_id, key.match_key), b, holder_point, self._random)
        row = JointKeyRow(
            covenant_id=covenant_id,
            match_key=key.match_key,
            epoch=FIRST_EPOCH,
            holder_point=holder_point,
            broker_point=made.broker_point,
            joint_point=made.joint_point,
            proof=made.proof,
        )
        repository.insert(session, row)
        return row

    @staticmethod
    def _convince(session: Session, joint: JointKeyRow, key: MatchKeyCommitments) -> None:
        """Checks what is published as a client will."""
        try:
            verify_published_keys(publication(session, joint, key.point))
        except CeremonyError as error:
            raise _refused(str(error), joint.match_key) from None

    @staticmethod
    def _was_taken_in(session: Session, covenant_id: str, share: ConversionShare) -> bool:
        return any(
            (row.match_key, row.party, row.commitment) == (share.match_key, share.party, share.commitment)
            for row in repository.party_keys(session, covenant_id)
        )

    def _take_in(
        self,
        session: Session,
        covenant: Covenant,
        joint: JointKeyRow,
        key: MatchKeyCommitments,
        share: ConversionShare,
        by: Principal,
        trace: str | None,
    ) -> bool:
        """Accepts one share; False if its key is the current one already."""
        match_key, party = share.match_key, share.party
        if (party, share.key_version, share.commitment) not in {(p.party, p.key_version, p.point) for p in key.parties}:
            raise _refused("the share belongs to no published K", match_key, party)
        rows = repository.party_keys(session, covenant.id)
        mine = [row for row in rows if (row.match_key, row.party) == (match_key, party)]
        latest = max((row.key_version for row in mine), default=0)
        if any((r.key_version, r.commitment, r.current) == (share.key_version, share.commitment, True) for r in mine):
            return False
        if share.key_version <= latest:
            raise _refused("a key version went back, or its key changed", match_key, party)
        used = {row.commitment for row in rows}
        used |= repository.used_elsewhere(session, covenant.id, [share.commitment])
        scope = KeyScope(covenant.id, match_key)
        key_id = PartyKeyId(covenant.id, match_key, party, share.key_version, joint.epoch)
        b = self._keys.broker_scalar(covenant.id, match_key, joint.epoch)
        point = Element(share.commitment)
        try:
            opened = open_share(share.sealed_share, self._private_key, scope, party, share.key_version, point)
            conversion = accept_share(b, opened, share.commitment, joint.holder_point, used=used)
        except (SealError, CeremonyError) as error:
            raise _refused(str(error), match_key, party) from None
        made = publish_party_point(
            scope, party, share.key_version, conversion, point, Element(joint.joint_point), self._random
        )
        # The file first: a row without its scalar would be a key that cannot be used.
        self._keys.keep_conversion(key_id, conversion)
        if any(row.current for row in mine):
            record = AuditRecord(
                event="party-key-rotated",
                covenant_id=covenant.id,
                by=by,
                trace=trace,
                parties=(party,),
                match_keys=(match_key,),
                key_version=share.key_version,
                point=point,
            )
            self._audit.append(session, record)
        repository.retire(session, covenant.id, match_key, party)
        repository.insert(
            session,
            PublishedKeyRow(
                covenant_id=covenant.id,
                match_key=match_key,
                party=party,
                key_version=share.key_version,
                current=True,
                commitment=share.commitment,
                point=made.point,
                proof=made.proof,
            ),
        )
        return True


def conversions_of(session: Session, keys: SignalKeys, covenant_id: str, party: str) -> Mapping[str, Conversion]:
    """The party's current conversions by match key; none for a match key that the set-up has not taken in.

    Raises Unavailable where a scalar is published and its file is not there.
    """
    try:
        return {
            row.match_key: Conversion(
                row.match_key,
                row.key_version,
                epoch,
                keys.conversion(PartyKeyId(covenant_id, row.match_key, party, row.key_version, epoch)),
            )
            for row, epoch in repository.current_keys(session, covenant_id, party)
        }
    except KeyMissing:
        raise Unavailable(
            "conversion-key-missing", "a key of this service is not there; nothing was taken in"
        ) from None


def _match_keys(versions: Iterable[Covenant]) -> frozenset[str]:
    return frozenset(
        match_key
        for covenant in versions
        for keys in covenant.match_keys.values()
        for given in keys.kinds.values()
        for match_key in given
    )


def _may_use(versions: Iterable[Covenant], party: str, match_key: str) -> bool:
    if party == OFFICERS:
        return match_key in _match_keys(versions)
    return any(
        match_key in keys.kinds.get(covenant.parties[party].kind, ())
        for covenant in versions
        if party in covenant.parties
        for keys in covenant.match_keys.values()
    )


def _superseded(session: Session, covenant_id: str) -> tuple[PartyKeyId, ...]:
    """Every key that is no longer current: an earlier run may have ended before it destroyed what it had retired."""
    epochs = {match_key: row.epoch for match_key, row in repository.joint_keys(session, covenant_id).items()}
    return tuple(
        PartyKeyId(covenant_id, row.match_key, row.party, row.key_version, epochs[row.match_key])
        for row in repository.party_keys(session, covenant_id)
        if not row.current
    )


def _refused(words: str, match_key: str | None = None, party: str | None = None) -> Conflict:
    parameters = {"matchKey": match_key, "party": party}
    return Conflict(
        "set-up-refused",
        f"the set-up does not hold: {words}",
        parameters={name: value for name, value in parameters.items() if value is not None},
    )
