"""Batches to be spoilt, and what must have come of them: nothing stored but the good, and nothing said back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from sqlmodel import func, select

from service.audit.tables import AuditEntryRow
from service.signals.tables import PseudonymRow, SignalBatchRow, SignalFieldRow, SignalIdRow, SignalRow
from tests.kit import Made, Partner, Stage, subject

IDENTIFIER = "Dorpsstraat 12, BSN 123456782"

Json = dict[str, Any]


def three(police: Partner) -> list[Made]:
    return [police.signal(subject(f"flat {n}"), fields={"note.gist": b""}, mock_seal=True) for n in range(3)]


def sent(police: Partner, made: list[Made], spoil: Callable[[Json], None] | None = None) -> tuple[httpx.Response, Json]:
    """The batch as JSON, its second signal spoilt."""
    document = police.batch(made).model_dump(mode="json")
    if spoil is not None:
        spoil(document["signals"][1])
    return police.post("/signals", document), document


def stored(stage: Stage) -> dict[str, int]:
    tables = (SignalRow, SignalFieldRow, SignalBatchRow, SignalIdRow, PseudonymRow)
    with stage.context.database.transaction() as session:
        return {
            str(table.__tablename__): session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        }


def refusals(stage: Stage) -> list[str]:
    with stage.context.database.transaction() as session:
        rows = session.exec(select(AuditEntryRow).where(AuditEntryRow.event == "submission-refused"))
        return [row.fields["reason"] for row in rows]


def assert_echoes_nothing(response: httpx.Response, document: Any) -> None:
    """No token, no salt, no field and no made-up text of the request is in the answer."""
    for signal in document.get("signals", ()):
        if isinstance(signal, dict):
            tokens = signal.get("tokens")
            for token in tokens if isinstance(tokens, list) else ():
                assert token["token"] == 7 or token["token"] not in response.text
            for sealed in signal.get("fields", ()):
                assert sealed["ciphertext"][:40] not in response.text
    assert IDENTIFIER not in response.text
    assert "Dorpsstraat" not in response.text
    assert "123456782" not in response.text


def unchanged(stage: Stage, before: dict[str, int]) -> None:
    assert stored(stage) == before
