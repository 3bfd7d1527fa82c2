"""From a disclosure to fields in the clear, believing nobody on the way.

1. The source's signature over the disclosed items, under its key from the key holder's directory.
2. A grant of the broker for the field, spent at the key holder, which releases the field key to us alone.
3. The key commitment and the ciphertext that the source signed.
4. The field is about the very subject we asked about.

Whatever fails raises VerificationError, and nothing of the field is returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from clients.protocol import jws
from clients.protocol.encoding import b64u_decode
from clients.protocol.errors import ProtocolError
from clients.protocol.messages.disclosure import DisclosedHit, Disclosure, Evidence, GrantRequest, SealedItem
from clients.protocol.sealing import FieldPlace, ReleaseInfo, open_field, receive_key
from clients.protocol.signed_items import (
    DisclosedItems,
    SignalIdentity,
    item_slots,
    plain_items,
    sealed_item,
    verify_disclosed,
)
from clients.protocol.strict_json import parse_json
from clients.sdk.agreement import Agreement
from clients.sdk.errors import ClientError, Refused, VerificationError
from clients.sdk.profile import Profile
from clients.sdk.services import Broker, KeyHolder
from covenant_rules.model import Covenant


@dataclass(frozen=True, slots=True)
class Opened:
    """One field variant, verified. `clause` is the article by which it may be read."""

    signal_id: UUID
    source: str
    item: str
    rule: str
    clause: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NotOpened:
    """One field variant that was disclosed and not opened: refused by a service, or not proved."""

    signal_id: UUID
    item: str
    reason: str


class Opener:
    """Opens what a disclosure gives, for one party. `version` gives the covenant version that a signal came under."""

    def __init__(
        self,
        profile: Profile,
        agreement: Agreement,
        broker: Broker,
        key_holder: KeyHolder,
        version: Callable[[str], Covenant],
    ) -> None:
        self._profile, self._agreement = profile, agreement
        self._broker, self._key_holder = broker, key_holder
        self._version = version

    def open(self, disclosure: Disclosure, subject: Mapping[str, bytes]) -> Iterator[Opened | NotOpened]:
        """Every sealed item of `disclosure`; `subject` holds our own normalised values of whom we asked about."""
        for hit in disclosure.hits:
            try:
                self.verify(hit)
            except VerificationError as error:
                yield from (NotOpened(hit.hit.signal_id, f"{s.field}.{s.variant}", str(error)) for s in hit.sealed)
                continue
            for sealed in hit.sealed:
                item = f"{sealed.field}.{sealed.variant}"
                told: Opened | NotOpened
                try:
                    told = self._open_one(disclosure, hit, sealed, subject)
                except (Refused, VerificationError) as error:
                    told = NotOpened(hit.hit.signal_id, item, str(error))
                yield told

    def verify(self, disclosed: DisclosedHit) -> None:
        """Check the source's signature over what is shown of one hit; a hit that hides its source has none to check."""
        hit, evidence = disclosed.hit, disclosed.evidence
        if evidence is None:
            if hit.source is not None or disclosed.sealed:
                raise VerificationError("the broker names a source and proves nothing of it")
            return
        if evidence.party != hit.source:
            raise VerificationError("the hit names another source than the one that signed it")
        covenant = self._version(evidence.covenant_version)
        signer = self._agreement.directory.get(evidence.party)
        if signer is None:
            raise VerificationError("the key holder does not know the source")
        items, salts = _opened_items(disclosed, evidence)
        slots = item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants])
        shown = DisclosedItems(
            identity=SignalIdentity(covenant.id, covenant.version, evidence.party, hit.signal_id.bytes),
            slots=slots,
            items=items,
            salts=salts,
            digests=evidence.digests,
            leaf_index=evidence.leaf_index,
            batch_size=evidence.batch_size,
            path=evidence.path,
            signature=evidence.signature,
        )
        # What it signed before its key was replaced is signed still. Only the key holder says which keys it had.
        if not any(_signed(shown, key) for key in (signer.signing_key, *signer.former_signing_keys)):
            raise VerificationError("the source's signature does not hold")

    def _open_one(
        self, disclosure: Disclosure, hit: DisclosedHit, sealed: SealedItem, subject: Mapping[str, bytes]
    ) -> Opened:
        evidence, signal_id, item = hit.evidence, hit.hit.signal_id, f"{sealed.field}.{sealed.variant}"
        if evidence is None:
            raise VerificationError("the broker gives a sealed field and proves nothing of its source")
        ground = next(iter(hit.hit.grounds.get(item, ())), None)
        if ground is None:
            raise VerificationError("the broker gives a sealed field and no ground for it")
        answer = self._broker.grant(
            GrantRequest(
                disclosure_id=disclosure.disclosure_id,
                signal_id=signal_id,
                field=sealed.field,
                variant=sealed.variant,
            )
        )
        released = self._key_holder.release(answer.grant, sealed.wrapped_key)
        place = FieldPlace(
            covenant=self._agreement.covenant.id,
            version=evidence.covenant_version,
            party=evidence.party,
            signal_id=signal_id.bytes,
            field=sealed.field,
            variant=sealed.variant,
        )
        info = ReleaseInfo(_grant_id(answer.grant), self._profile.party, place)
        try:
            key = receive_key(self._profile.encryption_key, released.sealed_key, info)
            opened = open_field(sealed.ciphertext, sealed.commitment, key, place)
            opened.check_subject(subject)
            value = opened.value.decode()
        except ProtocolError as error:
            raise VerificationError(str(error)) from None
        except UnicodeDecodeError:
            raise VerificationError("what the source sealed is no text") from None
        return Opened(signal_id, evidence.party, item, ground.rule, ground.clause, value)


def _opened_items(disclosed: DisclosedHit, evidence: Evidence) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What the source must have signed of what is shown: with its name always its origins and handling codes too."""
    hit = disclosed.hit
    if hit.origins is None or hit.handling_codes is None:
        raise VerificationError("the broker names a source and withholds what its signal came from, or its codes")
    given = {"category": hit.category, "day": hit.day, "origins": hit.origins, "handling-codes": hit.handling_codes}
    values = plain_items(
        category=hit.category or "",
        day="" if hit.day is None else hit.day.isoformat(),
        purposes=(),
        origins=hit.origins,
        handling_codes=hit.handling_codes,
    )
    items = {name: values[name] for name, value in given.items() if value is not None}
    if not items.keys() <= evidence.salts.keys():
        raise VerificationError("the broker shows an item and proves nothing of it")
    salts: dict[str, bytes] = {name: evidence.salts[name] for name in items}
    for sealed in disclosed.sealed:
        item = f"{sealed.field}.{sealed.variant}"
        items[item] = sealed_item(sealed.commitment, sealed.ciphertext, sealed.wrapped_key)
        salts[item] = sealed.salt
    return items, salts


def _signed(shown: DisclosedItems, key: bytes) -> bool:
    try:
        verify_disclosed(shown, key)
    except ProtocolError:
        return False
    return True


def _grant_id(grant: str) -> str:
    """The `jti` of a grant that is the broker's to make and the key holder's to verify; we only read its name."""
    jws.unverified_kid(grant)
    try:
        claims = parse_json(b64u_decode(grant.split(".")[1]))
    except ProtocolError:
        raise ClientError("the broker's grant is not readable") from None
    if not isinstance(claims, dict) or not isinstance(claims.get("jti"), str):
        raise ClientError("the broker's grant is not readable")
    return str(claims["jti"])
