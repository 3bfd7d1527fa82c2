"""Messages about many subjects at once: what a draft would change, and figures of the area. Never about one subject."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from clients.protocol.messages.base import (
    Message,
    Whole,
)
from clients.protocol.messages.governance import LONGEST_DOCUMENT


class ReplayRequest(Message):
    """A draft, as UTF-8 text. It need not be laid down, and is not kept."""

    document: Annotated[str, Field(max_length=LONGEST_DOCUMENT)]


class ReplayRow(Message):
    """Subjects on which some party of `to_kind` would newly see a hit of `from_kind` or an item of one (`gained`), see
    one no more (`lost`), or go on seeing one (`kept`).

    Numbers are rounded down to a multiple of the minimum. One that is not there is less than that, or nothing at all.
    """

    purpose: str
    from_kind: str
    to_kind: str
    category: str
    gained: Whole | None = None
    lost: Whole | None = None
    kept: Whole | None = None


class ReplayAnswer(Message):
    """What a draft would change at the stage of the signal, on the signals there are, as if all had been affirmed.

    There is a row wherever either version could ever show anything, so that which rows there are tells nothing.
    """

    current_version: str
    draft_version: str
    minimum: Whole
    rows: tuple[ReplayRow, ...]


class AreaFigure(Message):
    """Signals of one category dated in one month, and the subjects they are about, each rounded down to a multiple of
    what was the minimum when they were drawn up."""

    category: str
    month: str
    signals: Whole
    subjects: Whole


class AreaFigures(Message):
    """Figures for one purpose, of months that are over. What is not there is nothing, or below the minimum."""

    purpose: str
    minimum: Whole
    figures: tuple[AreaFigure, ...]
