"""JSON that has one form and one meaning, for what is signed, hashed or compared by two programs.

`canonical_json` writes RFC 8785. `parse_json` reads I-JSON (RFC 7493): no duplicate names, no NaN, no number that two
parsers may read differently. What `parse_json` accepts, `canonical_json` can write.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from json.encoder import encode_basestring as _quoted
from typing import Any

from pydantic_core import from_json

from clients.protocol.encoding import utf8
from clients.protocol.errors import EncodingError

__all__ = ["canonical_json", "parse_json"]

LARGEST_EXACT_INTEGER = 2**53 - 1
"""Beyond it a JSON number is read differently by programs that hold numbers as IEEE 754 doubles (RFC 7493 §2.2)."""

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_DEEPEST = 32
_DEEPEST_WRITTEN = 64
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def canonical_json(value: object) -> bytes:
    """`value` under the JSON Canonicalization Scheme (RFC 8785): no white space, sorted names, ECMAScript numbers.

    Takes None, bool, int, float, str, sequences and mappings with text keys. Raises EncodingError for anything else,
    for numbers that are not finite, integers beyond ±(2^53 - 1), and lone surrogates.
    """
    pieces: list[str] = []
    _write(value, pieces, 0)
    return utf8("".join(pieces))


def parse_json(raw: bytes) -> object:
    """The value of one JSON text in UTF-8.

    Raises EncodingError for malformed text or UTF-8, a byte order mark, duplicate names, NaN and infinities (spelled
    out or by overflow), integers beyond ±(2^53 - 1), lone surrogates, and nesting deeper than 32 levels. `pointer`
    leads to the place where there is one; a name in it that does not look like a field name shows as `?`, since it may
    be data.
    """
    try:
        quickly: object = from_json(raw, allow_inf_nan=False, cache_strings="keys")
        # Every text stands between two quotation marks: if there are no others, no name was dropped for its double.
        texts = _texts_if_plain(quickly)
        if texts is not None and raw.count(b'"') == 2 * texts:
            return quickly
    except ValueError:
        pass  # what is wrong with it is told below
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8") from None
    try:
        value = _DECODER.decode(text)
    except EncodingError as error:
        raise _located(text, error) from None
    except RecursionError:
        raise EncodingError(f"nested deeper than {_DEEPEST}") from None
    except ValueError:
        raise EncodingError("not JSON") from None
    # A walk over every value costs more than the parse: only where there may be a violation to find.
    if ("\\" in text and _SURROGATE.search(text)) or _texts_if_plain(value) is None:
        _refuse_deep_or_broken(value, "", _DEEPEST)
    return value


def _texts_if_plain(value: object) -> int | None:
    """How many texts a parsed JSON text holds, names among them.

    None for one that nests deeper than 32 levels or has numbers other than exact integers.
    """
    level: list[Any] = [[value]]
    texts = 0
    for _ in range(_DEEPEST + 1):
        members: list[object] = []
        for outer in level:
            if type(outer) is dict:
                texts += len(outer)
                members += outer.values()
            else:
                members += outer
        others = [member for member in members if type(member) is not str]
        texts += len(members) - len(others)
        level = [member for member in others if type(member) is dict or type(member) is list]
        for member in others:
            if type(member) is float or (type(member) is int and abs(member) > LARGEST_EXACT_INTEGER):
                return None
        if not level:
            return texts
    return None


def _write(value: object, pieces: list[str], depth: int) -> None:
    if depth > _DEEPEST_WRITTEN:
        raise EncodingError(f"nested deeper than {_DEEPEST_WRITTEN}")
    match value:
        case str():
            pieces.append(_quoted(value))
        case None:
            pieces.append("null")
        case bool():
            pieces.append("true" if value else "false")
        case int():
            if abs(value) > LARGEST_EXACT_INTEGER:
                raise EncodingError("integer beyond 2^53 - 1")
            pieces.append(str(int(value)))
        case float():
            pieces.append(_ecmascript_number(value))
        case Mapping():
            separator = "{"
            for name in _sorted_names(value):
                pieces += (separator, _quoted(name), ":")
                _write(value[name], pieces, depth + 1)
                separator = ","
            pieces.append("}" if separator == "," else "{}")
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            separator = "["
            for item in value:
                pieces.append(separator)
                _write(item, pieces, depth + 1)
                separator = ","
            pieces.append("]" if separator == "," else "[]")
        case _:
            raise EncodingError(f"{type(value).__name__} has no JSON form")


def _sorted_names(value: Mapping[object, object]) -> list[str]:
    names: list[str] = []
    for name in value:
        if not isinstance(name, str):
            raise EncodingError("an object has a name that is not text")
        names.append(name)
    if all(map(str.isascii, names)):
        names.sort()
    else:
        # By UTF-16 code unit (RFC 8785 §3.2.3), which differs from code point order above U+FFFF.
        names.sort(key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return names


def _ecmascript_number(number: float) -> str:
    """ECMA-262 Number::toString for base 10 (RFC 8785 §3.2.2.3). Python's `repr` already gives the shortest digits."""
    if not math.isfinite(number):
        raise EncodingError("number is not finite")
    if number == 0:
        return "0"
    sign, raw_digits, raw_exponent = Decimal(repr(number)).as_tuple()
    untrimmed = "".join(map(str, raw_digits))
    digits = untrimmed.rstrip("0")
    # The value is 0.digits times 10^n; the names k and n are ECMA-262's.
    k = len(digits)
    n = len(untrimmed) + int(raw_exponent)
    if k <= n <= 21:
        body = digits + "0" * (n - k)
    elif 0 < n <= 21:
        body = f"{digits[:n]}.{digits[n:]}"
    elif -6 < n <= 0:
        body = "0." + "0" * -n + digits
    else:
        fraction = f".{digits[1:]}" if k > 1 else ""
        body = f"{digits[0]}{fraction}e{n - 1:+d}"
    return "-" + body if sign else body


def _read_integer(digits: str) -> int:
    # Length first: int() of a long run of digits takes quadratic time.
    if len(digits) > 17 or abs(number := int(digits)) > LARGEST_EXACT_INTEGER:
        raise EncodingError("integer beyond 2^53 - 1")
    return number


def _read_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise EncodingError("number is not finite")
    if LARGEST_EXACT_INTEGER < abs(number) < 1e21:  # 1.5e18 would be written as the integer it is
        raise EncodingError("integer beyond 2^53 - 1")
    return number


def _refuse_constant(_: str) -> object:
    raise EncodingError("number is not finite")


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise EncodingError("duplicate name")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_names,
    parse_int=_read_integer,
    parse_float=_read_float,
    parse_constant=_refuse_constant,
)


class _Members(list[tuple[str, object]]):
    """An object as it was written, duplicate names and all."""


def _refusal_kept(read: Callable[[str], object]) -> Callable[[str], object]:
    def hook(digits: str) -> object:
        try:
            return read(digits)
        except EncodingError as error:
            return error

    return hook


_TOLERANT_DECODER = json.JSONDecoder(
    object_pairs_hook=_Members,
    parse_int=_refusal_kept(_read_integer),
    parse_float=_refusal_kept(_read_float),
    parse_constant=_refusal_kept(_refuse_constant),
)


def _located(text: str, error: EncodingError) -> EncodingError:
    """`error` with the way to the first offence, by a second and tolerant reading: a decoder's hooks know no path."""
    try:
        return _first_offence(_TOLERANT_DECODER.decode(text), "") or error
    except (ValueError, RecursionError):
        return error


def _first_offence(value: object, pointer: str) -> EncodingError | None:
    if isinstance(value, EncodingError):
        return EncodingError(str(value), pointer)
    members: Iterable[tuple[str, object]] = ()
    if isinstance(value, _Members):
        members = ((_shown(name), member) for name, member in value)
        seen: set[str] = set()
        for name, _ in value:
            if name in seen:
                return EncodingError("duplicate name", f"{pointer}/{_shown(name)}")
            seen.add(name)
    elif isinstance(value, list):
        members = ((str(index), item) for index, item in enumerate(value))
    for step, member in members:
        if found := _first_offence(member, f"{pointer}/{step}"):
            return found
    return None


def _refuse_deep_or_broken(value: object, pointer: str, levels_left: int) -> None:
    if isinstance(value, str):
        try:
            utf8(value)
        except EncodingError as error:
            raise EncodingError(str(error), pointer) from None
        return
    steps: Iterable[tuple[str, object]] = ()
    if isinstance(value, dict):
        for name in value:
            _refuse_deep_or_broken(name, f"{pointer}/{_shown(name)}", 0)
        steps = ((_shown(name), member) for name, member in value.items())
    elif isinstance(value, list):
        steps = ((str(index), item) for index, item in enumerate(value))
    else:
        return
    if levels_left == 0:
        raise EncodingError(f"nested deeper than {_DEEPEST}", pointer)
    for step, member in steps:
        _refuse_deep_or_broken(member, f"{pointer}/{step}", levels_left - 1)


def _shown(name: str) -> str:
    return name if _FIELD_NAME.fullmatch(name) else "?"
