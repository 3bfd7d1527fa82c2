"""The broker's log as it grows before the witness, and what is released meanwhile."""

from __future__ import annotations

from uuid import uuid4

import httpx

from clients.protocol.merkle import Tree
from clients.protocol.messages.log import WitnessedLog
from clients.protocol.sealing import SealedField, WrapInfo
from tests.keyholder.house import House, read

Field = tuple[WrapInfo, SealedField]


def grow(house: House, count: int = 1) -> None:
    for _ in range(count):
        house.broker_log.tree.append(uuid4().bytes * 2)


def other(size: int) -> Tree:
    """Another history of so many entries."""
    return Tree(uuid4().bytes * 2 for _ in range(size))


def witnessed(house: House) -> WitnessedLog:
    return read(house.by_party("police", "GET", "/witness"), WitnessedLog)


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("/problems/")


def release(house: House, field: Field) -> tuple[int, str]:
    """What an honest grant for the field comes to, its decision being cosigned while that is still possible."""
    info, sealed = field
    response = house.release(house.grant(info, sealed.wrapped_key), sealed.wrapped_key)
    return (200, "") if response.status_code == 200 else code(response)
