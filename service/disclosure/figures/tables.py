"""Area figures as they were drawn up, once for each month. What is too small to be told is not even kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Integer, String
from sqlmodel import Field, SQLModel

__all__ = ["TABLES", "AreaFigureRow", "AreaMonthRow"]

_ID = String(63)


class AreaMonthRow(SQLModel, table=True):
    """A month whose figures were drawn up: they are not drawn up again."""

    __tablename__ = "area_month"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    month: str = Field(sa_type=String(7), primary_key=True)
    """YYYY-MM."""
    drawn_up_at: datetime = Field(sa_type=DateTime(timezone=True))


class AreaFigureRow(SQLModel, table=True):
    """Signals of one category dated in one month, for one purpose, and the subjects they are about."""

    __tablename__ = "area_figure"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    purpose: str = Field(sa_type=_ID, primary_key=True)
    month: str = Field(sa_type=String(7), primary_key=True)
    category: str = Field(sa_type=_ID, primary_key=True)
    signals: int = Field(sa_type=Integer)
    subjects: int = Field(sa_type=Integer)


TABLES: tuple[type[SQLModel], ...] = (AreaMonthRow, AreaFigureRow)
