"""A party's profile: one directory with where the services are, who we are, and our private keys.

Administrators and officers have a profile too, with other keys (`clients.sdk.offices`).

    profile.toml                 addresses and names, nothing secret
    keys/authentication.pem      ES256: signs requests
    keys/signing.key             Ed25519, 32 bytes: signs batches of signals
    keys/encryption.key          hybrid HPKE, 96 bytes: released field keys are sealed to it
    keys/journal.key             32 bytes: seals the journal
    journal.db                   what we submitted (see `clients.sdk.journal`)
    log.json                     by which keys the broker's log is signed, once needed (`clients.sdk.log_keys`)

Key files are readable by their owner alone; a profile whose keys are open to others is refused.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from clients.protocol import jws, signatures
from clients.protocol.errors import ProtocolError
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.messages.base import IDENTIFIER_PATTERN
from clients.protocol.messages.keyholder import PartyKeys
from clients.sdk.errors import ProfileError

Random = Callable[[int], bytes]

KEYS = "keys"
"""The folder of the keys in use."""
AUTHENTICATION = "authentication.pem"
_FILE = "profile.toml"
_SIGNING, _ENCRYPTION, _JOURNAL = "signing.key", "encryption.key", "journal.key"


_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a service is, and the issuer string that requests to it are addressed to.

    Raises ProfileError for addresses that are none, or over which anyone on the way could read along.
    """

    url: str
    issuer: str

    def __post_init__(self) -> None:
        for text in (self.url, self.issuer):
            if not re.fullmatch(r"https?://[^\s\"\\]+", text):
                raise ProfileError(f"'{text}' is not an https address")
            if text.startswith("http:") and urlsplit(text).hostname not in _LOCAL:
                raise ProfileError(f"'{text}' is not an https address (http is for this machine alone)")


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
    keys = begin_profile(directory, names=(covenant, party))
    write_party_keys(keys, random, journal_key=random(32))
    finish_profile(directory, {"covenant": covenant, "party": party}, broker, key_holder)
    return open_profile(directory)


def write_party_keys(folder: Path, random: Random, *, journal_key: bytes) -> None:
    """New keys of a party, beside the key of its journal, which may be the one it has."""
    write_key(folder / AUTHENTICATION, jws.private_key_to_pem(jws.generate_key()))
    write_key(folder / _SIGNING, random(32))
    write_key(folder / _ENCRYPTION, HybridPrivateKey.generate(random).raw)
    write_key(folder / _JOURNAL, journal_key)


def open_profile(directory: Path, *, keys: str = KEYS) -> Profile:
    """Read a party's profile and its keys, from the folder of that name. Raises ProfileError, saying what to do."""
    names, broker, key_holder = read_profile(directory)
    if "role" in names:
        raise ProfileError(f"the profile in {directory} is of an {names['role']}, not of a party")
    folder = directory / keys
    try:
        return Profile(
            directory=directory,
            covenant=names["covenant"],
            party=names["party"],
            broker=broker,
            key_holder=key_holder,
            authentication_key=jws.private_key_from_pem(read_key(folder / AUTHENTICATION)),
            signing_key=read_key(folder / _SIGNING),
            encryption_key=HybridPrivateKey(read_key(folder / _ENCRYPTION)),
            journal_key=read_key(folder / _JOURNAL),
        )
    except ProtocolError as error:
        raise ProfileError(f"a key in {folder} is damaged: {error}") from None
    except KeyError as error:
        raise ProfileError(f"{directory / 'profile.toml'} is not a profile: {error} is missing") from None


# -- what profiles of every role share


def begin_profile(directory: Path, *, names: Iterable[str]) -> Path:
    """A new directory for the keys. Raises ProfileError if there is a profile already, or a name is none."""
    for name in names:
        if not re.fullmatch(IDENTIFIER_PATTERN, name):
            raise ProfileError(f"'{name}' is not a name of the covenant: lower-case letters, digits and dashes")
    if (directory / _FILE).exists():
        raise ProfileError(f"there is a profile in {directory} already")
    keys = directory / KEYS
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys.chmod(0o700)
    return keys


def finish_profile(
    directory: Path, names: Mapping[str, str], broker: ServiceAddress, key_holder: ServiceAddress
) -> None:
    """Writes what is not secret: last, so that a profile that is there has all its keys."""
    lines = [f'{key} = "{name}"' for key, name in names.items()]
    for section, service in (("broker", broker), ("key_holder", key_holder)):
        lines += ["", f"[{section}]", f'url = "{service.url}"', f'issuer = "{service.issuer}"']
    (directory / _FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_profile(directory: Path) -> tuple[dict[str, str], ServiceAddress, ServiceAddress]:
    """The names that a profile gives, and where its services are. Raises ProfileError."""
    path = directory / _FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        broker, key_holder = (
            ServiceAddress(str(document[name]["url"]), str(document[name]["issuer"]))
            for name in ("broker", "key_holder")
        )
    except FileNotFoundError:
        raise ProfileError(f"there is no profile in {directory}: make one with `covenant profile create`") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ProfileError(f"{path} is not a profile: {type(error).__name__}") from None
    return {key: value for key, value in document.items() if isinstance(value, str)}, broker, key_holder


def write_key(path: Path, content: bytes) -> None:
    """A new file that only its owner can read."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def read_key(path: Path) -> bytes:
    """Raises ProfileError for a key file that is missing or open to others."""
    try:
        if path.stat().st_mode & 0o077:
            raise ProfileError(f"{path} is open to others: chmod 600 {path}")
        return path.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot read {path}: {error.strerror}") from None
