"""What several commands ask for."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from service.settings import BrokerSettings, KeyHolderSettings, ServiceSettings, load_settings

__all__ = ["ServiceArgument", "ServiceName", "SettingsFile", "settings_of"]


class ServiceName(StrEnum):
    """The service a command is about."""

    BROKER = "broker"
    KEYHOLDER = "keyholder"


ServiceArgument = Annotated[ServiceName, typer.Argument(metavar="SERVICE", help="broker or keyholder")]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", "-s", help="TOML file with the settings; COVENANT_… variables override single values."),
]


def settings_of(service: ServiceName, file: Path | None) -> ServiceSettings:
    """The settings of either service. Raises SettingsError."""
    return load_settings(BrokerSettings if service is ServiceName.BROKER else KeyHolderSettings, file)
