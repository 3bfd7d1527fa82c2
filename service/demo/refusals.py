"""What the demo tries and must not get: by whom, against which clause of the covenant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

from clients.protocol import jws
from clients.protocol.grants import sign_grant, verify_grant
from clients.protocol.messages.disclosure import DisclosedHit, Disclosure, GrantRequest
from clients.sdk import Session
from clients.sdk.session import KnownHit
from covenant_rules.model import Covenant
from service.demo.papers import Kept
from service.demo.system import Running
from service.storage.keystore import KeyDirectory

__all__ = ["Attempt", "attempts"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """`run` must raise Refused. `clause` is why, in the covenant's own terms; empty where an operator decided."""

    what: str
    clause: str
    run: Callable[[], object]


def attempts(
    system: Running,
    covenant: Covenant,
    sessions: Mapping[str, Session],
    kept: Mapping[str, Sequence[Kept]],
    told: Mapping[str, Sequence[KnownHit]],
) -> Iterator[Attempt]:
    """One after the other; a suspension lasts as long as its attempt."""
    address = next(one.row for one in kept["police"] if one.row["subject_kind"] == "address")
    look_ups = next(rule.clause for rule in covenant.rules if rule.lookup)
    yield Attempt(
        "a landlord looks up an address without a signal of its own",
        f"{look_ups} gives look-ups to the police alone",
        lambda: _look_up(sessions["housing-north"], address, "nuisance"),
    )
    yield Attempt(
        "the care team asks about an address for the purpose of support",
        "chapter 7 is about persons and gives no look-ups",
        lambda: _look_up(sessions["care-team"], address, "support"),
    )
    municipality = sessions["municipality"]
    anchor, purpose = next(
        (hit.own.signal_id, hit.purpose) for hit in told["municipality"] if "note.gist" in hit.hit.items and hit.own
    )
    disclosure = municipality.disclose(anchor, purpose)
    disclosed = next(hit for hit in disclosure.hits if hit.sealed)
    promise = next(one for one in covenant.never if "note.full" in one.items and "case" not in one.stages)
    yield Attempt(
        "a broker turned dishonest signs a grant for a full note before there is a case",
        f"{promise.clause}, {promise.id}",
        lambda: _dishonest_grant(system, municipality, disclosure, disclosed),
    )
    operator = system.operator("broker")
    operator.suspend(covenant.id, "housing-south", "the demo: its systems may have been broken into")
    yield Attempt("a suspended party asks for its hits", "", sessions["housing-south"].hits)
    operator.reinstate(covenant.id, "housing-south")


def _look_up(session: Session, row: Mapping[str, str], purpose: str) -> Disclosure:
    return session.look_up("address", session.subject("address", row), purpose)


def _dishonest_grant(system: Running, session: Session, disclosure: Disclosure, disclosed: DisclosedHit) -> object:
    """Takes a grant for the gist of a note, makes it one for the full note, and signs it as only the broker can."""
    sealed = disclosed.sealed[0]
    grant_key = jws.private_key_from_pem(KeyDirectory(system.directory / "broker" / "keys").read("service/grants"))
    honest = verify_grant(
        session.broker.grant(
            GrantRequest(
                disclosure_id=disclosure.disclosure_id,
                signal_id=disclosed.hit.signal_id,
                field=sealed.field,
                variant=sealed.variant,
            )
        ).grant,
        {jws.thumbprint(grant_key): grant_key.public_key()},
        broker=system.broker.issuer,
        key_holder=system.key_holder.issuer,
        now=datetime.now(UTC),
    )
    dishonest = replace(honest, jti=str(uuid4()), info=replace(honest.info, field="note", variant="full"))
    return session.key_holder.release(sign_grant(dishonest, grant_key), sealed.wrapped_key)
