"""What a party needs to know of the covenant before it tokenises or believes anything, fetched and verified once.

The broker says which version is in force and publishes its half of the keys; the key holder publishes the other half
and the parties' keys. The two are different organisations, so each is checked against the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from clients.protocol.ceremony import KeyScope, PublishedKeys, PublishedParty, verify_published_keys
from clients.protocol.errors import ProtocolError
from clients.protocol.group import Element, decode_element
from clients.protocol.messages.covenant import CovenantDescription
from clients.protocol.messages.governance import VersionStatus
from clients.protocol.messages.keyholder import CommitmentsAnswer, DirectoryEntry
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.officers import OFFICERS
from clients.sdk.errors import ClientError, VerificationError
from clients.sdk.services import Broker, KeyHolder
from covenant_rules.diagnostics import CovenantError
from covenant_rules.load import load
from covenant_rules.model import Covenant


@dataclass(frozen=True, slots=True)
class EvaluationKey:
    """K_A: the public key that evaluations for this party and match key must be proved under."""

    public: Element
    version: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """The covenant in force, and the keys that go with it, for one party."""

    covenant: Covenant
    keys: Mapping[str, EvaluationKey]
    """Per match key this party may use and both services are set up for."""
    rotating: frozenset[str]
    """Match keys for which the key holder has a new key of this party, and the broker has not taken it in yet."""
    receipt_key: bytes
    directory: Mapping[str, DirectoryEntry]


def fetch_agreement(broker: Broker, key_holder: KeyHolder, party: str) -> Agreement:
    """Fetch and verify. Raises VerificationError where the services do not fit together, Refused, or Unreachable."""
    description = broker.covenant()
    document = description.document.encode()
    if sha256(document).hexdigest() != description.version:
        raise VerificationError("the broker's covenant does not have the hash it says")
    if description.normalisation_version != NORMALISATION_VERSION:
        raise ClientError(
            f"the covenant normalises identifiers by version {description.normalisation_version}, "
            f"this client by {NORMALISATION_VERSION}: update the client"
        )
    try:
        covenant = load(document)
    except CovenantError as error:
        raise VerificationError(f"the broker's covenant is not valid: {error}") from None
    if party not in covenant.parties and party != OFFICERS:
        raise ClientError(f"'{party}' is no party of covenant '{covenant.id}'")
    _require_in_force(key_holder, covenant.version)
    commitments = key_holder.commitments()
    directory = {entry.party: entry for entry in key_holder.directory().parties}
    keys, rotating = _own_keys(description, commitments, party)
    return Agreement(covenant, keys, rotating, commitments.receipt_key, directory)


def _require_in_force(key_holder: KeyHolder, version: str) -> None:
    """The key holder has verified the approvals for itself: what it does not have in force, no broker puts in force."""
    in_force = {VersionStatus.ACTIVE, VersionStatus.EXPIRED}
    if version not in {one.version for one in key_holder.versions().versions if one.status in in_force}:
        raise VerificationError("the broker's covenant is not the version that the key holder has in force")


def _own_keys(
    description: CovenantDescription, commitments: CommitmentsAnswer, party: str
) -> tuple[dict[str, EvaluationKey], frozenset[str]]:
    """K_A per match key, once the broker's published points are proved to fit the key holder's; and `rotating`.

    What one service has and the other has not yet is no contradiction: a party that has just left, or a key that was
    just rotated. The key holder goes first in this; a broker that is ahead of it has made its key up.
    """
    held = {entry.match_key: entry for entry in commitments.keys}
    keys: dict[str, EvaluationKey] = {}
    rotating: set[str] = set()
    for published in description.keys:
        holder = held.get(published.match_key)
        if holder is None:
            raise VerificationError(f"the key holder knows nothing of match key '{published.match_key}'")
        commitments_by = {c.party: c for c in holder.parties}
        parties = []
        for point in published.parties:
            own, commitment = point.party == party, commitments_by.get(point.party)
            if commitment is None and not own:
                continue  # it has just left: at one service before the other
            if commitment is None or commitment.key_version < point.key_version:
                raise VerificationError(f"the services disagree about the key version of '{point.party}'")
            if commitment.key_version > point.key_version:
                if own:
                    rotating.add(published.match_key)
                continue
            parties.append(PublishedParty(point.party, point.key_version, commitment.point, point.point, point.proof))
        try:
            verify_published_keys(
                PublishedKeys(
                    scope=KeyScope(description.covenant_id, published.match_key),
                    holder_point=holder.point,
                    broker_point=published.broker_point,
                    joint_point=published.joint_point,
                    proof=published.proof,
                    parties=tuple(parties),
                )
            )
            for entry in parties:
                if entry.party == party:
                    keys[published.match_key] = EvaluationKey(decode_element(entry.public), entry.key_version)
        except ProtocolError as error:
            raise VerificationError(f"the published keys of '{published.match_key}' do not fit: {error}") from None
    return keys, frozenset(rotating)
