"""What a party writes into a note is shown to others as it stands, whatever it does to a terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import cast
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from clients.cli import fields
from clients.cli.plain import plain
from clients.protocol.messages.disclosure import DisclosedHit, Disclosure, GroundMessage, Hit, LeafPromise
from clients.sdk import Session
from clients.sdk.opening import Opened


def printed(text: str) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=4000, highlight=False)
    table = Table("content", box=None, show_header=False)
    table.add_row(plain(text))
    console.print(table)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("[red]urgent[/red]", "[red]urgent[/red]"),
        ("[link=https://evil.example]the file[/link]", "[link=https://evil.example]the file[/link]"),
        ("a [/] in the middle", "a [/] in the middle"),
        ("\x1b]0;all is well\x07", "\ufffd]0;all is well\ufffd"),
        ("\x1b[2Kgone \x9b31mred", "\ufffd[2Kgone \ufffd31mred"),
        ("\u202eesrever", "\ufffdesrever"),
        ("Zoë, n° 12—bis", "Zoë, n° 12—bis"),
    ],
)
def test_a_note_is_shown_as_it_stands(note: str, shown: str) -> None:
    assert printed(note).strip() == shown


@given(st.text(max_size=80))
def test_no_text_speaks_to_the_terminal(note: str) -> None:
    said = printed(note)
    assert not set(said) & {chr(code) for code in (*range(0x0A), *range(0x0B, 0x20), *range(0x7F, 0xA0))}


class Opening:
    """Stands for a session that opened one field."""

    def open_fields(self, disclosure: Disclosure, _: object) -> list[Opened]:
        (one,) = disclosure.hits
        value = "[/]\x1b]52;c;bm90IHlvdXJz\x07"
        return [Opened(one.hit.signal_id, "police", "note.gist", "landlord-sees", "art. 5.2", value)]


def test_a_field_that_was_opened_is_shown_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    ground = GroundMessage(rule="landlord-sees", clause="art. 5.2", source_basis="", viewer_basis="")
    hit = Hit(signal_id=uuid4(), matched_on=("address-bag",), items=("hit",), grounds={"hit": (ground,)})
    disclosure = Disclosure(
        disclosure_id=uuid4(),
        covenant_version="ab" * 32,
        purpose="nuisance",
        stage="signal",
        decided_at=datetime(2026, 11, 22, tzinfo=UTC),
        audit_entry_id=uuid4(),
        leaf_promise=LeafPromise(leaf_hash=bytes(32), signature=bytes(64)),
        hits=(DisclosedHit(hit=hit),),
    )
    fields._show(cast(Session, Opening()), disclosure, None, False)
    told = capsys.readouterr().out
    assert "[/]\ufffd]52;c;bm90IHlvdXJz\ufffd" in told
    assert "\x1b]" not in told
