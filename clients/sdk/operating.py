"""What the operator of a service does over its API: found covenants, enrol parties and administrators, suspend."""

from __future__ import annotations

from collections.abc import Mapping

from clients.protocol.messages.keyholder import (
    AdministratorEnrolment,
    Directory,
    Enrolment,
    Founded,
    Founding,
    ServiceEnrolment,
    Suspension,
)
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

    def suspend(self, covenant: str, party: str, reason: str) -> None:
        self._http.put(f"/v1/covenants/{covenant}/parties/{party}/suspension", Suspension(reason=reason))

    def reinstate(self, covenant: str, party: str) -> None:
        self._http.delete(f"/v1/covenants/{covenant}/parties/{party}/suspension")


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
