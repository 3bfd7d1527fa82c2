"""`covenant rules`: what the commands answer, and the exit codes that scripts go by."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from clients.cli.rules import app
from covenant_rules.load import load
from covenant_rules.matrix import Matrix
from covenant_rules.schema import schema_text
from tests.rules.fragments import COMPLEX_APPROACH, EXAMPLES

EXAMPLE = str(EXAMPLES / "complex-approach.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def saved(directory: Path, document: str, name: str = "draft.yaml") -> str:
    path = directory / name
    path.write_text(document, "utf-8")
    return str(path)


def test_check_is_content_with_a_good_covenant() -> None:
    result = run("check", EXAMPLE)
    assert result.exit_code == 0
    assert "5 parties, 2 purposes" in result.output
    assert load(COMPLEX_APPROACH.encode()).version in result.output


def test_check_shows_the_line_and_points_at_the_place(tmp_path: Path) -> None:
    result = run("check", saved(tmp_path, COMPLEX_APPROACH.replace("to: [care]", "to: [car]", 1)))
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].endswith("error CR301: unknown kind `car`")
    assert lines[1][lines[2].index("^") :] == "car]"
    assert lines[3].strip() == "did you mean `care`?"


def test_a_warning_does_not_fail_the_check(tmp_path: Path) -> None:
    result = run("check", saved(tmp_path, COMPLEX_APPROACH.replace("minimum_cell: 10", "minimum_cell: 4")))
    assert "warning CR543" in result.output
    assert result.exit_code == 0


def test_check_for_programs(tmp_path: Path) -> None:
    result = run("check", "--json", saved(tmp_path, COMPLEX_APPROACH.replace("minimum_cell: 10", "minimum_cell: 4")))
    (finding,) = json.loads(result.output)
    assert finding["code"] == "CR543"
    assert finding["severity"] == "warning"
    assert finding["line"] == COMPLEX_APPROACH[: COMPLEX_APPROACH.index("minimum_cell")].count("\n") + 1


def test_what_control_characters_a_document_holds_never_reaches_the_terminal(tmp_path: Path) -> None:
    result = run("check", saved(tmp_path, "title: \x1b]0;owned\x07[bold]x[/bold]\n"))
    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_the_matrix_as_csv_is_the_matrix() -> None:
    covenant = load(COMPLEX_APPROACH.encode())
    rows = list(csv.DictReader(io.StringIO(run("matrix", EXAMPLE, "--csv", "--purpose", "support").output)))
    cells = [(cell, mask) for cell, mask in Matrix(covenant).cells() if cell.purpose == "support"]
    assert len(rows) == sum(mask.bit_count() for _, mask in cells)
    assert {row["purpose"] for row in rows} == {"support"}
    row = rows[0]
    assert Matrix(covenant).may(row["purpose"], row["stage"], row["from"], row["to"], row["category"], row["item"])


def test_the_matrix_narrowed_to_nothing() -> None:
    assert run("matrix", EXAMPLE, "--purpose", "support", "--from", "police", "--to", "police").output.count("│") == 0


@pytest.mark.parametrize(
    ("question", "answer", "exit_code"),
    [
        (("police", "municipality", "hit", "violence"), "yes, for example about `violence`", 0),
        (("police", "housing", "hit", "violence"), "never: `housing` has no legal basis", 1),
        (("care", "police", "note.gist", "noise"), "never: `no-care-notes-to-police` forbids it", 1),
        (("care", "housing", "hit", "care-concern"), "never: no permit names `hit` there", 1),
        (("care", "hosing", "hit", "noise"), "unknown kind `hosing`; did you mean `housing`?", 2),
        (("care", "police", "note", "noise"), "never: `no-care-notes-to-police` forbids it", 1),
        (("police", "municipality", "note", "noise"), "yes, for example", 0),
        (("care", "housing", "notes", "noise"), "unknown item `notes`; did you mean `note.", 2),
    ],
)
def test_can_answers_with_a_proof(question: tuple[str, str, str, str], answer: str, exit_code: int) -> None:
    from_, to, item, category = question
    result = run("can", EXAMPLE, "--from", from_, "--to", to, "--item", item, "--category", category)
    assert answer in result.output
    assert result.exit_code == exit_code


@pytest.mark.parametrize(
    ("right", "wrong", "shown", "exit_code"),
    [
        ("title: Complex approach Vogelplein", "title: Another title", "nobody sees more or less", 0),
        ("    when: {within: P180D}\n", "", "wider conditions", 1),
        ("    when: {within: P180D}\n", "    when: {within: P90D}\n", "narrower conditions", 0),
        ("    to: [care]\n", "    to: [care, housing]\n", "gained", 1),
        ("    from: [police, housing, care]\n", "    from: [police, housing]\n", "lost", 0),
        ("items: [hit]}]", "items: [source]}]", "other handling codes", 1),
        ("items: [source]}]", "items: [hit]}]", "other handling codes", 0),
        ("until: 2028-12-31", "until: 2029-12-31", "in force", 1),
        ("until: 2028-12-31", "until: 2027-12-31", "in force", 0),
        (
            "  care-team: {title",
            '  care-two: {title: Second, kind: care, oin: "00000001009999999000"}\n  care-team: {title',
            "+ care-two, of kind care",
            1,
        ),
        ("noise: P1Y", "noise: P2Y", "~ retention of noise: P1Y, now P2Y", 1),
        ("noise: P1Y", "noise: P11M", "~ retention of noise: P1Y, now P11M", 0),
        ("approvals: [municipality]}", "approvals: [municipality, police]}", "approvals for the stage weighing", 0),
        ("{title: Weighing, approvals: [municipality]}", "{title: Weighing}", "weighing: municipality, now none", 1),
        ("minimum_cell: 10", "minimum_cell: 5", "~ smallest area figure: 10, now 5", 1),
        ("nuisance: {police: 50}", "nuisance: {police: 51}", "~ look-ups a day of police for nuisance: 50, now 51", 1),
        ("police: [person-name-birthdate]", "police: [person-name-birthdate, person-bsn]", "match keys of police", 1),
        ("BW art. 7:213", "BW art. 7:231", "legal basis of housing for nuisance: ", 0),
        ("{never: care-notes-reach-police", "{never: another", "- care-notes-reach-police: no longer made", 0),
        ("categories: [drug-dealing, violence], items: [hit]}", "categories: [violence], items: [hit]}", "else", 0),
    ],
)
def test_diff_fails_when_anybody_may_see_more(
    tmp_path: Path, right: str, wrong: str, shown: str, exit_code: int
) -> None:
    assert right in COMPLEX_APPROACH
    result = run("diff", EXAMPLE, saved(tmp_path, COMPLEX_APPROACH.replace(right, wrong, 1)))
    assert shown in result.output
    assert result.exit_code == exit_code


def test_who_tells_a_source_who_may_see_its_signals_and_when() -> None:
    asked = ("who", EXAMPLE, "--party", "care-team", "--category", "care-concern")
    english, dutch = (run(*asked, "--lang", language).output for language in ("en", "nl"))
    assert english.count("·") == dutch.count("·") == 6
    assert "· art. 7.4 asks that the source releases the signal." in english
    assert "· art. 7.4 vraagt dat de bron het signaal vrijgeeft." in dutch
    hidden = ("who", EXAMPLE, "--party", "police", "--category", "noise", "--code", "not-to-landlords", "--lang", "en")
    assert "Housing corporation may see" not in run(*hidden).output
    assert "hides the hit from Housing corporation" in run(*hidden).output


def test_who_refuses_words_that_the_covenant_does_not_know() -> None:
    result = run("who", EXAMPLE, "--party", "polic", "--category", "noise", "--code", "secret")
    assert result.exit_code == 2
    assert "unknown party `polic`; did you mean `police`?" in result.output
    assert "unknown handling code `secret`" in result.output


def test_a_covenant_in_the_directory_need_not_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("check").exit_code == 2
    saved(tmp_path, COMPLEX_APPROACH, "covenant.yaml")
    assert run("check").exit_code == 0
    assert "never" in run("can", "--from", "care", "--to", "police", "--item", "note").output


@pytest.mark.parametrize(
    "command", [["matrix"], ["diff", EXAMPLE], ["can", "--from", "a", "--to", "b", "--item", "hit"]]
)
def test_no_other_command_goes_on_with_what_is_no_covenant(tmp_path: Path, command: list[str]) -> None:
    result = run(*command, saved(tmp_path, "title: x\n"))
    assert "CR202" in result.output
    assert result.exit_code == 2


def test_a_file_that_is_not_there_is_said_so() -> None:
    assert run("check", "/nowhere.yaml").exit_code == 2


def test_the_schema_is_printed_as_committed() -> None:
    assert run("schema").output == schema_text()


def test_explain_tells_the_story_of_a_code() -> None:
    result = run("explain", "cr521")
    assert result.exit_code == 0
    assert "independent_parties: 3" in result.output
    assert run("explain", "CR000").exit_code == 2
