"""The key directory, broken off between any two system calls that write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from service.storage.keystore import KeyDirectory, KeyExists, KeyMissing, KeysExposed

KEY = bytes(range(32))
NAME = "conversion/covenant/police.1"
STEPS = ("open", "fsync", "link", "rename", "mkdir", "unlink")


class PowerFailure(BaseException):
    """Not an Exception: nothing in the code under test may tidy up after it."""


@contextmanager
def power_fails_at(step: int) -> Iterator[list[str]]:
    """Lets `step` writing system calls through; every later one does nothing and fails, as in a machine that is off."""
    done: list[str] = []

    def interruptible(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def interrupted(*arguments: Any, **named: Any) -> Any:
            if name == "open" and not arguments[1] & os.O_CREAT:
                return call(*arguments, **named)
            if len(done) >= step:
                raise PowerFailure
            done.append(name)
            return call(*arguments, **named)

        return interrupted

    with ExitStack() as patches:
        for name in STEPS:
            patches.enter_context(mock.patch.object(os, name, interruptible(name, getattr(os, name))))
        yield done


def files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file() and file.name != ".lock"]


@pytest.fixture
def keys(tmp_path: Path) -> KeyDirectory:
    return KeyDirectory(tmp_path / "keys")


def test_a_key_reads_back_as_it_was_created(keys: KeyDirectory) -> None:
    keys.create(NAME, KEY)
    assert keys.read(NAME) == KEY
    assert keys.exists(NAME)


def test_a_name_is_never_given_two_contents(keys: KeyDirectory, tmp_path: Path) -> None:
    keys.create(NAME, KEY)
    with pytest.raises(KeyExists):
        keys.create(NAME, b"other")
    assert keys.read(NAME) == KEY
    assert len(files(tmp_path)) == 1


def test_a_destroyed_key_is_missing_and_its_bytes_are_overwritten(keys: KeyDirectory, tmp_path: Path) -> None:
    keys.create(NAME, KEY)
    os.link(tmp_path / "keys" / NAME, tmp_path / "witness")
    keys.destroy(NAME)
    with pytest.raises(KeyMissing):
        keys.read(NAME)
    assert not keys.exists(NAME)
    assert (tmp_path / "witness").read_bytes() == bytes(len(KEY))


@pytest.mark.parametrize("name", [NAME, "conversion", "conversion/covenant"])
def test_what_was_never_created_is_missing(keys: KeyDirectory, name: str) -> None:
    keys.create("conversion/covenant/other", KEY)
    for act in (keys.read, keys.destroy):
        with pytest.raises(KeyMissing):
            act(name)
    assert not keys.exists(name)


def test_names_are_listed_by_prefix(keys: KeyDirectory) -> None:
    for name in ("b/2", "a", "b/1", "c/b/3"):
        keys.create(name, KEY)
    assert keys.names() == ["a", "b/1", "b/2", "c/b/3"]
    assert keys.names("b/") == ["b/1", "b/2"]


@pytest.mark.parametrize(
    "name", ["", "/a", "a/", "a//b", "../a", "a/../b", ".lock", "a/.b", "a\n", "a\0", "é", "a" * 129]
)
def test_a_name_cannot_leave_the_directory(keys: KeyDirectory, name: str) -> None:
    for act in (keys.read, keys.destroy, keys.exists, lambda n: keys.create(n, KEY)):
        with pytest.raises(ValueError, match="not a key name"):
            act(name)


def test_only_the_owner_can_read(keys: KeyDirectory, tmp_path: Path) -> None:
    keys.create(NAME, KEY)
    for path in (tmp_path / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_keys_that_others_could_read_are_refused(keys: KeyDirectory, tmp_path: Path) -> None:
    keys.create(NAME, KEY)
    (tmp_path / "keys" / NAME).chmod(0o640)
    with pytest.raises(KeysExposed):
        keys.read(NAME)
    (tmp_path / "keys").chmod(0o750)
    with pytest.raises(KeysExposed):
        KeyDirectory(tmp_path / "keys")


def test_a_creation_that_is_cut_off_leaves_a_whole_key_or_none(tmp_path: Path) -> None:
    outcomes = set()
    for step in range(100):
        path = tmp_path / str(step)
        keys = KeyDirectory(path)
        finished = False
        with power_fails_at(step):
            try:
                keys.create(NAME, KEY)
                finished = True
            except PowerFailure:
                pass
        after = KeyDirectory(path)
        there = after.exists(NAME)
        outcomes.add(there)
        assert files(path) == ([path / NAME] if there else []), "leftovers must be swept"
        if there:
            assert after.read(NAME) == KEY
        else:
            after.create(NAME, KEY)
        if finished:
            assert there
            break
    assert finished
    assert outcomes == {True, False}


def test_a_destruction_that_is_cut_off_leaves_a_whole_key_or_none(tmp_path: Path) -> None:
    outcomes = set()
    for step in range(100):
        path = tmp_path / str(step)
        keys = KeyDirectory(path)
        keys.create(NAME, KEY)
        finished = False
        with power_fails_at(step):
            try:
                keys.destroy(NAME)
                finished = True
            except PowerFailure:
                pass
        after = KeyDirectory(path)
        there = after.exists(NAME)
        outcomes.add(there)
        assert files(path) == ([path / NAME] if there else []), "leftovers must be swept"
        if there:
            assert after.read(NAME) == KEY
        if finished:
            assert not there
            break
    assert finished
    assert outcomes == {True, False}


def test_an_interrupted_destruction_is_finished_with_overwriting(tmp_path: Path) -> None:
    keys = KeyDirectory(tmp_path / "keys")
    keys.create("key", KEY)
    with power_fails_at(2), pytest.raises(PowerFailure):  # the lock is opened, the file renamed
        keys.destroy("key")
    (leftover,) = files(tmp_path / "keys")
    with open(leftover, "rb") as held:
        KeyDirectory(tmp_path / "keys")
        assert held.read() == bytes(len(KEY))
    assert files(tmp_path / "keys") == []
