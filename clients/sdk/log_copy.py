"""A copy of one log in a directory: what offline verification reads, and nothing else is needed for it.

    log.json            how the log and its witness are called, and their keys (`clients.sdk.log_keys`)
    checkpoint          the head that the copy ends at, with the witness's cosignature if it has one
    tile/0/…            hashes of all entries, as c2sp.org/tlog-tiles names them
    entries/…           the entries themselves, where the copy has them: lines of JSON, in files named alike

A copy with entries holds who asked what about whom by pseudonyms: keep it as safe as the log, and no longer.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clients.protocol.checkpoint import parse_checkpoint
from clients.protocol.errors import ProtocolError
from clients.protocol.tiles import Tile, bundle_path, tiles_of
from clients.sdk.errors import ClientError
from clients.sdk.http import Conversation
from clients.sdk.log_keys import LOG_KEYS, LogKeys, write_keys

__all__ = ["LogCopy", "copy_log"]


@dataclass(frozen=True, slots=True)
class LogCopy:
    """A directory with a copy. Every method raises ClientError for what is not there or not in its form."""

    directory: Path

    def checkpoint(self) -> str:
        try:
            return self._read("checkpoint").decode()
        except UnicodeDecodeError:
            raise ClientError(f"{self.directory / 'checkpoint'} is not text") from None

    def hashes(self, tile: Tile) -> bytes:
        """The leaf hashes of one tile of level 0."""
        return self._read(f"tile/{tile.path}")

    @property
    def has_entries(self) -> bool:
        return (self.directory / "entries").is_dir()

    def entries(self, tile: Tile) -> list[bytes]:
        """The lines of one bundle, each of which is an entry in UTF-8."""
        return self._read(f"entries/{bundle_path(tile.index, tile.width)}").splitlines()

    def _read(self, name: str) -> bytes:
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            raise ClientError(f"{self.directory / name} is missing: the copy is not complete") from None
        except OSError as error:
            raise ClientError(f"{self.directory / name}: {error.strerror}") from None


def copy_log(
    directory: Path,
    conversation: Conversation,
    covenant: str,
    keys: LogKeys,
    *,
    entries: bool,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> LogCopy:
    """Copies the log that `conversation`'s service keeps of a covenant, with the `keys` by which it is to be verified.

    The copy ends at the last cosigned head where there is a witness. Only officers are given `entries`. `progress` is
    told how many of how many leaves are there. Raises ClientError if the directory has something in it already.
    """
    if directory.exists() and any(directory.iterdir()):
        raise ClientError(f"{directory} is not empty: a copy is made in a directory of its own")
    path = f"/v1/covenants/{covenant}/log"
    _, witness = keys
    query = "" if witness is None else "?witnessed=true"
    note = conversation.fetch(f"{path}/checkpoint{query}").decode("utf-8", "replace")
    try:
        size = parse_checkpoint(note.partition("\n\n")[0] + "\n").size
    except ProtocolError as error:
        raise ClientError(f"the service's head of the log is none: {error}") from None
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_keys(directory / LOG_KEYS, keys)
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
