"""`covenantd demo` and `covenantd serve`: watch a covenant work, and leave it running to try."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from random import Random
from typing import Annotated

import typer

__all__ = ["mount"]

AddressFile = Annotated[
    Path | None,
    typer.Option(
        "--addresses",
        exists=True,
        dir_okay=False,
        help="CSV of real addresses, gzip allowed: straat, huisnummer, huisletter, huisnummertoevoeging, postcode.",
    ),
]
Each = Annotated[int, typer.Option("--each", min=50, max=5_000, help="Records of each party.")]
Seed = Annotated[int, typer.Option(help="Another seed makes another neighbourhood.")]

_SERVE_DIRECTORY = Path("var/serve")
_SERVE_PORTS = {"broker": 8401, "keyholder": 8402}


def mount(app: typer.Typer) -> None:
    """Adds the two commands."""

    @app.command()
    def demo(
        addresses: AddressFile = None,
        each: Each = 2000,
        seed: Seed = 1,
        as_json: Annotated[bool, typer.Option("--json", help="Only counts, as JSON.")] = False,
    ) -> None:
        """Watch a covenant work: five parties, two services, hits, opened fields, refusals, a thief.

        Everything is made up and thrown away afterwards. Exit status 1 if anything is not as an independent comparison
        of all papers says it must be.
        """
        directory = Path(tempfile.mkdtemp(prefix="covenant-demo-"))
        try:
            sound = _play(directory, addresses, each, seed, as_json)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        if not sound:
            sys.exit(1)

    @app.command()
    def serve(addresses: AddressFile = None, each: Each = 500, seed: Seed = 1) -> None:
        """Run the whole system with the demo's data until Ctrl-C, and print what to try."""
        if _SERVE_DIRECTORY.exists():
            shutil.rmtree(_SERVE_DIRECTORY)
        _play(_SERVE_DIRECTORY.resolve(), addresses, each, seed, False, stay=True)


def _play(directory: Path, addresses: Path | None, each: int, seed: int, as_json: bool, *, stay: bool = False) -> bool:
    # Imported here, so that an operator who only serves loads no demonstration.
    from rich.console import Console

    from covenant_rules.dates import amsterdam_date
    from covenant_rules.load import load
    from service.demo.guide import guide
    from service.demo.neighbourhood import Neighbourhood, generate, read_addresses
    from service.demo.papers import keep_papers
    from service.demo.story import Story
    from service.demo.system import found, running

    console = Console(quiet=as_json, highlight=False, width=None if sys.stdout.isatty() else 120)
    document = (resources.files("covenant_rules") / "examples" / "complex-approach.yaml").read_bytes()
    covenant = load(document)
    random = Random(seed)  # noqa: S311 - makes up a neighbourhood, not keys
    neighbourhood = generate(random, addresses=2 * each, persons=min(8000, 2 * each))
    if addresses is not None:
        neighbourhood = Neighbourhood(read_addresses(addresses, 2 * each), neighbourhood.persons)
    today = amsterdam_date(datetime.now(UTC))
    assert today is not None  # noqa: S101 - the clock is aware
    kept = keep_papers(neighbourhood, random, today, each)
    console.rule(f"[bold]{covenant.title}", align="left")
    console.print(
        f"Five parties, {len(neighbourhood.addresses):,} addresses, {len(neighbourhood.persons):,} persons. Key holder "
        "and broker start as two processes with a database each; two administrators of different parties have approved "
        "the covenant."
    )
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores) as pool, running(directory, ports=_SERVE_PORTS if stay else None) as system:
        found(system, covenant, document)
        counts = Story(system, covenant, kept, today, console, pool).play()
        console.print()
        if as_json:
            print(json.dumps(asdict(counts) | {"sound": counts.sound}))
        elif counts.sound:
            console.print("[bold green]Everything is as the comparison on paper says it must be.")
        else:
            console.print("[bold red]Something is not as it must be; see above.")
        if stay:
            console.print(guide(system, covenant), soft_wrap=True)
            stopped = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopped.set())
            stopped.wait()
    return counts.sound
