"""Secret keys as files, each written once and read whole.

What must hold, also when power fails between any two system calls:

- a key that `create` returned from is there and complete; before that it is there and complete, or not there;
- a name is never given two contents: `create` refuses an existing one;
- a key that `destroy` returned from cannot be read under its name, and its bytes were overwritten. Whether the medium
  still holds them is the medium's matter (flash, snapshots, backups): protect the volume with encryption, and count a
  key as gone when the last backup of the directory is.

Directories are 0700 and files 0600; anything wider is refused, as ssh does, since it means someone else may have read.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["KeyDirectory", "KeyExists", "KeyMissing", "KeyStoreError", "KeysExposed"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}){0,7}", re.ASCII)
_UNFINISHED = ".unfinished-"
_DISCARDED = ".discarded-"
_LOCK = ".lock"


class KeyStoreError(Exception):
    """Root of what a key directory refuses. Messages name the key, never its bytes."""


class KeyExists(KeyStoreError):
    """`create` found the name taken."""


class KeyMissing(KeyStoreError):
    """There is no key of that name: never created, or destroyed."""


class KeysExposed(KeyStoreError):
    """A directory or file is open to others than its owner."""


class KeyDirectory:
    """Keys under `path`, by names such as `conversion/covenant/address-bag/police.1`; `/` makes directories.

    Several processes may share one directory: creation and destruction take a lock, reading needs none.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_exposed(self._path)
        with self._locked():
            self._finish_interrupted()

    def create(self, name: str, key: bytes) -> None:
        """Stores `key` under `name` for good. Raises KeyExists, and leaves what is there, if the name is taken."""
        target = self._file(name)
        with self._locked():
            self._make_directories(target.parent)
            unfinished = target.parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(key)
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    # A link, not a rename: it fails where the name exists, in one step.
                    os.link(unfinished, target)
                except FileExistsError:
                    _overwrite(unfinished)
                    raise KeyExists(f"there is a key {name} already") from None
            finally:
                unfinished.unlink()
            _sync(target.parent)

    def read(self, name: str) -> bytes:
        """The key's bytes. Raises KeyMissing, or KeysExposed if its file is open to others."""
        try:
            with open(self._file(name), "rb") as file:
                if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                    raise KeysExposed(f"the file of key {name} is open to others than its owner")
                return file.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise KeyMissing(f"there is no key {name}") from None

    def exists(self, name: str) -> bool:
        return self._file(name).is_file()

    def names(self, prefix: str = "") -> list[str]:
        """The names that start with `prefix`, sorted."""
        found = (
            file.relative_to(self._path).as_posix()
            for file in self._path.rglob("*")
            if not file.name.startswith(".") and file.is_file()
        )
        return sorted(name for name in found if name.startswith(prefix))

    def destroy(self, name: str) -> None:
        """Makes the key unreadable and overwrites its bytes. Raises KeyMissing if there is none."""
        target = self._file(name)
        with self._locked():
            # Renamed first: a crash must not leave an overwritten file under the name, to be read as a key of zeros.
            discarded = target.parent / f"{_DISCARDED}{secrets.token_hex(8)}"
            try:
                if target.is_dir():
                    raise IsADirectoryError
                os.rename(target, discarded)
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                raise KeyMissing(f"there is no key {name}") from None
            _sync(target.parent)
            _overwrite(discarded)
            discarded.unlink()
            _sync(target.parent)

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError("not a key name")
        return self._path / name

    def _make_directories(self, directory: Path) -> None:
        if directory != self._path and not directory.is_dir():
            self._make_directories(directory.parent)
            directory.mkdir(mode=0o700)
            _sync(directory.parent)

    def _finish_interrupted(self) -> None:
        for pattern in (f"{_UNFINISHED}*", f"{_DISCARDED}*"):
            for leftover in self._path.rglob(pattern):
                # A crash between link and unlink leaves two names for one file: the key itself must survive.
                if leftover.stat().st_nlink == 1:
                    _overwrite(leftover)
                leftover.unlink()
                _sync(leftover.parent)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self._path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _refuse_exposed(directory: Path) -> None:
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        raise KeysExposed("the key directory is open to others than its owner; set its mode to 0700")


def _overwrite(file: Path) -> None:
    with open(file, "r+b") as opened:
        opened.write(bytes(os.fstat(opened.fileno()).st_size))
        opened.flush()
        os.fsync(opened.fileno())


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
