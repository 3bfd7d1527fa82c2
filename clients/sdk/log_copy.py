"""A copy of one log in a directory: what offline verification reads, and nothing else is needed for it.

    log.json            how the log and its witness are called, and their keys, as the services told them
    checkpoint          the head that the copy ends at, with the witness's cosignature if it has one
    tile/0/…            hashes of all entries, as c2sp.org/tlog-tiles names them
    entries/…           the entries themselves, where the copy has them: lines of JSON, in files named alike

A copy with entries holds who asked what about whom by pseudonyms: keep it as safe as the log, and no longer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clients.protocol.checkpoint import LogKey, WitnessKey, parse_checkpoint
from clients.protocol.encoding import b64u_decode, b64u_encode, parse_json
from clients.protocol.errors import ProtocolError
from clients.protocol.messages.log import LogDescription, WitnessedLog
from clients.protocol.tiles import Tile, bundle_path, tiles_of
from clients.sdk.errors import ClientError
from clients.sdk.http import Conversation

__all__ = ["LogCopy", "copy_log", "read_keys"]


@dataclass(frozen=True, slots=True)
class LogCopy:
    """A directory with a copy. Every method raises ClientError for what is not there or not in its form."""

    directory: Path

    def checkpoint(self) -> str:
        return self._text("checkpoint")

    def hashes(self, tile: Tile) -> bytes:
        """The leaf hashes of one tile of level 0."""
        return self._read(f"tile/{tile.path}")

    @property
    def has_entries(self) -> bool:
        return (self.directory / "entries").is_dir()

    def entries(self, tile: Tile) -> list[str]:
        """The lines of one bundle."""
        return self._text(f"entries/{bundle_path(tile.index, tile.width)}").splitlines()

    def _text(self, name: str) -> str:
        try:
            return self._read(name).decode()
        except UnicodeDecodeError:
            raise ClientError(f"{self.directory / name} is not text") from None

    def _read(self, name: str) -> bytes:
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            raise ClientError(f"{self.directory / name} is missing: the copy is not complete") from None
        except OSError as error:
            raise ClientError(f"{self.directory / name}: {error.strerror}") from None


def read_keys(path: Path) -> tuple[LogKey, WitnessKey | None]:
    """The keys of a log and its witness from a `log.json`. Raises ClientError.

    Those that came with a copy are to be compared with what the operators published.
    """
    try:
        told = parse_json(path.read_bytes())
        if not isinstance(told, dict):
            raise ClientError(f"{path} is not the description of a log")
        log, witness = LogKey(str(told["origin"]), b64u_decode(str(told["key"]), length=32)), told.get("witness")
        if witness is None:
            return log, None
        return log, WitnessKey(str(witness["name"]), b64u_decode(str(witness["key"]), length=32))
    except OSError as error:
        raise ClientError(f"{path}: {error.strerror}") from None
    except (ProtocolError, KeyError, TypeError):
        raise ClientError(f"{path} is not the description of a log") from None


def copy_log(
    directory: Path,
    conversation: Conversation,
    witness: Conversation | None,
    covenant: str,
    *,
    entries: bool,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> LogCopy:
    """Copies the log that `conversation`'s service keeps of a covenant; `witness` is who cosigns it, if anybody does.

    The copy ends at the last cosigned head where there is a witness. Only officers are given `entries`. `progress` is
    told how many of how many leaves are there. Raises ClientError if the directory has something in it already.
    """
    if directory.exists() and any(directory.iterdir()):
        raise ClientError(f"{directory} is not empty: a copy is made in a directory of its own")
    path = f"/v1/covenants/{covenant}/log"
    told = conversation.get(path, LogDescription)
    known = None if witness is None else witness.get(f"/v1/covenants/{covenant}/witness", WitnessedLog)
    query = "" if known is None else "?witnessed=true"
    note = conversation.fetch(f"{path}/checkpoint{query}").decode("utf-8", "replace")
    try:
        size = parse_checkpoint(note.partition("\n\n")[0] + "\n").size
    except ProtocolError as error:
        raise ClientError(f"the service's head of the log is none: {error}") from None
    description: dict[str, object] = {"origin": told.origin, "key": b64u_encode(told.public_key)}
    if known is not None:
        description["witness"] = {"name": known.witness_name, "key": b64u_encode(known.witness_key)}
    _write(directory / "log.json", json.dumps(description, indent=2).encode() + b"\n")
    _write(directory / "checkpoint", note.encode())
    if entries:
        (directory / "entries").mkdir(mode=0o700)
    for tile in tiles_of(size):
        name = bundle_path(tile.index, tile.width)
        _write(directory / "tile" / tile.path, conversation.fetch(f"{path}/tile/{tile.path}"))
        if entries:
            _write(directory / "entries" / name, conversation.fetch(f"{path}/entries/{name}"))
        progress(min(size, 256 * tile.index + tile.width), size)
    return LogCopy(directory)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
