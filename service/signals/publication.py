"""What the broker publishes of the set-up: B and T of each match key, D_A of each party's current key, with proofs."""

from __future__ import annotations

from sqlmodel import Session

from clients.protocol.ceremony import KeyScope, PublishedKeys, PublishedParty
from clients.protocol.messages.covenant import PublishedMatchKey, PublishedPartyKey
from service.signals import key_repository as repository
from service.signals.tables import JointKeyRow

__all__ = ["publication", "published"]


def published(session: Session, covenant_id: str) -> tuple[PublishedMatchKey, ...]:
    """What the broker shows of the set-up, for clients to verify against what the key holder shows."""
    rows = repository.party_keys(session, covenant_id)
    return tuple(
        PublishedMatchKey(
            match_key=joint.match_key,
            broker_point=joint.broker_point,
            joint_point=joint.joint_point,
            proof=joint.proof,
            parties=tuple(
                PublishedPartyKey(party=row.party, key_version=row.key_version, point=row.point, proof=row.proof)
                for row in rows
                if row.current and row.match_key == joint.match_key
            ),
        )
        for joint in repository.joint_keys(session, covenant_id).values()
    )


def publication(session: Session, joint: JointKeyRow, holder_point: bytes) -> PublishedKeys:
    """The same of one match key together with the key holder's points, to be verified as a client will."""
    return PublishedKeys(
        KeyScope(joint.covenant_id, joint.match_key),
        holder_point,
        joint.broker_point,
        joint.joint_point,
        joint.proof,
        tuple(
            PublishedParty(row.party, row.key_version, row.commitment, row.point, row.proof)
            for row in repository.party_keys(session, joint.covenant_id)
            if row.current and row.match_key == joint.match_key
        ),
    )
