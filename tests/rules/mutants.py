"""The mutants that mutmut makes of the rules, and two ways of putting one in the place of what it is a mutant of."""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
import types
from collections.abc import Iterator
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from typing import Any

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import mangled_name_from_mutant_name, parse_mutant_key

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "covenant_rules"


class NotExchanged(Exception):
    """The function cannot be exchanged once it is made; `FromTheStart` can."""


@cache
def mutated(module: str) -> tuple[str, tuple[str, ...]]:
    """The source of a module with every mutant of every function in it, and the names of the mutants."""
    file = mutate_file_contents(module, file_of(module).read_text("utf-8"))
    return file.code, tuple(file.mutant_names)


def file_of(module: str) -> Path:
    """Where a module stands."""
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def modules() -> Iterator[str]:
    """Every module of the package, by name."""
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__")


def named(module: str) -> list[str]:
    """Every mutant of a module, by its whole name."""
    return [f"{module}.{name}" for name in mutated(module)[1]]


def shown(mutant: str) -> str:
    """The change as a difference of lines."""
    module, _, name = mutant.rpartition(".")
    right, wrong = (_texts(module)[each] for each in (f"{mangled_name_from_mutant_name(name)}__mutmut_orig", name))
    return "\n".join(difflib.unified_diff(right, wrong, mutant, mutant, lineterm="", n=1))


@cache
def _texts(module: str) -> dict[str, list[str]]:
    """By name, the lines of each function, in which its own name is left out."""
    source, _ = mutated(module)
    lines = source.splitlines()
    return {
        node.name: [lines[node.lineno - 1].replace(node.name, ""), *lines[node.lineno : node.end_lineno]]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
    }


def _function(namespace: Any, name: str, class_: str | None) -> types.FunctionType | None:
    """The function behind whatever it is wrapped in."""
    found = vars(vars(namespace)[class_])[name] if class_ else vars(namespace)[name]
    for wrapped in ("__func__", "fget", "func", "__wrapped__"):
        found = getattr(found, wrapped, found)
    return found if isinstance(found, types.FunctionType) else None


def original(mutant: str) -> types.FunctionType | None:
    """The function that a mutant is one of."""
    module, _, name = mutant.rpartition(".")
    return _function(importlib.import_module(module), *parse_mutant_key(mangled_name_from_mutant_name(name)))


@cache
def changed(module: str) -> types.ModuleType:
    """The module with every mutant in it, under another name."""
    namespace = types.ModuleType(f"mutated.{module}")
    namespace.__file__ = str(file_of(module))
    sys.modules[namespace.__name__] = namespace
    exec(compile(mutated(module)[0], f"mutated/{module}", "exec"), vars(namespace))
    return namespace


def exchange(mutant: str) -> None:
    """Has the function do what the mutant does, wherever it was imported to. Raises NotExchanged."""
    module, _, name = mutant.rpartition(".")
    _, class_ = parse_mutant_key(mangled_name_from_mutant_name(name))
    right, wrong = original(mutant), _function(changed(module), name, class_)
    if right is None or wrong is None or len(right.__code__.co_freevars) != len(wrong.__code__.co_freevars):
        raise NotExchanged(mutant)
    right.__code__, right.__defaults__, right.__kwdefaults__ = wrong.__code__, wrong.__defaults__, wrong.__kwdefaults__


class FromTheStart(MetaPathFinder, Loader):
    """Imports one module with all its mutants in it; MUTANT_UNDER_TEST says which of them is at work."""

    def __init__(self, mutant: str) -> None:
        self._module = mutant.rpartition(".")[0]

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        return spec_from_loader(fullname, self) if fullname == self._module else None

    def exec_module(self, module: types.ModuleType) -> None:
        module.__file__ = str(file_of(self._module))
        exec(compile(mutated(self._module)[0], f"mutated/{self._module}", "exec"), vars(module))
