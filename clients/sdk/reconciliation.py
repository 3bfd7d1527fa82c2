"""Exports of two logs, read to be held against each other (`clients.protocol.reconciliation`). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from clients.protocol.reconciliation import LogLine
from clients.sdk.errors import ClientError

__all__ = ["read_lines"]


def read_lines(pieces: Iterable[bytes]) -> list[LogLine]:
    """The lines of an export in JSON. Raises ClientError for what is none."""
    try:
        return [
            LogLine(str(line["entry"]), str(line["event"]), datetime.fromisoformat(line["at"]), line["fields"])
            for text in b"".join(pieces).splitlines()
            for line in [json.loads(text)]
        ]
    except (ValueError, KeyError, TypeError):
        raise ClientError("the export is not one of a log") from None
