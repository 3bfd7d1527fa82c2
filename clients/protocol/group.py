"""The prime-order group ristretto255 (RFC 9496), strictly: the only module that touches rbcl.

An `Element` is 32 bytes, the canonical encoding of a group element other than the identity. A `Scalar` is 32 bytes,
little-endian, in 1 … L-1. Both are values of a `NewType`: whoever holds one got it from this module, which hands out
no other. Bytes from outside become one through `decode_element` or `decode_scalar`.

libsodium below is laxer than RFC 9496 and this protocol, and every laxness ends here in a `GroupError`:

- it ignores bit 255 of an element and of a scalar, so that one value would have two encodings;
- it takes the identity for a valid element, and answers a failed addition with the identity;
- it takes scalars at or above L, and inverts L to 0;
- rbcl reads 32 bytes wherever it is pointed, so lengths and types are checked before every call.

Where the cost is. A multiplication decodes its element and checks it while doing so, so `multiply` takes bytes from
outside as they are and refuses just what `decode_element` refuses; decoding first would add a tenth to the cost.
Scalars are checked once, by `decode_scalar`, and only for length thereafter.

Secret scalars are never turned into Python integers, whose arithmetic takes a time that depends on their value.
Python cannot wipe them from memory; that they die with the process is all that is promised.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from hashlib import sha512
from hmac import compare_digest
from typing import NewType

from rbcl._sodium import _sodium

from clients.protocol.errors import GroupError

__all__ = [
    "GENERATOR",
    "Element",
    "Scalar",
    "add",
    "decode_element",
    "decode_scalar",
    "expand_message_xmd",
    "hash_to_group",
    "hash_to_scalar",
    "invert_many",
    "multiply",
    "multiply_base",
    "random_scalar",
    "scalar_add",
    "scalar_invert",
    "scalar_multiply",
    "scalar_subtract",
    "subtract",
]

Element = NewType("Element", bytes)
Scalar = NewType("Scalar", bytes)

GENERATOR = Element(bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"))
"""G, the canonical generator (RFC 9496 §4, appendix A.1)."""

_ZERO = bytes(32)
_ONE = b"\x01" + bytes(31)
_Output = ctypes.c_char * 32


def _bind(name: str, inputs: int) -> Callable[..., int]:
    """libsodium's `name`, looked up once: an output buffer, then so many byte strings.

    Subscripting the library gives a function object of our own, so rbcl's are left as they are. With `argtypes` set
    ctypes refuses text and integers instead of following them as pointers. The global lock is released during a call.
    """
    function = _sodium[name]
    function.argtypes = [_Output] + [ctypes.c_char_p] * inputs
    function.restype = ctypes.c_int
    return function  # type: ignore[no-any-return]


_element_valid = _sodium["crypto_core_ristretto255_is_valid_point"]
_element_valid.argtypes = [ctypes.c_char_p]
_element_valid.restype = ctypes.c_int
_element_from_hash = _bind("crypto_core_ristretto255_from_hash", 1)
_element_add = _bind("crypto_core_ristretto255_add", 2)
_element_subtract = _bind("crypto_core_ristretto255_sub", 2)
_multiply = _bind("crypto_scalarmult_ristretto255", 2)
_multiply_base = _bind("crypto_scalarmult_ristretto255_base", 1)
# These return nothing: a failure shows in the result.
_scalar_reduce = _bind("crypto_core_ristretto255_scalar_reduce", 1)
_scalar_add = _bind("crypto_core_ristretto255_scalar_add", 2)
_scalar_subtract = _bind("crypto_core_ristretto255_scalar_sub", 2)
_scalar_multiply = _bind("crypto_core_ristretto255_scalar_mul", 2)
_scalar_invert = _bind("crypto_core_ristretto255_scalar_invert", 1)


# -- elements


def decode_element(encoded: bytes) -> Element:
    """The element that these 32 bytes encode (RFC 9496 §4.3.1).

    Raises GroupError for another length, an encoding that is not canonical, no element at all, and the identity.
    """
    _require_encoding(encoded)
    if not _element_valid(encoded):
        raise GroupError("not a ristretto255 element")
    return Element(encoded)


def multiply(scalar: Scalar, element: bytes) -> Element:
    """scalar · element. `element` may come from outside: it is refused here just as `decode_element` would."""
    _require_encoding(element)
    _require_scalar(scalar)
    output = _Output()
    if _multiply(output, scalar, element):
        raise GroupError("not a ristretto255 element, or its product is the identity")
    return Element(output.raw)


def multiply_base(scalar: Scalar) -> Element:
    """scalar · G, at under half the cost of `multiply`."""
    _require_scalar(scalar)
    output = _Output()
    if _multiply_base(output, scalar):
        raise GroupError("product is the identity")
    return Element(output.raw)


def add(left: Element, right: Element) -> Element:
    """left + right. Raises GroupError where that is the identity."""
    return _combine(_element_add, left, right)


def subtract(left: Element, right: Element) -> Element:
    """left - right. Raises GroupError where that is the identity."""
    return _combine(_element_subtract, left, right)


def _combine(operation: Callable[..., int], left: Element, right: Element) -> Element:
    _require_encoding(left)
    _require_encoding(right)
    output = _Output()
    if operation(output, left, right):
        raise GroupError("not a ristretto255 element")
    if output.raw == _ZERO:
        raise GroupError("result is the identity")
    return Element(output.raw)


def _require_encoding(element: bytes) -> None:
    """What libsodium does not ask of an encoding: its type and length, bit 255 clear, and not the identity."""
    if type(element) is not bytes or len(element) != 32:
        raise GroupError("an element is 32 bytes")
    if element[31] & 0x80:
        raise GroupError("element is not canonically encoded")
    if element == _ZERO:
        raise GroupError("element is the identity")


# -- scalars


def decode_scalar(encoded: bytes) -> Scalar:
    """The scalar that these 32 bytes encode. Raises GroupError for another length, a value of L or more, and zero."""
    _require_scalar(encoded)
    if not compare_digest(_reduce(encoded + bytes(32)), encoded):
        raise GroupError("scalar is not canonically encoded")
    return _not_zero(encoded)


def random_scalar(random: Callable[[int], bytes]) -> Scalar:
    """A uniform scalar, from 64 bytes of `random` reduced modulo L (RFC 9497 §4.7.2): the bias is below 2^-256.

    Raises GroupError where `random` gives another number of bytes, or zero: a source so broken must not go unnoticed.
    """
    drawn = random(64)
    if type(drawn) is not bytes or len(drawn) != 64:
        raise GroupError("the source of randomness did not give 64 bytes")
    return _not_zero(_reduce(drawn))


def scalar_add(left: Scalar, right: Scalar) -> Scalar:
    """left + right modulo L. Raises GroupError where that is zero."""
    return _not_zero(_scalar(_scalar_add, left, right))


def scalar_subtract(left: Scalar, right: Scalar) -> Scalar:
    """left - right modulo L. Raises GroupError where that is zero."""
    return _not_zero(_scalar(_scalar_subtract, left, right))


def scalar_multiply(left: Scalar, right: Scalar) -> Scalar:
    """left · right modulo L."""
    return _not_zero(_scalar(_scalar_multiply, left, right))


def scalar_invert(scalar: Scalar) -> Scalar:
    """1 / scalar modulo L."""
    return _not_zero(_scalar(_scalar_invert, scalar))


def invert_many(scalars: Sequence[Scalar]) -> list[Scalar]:
    """The inverse of each, at three multiplications apiece and one inversion in all (Montgomery's trick).

    Raises GroupError with the index of the first scalar that is zero modulo L.
    """
    if not scalars:
        return []
    before: list[bytes] = []  # before[i] is the product of all scalars ahead of place i
    product: bytes = _ONE
    for scalar in scalars:
        before.append(product)
        product = _scalar(_scalar_multiply, product, scalar)
    if compare_digest(product, _ZERO):
        zeros = (i for i, s in enumerate(scalars) if compare_digest(_scalar(_scalar_multiply, _ONE, s), _ZERO))
        raise GroupError("scalar is zero", next(zeros))
    rest = _scalar(_scalar_invert, product)
    inverses: list[Scalar] = []
    for scalar, ahead in zip(reversed(scalars), reversed(before), strict=True):
        inverses.append(Scalar(_scalar(_scalar_multiply, rest, ahead)))
        rest = _scalar(_scalar_multiply, rest, scalar)
    inverses.reverse()
    return inverses


def _scalar(operation: Callable[..., int], *operands: bytes) -> bytes:
    for operand in operands:
        _require_scalar(operand)
    output = _Output()
    operation(output, *operands)
    return output.raw


def _reduce(wide: bytes) -> bytes:
    """64 bytes, little-endian, modulo L."""
    output = _Output()
    _scalar_reduce(output, wide)
    return output.raw


def _require_scalar(scalar: bytes) -> None:
    if type(scalar) is not bytes or len(scalar) != 32:
        raise GroupError("a scalar is 32 bytes")


def _not_zero(scalar: bytes) -> Scalar:
    if compare_digest(scalar, _ZERO):
        raise GroupError("scalar is zero")
    return Scalar(scalar)


# -- hashing


def hash_to_group(message: bytes, dst: bytes) -> Element:
    """HashToGroup of the suite ristretto255-SHA512 (RFC 9497 §4.1): an element whose logarithm nobody knows."""
    output = _Output()
    _element_from_hash(output, expand_message_xmd(message, dst, 64))
    if output.raw == _ZERO:
        raise GroupError("message hashes to the identity")
    return Element(output.raw)


def hash_to_scalar(message: bytes, dst: bytes) -> Scalar:
    """HashToScalar of the suite ristretto255-SHA512 (RFC 9497 §4.1)."""
    return _not_zero(_reduce(expand_message_xmd(message, dst, 64)))


_PADDED = sha512(bytes(128))  # Z_pad, one block of SHA-512, which begins every expansion


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """`length` uniform bytes from `message` under a domain separation tag (RFC 9380 §5.3.1 with SHA-512).

    Raises GroupError for a tag that is empty or above 255 bytes, or a length outside 1 … 255 · 64.
    """
    if not 0 < len(dst) <= 255:
        raise GroupError("a domain separation tag is 1 to 255 bytes")
    if not 0 < length <= 255 * 64:
        raise GroupError("expanded length is outside 1 to 16320 bytes")
    tag = dst + bytes((len(dst),))
    state = _PADDED.copy()
    state.update(message + length.to_bytes(2, "big") + b"\x00" + tag)
    first = state.digest()
    block = sha512(first + b"\x01" + tag).digest()
    expanded = block
    for counter in range(2, -(-length // 64) + 1):
        mixed = bytes(a ^ b for a, b in zip(first, block, strict=True))
        block = sha512(mixed + bytes((counter,)) + tag).digest()
        expanded += block
    return expanded[:length]
