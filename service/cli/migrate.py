"""`covenantd migrate`: bring a service's database to this release's schema."""

from __future__ import annotations

import typer

from service.cli.options import ServiceArgument, SettingsFile, settings_of

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command()
    def migrate(service: ServiceArgument, settings: SettingsFile = None) -> None:
        """Bring the database to this release's schema.

        Harmless to repeat. Back up first: migrations only go forward.
        """
        from service.storage.migrate import migrate as run

        loaded = settings_of(service, settings)
        run(loaded.database_url, loaded.name)
        typer.echo(f"the {service} database has this release's schema")
