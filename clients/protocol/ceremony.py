"""The set-up of one match key of one covenant, between a key holder and a broker who need not trust each other.

    key holder   draws h, and k_A for each party A      publishes H = h·G and K_A = k_A·G
                 sends the broker c_A = h / k_A
    broker       draws b, checks c_A·K_A = H            keeps d_A = b·c_A
                                                        publishes B = b·G, T = b·H, D_A = d_A·G, with proofs
                                                        (G, B; H, T) and (G, D_A; K_A, T)

Then d_A·k_A = b·h for every party: a token k_A·P times d_A is b·h·P, the same pseudonym whoever the token came from,
and nobody knows b·h. A proof (G, X; Y, Z) says that X and Z have one logarithm, X to the base G and Z to the base Y; so
whoever holds the published points can check the whole ceremony, and has to believe neither side.

The proofs are those of RFC 9497 in a context of their own, which binds what they are about: covenant, match key and,
for D_A, the party and its key version. A share c_A travels sealed, for it links two parties' tokens.

Later changes are the same step. A party added or a party key rotated: a new k_A under the old h. A new epoch: the
broker draws Δ and multiplies b, every d_A and every stored pseudonym by it; tokens stay as they are. A party removed:
its k_A and d_A are destroyed, which is storage and not arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from clients.protocol.encoding import lp
from clients.protocol.errors import CeremonyError, GroupError, ProofError
from clients.protocol.group import (
    GENERATOR,
    Element,
    Scalar,
    decode_element,
    decode_scalar,
    multiply,
    multiply_base,
    random_scalar,
    scalar_invert,
    scalar_multiply,
)
from clients.protocol.oprf import Proof, generate_proof, verify_proof

__all__ = [
    "HolderSecret",
    "JointPoint",
    "KeyScope",
    "NextEpoch",
    "PartyKey",
    "PartyPoint",
    "PublishedKeys",
    "PublishedParty",
    "accept_share",
    "draw_party_key",
    "draw_secret",
    "publish_joint_point",
    "publish_party_point",
    "rotate_epoch",
    "verify_published_keys",
    "verify_succession",
]

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class KeyScope:
    """What a set of keys is for. No scalar serves two of these: that is purpose limitation by arithmetic."""

    covenant: str
    match_key: str


# -- the key holder's side


@dataclass(frozen=True, slots=True)
class HolderSecret:
    """h, kept for as long as the match key lives, and H = h·G."""

    secret: Scalar = field(repr=False)
    public: Element


@dataclass(frozen=True, slots=True)
class PartyKey:
    """k_A, K_A = k_A·G, and the share c_A = h / k_A for the broker alone."""

    secret: Scalar = field(repr=False)
    public: Element
    share: Scalar = field(repr=False)


def draw_secret(random: Random) -> HolderSecret:
    """h of a new match key."""
    secret = random_scalar(random)
    return HolderSecret(secret, multiply_base(secret))


def draw_party_key(h: Scalar, random: Random, *, used: Collection[bytes] = ()) -> PartyKey:
    """A key for a party that joins, or a new one for a party that rotates.

    `used` holds every K the key holder ever published, of any covenant. Raises CeremonyError where the key drawn is
    among them, or is 1 or h: only a broken source of randomness does that.
    """
    secret = random_scalar(random)
    public = multiply_base(secret)
    _refuse_known(public, multiply_base(h), used)
    return PartyKey(secret, public, scalar_multiply(h, scalar_invert(secret)))


# -- the broker's side


@dataclass(frozen=True, slots=True)
class JointPoint:
    """B = b·G and T = b·H, with the proof (G, B; H, T)."""

    broker_point: Element
    joint_point: Element
    proof: Proof


@dataclass(frozen=True, slots=True)
class PartyPoint:
    """D_A = d_A·G, with the proof (G, D_A; K_A, T)."""

    point: Element
    proof: Proof


@dataclass(frozen=True, slots=True)
class NextEpoch:
    """What replaces b and every d_A; each stored pseudonym t becomes `delta`·t, after which `delta` is destroyed."""

    delta: Scalar = field(repr=False)
    secret: Scalar = field(repr=False)
    conversions: Mapping[str, Scalar] = field(repr=False)


def accept_share(
    b: Scalar, share: bytes, public: bytes, holder_point: bytes, *, used: Collection[bytes] = ()
) -> Scalar:
    """d_A = b·c_A, once the share c_A is shown to fit the published K_A and the H that this match key began with.

    `used` holds every K the broker ever accepted. Raises CeremonyError where share or points are not canonical, where
    c_A·K_A is not H, and where K_A is G, H or one of `used`.
    """
    h_point, key = _element("H", holder_point), _element("K", public)
    _refuse_known(key, h_point, used)
    try:
        conversion = decode_scalar(share)
    except GroupError as error:
        raise CeremonyError(f"share: {error.reason}") from None
    if multiply(conversion, key) != h_point:
        raise CeremonyError("share does not lead from K to H")
    return scalar_multiply(b, conversion)


def publish_joint_point(scope: KeyScope, b: Scalar, holder_point: Element, random: Random) -> JointPoint:
    """B, T and their proof, for a broker secret b drawn with `random_scalar`."""
    broker_point, joint_point = multiply_base(b), multiply(b, holder_point)
    context = _joint_context(scope)
    proof = generate_proof(b, broker_point, [holder_point], [joint_point], context=context, random=random)
    return JointPoint(broker_point, joint_point, proof)


def publish_party_point(
    scope: KeyScope,
    party: str,
    key_version: int,
    conversion: Scalar,
    public: Element,
    joint_point: Element,
    random: Random,
) -> PartyPoint:
    """D_A and its proof, for the d_A that `accept_share` gave."""
    point = multiply_base(conversion)
    context = _party_context(scope, party, key_version)
    proof = generate_proof(conversion, point, [public], [joint_point], context=context, random=random)
    return PartyPoint(point, proof)


def rotate_epoch(b: Scalar, conversions: Mapping[str, Scalar], random: Random) -> NextEpoch:
    """New scalars for all parties at once. Publish B, T and every D_A again; tokens stay valid."""
    delta = random_scalar(random)
    moved = {party: scalar_multiply(delta, conversion) for party, conversion in conversions.items()}
    return NextEpoch(delta, scalar_multiply(delta, b), moved)


# -- anybody's side


@dataclass(frozen=True, slots=True)
class PublishedParty:
    """K_A as the key holder published it, D_A and its proof as the broker did. Not yet believed."""

    party: str
    key_version: int
    public: bytes
    point: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """All that both services published of one match key: H and K_A from the key holder, the rest from the broker."""

    scope: KeyScope
    holder_point: bytes
    broker_point: bytes
    joint_point: bytes
    proof: bytes
    parties: tuple[PublishedParty, ...]


def verify_published_keys(keys: PublishedKeys) -> None:
    """Check that every party's tokens lead to the same pseudonyms, and that no key stands for two things.

    Raises CeremonyError for a point that is not canonical, is G or occurs twice (which would mean that a secret is 1,
    or that two parties or both services share one), for a party named twice, and for a proof that does not hold.
    """
    h_point = _element("H", keys.holder_point)
    b_point, t_point = _element("B", keys.broker_point), _element("T", keys.joint_point)
    points = [GENERATOR, h_point, b_point, t_point]
    for published in keys.parties:
        points += (_element("K", published.public), _element("D", published.point))
    if len(set(points)) != len(points):
        raise CeremonyError("a published point is the generator or occurs twice")
    if len({published.party for published in keys.parties}) != len(keys.parties):
        raise CeremonyError("a party is published twice")
    _verify("B and T", b_point, h_point, t_point, keys.proof, _joint_context(keys.scope))
    for published in keys.parties:
        context = _party_context(keys.scope, published.party, published.key_version)
        _verify("D", Element(published.point), Element(published.public), t_point, published.proof, context)


def verify_succession(before: PublishedKeys, after: PublishedKeys) -> None:
    """Check `after` in full, and that it follows from `before`, which whoever asks has verified and kept.

    Raises CeremonyError where H or the scope changed, a key version went back, a key changed within its version, or an
    earlier key serves another party or version. B, T and D need no rule of their own: the proofs tie them to the rest.
    """
    verify_published_keys(after)
    if after.scope != before.scope:
        raise CeremonyError("the keys are for another covenant or match key")
    if after.holder_point != before.holder_point:
        raise CeremonyError("H changed, and with it every pseudonym")
    known = {published.party: published for published in before.parties}
    owner = {published.public: (published.party, published.key_version) for published in before.parties}
    for published in after.parties:
        version = (published.party, published.key_version)
        if owner.get(published.public, version) != version:
            raise CeremonyError("a party key is used again")
        earlier = known.get(published.party)
        if earlier is None:
            continue
        if published.key_version < earlier.key_version:
            raise CeremonyError("a key version went back")
        if published.key_version == earlier.key_version and published.public != earlier.public:
            raise CeremonyError("a party key changed without a new version")


def _verify(name: str, public: Element, given: Element, returned: Element, proof: bytes, context: bytes) -> None:
    try:
        verify_proof(public, [given], [returned], proof, context=context)
    except (ProofError, GroupError):
        raise CeremonyError(f"the proof of {name} does not hold") from None


def _element(name: str, encoded: bytes) -> Element:
    try:
        return decode_element(encoded)
    except GroupError as error:
        raise CeremonyError(f"{name}: {error.reason}") from None


def _refuse_known(public: Element, holder_point: Element, used: Collection[bytes]) -> None:
    if public in (GENERATOR, holder_point) or public in used:
        raise CeremonyError("K is the generator, H or a key used before")


def _joint_context(scope: KeyScope) -> bytes:
    return _context("joint", scope.covenant, scope.match_key)


def _party_context(scope: KeyScope, party: str, key_version: int) -> bytes:
    return _context("party", scope.covenant, scope.match_key, party, str(key_version))


def _context(*parts: str) -> bytes:
    # Hashed, because identifiers may be longer than a domain separation tag has room for.
    return b"covenant-broker/v1-set-up-" + sha256(lp(*parts)).hexdigest().encode()
