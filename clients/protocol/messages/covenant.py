"""Messages about the covenant in force at the broker, and what its set-up has published."""

from __future__ import annotations

from clients.protocol.messages.base import Bytes32, Bytes64, Message, Whole


class PublishedPartyKey(Message):
    """D_A = d_A·G of one party with its DLEQ proof (G, D_A; K_A, T): challenge ‖ response, 64 bytes."""

    party: str
    key_version: Whole
    point: Bytes32
    proof: Bytes64


class PublishedMatchKey(Message):
    """B = b·G and T = b·H with the DLEQ proof (G, B; H, T), and the parties' D_A."""

    match_key: str
    broker_point: Bytes32
    joint_point: Bytes32
    proof: Bytes64
    parties: tuple[PublishedPartyKey, ...]


class CovenantDescription(Message):
    """The covenant in force: its YAML, and what the broker published of the set-up."""

    covenant_id: str
    version: str
    document: str
    active_parties: tuple[str, ...]
    normalisation_version: str
    keys: tuple[PublishedMatchKey, ...]


class SetUpAnswer(Message):
    """What a run of the set-up came to: party keys taken in now, those known before, and all that is published."""

    accepted: Whole
    unchanged: Whole
    keys: tuple[PublishedMatchKey, ...]
