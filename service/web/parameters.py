"""Parameters that routes share, with their wire names and limits."""

from __future__ import annotations

import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Path, Query
from pydantic import BeforeValidator

from clients.protocol.messages.base import IDENTIFIER_PATTERN, VERSION_PATTERN
from clients.protocol.officers import OFFICERS

__all__ = [
    "IN_DIGITS",
    "TRUE_OR_FALSE",
    "CovenantId",
    "Cursor",
    "IdempotencyKey",
    "KeyOwnerId",
    "Limit",
    "MatchKey",
    "PartyId",
    "PersonId",
    "Version",
]


def _in_digits(value: Any) -> Any:
    # int() would take "5.0", "+5", "1_000" and digits of other scripts
    if isinstance(value, str) and not re.fullmatch("0|[1-9][0-9]*", value):
        raise ValueError("must be a whole number in decimal digits")
    return value


IN_DIGITS = BeforeValidator(_in_digits)
"""Last of the annotations of a whole number in a URL: it is written in one way only."""


def _true_or_false(value: Any) -> Any:
    # pydantic would take "yes", "on", "1" and "TRUE"
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError("must be true or false")
    return value


TRUE_OR_FALSE = BeforeValidator(_true_or_false)
"""Last of the annotations of a truth value in a URL."""
CovenantId = Annotated[
    str, Path(alias="covenantId", pattern=IDENTIFIER_PATTERN, description="The covenant, by the id in its document")
]
PersonId = Annotated[
    str, Path(alias="name", pattern=IDENTIFIER_PATTERN, description="The administrator or officer, as enrolled")
]
Version = Annotated[
    str, Path(alias="version", pattern=VERSION_PATTERN, description="SHA-256 of the version's YAML bytes")
]
PartyId = Annotated[
    str, Path(alias="party", pattern=IDENTIFIER_PATTERN, description="The party, by the id in the covenant")
]
KeyOwnerId = Annotated[
    str,
    Path(
        alias="party",
        pattern=f"^({OFFICERS}|{IDENTIFIER_PATTERN[1:-1]})$",
        description=f"The party, by the id in the covenant; `{OFFICERS}` for the key that officers have together",
    ),
]
MatchKey = Annotated[
    str, Path(alias="matchKey", pattern=IDENTIFIER_PATTERN, description="The match key, as in the covenant")
]
IdempotencyKey = Annotated[
    UUID,
    Header(
        alias="Idempotency-Key",
        description="A fresh UUID per request; a repetition under it gets the same answer",
    ),
]
Limit = Annotated[int, Query(alias="limit", ge=1, le=1000, description="The most items to return"), IN_DIGITS]
Cursor = Annotated[
    str | None, Query(alias="cursor", max_length=2048, description="The previous page's cursor; absent for the first")
]
