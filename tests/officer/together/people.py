"""Olga, the privacy officer, in a town with both services."""

from __future__ import annotations

from clients.sdk.officer import Officer
from clients.sdk.offices import open_office_profile
from tests.governance.town import Town

__all__ = ["olga_of"]


def olga_of(town: Town) -> Officer:
    """A sitting of hers with both logs, which ends with the town."""
    transports = (town.transports["broker"], town.transports["keyholder"])
    return town._closing.enter_context(
        Officer(open_office_profile(town.directory / "olga"), transports=transports, now=town.clock)
    )
