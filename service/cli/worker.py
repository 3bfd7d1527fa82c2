"""`covenantd worker`: keep the tree of a service's log in a process of its own."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager

import typer

from service.cli.options import ServiceArgument, SettingsFile, settings_of
from service.settings import BrokerSettings, ServiceSettings

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def worker(service: ServiceArgument, settings: SettingsFile = None) -> None:
        """Keep the tree of a service's log, beside processes that serve with `sequencer = false`.

        Gives entries their places, signs the log's heads and, for the broker, shows them to the key holder. Run as many
        as you like: one leads, and another goes on where it stops.
        """
        from service.web.access_log import configure_logging

        loaded = settings_of(service, settings)
        configure_logging(loaded.log_level)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopped.set())
        with _kept(loaded):
            stopped.wait()


def _kept(settings: ServiceSettings) -> AbstractContextManager[None]:
    """The log of either service; an operator of one loads nothing of the other."""
    from service.storage.keystore import KeyDirectory

    if isinstance(settings, BrokerSettings):
        from service.audit.tree.sequencer import LogSigner
        from service.broker.app import create_context
        from service.broker.witnessing import log_kept

        signer = LogSigner(settings.issuer, KeyDirectory(settings.key_directory).read("service/checkpoint"))
        return log_kept(settings.database_url, create_context(settings), signer)
    from datetime import UTC, datetime

    from service.audit.tree.sequencer import LogSigner, sequenced

    signer = LogSigner(settings.issuer, KeyDirectory(settings.key_directory).read("service/checkpoint"))
    return sequenced(settings.database_url, signer, clock=lambda: datetime.now(UTC))
