"""Signals come in over HTTP."""

from __future__ import annotations

from tests.kit import Stage, subject


def test_a_signal_is_stored_and_seen_by_its_party(stage: Stage) -> None:
    police = stage.partner("police")
    made = police.signal(subject("flat 1"), fields={"note.gist": b"music until five"})
    result = police.submit(made)
    assert (result.accepted, result.repeated, result.rejected) == (1, 0, 0)
    (own,) = police.get("/signals").json()["signals"]
    assert own["signalId"] == str(made.id)
    assert own["fields"] == ["note.gist"]
    assert own["state"] == "live"
