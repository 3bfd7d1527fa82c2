"""The grant: the broker's signed permission to have one sealed field variant opened for one recipient (design §4).

A grant is a JWS of `typ` `disclosure-grant+jwt` that lives for at most two minutes. It holds the question that was
decided, everything the key holder needs to rebuild the context the field key was wrapped under, the digest of that
wrapped key, and what proves that the decision stands in the broker's log. The key holder believes none of it: it checks
the question against its own copy of the covenant, the decision against a head of the log that it cosigned itself, and a
wrong context does not unwrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from pydantic import Field, ValidationError

from clients.protocol import jws
from clients.protocol.audit_leaf import PartialView, ShownField
from clients.protocol.errors import SealError, TokenError
from clients.protocol.messages.base import Binary, Bytes32, Identifier, Message, Month, VersionHash, Whole
from clients.protocol.messages.log import ShownFieldMessage
from clients.protocol.sealing import WrapInfo

TYP = "disclosure-grant+jwt"
LONGEST_LIFETIME = timedelta(seconds=120)

_Names = Annotated[tuple[Identifier, ...], Field(max_length=32)]


@dataclass(frozen=True, slots=True)
class EntryProof:
    """The decision's entry as far as the key holder has to see it, and where it stands in the broker's log."""

    view: PartialView
    proof: str
    """A `c2sp.org/tlog-proof@v1` file, under a head that the key holder cosigned."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission. `broker` and `key_holder` are issuer strings, `recipient` a party of the covenant."""

    jti: str
    broker: str
    key_holder: str
    recipient: str
    issued_at: datetime
    expires_at: datetime
    current_version: str
    """Hash of the version in force when the question was decided."""
    purpose: str
    stage: str
    info: WrapInfo
    """What the field key was wrapped under; `info.version` is the version the signal was submitted under."""
    wrapped_key_digest: bytes
    """SHA-256 of the wrapped key, 32 bytes."""
    rule: str
    """Id of a permit of the current version that names the item."""
    audit_entry: str
    """Id of the decision's entry in the broker's log."""
    entry: EntryProof


class _Claims(Message):
    """The JWT's claims as they stand on the wire."""

    jti: UUID
    iss: str
    aud: str
    sub: Identifier
    iat: Whole
    exp: Whole
    covenant: Identifier
    current_version: VersionHash
    purpose: Identifier
    stage: Identifier
    version: VersionHash
    source: Identifier
    signal_id: UUID
    match_keys: _Names
    category: Identifier
    purposes: _Names
    handling_codes: _Names
    origins: _Names
    field: Identifier
    variant: Identifier
    retention_month: Month
    wrapped_key_digest: Bytes32
    rule: Identifier
    audit_entry: UUID
    entry_shown: dict[str, ShownFieldMessage]
    entry_hidden: Binary
    """Digests of 32 bytes, one after the other: as an array they would take a third more."""
    entry_groups: tuple[Bytes32 | None, ...]
    entry_proof: str


def wrapped_key_digest(wrapped_key: bytes) -> bytes:
    """SHA-256 of a wrapped key, as a grant names it."""
    return sha256(wrapped_key).digest()


def sign_grant(grant: Grant, private_key: EllipticCurvePrivateKey) -> str:
    """The compact JWS. Raises TokenError for a grant that would live longer than two minutes, or be too long to read.

    The entry of a decision on one subject with some two thousand signals is what makes one too long.
    """
    if grant.expires_at - grant.issued_at > LONGEST_LIFETIME:
        raise TokenError("a grant lives for at most two minutes")
    info, view = grant.info, grant.entry.view
    claims = _Claims(
        jti=UUID(grant.jti),
        iss=grant.broker,
        aud=grant.key_holder,
        sub=grant.recipient,
        iat=int(grant.issued_at.timestamp()),
        exp=int(grant.expires_at.timestamp()),
        covenant=info.covenant,
        current_version=grant.current_version,
        purpose=grant.purpose,
        stage=grant.stage,
        version=info.version,
        source=info.party,
        signal_id=UUID(bytes=info.signal_id),
        match_keys=info.match_keys,
        category=info.category,
        purposes=info.purposes,
        handling_codes=info.handling_codes,
        origins=info.origins,
        field=info.field,
        variant=info.variant,
        retention_month=info.retention_month,
        wrapped_key_digest=grant.wrapped_key_digest,
        rule=grant.rule,
        audit_entry=UUID(grant.audit_entry),
        entry_shown={name: ShownFieldMessage(key=f.key, value=f.value.decode()) for name, f in view.shown.items()},
        entry_hidden=b"".join(view.hidden),
        entry_groups=view.groups,
        entry_proof=grant.entry.proof,
    )
    token = jws.sign(claims.model_dump(mode="json"), private_key, typ=TYP, kid=jws.thumbprint(private_key))
    if len(token) > jws.LONGEST_TOKEN:
        raise TokenError("the grant is too long")
    return token


def verify_grant(
    token: str, keys: Mapping[str, EllipticCurvePublicKey], *, broker: str, key_holder: str, now: datetime
) -> Grant:
    """The grant in `token`, if one of `keys` of `broker` signed it for `key_holder` and it is valid at `now`.

    Raises TokenError. Whether the covenant allows it is for the caller to check.
    """
    payload = jws.verify(token, keys, typ=TYP, audience=key_holder, now=now)
    try:
        claims = _Claims.model_validate(payload)
        info = WrapInfo(
            covenant=claims.covenant,
            version=claims.version,
            party=claims.source,
            signal_id=claims.signal_id.bytes,
            match_keys=claims.match_keys,
            category=claims.category,
            purposes=claims.purposes,
            handling_codes=claims.handling_codes,
            origins=claims.origins,
            field=claims.field,
            variant=claims.variant,
            retention_month=claims.retention_month,
        )
    except (ValidationError, SealError):
        raise TokenError("the grant's claims are not those of a grant") from None
    if claims.iss != broker:
        raise TokenError("the grant is of another broker")
    issued, expires = (datetime.fromtimestamp(moment, UTC) for moment in (claims.iat, claims.exp))
    if expires - issued > LONGEST_LIFETIME:
        raise TokenError("the grant lives too long")
    return Grant(
        jti=str(claims.jti),
        broker=claims.iss,
        key_holder=claims.aud,
        recipient=claims.sub,
        issued_at=issued,
        expires_at=expires,
        current_version=claims.current_version,
        purpose=claims.purpose,
        stage=claims.stage,
        info=info,
        wrapped_key_digest=claims.wrapped_key_digest,
        rule=claims.rule,
        audit_entry=str(claims.audit_entry),
        entry=EntryProof(_view(claims), claims.entry_proof),
    )


def _view(claims: _Claims) -> PartialView:
    hidden = claims.entry_hidden
    return PartialView(
        {name: ShownField(field.key, field.value.encode()) for name, field in claims.entry_shown.items()},
        tuple(hidden[at : at + 32] for at in range(0, len(hidden), 32)),
        claims.entry_groups,
    )
