"""The demo, as its user runs it, and the oracle it is held against."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path
from random import Random

import pytest

from covenant_rules.load import load
from service.demo.neighbourhood import generate, read_addresses
from service.demo.oracle import Paper, findings
from service.demo.papers import keep_papers

TODAY = date(2026, 11, 22)
COVENANT = load((resources.files("covenant_rules") / "examples" / "complex-approach.yaml").read_bytes())
ADDRESSES = Path(__file__).parents[3] / "shared" / "data" / "addresses" / "nl_addresses_sample.csv.gz"
NOISE = Paper(
    party="police",
    reference="P-1",
    subject=("address", 1),
    category="noise",
    day=date(2026, 11, 1),
    purposes=frozenset({"nuisance"}),
    handling_codes=frozenset(),
    fields=frozenset({"note.gist"}),
)


def demo(*arguments: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "demo", "--json", "--each", "120", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    counts: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return counts


def check(counts: dict[str, object]) -> None:
    assert counts["sound"] is True
    assert counts["records"] == counts["submitted"] == 600
    assert counts["items_missing"] == counts["items_surplus"] == counts["thief_matches"] == 0
    assert counts["fields_wrong"] == counts["refusals_missing"] == 0
    assert isinstance(counts["items_agreed"], int)
    assert counts["items_agreed"] > 1000
    assert isinstance(counts["fields_opened"], int)
    assert counts["fields_opened"] > 10


@pytest.mark.xdist_group("demo")
def test_the_demo_runs_to_its_end_and_agrees_with_the_oracle() -> None:
    check(demo())


@pytest.mark.xdist_group("demo")
def test_the_demo_runs_on_real_addresses() -> None:
    if not ADDRESSES.exists():
        pytest.skip(f"REAL ADDRESSES ARE MISSING: no {ADDRESSES.name} in ../shared/data/addresses")
    check(demo("--addresses", str(ADDRESSES)))


def test_the_oracle_sees_what_the_covenant_says() -> None:
    own = replace(NOISE, party="municipality", reference="M-1", fields=frozenset())
    seen = set(findings(COVENANT, [NOISE, own], TODAY))
    of_police = {item for viewer, _, _, source, item in seen if viewer == "municipality" and source == "police/P-1"}
    assert of_police == {"hit", "source", "category", "period", "note.gist"}  # art. 5.1; no contact was written down


def test_the_oracle_knows_forbids_handling_codes_and_windows() -> None:
    landlord = replace(NOISE, party="housing-north", reference="H-1")
    crime = replace(NOISE, category="drug-dealing", reference="P-2")
    hidden = replace(NOISE, reference="P-3", handling_codes=frozenset({"not-to-landlords"}))
    old = replace(NOISE, reference="P-4", day=date(2026, 1, 10))
    sources = {
        f[3] for f in findings(COVENANT, [landlord, NOISE, crime, hidden, old], TODAY) if f[0] == "housing-north"
    }
    assert sources == {"police/P-1"}


def test_the_oracle_finds_nothing_between_subjects() -> None:
    other = replace(NOISE, party="municipality", subject=("address", 2))
    assert list(findings(COVENANT, [NOISE, other], TODAY)) == []


def test_a_seed_gives_the_same_papers_and_another_gives_others() -> None:
    def papers(seed: int) -> object:
        random = Random(seed)
        return keep_papers(generate(random, 200, 200), random, TODAY, 50)

    assert papers(1) == papers(1) != papers(2)


def test_an_address_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "addresses.csv"
    path.write_text("straat,huisnummer\nMerelstraat,1\n")
    with pytest.raises(ValueError, match="postcode"):
        read_addresses(path, 10)
