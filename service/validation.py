"""What pydantic found wrong, told without repeating what was sent.

Pydantic's own messages quote input here and there (a union's tag, the odd character of a UUID), and its locations hold
member names that the sender made up. So messages come from a table by error type, and a name is shown only if it looks
like one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from service.errors import LocatedFault

__all__ = ["faults_of", "pointer_to", "shown", "words_for"]

# Letters only, and fewer than the 43 of a 32-byte value in base64url: a token or number cannot pass for a name.
_OUR_NAME = re.compile(r"[a-z][a-zA-Z]{0,39}", re.ASCII)
_OUR_HEADER = re.compile(r"[a-z]+(-[a-z]+){0,4}", re.ASCII)

# Words by pydantic error type; `{…}` are constraints of the schema, never parts of the input.
_WORDS: Mapping[str, str] = {
    "missing": "is required",
    "extra_forbidden": "is not a member of this message",
    "string_type": "must be a string",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "uuid_type": "must be a UUID",
    "uuid_parsing": "must be a UUID",
    "uuid_version": "must be a UUID of version {expected_version}",
    "date_type": "must be a date written as YYYY-MM-DD",
    "date_from_datetime_parsing": "must be a date written as YYYY-MM-DD",
    "date_from_datetime_inexact": "must be a date written as YYYY-MM-DD",
    "date_parsing": "must be a date written as YYYY-MM-DD",
    "datetime_type": "must be a moment written as RFC 3339",
    "datetime_parsing": "must be a moment written as RFC 3339",
    "datetime_from_date_parsing": "must be a moment written as RFC 3339",
    "timezone_aware": "must have a time zone",
    "list_type": "must be an array",
    "tuple_type": "must be an array",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "must have the member {discriminator}",
    "none_required": "must be null",
}
_PARAMETERS = ("query", "path", "header", "cookie")


def faults_of(
    errors: ValidationError | Iterable[Mapping[str, Any]], *, prefix: str = "", most: int = 100
) -> tuple[LocatedFault, ...]:
    """The first `most` errors as located faults: JSON pointers under `prefix`, or `query/…` and its like.

    Takes a ValidationError or the dictionaries of its `errors()`; a leading `body` of FastAPI's locations is dropped.
    """
    if isinstance(errors, ValidationError):
        errors = errors.errors(include_url=False, include_input=False)
    faults = [_fault(error, prefix) for error, _ in zip(errors, range(most), strict=False)]
    # Where every item of an array is wrong, pydantic also calls the array of the right ones too short.
    return tuple(
        fault
        for fault in faults
        if fault.code != "too-short" or not any(other.pointer.startswith(f"{fault.pointer}/") for other in faults)
    )


def _fault(error: Mapping[str, Any], prefix: str) -> LocatedFault:
    kind, location = str(error["type"]), tuple(error["loc"])
    if location and location[0] in _PARAMETERS:
        name = str(location[1]) if len(location) > 1 else "?"
        pointer = f"{location[0]}/{name if _OUR_NAME.fullmatch(name) or _OUR_HEADER.fullmatch(name.lower()) else '?'}"
    else:
        pointer = prefix + pointer_to(location[1:] if location[:1] == ("body",) else location)
    return LocatedFault(pointer, kind.replace("_", "-"), words_for(error))


def words_for(error: Mapping[str, Any]) -> str:
    """What is wrong, by the type of a pydantic error: constraints are quoted, input never."""
    kind = str(error["type"])
    context = error.get("ctx") or {}
    if kind == "value_error":  # raised by our own validators, which never quote
        return str(context.get("error", "is not valid"))
    try:
        return _WORDS[kind].format_map(context)
    except KeyError:
        return "is not valid"


def pointer_to(steps: Sequence[str | int]) -> str:
    """The JSON pointer (RFC 6901) along `steps`, with `?` for names that might be data."""
    return "".join(f"/{step if isinstance(step, int) else shown(step)}" for step in steps)


def shown(name: str) -> str:
    """`name` if it looks like a member name of ours, else `?`."""
    return name if _OUR_NAME.fullmatch(name) else "?"
