"""A grant opens nothing unless its own decision stands in the broker's log, under a head that was cosigned here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from clients.protocol.audit_leaf import PartialView
from clients.protocol.checkpoint import Checkpoint, add_signature, cosign
from clients.protocol.grants import EntryProof
from clients.protocol.logs import log_origin
from clients.protocol.tlog_proof import TlogProof
from tests.keyholder.house import ISSUER, C, House
from tests.keyholder.witnessing import Field, code, grow
from tests.service.cast import OtherService


def unwitnessed(house: House, entry: EntryProof) -> EntryProof:
    """The same, under a head that the log alone has signed."""
    index = house.broker_log.tree.size - 1
    path = tuple(house.broker_log.tree.inclusion_proof(index))
    return replace(entry, proof=TlogProof(index, path, house.broker_log.note()).text())


def witnessed_by_another(house: House, entry: EntryProof) -> EntryProof:
    plain = unwitnessed(house, entry)
    tree = house.broker_log.tree
    head = Checkpoint(log_origin(house.broker.issuer, C), tree.size, tree.root())
    line = cosign(head, f"{ISSUER.removeprefix('https://')}/witness", bytes(32), int(house.clock.now.timestamp()))
    return replace(plain, proof=add_signature(plain.proof, line))


def of_another_broker(house: House, entry: EntryProof) -> EntryProof:
    honest, house.broker_log.house.broker = house.broker, OtherService()
    try:
        return unwitnessed(house, entry)
    finally:
        house.broker = honest


def elsewhere_in_the_log(house: House, entry: EntryProof) -> EntryProof:
    grow(house)
    house.broker_log.show()
    index = house.broker_log.tree.size - 1
    path = tuple(house.broker_log.tree.inclusion_proof(index))
    return replace(entry, proof=TlogProof(index, path, house.broker_log.cosigned).text())


@pytest.mark.parametrize(
    ("bend", "refusal"),
    [
        (unwitnessed, "entry-not-witnessed"),
        (witnessed_by_another, "entry-not-witnessed"),
        (of_another_broker, "entry-not-proved"),
        (elsewhere_in_the_log, "entry-not-proved"),
        (lambda _, entry: replace(entry, proof=""), "entry-not-proved"),
        (lambda _, entry: replace(entry, view=replace(entry.view, hidden=entry.view.hidden[1:])), "entry-not-proved"),
        (lambda _, entry: replace(entry, view=PartialView({}, ())), "entry-not-proved"),
    ],
    ids=["not witnessed", "another witness", "another log", "another place", "no proof", "no leaf", "no entry"],
)
def test_a_decision_that_is_not_in_the_log_opens_nothing(
    house: House, field: Field, bend: Callable[[House, EntryProof], EntryProof], refusal: str
) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key)
    bent = replace(grant, entry=bend(house, grant.entry))
    assert code(house.release(bent, sealed.wrapped_key)) == (403, refusal)
    assert house.entries("field-released") == []
    [entry] = house.entries("release-refused")
    assert (entry["reason"], entry["grant"]) == (refusal, grant.jti)


def shown_as(items: Any, source: str = "police") -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda values: values | {name: {"items": items, "source": source} for name in values if "/" in name}


OTHER_DECISIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "of another recipient": lambda values: values | {"party": "care-team"},
    "for another purpose": lambda values: values | {"purpose": "support"},
    "in another stage": lambda values: values | {"stage": "weighing"},
    "of another covenant": lambda values: values | {"entry": values["entry"] | {"covenant": "severe-nuisance"}},
    "under another id": lambda values: values | {"entry": values["entry"] | {"id": str(uuid4())}},
    "that is no decision": lambda values: values | {"entry": values["entry"] | {"event": "grant-issued"}},
    "with more about it": lambda values: values | {"entry": values["entry"] | {"note": "x"}},
    "of another signal": lambda values: {name.replace("shown/", "shown/0"): value for name, value in values.items()},
    "of another source": shown_as(["hit", "source", "note.gist"], "housing-north"),
    "without the item": shown_as(["hit", "source"]),
    "with items of no form": shown_as("note.gist"),
    "without a recipient": lambda values: {name: value for name, value in values.items() if name != "party"},
    "without itself": lambda values: {name: value for name, value in values.items() if name != "entry"},
}


@pytest.mark.parametrize("change", OTHER_DECISIONS.values(), ids=OTHER_DECISIONS)
def test_another_decision_than_the_grants_opens_nothing(
    house: House, field: Field, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """The entry stands in the log and is proved; it only says something else."""
    info, sealed = field
    entry_id = str(uuid4())
    values = {
        "entry": {"covenant": C, "event": "disclosure-decided", "id": entry_id},
        f"shown/{UUID(bytes=info.signal_id)}": {"items": ["hit", "note.gist", "source"], "source": "police"},
        "party": "municipality",
        "purpose": "nuisance",
        "stage": "signal",
    }
    honest = house.grant(info, sealed.wrapped_key, audit_entry=entry_id, entry=house.broker_log.entry(values))
    bent = house.grant(info, sealed.wrapped_key, audit_entry=entry_id, entry=house.broker_log.entry(change(values)))
    assert code(house.release(bent, sealed.wrapped_key)) == (403, "entry-not-of-decision")
    assert house.release(honest, sealed.wrapped_key).status_code == 200


def test_a_decision_is_shown_no_further_than_the_grant_needs(house: House, field: Field) -> None:
    """What the broker leaves out stays hidden from the key holder too; the leaf is the same."""
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key)
    assert set(grant.entry.view.shown) == {
        "entry", "party", "purpose", "stage", f"shown/{UUID(bytes=info.signal_id)}"
    }  # fmt: skip
    assert len(grant.entry.view.hidden) == 11
