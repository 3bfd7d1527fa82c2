"""`covenantd broker` and `covenantd keyholder`: serve one of the two services."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from service.cli.options import SettingsFile
from service.settings import BrokerSettings, KeyHolderSettings, ServiceSettings, load_settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

S = TypeVar("S", bound=ServiceSettings)

__all__ = ["broker_app", "keyholder_app", "mount", "serve", "settle_memory"]

# How a worker process, which imports its app by name, learns which settings file its parent was given.
_FILE = {"broker": "COVENANTD_BROKER_SETTINGS_FILE", "keyholder": "COVENANTD_KEYHOLDER_SETTINGS_FILE"}

Workers = Annotated[int, typer.Option(min=1, help="Processes that serve; they share the port and the database.")]


def mount(app: typer.Typer) -> None:
    """Adds the two commands."""

    @app.command()
    def broker(settings: SettingsFile = None, workers: Workers = 1) -> None:
        """Serve the broker: signals, hits, disclosures and grants.

        Needs a migrated database (covenantd migrate broker) and its keys (covenantd keys create broker).
        """
        serve(load_settings(BrokerSettings, settings), settings, workers)

    @app.command()
    def keyholder(settings: SettingsFile = None, workers: Workers = 1) -> None:
        """Serve the key holder: evaluations, keys and releases.

        Needs a migrated database (covenantd migrate keyholder) and its keys (covenantd keys create keyholder).
        Another organisation than the broker's runs it, on its own machine.
        """
        serve(load_settings(KeyHolderSettings, settings), settings, workers)


def serve(settings: ServiceSettings, file: Path | None, workers: int) -> None:
    """Serves until told to stop. The workers read the settings again, from `file` and the environment.

    Raises KeyStoreError or Unavailable before anything is served, if the keys or the database are not ready.
    """
    import uvicorn

    from service.web.access_log import configure_logging
    from service.web.connection import BoundedHttp

    configure_logging(settings.log_level)
    _require_ready(settings)
    if file is not None:
        os.environ[_FILE[settings.name]] = str(file.resolve())
    uvicorn.run(
        f"service.cli.serving:{settings.name}_app",
        factory=True,
        interface="asgi3",
        host=settings.host,
        port=settings.port,
        workers=workers,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        http=BoundedHttp,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=30,
    )


def broker_app() -> ASGIApp:
    """The broker as a worker process builds it."""
    from service.broker.app import create_app

    return _build(BrokerSettings, create_app)


def keyholder_app() -> ASGIApp:
    """The key holder as a worker process builds it."""
    from service.keyholder.app import create_app

    return _build(KeyHolderSettings, create_app)


def _require_ready(settings: ServiceSettings) -> None:
    """Once, here, so that it is one line to the operator and not a traceback from every worker."""
    from service.storage.database import Database
    from service.storage.keystore import KeyDirectory, KeyMissing, KeyStoreError
    from service.storage.migrate import require_current
    from service.storage.service_keys import public_service_keys

    try:
        public_service_keys(KeyDirectory(settings.key_directory), settings.name)
    except KeyMissing as error:
        raise KeyStoreError(f"{error}: make the service's keys with `covenantd keys create {settings.name}`") from None
    database = Database(settings.database_url, pool_size=1)
    try:
        with database.transaction() as session:
            require_current(session.connection(), settings.name)
    finally:
        database.dispose()


def _build(kind: type[S], create_app: Callable[[S], ASGIApp]) -> ASGIApp:
    from service.web.access_log import configure_logging

    file = os.environ.get(_FILE[kind.name])
    settings = load_settings(kind, Path(file) if file else None)
    configure_logging(settings.log_level)
    app = create_app(settings)
    settle_memory()
    return app


def settle_memory() -> None:
    """What is loaded by now stays for good, and the collector need not walk it again and again.

    A batch of a thousand signals makes a hundred thousand objects that all go by themselves; walking them every 700, as
    Python does by default, is an eighth of the cost of taking them in.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
