"""The properties can fail: each of these changes to the engine, any of which would tell somebody too much, breaks one.

`make mutation` makes thousands of changes and takes hours; here are some that matter, in every test run. Each is made
in a copy, and the properties are asked of the copy in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.source
ROOT = Path(__file__).parents[2]

MUTANTS = {
    "a covenant holds for ever": (
        "evaluate.py",
        "not facts.current.valid_from <= today <= facts.current.valid_until",
        "not facts.current.valid_from <= today",
    ),
    "who is suspended is answered": (
        "evaluate.py",
        "if anchored and question.viewer in facts.active else",
        "if anchored else",
    ),
    "who is suspended is shown": ("evaluate.py", "if party not in facts.active:", "if party is None:"),
    "one can stand on another's signal": (
        "evaluate.py",
        "if s.id == name and s.party == question.viewer",
        "if s.id == name",
    ),
    "one's own signals are hits": (
        "evaluate.py",
        "if signal.party == question.viewer or question.purpose not in signal.purposes:",
        "if question.purpose not in signal.purposes:",
    ),
    "signals serve every purpose": (
        "evaluate.py",
        "if signal.party == question.viewer or question.purpose not in signal.purposes:",
        "if signal.party == question.viewer:",
    ),
    "only the current version counts": (
        "evaluate.py",
        "(current,) if submitted is current else (current, submitted)",
        "(current,)",
    ),
    "origins are not asked": (
        "evaluate.py",
        "for party in (signal.party, *signal.origins):",
        "for party in (signal.party,):",
    ),
    "what is derived is an observation": (
        "evaluate.py",
        "return not signal.origins and not signal.tainted",
        "return not signal.tainted",
    ),
    "an echo is an observation": (
        "evaluate.py",
        "return not signal.origins and not signal.tainted",
        "return not signal.origins",
    ),
    "what is not shown still counts": (
        "evaluate.py",
        "if n is not None and len(shown) == len(seen):",
        "if n is not None:",
    ),
    "an unknown handling code hides nothing": (
        "evaluate.py",
        "if in_current is None and in_submitted is None:",
        "if in_current is None and in_submitted is not None:",
    ),
    "audit sight unites": (
        "evaluate.py",
        "source=frozenset.intersection(*(sight.source for sight in used))",
        "source=frozenset().union(*(sight.source for sight in used))",
    ),
    "look-ups are answered by every permit": ("compile.py", "(0 if rule.lookup else ANCHORED)", "0"),
    "nobody counts": (
        "compile.py",
        "permit.parties <= counts[permit.window]",
        "permit.parties <= 99",
    ),
    "items stand without what they imply": ("compile.py", "if kept == items:", "if kept <= items:"),
    "forbidding an item leaves what implies it": (
        "matrix.py",
        "(item, *covenant.implied[item])",
        "(item,)",
    ),
    "forbids are no forbids": ("matrix.py", "& self.lawful & ~self.forbidden[item]", "& self.lawful"),
    "no legal basis is needed": ("matrix.py", "& self.lawful & ~self.forbidden[item]", "& ~self.forbidden[item]"),
}


def asked_of_a_copy(directory: Path, change: tuple[str, str, str] | None) -> subprocess.CompletedProcess[str]:
    """The properties and the matrix' definition, asked of a copy of the rules with one passage changed."""
    for package in ("covenant_rules", "tests/rules"):
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    (directory / "tests" / "__init__.py").touch()
    (directory / "pytest.ini").write_text("[pytest]\nmarkers =\n  speed:\n  source:\n", "utf-8")
    if change is not None:
        name, right, wrong = change
        file = directory / "covenant_rules" / name
        source = file.read_text("utf-8")
        assert source.count(right) == 1, f"{name} does not say {right} any more"
        file.write_text(source.replace(right, wrong), "utf-8")
    command = [sys.executable, "-m", "pytest", "tests/rules/test_properties.py", "tests/rules/test_matrix.py"]
    options = ["-x", "-q", "--assert=plain", "--import-mode=importlib", "--hypothesis-profile=brief"]
    plugins = ["-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV_"))}
    return subprocess.run(  # no shell, and nothing in it from outside
        [*command, *options, *plugins],
        cwd=directory,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_nothing_is_wrong_with_a_copy(tmp_path: Path) -> None:
    done = asked_of_a_copy(tmp_path, None)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("change", MUTANTS.values(), ids=MUTANTS)
def test_the_properties_notice_that(change: tuple[str, str, str], tmp_path: Path) -> None:
    done = asked_of_a_copy(tmp_path, change)
    assert done.returncode == 1, done.stdout
    assert "AssertionError" in done.stdout, done.stdout
