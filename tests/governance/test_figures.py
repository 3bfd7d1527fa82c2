"""Replay and area figures at a prompt: who asks, what is said, and the exit codes that scripts go by."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clients.sdk import ClientError
from tests.governance.test_commands import Run, run, served
from tests.governance.town import Town, hash_of, record, version_from
from tests.service.cast import DOCUMENT

__all__ = ["run", "served"]

WASTE = version_from(
    "2026-12-01",
    (
        "to: [police]\n    categories: [noise, illegal-subletting]",
        "to: [police]\n    categories: [noise, waste, illegal-subletting]",
    ),
)
"""The police hears of waste too."""


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    file = tmp_path / "draft.yaml"
    file.write_bytes(WASTE)
    return file


def replay(run: Run, town: Town, who: str, file: Path, *more: str, refused: bool = False):  # type: ignore[no-untyped-def]
    return run("", "rules", "replay", str(file), "--profile", str(town.directory / who), *more, refused=refused)


def test_an_administrator_counts_what_a_draft_would_newly_show(town: Town, run: Run, draft: Path) -> None:
    town.submit("municipality", *(record(f"m{n}", n, "waste") for n in range(1, 13)))
    town.submit("police", *(record(f"p{n}", n) for n in range(1, 13)))
    told = replay(run, town, "dora", draft)
    assert told.exit_code == 0
    lines = [line.split() for line in told.stdout.splitlines() if line.strip().startswith("nuisance")]
    assert lines == [
        ["nuisance", "police", "municipality", "waste", "10", "·", "10"],
        ["nuisance", "municipality", "police", "noise", "·", "·", "10"],
    ]
    assert "rounded down to a multiple of 10; · is fewer than 10 or none" in told.stdout
    assert "every signal affirmed" in told.stdout
    assert len(town.steward("dora").versions().versions) == 1  # nothing was laid down
    answer = json.loads(replay(run, town, "olga", draft, "--json").stdout)
    assert answer["draftVersion"] == hash_of(WASTE)
    [waste] = [
        row for row in answer["rows"] if (row["toKind"], row["category"]) == ("police", "waste") and "gained" in row
    ]
    assert (waste["fromKind"], waste["gained"], waste["kept"], "lost" in waste) == ("municipality", 10, 10, False)
    assert [event for event, _ in town.events("broker")].count("draft-replayed") == 2


def test_what_is_too_little_to_tell_is_said_to_be_so(town: Town, run: Run, draft: Path) -> None:
    town.submit("municipality", record("m1", 1, "waste"))
    town.submit("police", record("p1", 1))
    told = replay(run, town, "dora", draft).stdout
    assert "nuisance" not in told
    assert "Lines left out, in which every number is fewer than 10 or none" in told


def test_a_draft_with_mistakes_is_not_sent(town: Town, run: Run, draft: Path) -> None:
    draft.write_bytes(WASTE.replace(b"kind: police, oin", b"kind: pollice, oin"))
    result = replay(run, town, "dora", draft, refused=True)
    assert (result.exit_code, "did you mean `police`?" in result.output) == (2, True)


def test_a_draft_of_another_covenant_is_refused_in_one_line(town: Town, run: Run, draft: Path) -> None:
    draft.write_bytes(WASTE.replace(b"covenant: complex-approach", b"covenant: another"))
    result = replay(run, town, "dora", draft, refused=True)
    assert isinstance(result.exception, ClientError)
    assert "a version of another covenant" in str(result.exception)


def test_a_party_does_not_replay(town: Town, run: Run, draft: Path) -> None:
    result = replay(run, town, "police", draft, refused=True)
    assert isinstance(result.exception, ClientError)


def test_a_party_that_the_covenant_names_reads_area_figures(
    town: Town, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:

    def figures(who: str, *more: str, refused: bool = False):  # type: ignore[no-untyped-def]
        return run(
            "", "figures", "--purpose", "nuisance", "--profile", str(town.directory / who), *more, refused=refused
        )

    town.submit("police", *(record(f"p{n}", n, day="2026-10-05") for n in range(1, 13)))
    town.upkeep()  # the broker draws the months up by itself too
    town.submit("municipality", *(record(f"m{n}", n, day="2026-10-05") for n in range(1, 40)))
    told = figures("housing-north").stdout
    assert [line.split() for line in told.splitlines() if line.strip().startswith("2026")] == [
        ["2026-10", "noise", "10", "10"]
    ]
    assert "fewer than 10 subjects or none" in told
    assert json.loads(figures("olga", "--json").stdout)["figures"] == [
        {"category": "noise", "month": "2026-10", "signals": 10, "subjects": 10}
    ]
    refusal = figures("police", refused=True)
    assert "the covenant gives this kind of party no area figures" in str(refusal.exception)
    assert hash_of(DOCUMENT)[:12] not in told


def test_where_no_month_is_over_there_is_nothing_yet(town: Town, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = str(town.directory / "municipality")
    assert "Nothing yet" in run("", "figures", "--purpose", "nuisance", "--profile", profile).stdout
