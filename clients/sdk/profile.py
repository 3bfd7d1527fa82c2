"""A party's profile: one directory with where the services are, who we are, and our private keys.

    profile.toml                 addresses and names, nothing secret
    keys/authentication.pem      ES256: signs requests
    keys/signing.key             Ed25519, 32 bytes: signs batches of signals
    keys/encryption.key          hybrid HPKE, 96 bytes: released field keys are sealed to it
    keys/journal.key             32 bytes: seals the journal
    journal.db                   what we submitted (see `clients.sdk.journal`)

Key files are readable by their owner alone; a profile whose keys are open to others is refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from clients.protocol import jws, signatures
from clients.protocol.errors import ProtocolError
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.messages.base import IDENTIFIER_PATTERN
from clients.protocol.messages.keyholder import PartyKeys
from clients.sdk.errors import ProfileError

Random = Callable[[int], bytes]

_AUTHENTICATION, _SIGNING, _ENCRYPTION, _JOURNAL = (
    "authentication.pem",
    "signing.key",
    "encryption.key",
    "journal.key",
)


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a service is, and the issuer string that requests to it are addressed to."""

    url: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Profile:
    """An opened profile. Private keys never show in `repr`."""

    directory: Path
    covenant: str
    party: str
    broker: ServiceAddress
    key_holder: ServiceAddress
    authentication_key: EllipticCurvePrivateKey = field(repr=False)
    signing_key: bytes = field(repr=False)
    encryption_key: HybridPrivateKey = field(repr=False)
    journal_key: bytes = field(repr=False)

    @property
    def journal_path(self) -> Path:
        return self.directory / "journal.db"

    def public_keys(self) -> PartyKeys:
        """What the operators of both services enrol this party with."""
        return PartyKeys(
            authentication_key=jws.public_jwk(self.authentication_key),
            signing_key=signatures.public_key(self.signing_key),
            encryption_key=self.encryption_key.public_key().raw,
        )


def create_profile(
    directory: Path,
    *,
    covenant: str,
    party: str,
    broker: ServiceAddress,
    key_holder: ServiceAddress,
    random: Random = os.urandom,
) -> Profile:
    """Make a profile with new keys. Raises ProfileError if there is one already, or a name is not one."""
    for name in (covenant, party):
        if not re.fullmatch(IDENTIFIER_PATTERN, name):
            raise ProfileError(f"'{name}' is not a name of the covenant: lower-case letters, digits and dashes")
    for text in (broker.url, broker.issuer, key_holder.url, key_holder.issuer):
        if not re.fullmatch(r"https?://[^\s\"\\]+", text):
            raise ProfileError(f"'{text}' is not an http(s) address")
    if (directory / "profile.toml").exists():
        raise ProfileError(f"there is a profile in {directory} already")
    keys = directory / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.chmod(0o700)
    _write(keys / _AUTHENTICATION, jws.private_key_to_pem(jws.generate_key()))
    _write(keys / _SIGNING, random(32))
    _write(keys / _ENCRYPTION, HybridPrivateKey.generate(random).raw)
    _write(keys / _JOURNAL, random(32))
    (directory / "profile.toml").write_text(
        f'covenant = "{covenant}"\nparty = "{party}"\n'
        f'\n[broker]\nurl = "{broker.url}"\nissuer = "{broker.issuer}"\n'
        f'\n[key_holder]\nurl = "{key_holder.url}"\nissuer = "{key_holder.issuer}"\n',
        encoding="utf-8",
    )
    return open_profile(directory)


def open_profile(directory: Path) -> Profile:
    """Read a profile and its keys. Raises ProfileError, naming the file and what to do."""
    path = directory / "profile.toml"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        services = [
            ServiceAddress(document[name]["url"], document[name]["issuer"]) for name in ("broker", "key_holder")
        ]
        covenant, party = str(document["covenant"]), str(document["party"])
    except FileNotFoundError:
        raise ProfileError(f"there is no profile in {directory}: make one with `covenant profile create`") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ProfileError(f"{path} is not a profile: {type(error).__name__}") from None
    keys = directory / "keys"
    try:
        return Profile(
            directory=directory,
            covenant=covenant,
            party=party,
            broker=services[0],
            key_holder=services[1],
            authentication_key=jws.private_key_from_pem(_read(keys / _AUTHENTICATION)),
            signing_key=_read(keys / _SIGNING),
            encryption_key=HybridPrivateKey(_read(keys / _ENCRYPTION)),
            journal_key=_read(keys / _JOURNAL),
        )
    except ProtocolError as error:
        raise ProfileError(f"a key in {keys} is damaged: {error}") from None


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise ProfileError(f"{path} is open to others: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot read {path}: {error.strerror}") from None
