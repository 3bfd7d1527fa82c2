"""Messages about many subjects at once: what a draft would change, and figures of the area. Never about one subject."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from clients.protocol.messages.base import Message
from clients.protocol.messages.governance import LONGEST_DOCUMENT


class ReplayRequest(Message):
    """A draft, as UTF-8 text. It need not be laid down, and is not kept."""

    document: Annotated[str, Field(max_length=LONGEST_DOCUMENT)]


class ReplayCell(Message):
    """Subjects on which some party of `to_kind` would newly see a hit of `from_kind` or an item of one (`gained`), see
    one no more (`lost`), or go on seeing one (`kept`). Without a number, it is there and below the minimum."""

    purpose: str
    from_kind: str
    to_kind: str
    category: str
    outcome: Literal["gained", "lost", "kept"]
    subjects: int | None = None


class ReplayTotal(Message):
    """The sum over the cells of one purpose and outcome, where all of them are shown. A subject in several cells is in
    it as often."""

    purpose: str
    outcome: Literal["gained", "lost", "kept"]
    subjects: int | None = None


class ReplayAnswer(Message):
    """What a draft would change at the stage of the signal, on the signals there are, as if all had been affirmed.

    Cells in which nothing is or would be seen are not there.
    """

    current_version: str
    draft_version: str
    minimum: int
    cells: tuple[ReplayCell, ...]
    totals: tuple[ReplayTotal, ...]


class AreaFigure(Message):
    """Signals of one category dated in one month, and the subjects they are about."""

    category: str
    month: str
    signals: int
    subjects: int


class AreaFigures(Message):
    """Figures for one purpose, of months that are over. What is not there is nothing, or below the minimum."""

    purpose: str
    minimum: int
    figures: tuple[AreaFigure, ...]
