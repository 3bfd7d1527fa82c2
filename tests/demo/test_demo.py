"""The demo, as its user runs it, and the oracle it is held against."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import date
from importlib import resources
from pathlib import Path
from random import Random

import pytest

from covenant_rules.load import load
from service.demo.neighbourhood import AddressFileError, generate, read_addresses
from service.demo.oracle import Paper, findings
from service.demo.papers import keep_papers
from service.demo.system import NotStarted, running

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
    assert counts["log_faults"] == 0
    assert isinstance(counts["log_entries"], dict)
    assert counts["log_entries"].keys() == {"broker", "key holder"}


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


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"straat,huisnummer\nMerelstraat,1\n", "no column huisletter, huisnummertoevoeging, postcode"),
        (b"", "no column straat"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"straat,huisnummer,huisletter,huisnummertoevoeging,postcode\nMerelstraat,1,,,3561AB\n", "1 different"),
    ],
)
def test_an_address_file_that_is_none_is_refused_in_a_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "addresses.csv"
    path.write_bytes(content)
    with pytest.raises(AddressFileError, match=complaint):
        read_addresses(path, 10)
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", "demo", "--addresses", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_an_archive_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "addresses.csv.gz"
    path.write_bytes(b"not an archive")
    with pytest.raises(AddressFileError, match="cannot be read"):
        read_addresses(path, 10)


def test_a_port_that_is_taken_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(NotStarted, match=f"port {port} is taken"),
            running(tmp_path / "here", ports={"broker": port, "keyholder": port}),
        ):
            pass
    assert not (tmp_path / "here").exists()
