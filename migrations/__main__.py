"""Writes the next revision of a service's schema: `python -m migrations broker "what changed and why"`.

Starts an embedded PostgreSQL in a temporary directory, brings it to the newest revision, and compares it with the
tables of the service as they are in the code.
"""

# ruff: noqa: S603, T201 - a developer's command: it prints, and runs the formatter on what it wrote.

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from typing import cast

from service.storage.embedded import EmbeddedPostgres
from service.storage.migrate import Service, revise


def main(arguments: list[str]) -> int:
    """Exit status 0 if a revision was written or none is needed, 2 for wrong usage."""
    if len(arguments) != 2 or arguments[0] not in ("broker", "keyholder"):
        print('usage: python -m migrations {broker|keyholder} "what changed and why"', file=sys.stderr)
        return 2
    service = cast(Service, arguments[0])
    metadata = importlib.import_module(f"service.{service}.tables").metadata
    with tempfile.TemporaryDirectory() as directory, EmbeddedPostgres(directory, durable=False) as postgres:
        revision = revise(postgres.url(service), service, metadata, arguments[1])
    if revision is None:
        print("the tables are what the newest revision makes")
        return 0
    subprocess.run([sys.executable, "-m", "ruff", "check", "--fix", "--quiet", revision], check=True)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", revision], check=True)
    print(revision)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
