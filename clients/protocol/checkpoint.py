"""A log's head as C2SP writes it: a checkpoint (c2sp.org/tlog-checkpoint) in a signed note (c2sp.org/signed-note).

    <origin>\\n<size>\\n<base64 root>\\n
    \\n
    — <key name> <base64 key id ‖ signature>\\n          one line per signature

The log signs the three lines (Ed25519, type 0x01) under its origin as key name. A witness cosigns them (type 0x04,
c2sp.org/tlog-cosignature) with the second at which it saw no larger tree. Any tool that reads these formats can verify
a log of ours. We write and accept less than they allow: no extension lines, one spelling of each number and of base64.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from clients.protocol.errors import CheckpointError, SignatureError
from clients.protocol.signatures import public_key, sign_raw, verify_raw

__all__ = [
    "Checkpoint",
    "LogKey",
    "VerifiedCheckpoint",
    "WitnessKey",
    "add_signature",
    "cosign",
    "decode_base64",
    "decode_number",
    "encode_base64",
    "parse_checkpoint",
    "sign_checkpoint",
    "verify_checkpoint",
]

LONGEST_NOTE = 16_384
"""Characters of a note, above which it is refused unread."""
MOST_SIGNATURES = 32
LARGEST_NUMBER = 2**63 - 1

_ED25519, _COSIGNATURE = b"\x01", b"\x04"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]|[\ud800-\udfff]")
_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]{1,255}")
_SIGNATURE_LINE = re.compile(r"— (\S+) (\S+)")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of one log: how many leaves it has, and their 32-byte RFC 6962 root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text that is signed. Raises CheckpointError for a head that cannot be written."""
        if not _NAME.fullmatch(self.origin) or not 0 <= self.size <= LARGEST_NUMBER or len(self.root) != 32:
            raise CheckpointError("not the head of a log")
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class LogKey:
    """The key that signs a log, named by the log's origin."""

    origin: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        return _key_id(self.origin, _ED25519, self.public_key)


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A key that cosigns. It must cosign under one name only: the name is not under the signature."""

    name: str
    public_key: bytes

    @property
    def id(self) -> bytes:
        return _key_id(self.name, _COSIGNATURE, self.public_key)


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A head that its log signed; `cosigned_at` says, per witness that did so too, when: seconds since 1970."""

    checkpoint: Checkpoint
    cosigned_at: Mapping[str, int]


def sign_checkpoint(checkpoint: Checkpoint, private_key: bytes) -> str:
    """The signed note, with the log's signature alone. Raises CheckpointError for a head that cannot be written."""
    text = checkpoint.text()
    key = LogKey(checkpoint.origin, public_key(private_key))
    return f"{text}\n{_signature_line(key.origin, key.id, sign_raw(private_key, text.encode()))}"


def cosign(checkpoint: Checkpoint, name: str, private_key: bytes, at: int) -> str:
    """The signature line of the witness `name`, newline included; `at` in seconds since 1970.

    For the witness to have checked before: that this head is consistent with all it cosigned, and none was larger.
    """
    if not 0 < at <= LARGEST_NUMBER or not _NAME.fullmatch(name):
        raise CheckpointError("not a moment or name to cosign at")
    witness = WitnessKey(name, public_key(private_key))
    signature = sign_raw(private_key, _cosigned(checkpoint.text(), at))
    return _signature_line(name, witness.id, at.to_bytes(8, "big") + signature)


def add_signature(note: str, line: str) -> str:
    """The note with one signature line more, for example a witness's. Raises CheckpointError for what is no note."""
    extended = note + line
    _split(extended)
    return extended


def parse_checkpoint(text: str) -> Checkpoint:
    """The head in a note text. Raises CheckpointError unless it is the one spelling of it. Proves nothing."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise CheckpointError("a checkpoint is three lines")
    checkpoint = Checkpoint(lines[0], decode_number(lines[1]), decode_base64(lines[2]))
    if checkpoint.text() != text:
        raise CheckpointError("the checkpoint is not canonical")
    return checkpoint


def verify_checkpoint(note: str, log: LogKey, witnesses: Iterable[WitnessKey] = ()) -> VerifiedCheckpoint:
    """The head in `note`, if `log` signed it. Signatures of keys not given are passed over, as the format demands.

    Raises CheckpointError if the note is malformed, of another log, lacks the log's signature, or bears under a given
    key's name and id a signature that does not hold. Which and how fresh cosignatures are needed is for the caller.
    """
    text, signatures = _split(note)
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != log.origin:
        raise CheckpointError("the checkpoint is of another log")
    known = {(witness.name, witness.id): witness for witness in witnesses}
    signed = False
    cosigned_at: dict[str, int] = {}
    for name, key_id, signature in signatures:
        if (name, key_id) == (log.origin, log.id):
            _check(log.public_key, text.encode(), signature)
            signed = True
        elif witness := known.get((name, key_id)):
            at = int.from_bytes(signature[:8], "big")
            if not 0 < at <= LARGEST_NUMBER:
                raise CheckpointError("a cosignature has no moment")
            _check(witness.public_key, _cosigned(text, at), signature[8:])
            cosigned_at[name] = max(at, cosigned_at.get(name, 0))
    if not signed:
        raise CheckpointError("the log has not signed the checkpoint")
    return VerifiedCheckpoint(checkpoint, cosigned_at)


def decode_number(decimal: str) -> int:
    """A number below 2^63 in its one decimal spelling. Raises CheckpointError."""
    if not _DECIMAL.fullmatch(decimal) or (number := int(decimal)) > LARGEST_NUMBER:
        raise CheckpointError("not a canonical number")
    return number


def encode_base64(raw: bytes) -> str:
    """Standard base64 (RFC 4648 §4), with padding."""
    return b64encode(raw).decode("ascii")


def decode_base64(text: str) -> bytes:
    """Standard base64 (RFC 4648 §4) in its one spelling. Raises CheckpointError."""
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise CheckpointError("not canonical base64") from None
    if encode_base64(raw) != text:
        raise CheckpointError("not canonical base64")
    return raw


def _split(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Text, and (name, key id, signature) per line."""
    if len(note) > LONGEST_NOTE:
        raise CheckpointError("the note is too long")
    if _CONTROL.search(note):
        raise CheckpointError("the note holds control characters")
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n"):
        raise CheckpointError("the note has no signatures")
    lines = block[:-1].split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise CheckpointError("the note has too many signatures")
    signatures = []
    for line in lines:
        found = _SIGNATURE_LINE.fullmatch(line)
        if not found or not _NAME.fullmatch(found[1]):
            raise CheckpointError("the note has a malformed signature line")
        raw = decode_base64(found[2])
        if len(raw) < 5:
            raise CheckpointError("the note has a malformed signature line")
        signatures.append((found[1], raw[:4], raw[4:]))
    return f"{text}\n", signatures


def _cosigned(text: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def _key_id(name: str, kind: bytes, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + kind + key).digest()[:4]


def _signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    return f"— {name} {encode_base64(key_id + signature)}\n"


def _check(key: bytes, message: bytes, signature: bytes) -> None:
    try:
        verify_raw(key, message, signature)
    except SignatureError:
        raise CheckpointError("a signature of a known key does not hold") from None
