"""Sealing keys: one per retention month, drawn on demand, destroyed when the month is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.keyholder import SealingKey
from service.keyholder.upkeep import kept_up, upkeep
from service.storage.keystore import KeyDirectory
from tests.keyholder.house import C, House, faults, read


def names(house: House) -> list[str]:
    return KeyDirectory(house.directory).names("sealing-keys/")


def test_everyone_gets_the_months_one_key(house: House) -> None:
    first = read(house.by_party("police", "GET", "/sealing-keys/2027-11"), SealingKey)
    assert read(house.by_party("care-team", "GET", "/sealing-keys/2027-11"), SealingKey) == first
    other = read(house.by_party("police", "GET", "/sealing-keys/2027-10"), SealingKey)
    assert HybridPublicKey(first.public_key) != HybridPublicKey(other.public_key)
    [one, two] = house.entries("sealing-key-drawn")
    assert (one["month"], one["party"], two["month"]) == ("2027-11", "police", "2027-10")
    assert len(names(house)) == 2


@pytest.mark.parametrize("month", ["2026-10", "2027-12", "1999-01", "9999-12"])
def test_only_months_that_a_signal_of_today_can_be_kept_until_have_keys(house: House, month: str) -> None:
    response = house.by_party("police", "GET", f"/sealing-keys/{month}")
    assert (response.status_code, faults(response)) == (403, [("path/month", "month-not-allowed")])
    assert response.json()["parameters"] == {"first": "2026-11", "last": "2027-11"}
    assert names(house) == []


def test_a_month_is_written_in_one_way(house: House) -> None:
    assert house.by_party("police", "GET", "/sealing-keys/2027-13").status_code == 400


def test_a_key_goes_with_its_month_and_does_not_come_back(house: House) -> None:
    for month in ("2026-11", "2026-12"):
        read(house.by_party("police", "GET", f"/sealing-keys/{month}"), SealingKey)
    upkeep(house.holder)
    assert len(names(house)) == 2
    house.clock.advance(timedelta(days=8, hours=13, minutes=29))  # 22:59 UTC on 30 November: still November
    upkeep(house.holder)
    assert len(names(house)) == 2
    house.clock.advance(timedelta(minutes=2))
    upkeep(house.holder)
    upkeep(house.holder)
    assert [name.split("/")[2] for name in names(house)] == ["2026-12"]
    assert [entry["month"] for entry in house.entries("sealing-key-destroyed")] == ["2026-11"]
    with house.holder.database.transaction() as session:
        assert house.holder.sealing_keys.private_key(session, C, "2026-11") is None
        assert house.holder.sealing_keys.private_key(session, C, "2026-12") is not None
    assert house.by_party("police", "GET", "/sealing-keys/2026-11").status_code == 403


def test_a_key_whose_row_was_never_committed_is_destroyed_too(house: House) -> None:
    read(house.by_party("police", "GET", "/sealing-keys/2026-11"), SealingKey)
    KeyDirectory(house.directory).create(f"sealing-keys/{C}/2026-11/leftover", bytes(96))
    house.clock.advance(timedelta(days=30))
    upkeep(house.holder)
    assert names(house) == []


def test_upkeep_runs_when_the_service_starts(house: House) -> None:
    read(house.by_party("police", "GET", "/sealing-keys/2026-11"), SealingKey)
    house.clock.advance(timedelta(days=30))
    with kept_up(house.holder):
        pass
    assert names(house) == []
