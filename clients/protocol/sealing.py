"""Sealed fields (design §4): who holds the ciphertext holds no key, and who holds the key never holds the ciphertext.

    field key     32 random bytes, used once
    ciphertext    AES-256-GCM(field key, payload), nonce zero, associated data = the field's place
    commitment    HMAC-SHA-256(field key, place): AES-GCM alone opens under many keys to many texts
    wrapped key   HPKE(key holder's key of the retention month, field key), info = WrapInfo
    released key  HPKE(recipient's key, field key), info = ReleaseInfo

The payload holds the value, and per match key a salted digest of the subject, padded to a bucket: 256 bytes, 1, 4, 16
or 64 KiB. A recipient thus sees that a field is about its own subject, and a broker that moves one to another subject
is found out. A digest hides a subject only from those who do not open the field: whoever opens it can try values, and a
BSN is soon guessed. So seal digests of those match keys only that every reader the covenant allows may hold.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, SealError
from clients.protocol.hybrid import SUITE_NAME, HybridPrivateKey, HybridPublicKey, sealed_length

__all__ = [
    "CIPHERTEXT_LENGTHS",
    "FIELD_KEY_BYTES",
    "LONGEST_VALUE",
    "WRAPPED_KEY_BYTES",
    "FieldPlace",
    "OpenedField",
    "ReleaseInfo",
    "SealedField",
    "WrapInfo",
    "check_commitment",
    "open_field",
    "receive_key",
    "reseal_key",
    "seal_field",
    "unwrap_key",
]

FIELD_KEY_BYTES = 32
WRAPPED_KEY_BYTES = sealed_length(FIELD_KEY_BYTES)
LONGEST_VALUE = 60_000
"""Bytes of one field value."""

_BUCKETS = (256, 1024, 4096, 16384, 65536)
_GCM_TAG_BYTES = 16
CIPHERTEXT_LENGTHS = frozenset(bucket + _GCM_TAG_BYTES for bucket in _BUCKETS)
"""The bytes a ciphertext can have."""
_SALT_BYTES = 16
_NONCE = bytes(12)  # each key encrypts once
_PAYLOAD_TAG = b"covenant-broker/v1 field"
_COMMITMENT_TAG = "covenant-broker/v1 key commitment"
_SUBJECT_TAG = "covenant-broker/v1 subject"
_RELEASE_TAG = "covenant-broker/v1 release"
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """Which field of which signal: what a recipient knows of a field before it opens it."""

    covenant: str
    version: str
    """SHA-256 of the covenant version that the signal was submitted under, lower-case hexadecimal."""
    party: str
    """The source."""
    signal_id: bytes
    """16 bytes."""
    field: str
    variant: str

    def encode(self) -> bytes:
        return _lp(self.covenant, self.version, self.party, self.signal_id, self.field, self.variant)


@dataclass(frozen=True, slots=True)
class WrapInfo:
    """Everything that decides who may have a field key: the key holder rebuilds it from a grant, or cannot unwrap.

    The order of `match_keys`, `purposes`, `handling_codes` and `origins` does not matter; a repetition is refused.
    """

    covenant: str
    version: str
    party: str
    signal_id: bytes
    match_keys: tuple[str, ...]
    category: str
    purposes: tuple[str, ...]
    handling_codes: tuple[str, ...]
    origins: tuple[str, ...]
    field: str
    variant: str
    retention_month: str
    """`YYYY-MM`."""

    def __post_init__(self) -> None:
        if len(self.signal_id) != 16:
            raise SealError("a signal id is 16 bytes")
        if not _MONTH.fullmatch(self.retention_month):
            raise SealError("a retention month is written YYYY-MM")
        for names in (self.match_keys, self.purposes, self.handling_codes, self.origins):
            if len(set(names)) != len(names):
                raise SealError("a name stands twice in one list")

    @property
    def place(self) -> FieldPlace:
        return FieldPlace(self.covenant, self.version, self.party, self.signal_id, self.field, self.variant)

    def encode(self) -> bytes:
        """lp(suite, C, version hash, party, signal id, match keys, category, purposes, handling codes, origins, …)."""
        return _lp(
            SUITE_NAME,
            self.covenant,
            self.version,
            self.party,
            self.signal_id,
            _lp(*sorted(self.match_keys)),
            self.category,
            _lp(*sorted(self.purposes)),
            _lp(*sorted(self.handling_codes)),
            _lp(*sorted(self.origins)),
            self.field,
            self.variant,
            self.retention_month,
        )


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """What a released key is bound to: one grant, one recipient, one field."""

    jti: str
    recipient: str
    place: FieldPlace

    def encode(self) -> bytes:
        return _lp(_RELEASE_TAG, SUITE_NAME, self.jti, self.recipient, self.place.encode())


@dataclass(frozen=True, slots=True)
class SealedField:
    """One variant of a field as it is submitted: nothing in it tells value, subject or key."""

    ciphertext: bytes
    commitment: bytes
    """32 bytes."""
    wrapped_key: bytes
    """1,168 bytes."""


@dataclass(frozen=True, slots=True)
class OpenedField:
    """A field in the clear. `value` and `subject` never show in `repr`."""

    value: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    subject: Mapping[str, bytes] = field(repr=False)
    """Digest per match key."""

    def check_subject(self, own: Mapping[str, bytes]) -> tuple[str, ...]:
        """The match keys of `own`, a record's normalised values, by which this field is about that record's subject.

        Raises SealError when there is none: the field was sealed about somebody else, and must not be shown.
        """
        agreeing = tuple(
            match_key
            for match_key, value in own.items()
            if match_key in self.subject
            and hmac.compare_digest(self.subject[match_key], _subject_digest(self.salt, match_key, value))
        )
        if not agreeing:
            raise SealError("the field is not about this subject")
        return agreeing


def seal_field(
    value: bytes,
    subject: Mapping[str, bytes],
    info: WrapInfo,
    holder_key: HybridPublicKey,
    random: Callable[[int], bytes],
) -> SealedField:
    """Seal `value`; `subject` holds normalised values per match key, `holder_key` is that of `info.retention_month`.

    Raises SealError for a value above 60,000 bytes, and for match keys that `info` does not name.
    """
    if len(value) > LONGEST_VALUE:
        raise SealError(f"a field value is at most {LONGEST_VALUE} bytes")
    if not subject or not set(subject) <= set(info.match_keys):
        raise SealError("the subject's match keys are not those of the signal")
    salt = random(_SALT_BYTES)
    digests = [part for key in sorted(subject) for part in (key, _subject_digest(salt, key, subject[key]))]
    payload = _pad(_lp(_PAYLOAD_TAG, value, salt, *digests))
    key = random(FIELD_KEY_BYTES)
    place = info.place.encode()
    ciphertext = AESGCM(key).encrypt(_NONCE, payload, place)
    return SealedField(ciphertext, _commitment(key, place), holder_key.seal(key, info.encode()))


def unwrap_key(private_key: HybridPrivateKey, wrapped_key: bytes, info: WrapInfo) -> bytes:
    """The field key, at the key holder. Raises SealError unless it was wrapped for this key and exactly this `info`."""
    return _field_key(private_key.open(wrapped_key, info.encode()))


def reseal_key(key: bytes, recipient_key: HybridPublicKey, info: ReleaseInfo) -> bytes:
    """Seal a field key to the recipient of one grant."""
    return recipient_key.seal(_field_key(key), info.encode())


def receive_key(private_key: HybridPrivateKey, sealed_key: bytes, info: ReleaseInfo) -> bytes:
    """The field key, at the recipient. Raises SealError unless this grant released it, to this recipient."""
    return _field_key(private_key.open(sealed_key, info.encode()))


def check_commitment(key: bytes, commitment: bytes, place: FieldPlace) -> None:
    """Raises SealError unless `commitment` was made with this key for this field."""
    if not hmac.compare_digest(_commitment(_field_key(key), place.encode()), commitment):
        raise SealError("the key is not the one committed to")


def open_field(ciphertext: bytes, commitment: bytes, key: bytes, place: FieldPlace) -> OpenedField:
    """Open one field. Raises SealError for another key, place or ciphertext, and for a payload out of form."""
    check_commitment(key, commitment, place)
    if len(ciphertext) not in CIPHERTEXT_LENGTHS:
        raise SealError("the ciphertext has no length that a field can have")
    try:
        payload = AESGCM(key).decrypt(_NONCE, ciphertext, place.encode())
    except InvalidTag:
        raise SealError("does not open under this key and context") from None
    tag, value, salt, *digests = _unpad(payload)
    pairs = list(zip(digests[::2], digests[1::2], strict=False))
    if tag != _PAYLOAD_TAG or len(salt) != _SALT_BYTES or len(digests) % 2 or not pairs:
        raise SealError("the payload is out of form")
    try:
        subject = {match_key.decode("ascii"): digest for match_key, digest in pairs}
    except UnicodeDecodeError:
        raise SealError("the payload is out of form") from None
    if len(subject) != len(pairs) or any(len(digest) != 32 for digest in subject.values()):
        raise SealError("the payload is out of form")
    return OpenedField(value, salt, subject)


def _commitment(key: bytes, place: bytes) -> bytes:
    return hmac.digest(key, lp(_COMMITMENT_TAG) + place, "sha256")


def _subject_digest(salt: bytes, match_key: str, value: bytes) -> bytes:
    return sha256(lp(_SUBJECT_TAG) + salt + lp(match_key) + value).digest()


def _field_key(key: bytes) -> bytes:
    if len(key) != FIELD_KEY_BYTES:
        raise SealError(f"a field key is {FIELD_KEY_BYTES} bytes")
    return key


def _pad(parts: bytes) -> bytes:
    """0x80, then zeros up to the smallest bucket (ISO/IEC 7816-4)."""
    for bucket in _BUCKETS:
        if len(parts) < bucket:
            return parts + b"\x80" + bytes(bucket - len(parts) - 1)
    raise SealError("the payload exceeds the largest bucket")


def _unpad(payload: bytes) -> list[bytes]:
    """The parts of a padded lp list, at least three."""
    unpadded = payload.rstrip(b"\0")
    if not unpadded.endswith(b"\x80"):
        raise SealError("the payload is out of form")
    rest, parts = unpadded[:-1], []
    while rest:
        end = 2 + int.from_bytes(rest[:2], "big")
        if len(rest) < end:
            raise SealError("the payload is out of form")
        parts.append(rest[2:end])
        rest = rest[end:]
    if len(parts) < 3:
        raise SealError("the payload is out of form")
    return parts


def _lp(*parts: bytes | str) -> bytes:
    try:
        return lp(*parts)
    except EncodingError as error:
        raise SealError(str(error)) from None
