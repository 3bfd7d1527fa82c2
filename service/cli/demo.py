"""`covenantd demo` and `covenantd serve`: watch a covenant work, and leave it running to try."""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        with (
            _said_in_a_line(),
            tempfile.TemporaryDirectory(prefix="covenant-demo-", ignore_cleanup_errors=True) as directory,
        ):
            sound = _play(Path(directory), addresses, each, seed, as_json)
        if not sound:
            sys.exit(1)

    @app.command()
    def serve(addresses: AddressFile = None, each: Each = 500, seed: Seed = 1) -> None:
        """Run the whole system with the demo's data until Ctrl-C, and print what to try.

        Everything is in var/serve of the folder you are in, and is made anew the next time.
        """
        directory = _SERVE_DIRECTORY.resolve()
        with _said_in_a_line(), _alone(directory):
            _play(directory, addresses, each, seed, False, stay=True)


@contextmanager
def _said_in_a_line() -> Iterator[None]:
    """What stands in the way on this machine is a line on standard error and exit status 1, not a stack trace."""
    from service.demo.system import NotStarted

    try:
        yield
    except NotStarted as error:
        sys.exit(f"covenantd: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"covenantd: PostgreSQL does not start here: {Path(error.cmd[0]).name} ended with {error.returncode}")
    except OSError as error:
        sys.exit(f"covenantd: {error.filename or 'this machine'}: {error.strerror or type(error).__name__}")


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """`directory`, empty, for this process alone: another's data is not taken away while it serves."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with directory.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"covenantd: another `covenantd serve` has {directory}; end that one first")
        shutil.rmtree(directory, ignore_errors=True)
        yield


def _play(directory: Path, addresses: Path | None, each: int, seed: int, as_json: bool, *, stay: bool = False) -> bool:
    # Imported here, so that an operator who only serves loads no demonstration.
    from rich.console import Console

    from clients.sdk.processes import arithmetic_pool
    from covenant_rules.dates import amsterdam_date
    from covenant_rules.load import load
    from service.demo.guide import guide
    from service.demo.neighbourhood import AddressFileError, Neighbourhood, generate, read_addresses
    from service.demo.papers import keep_papers
    from service.demo.story import Story
    from service.demo.system import found, running

    console = Console(quiet=as_json, highlight=False, width=None if sys.stdout.isatty() else 120)
    document = (resources.files("covenant_rules") / "examples" / "complex-approach.yaml").read_bytes()
    covenant = load(document)
    random = Random(seed)  # noqa: S311 - makes up a neighbourhood, not keys
    neighbourhood = generate(random, addresses=2 * each, persons=min(8000, 2 * each))
    if addresses is not None:
        try:
            neighbourhood = Neighbourhood(read_addresses(addresses, 2 * each), neighbourhood.persons)
        except AddressFileError as error:
            raise typer.BadParameter(f"{addresses}: {error}", param_hint="'--addresses'") from None
        each = min(each, len(neighbourhood.addresses) // 2)
    today = amsterdam_date(datetime.now(UTC))
    assert today is not None  # noqa: S101 - the clock is aware
    kept = keep_papers(neighbourhood, random, today, each)
    console.rule(f"[bold]{covenant.title}", align="left")
    console.print(
        f"Five parties, {len(neighbourhood.addresses):,} addresses, {len(neighbourhood.persons):,} persons. Key holder "
        "and broker start as two processes with a database each; two administrators of different parties have approved "
        "the covenant."
    )
    with arithmetic_pool() as pool, running(directory, ports=_SERVE_PORTS if stay else None) as system:
        found(system, covenant, document)
        story = Story(system, covenant, kept, today, console, pool)
        counts = story.play()
        console.print()
        if as_json:
            print(json.dumps(asdict(counts) | {"sound": counts.sound}))
        elif counts.sound:
            console.print("[bold green]Everything is as the comparison on paper says it must be.")
        else:
            console.print("[bold red]Something is not as it must be; see above.")
        if stay:
            console.print(guide(system, covenant, story.opened), soft_wrap=True, markup=False)
            stopped = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stopped.set())
            stopped.wait()
    return counts.sound
