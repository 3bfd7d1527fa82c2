"""The profile of a person who governs a covenant: an administrator of a party, or a privacy officer.

    profile.toml                 addresses and names, nothing secret; `role` says which office
    keys/authentication.pem      ES256: signs requests
    keys/approval.key            Ed25519, 32 bytes, of an administrator: signs proposals and approvals
    log.json                     by which keys the broker's log is signed, once needed (`clients.sdk.log_keys`)

The approval key is worth more than any key of a party: two of them change the rules for all. Keep it on a machine of
the administrator's own, and where it is not in use, offline.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from clients.protocol import jws, signatures
from clients.protocol.errors import ProtocolError
from clients.protocol.messages.governance import OfficerEnrolment
from clients.protocol.messages.keyholder import AdministratorEnrolment
from clients.sdk.errors import ProfileError
from clients.sdk.profile import (
    AUTHENTICATION,
    Random,
    ServiceAddress,
    begin_profile,
    finish_profile,
    read_key,
    read_profile,
    write_key,
)

__all__ = ["Office", "OfficeProfile", "create_office_profile", "open_office_profile", "role_of"]

_APPROVAL = "approval.key"


class Office(StrEnum):
    ADMINISTRATOR = "administrator"
    OFFICER = "officer"


@dataclass(frozen=True, slots=True)
class OfficeProfile:
    """An opened profile. Private keys never show in `repr`."""

    directory: Path
    covenant: str
    office: Office
    name: str
    """What both operators enrolled this person as."""
    party: str | None
    """The party an administrator stands for; an officer may work for none."""
    broker: ServiceAddress
    key_holder: ServiceAddress
    authentication_key: EllipticCurvePrivateKey = field(repr=False)
    approval_key: bytes | None = field(repr=False)
    """Of an administrator only."""

    def enrolment(self) -> AdministratorEnrolment | OfficerEnrolment:
        """What the operators of both services enrol this person with."""
        key = jws.public_jwk(self.authentication_key)
        if self.approval_key is None:
            return OfficerEnrolment(officer=self.name, party=self.party, authentication_key=key)
        return AdministratorEnrolment(
            administrator=self.name,
            party=self.party or "",
            approval_key=signatures.public_key(self.approval_key),
            authentication_key=key,
        )


def create_office_profile(
    directory: Path,
    *,
    covenant: str,
    office: Office,
    name: str,
    party: str | None,
    broker: ServiceAddress,
    key_holder: ServiceAddress,
    random: Random = os.urandom,
) -> OfficeProfile:
    """Make a profile with new keys. Raises ProfileError as `create_profile` does, and for who stands for no party."""
    if office is Office.ADMINISTRATOR and not party:
        raise ProfileError("an administrator stands for a party: name it")
    names = {"covenant": covenant, "role": office.value, "name": name} | ({"party": party} if party else {})
    keys = begin_profile(directory, names=names.values())
    write_key(keys / AUTHENTICATION, jws.private_key_to_pem(jws.generate_key()))
    if office is Office.ADMINISTRATOR:
        write_key(keys / _APPROVAL, random(32))
    finish_profile(directory, names, broker, key_holder)
    return open_office_profile(directory)


def open_office_profile(directory: Path) -> OfficeProfile:
    """Read a profile and its keys. Raises ProfileError, naming the file and what to do."""
    names, broker, key_holder = read_profile(directory)
    keys = directory / "keys"
    try:
        office = Office(names.get("role", "party"))
    except ValueError:
        raise ProfileError(f"the profile in {directory} is of no administrator or officer") from None
    try:
        return OfficeProfile(
            directory=directory,
            covenant=names["covenant"],
            office=office,
            name=names["name"],
            party=names.get("party"),
            broker=broker,
            key_holder=key_holder,
            authentication_key=jws.private_key_from_pem(read_key(keys / AUTHENTICATION)),
            approval_key=read_key(keys / _APPROVAL) if office is Office.ADMINISTRATOR else None,
        )
    except ProtocolError as error:
        raise ProfileError(f"a key in {keys} is damaged: {error}") from None
    except KeyError as error:
        raise ProfileError(f"{directory / 'profile.toml'} is not a profile: {error} is missing") from None


def role_of(directory: Path) -> str:
    """`party`, `administrator` or `officer`: whose profile it is. Raises ProfileError."""
    names, _, _ = read_profile(directory)
    return names.get("role", "party")
