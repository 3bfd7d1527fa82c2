"""What every wire message shares: camelCase names, no unknown members, and bytes as strict base64url.

Validation messages name the place and the fault, never the value: a body may hold identifiers.

What is validated from JSON text without `Message.model_validate_json` takes base64 of either alphabet, padded or not,
and keeps the last of two equal names: for speed, and for those alone who have made sure that the text holds neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, core_schema

from clients.protocol.encoding import b64u_decode, b64u_encode, utf8
from clients.protocol.errors import EncodingError
from clients.protocol.strict_json import parse_json

IDENTIFIER_PATTERN = r"^[a-z][a-z0-9-]{0,62}$"
VERSION_PATTERN = r"^[0-9a-f]{64}$"
MONTH_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])$"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NO_DAY = "must be a date written as YYYY-MM-DD"

Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=63)]
"""An id that the covenant gives: of itself, a party, a purpose, a category, a match key."""
VersionHash = Annotated[str, Field(pattern=VERSION_PATTERN)]
"""SHA-256 of a covenant version's YAML bytes, lower-case hexadecimal."""
Month = Annotated[str, Field(pattern=MONTH_PATTERN)]


Whole = Annotated[int, Field(strict=True)]
"""A whole number, written as one: neither `"5"` nor `5.0` nor `true`."""
Truth = Annotated[bool, Field(strict=True)]
"""`true` or `false`, and nothing that stands for them elsewhere."""


class Message(BaseModel):
    """Base of all wire messages: frozen, camelCase on the wire, unknown members refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        val_json_bytes="base64",
    )

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """The message of one strict JSON text (`parse_json`).

        Raises EncodingError for text that is none, and ValidationError.
        """
        raw = utf8(json_data) if isinstance(json_data, str) else bytes(json_data)
        return cls.model_validate(parse_json(raw), **options)


@dataclass(frozen=True, slots=True)
class _Base64url:
    """How bytes are validated: strictly, but for those that the JSON parser decodes (see the module)."""

    length: int | None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=core_schema.bytes_schema(min_length=self.length, max_length=self.length),
            python_schema=core_schema.no_info_plain_validator_function(_decode(self.length)),
        )


def _decode(length: int | None) -> Callable[[Any], bytes]:
    def decode(value: Any) -> bytes:
        if isinstance(value, str):
            try:
                return b64u_decode(value, length=length)
            except EncodingError as error:
                raise ValueError(str(error)) from None
        if not isinstance(value, bytes):  # which are what is built in Python, not read from the wire
            raise ValueError("must be a base64url string")
        if length is not None and len(value) != length:
            raise ValueError(f"must be {length} bytes")
        return value

    return decode


def _schema(length: int | None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "format": "base64url", "pattern": "^[A-Za-z0-9_-]*$"}
    if length is not None:
        characters = (length * 8 + 5) // 6
        schema |= {"minLength": characters, "maxLength": characters}
    return schema


def base64url(length: int | None = None) -> Any:
    """An annotation for bytes that travel as canonical unpadded base64url; `length` in bytes, any if `None`."""
    return Annotated[
        bytes,
        _Base64url(length),
        PlainSerializer(b64u_encode, return_type=str, when_used="json"),
        WithJsonSchema(_schema(length)),
    ]


Bytes16 = base64url(16)
Bytes32 = base64url(32)
Bytes64 = base64url(64)
Binary = base64url()


def _iso_date(value: Any) -> Any:
    # pydantic reads 0 and "0" as 1970-01-01: only the written form is a date.
    if isinstance(value, str):
        return _written_day(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError(_NO_DAY)


@lru_cache(maxsize=4096)
def _written_day(text: str) -> date | str:
    """The day, remembered, since those of a batch repeat. Of one that no month has, pydantic is left to say so."""
    if not _DAY.fullmatch(text):
        raise ValueError(_NO_DAY)
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _iso_moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.match(r"\d{4}-\d{2}-\d{2}T", value):
        raise ValueError("must be a moment written as RFC 3339")
    return value


IsoDate = Annotated[date, BeforeValidator(_iso_date, json_schema_input_type=date)]
Moment = Annotated[AwareDatetime, BeforeValidator(_iso_moment, json_schema_input_type=AwareDatetime)]
