"""What the operator of a service does over its API: found and end covenants, enrol, suspend, have parties leave."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from clients.protocol.messages.governance import OfficerEnrolment, OperatorReason
from clients.protocol.messages.keyholder import (
    AdministratorEnrolment,
    CommitmentsAnswer,
    Directory,
    Enrolment,
    Founded,
    Founding,
    KeyReplacement,
    KeyRotation,
    PartyCommitment,
    ServiceEnrolment,
    Suspension,
)
from clients.protocol.messages.log import Acknowledgement, WitnessedLog
from clients.sdk.http import Conversation


class Operator:
    """One service as its own operator calls it. Every call is harmless to repeat with the same content."""

    def __init__(self, conversation: Conversation) -> None:
        self._http = conversation

    def enrol_administrator(self, covenant: str, enrolment: AdministratorEnrolment) -> None:
        self._http.tell(f"/v1/covenants/{covenant}/administrators", enrolment)

    def enrol_service(self, enrolment: ServiceEnrolment) -> None:
        """At the key holder: the broker, with the keys that its operator printed."""
        self._http.tell("/v1/services", enrolment)

    def found(self, founding: Founding) -> Founded:
        return self._http.post("/v1/covenants", founding, Founded)

    def enrol_party(self, covenant: str, enrolment: Enrolment) -> None:
        self._http.tell(f"/v1/covenants/{covenant}/parties", enrolment)

    def set_up(self, covenant: str) -> None:
        """At the broker: take over the conversion shares of every enrolled party from the key holder."""
        self._http.tell(f"/v1/covenants/{covenant}/set-up", None)

    def parties(self, covenant: str) -> Directory:
        return self._http.get(f"/v1/covenants/{covenant}/parties", Directory)

    def replace_keys(self, covenant: str, enrolment: Enrolment, reason: str) -> None:
        """Registers a party's new keys in place of those it has."""
        path = f"/v1/covenants/{covenant}/parties/{enrolment.party}/public-keys"
        self._http.put(path, KeyReplacement(keys=enrolment.keys, reason=reason))

    def suspend(self, covenant: str, party: str, reason: str) -> None:
        self._http.put(f"/v1/covenants/{covenant}/parties/{party}/suspension", Suspension(reason=reason))

    def reinstate(self, covenant: str, party: str) -> None:
        self._http.delete(f"/v1/covenants/{covenant}/parties/{party}/suspension")

    def leave(self, covenant: str, party: str, reason: str) -> None:
        """Destroys the party's keys, and at the broker what it submitted. There is no way back."""
        self._http.put(f"/v1/covenants/{covenant}/parties/{party}/departure", OperatorReason(reason=reason))

    def commitments(self, covenant: str) -> CommitmentsAnswer:
        """At the key holder: the current version of every key."""
        return self._http.get(f"/v1/covenants/{covenant}/commitments", CommitmentsAnswer)

    def rotate_key(self, covenant: str, party: str, match_key: str, key_version: int, reason: str) -> PartyCommitment:
        """At the key holder: replace a key by one of the next version, and destroy it. Then repeat the set-up."""
        path = f"/v1/covenants/{covenant}/parties/{party}/keys/{match_key}"
        return self._http.replace(path, KeyRotation(key_version=key_version, reason=reason), PartyCommitment)

    def enrol_officer(self, covenant: str, enrolment: OfficerEnrolment) -> None:
        self._http.tell(f"/v1/covenants/{covenant}/officers", enrolment)

    def dismiss_administrator(self, covenant: str, name: str) -> None:
        self._http.delete(f"/v1/covenants/{covenant}/administrators/{name}")

    def dismiss_officer(self, covenant: str, name: str) -> None:
        self._http.delete(f"/v1/covenants/{covenant}/officers/{name}")

    def witnessed(self, covenant: str) -> WitnessedLog:
        """At the key holder: the last head of the broker's log that it cosigned, and what did not fit."""
        return self._http.get(f"/v1/covenants/{covenant}/witness", WitnessedLog)

    def acknowledge(self, covenant: str, finding: UUID, reason: str) -> None:
        """At the key holder: what a finding was; releases go on from the head that was shown."""
        path = f"/v1/covenants/{covenant}/witness/findings/{finding}/acknowledgement"
        self._http.put(path, Acknowledgement(reason=reason))

    def end(self, covenant: str, reason: str) -> None:
        """Destroys everything the service holds under the covenant. There is no way back."""
        self._http.put(f"/v1/covenants/{covenant}/ending", OperatorReason(reason=reason))


def broker_enrolment(service: str, issuer: str, public_keys: Mapping[str, object]) -> ServiceEnrolment:
    """The broker's enrolment at the key holder, from its settings and what `covenantd keys show broker` prints."""
    return ServiceEnrolment.model_validate(
        {
            "service": service,
            "issuer": issuer,
            "authenticationKey": public_keys["authentication"],
            "encryptionKey": public_keys["encryption"],
            "grantKey": public_keys["grants"],
            "logKey": public_keys["checkpoint"],
        }
    )
