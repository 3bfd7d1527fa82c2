"""The key holder as witness of the broker's log: it sees forks, lost histories and silence, and releases nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from clients.protocol.audit_leaf import PartialView
from clients.protocol.checkpoint import Checkpoint, LogKey, WitnessKey, sign_checkpoint, verify_checkpoint
from clients.protocol.grants import EntryProof
from clients.protocol.logs import log_origin
from clients.protocol.merkle import Tree
from clients.protocol.messages.log import CosignatureAnswer, CosignatureRequest
from clients.protocol.signatures import public_key
from tests.keyholder.house import C, House, read
from tests.keyholder.witnessing import Field, code, grow, other, release, witnessed

# -- what is cosigned


def test_a_log_that_only_grows_is_cosigned(house: House) -> None:
    for count in (3, 1, 300, 0, 7):
        grow(house, count)
        house.broker_log.show()
    seen = witnessed(house)
    assert seen.checkpoint == house.broker_log.cosigned
    log = LogKey(log_origin(house.broker.issuer, C), public_key(house.broker.log))
    verified = verify_checkpoint(seen.checkpoint, log, (WitnessKey(seen.witness_name, seen.witness_key),))
    assert verified.checkpoint.size == 311
    assert LogKey(seen.origin, seen.log_key) == log  # as enrolled, for parties to compare with what the broker tells
    assert seen.witness_name == "keyholder.example/witness"
    assert verified.cosigned_at == {seen.witness_name: int(house.clock.now.timestamp())}
    assert seen.findings == ()
    [entry] = house.entries("log-first-cosigned")
    assert (entry["counts"], entry["service"]) == ({"shown": 3}, "broker")


def test_a_log_that_asks_from_elsewhere_is_told_where_the_witness_is(house: House) -> None:
    grow(house, 5)
    house.broker_log.show()
    grow(house, 2)
    for old_size in (0, 4, 6):
        response = house.broker_log.ask(old_size)
        assert code(response) == (409, "witness-elsewhere")
        assert response.json()["parameters"] == {"size": "5"}
    assert read(house.broker_log.ask(5), CosignatureAnswer)


def test_a_late_request_is_no_finding(house: House) -> None:
    """An older head, by who does not know of the newer one: the log is late, and nobody took it back."""
    grow(house, 2)
    house.broker_log.show()
    late = house.broker_log.note()
    grow(house, 2)
    house.broker_log.show()
    assert code(house.broker_log.ask(2, late, ())) == (409, "witness-elsewhere")
    assert witnessed(house).findings == ()


@pytest.mark.parametrize(
    "note",
    [
        lambda log: sign_checkpoint(Checkpoint(log_origin(log.house.broker.issuer, C), 3, bytes(32)), bytes(32)),
        lambda log: sign_checkpoint(Checkpoint("broker.example/covenants/another", 3, bytes(32)), log.house.broker.log),
        lambda log: log.note().replace("\n3\n", "\n4\n"),
        lambda log: log.note() + log.note().splitlines()[-1] + "\n",
        lambda log: "nothing of the kind",
    ],
    ids=["another key", "another log", "another size", "two signatures", "no note"],
)
def test_what_the_log_has_not_signed_is_not_cosigned(house: House, note: Callable[[Any], str]) -> None:
    grow(house, 3)
    assert house.broker_log.ask(0, note(house.broker_log)).status_code == 400
    assert witnessed(house).checkpoint is None


def test_a_first_head_has_no_proof(house: House) -> None:
    grow(house, 3)
    assert code(house.broker_log.ask(0, proof=(bytes(32),))) == (400, "consistency-invalid")


def test_only_the_broker_has_heads_cosigned(house: House) -> None:
    grow(house)
    body = CosignatureRequest(old_size=0, consistency=(), checkpoint=house.broker_log.note())
    assert house.by_party("police", "POST", "/witness/cosignatures", body).status_code == 403
    assert house.by_operator("POST", f"/covenants/{C}/witness/cosignatures", body).status_code == 403


# -- what is found


def attention(house: House) -> set[str]:
    answer = house.client.get("/v1/health/ready").json()
    assert answer["status"] == "ready"
    return set(answer.get("attention", ()))


def cut(house: House, size: int) -> list[bytes]:
    """The first leaves of the log as it was."""
    return [house.broker_log.tree.node(0, index) for index in range(size)]


def taken_back(house: House) -> httpx.Response:
    """As after a restored backup: the log is smaller than what was cosigned, and says so when it is told."""
    house.broker_log.tree = Tree(cut(house, 4))
    return house.broker_log.ask(7)


def forked_at_one_size(house: House) -> httpx.Response:
    house.broker_log.tree = other(7)
    return house.broker_log.ask(7)


def forked_and_grown(house: House) -> httpx.Response:
    """As after a restored backup that was written on: the log is larger, and does not go on from what was cosigned."""
    house.broker_log.tree = Tree([*cut(house, 4), *(uuid4().bytes * 2 for _ in range(5))])
    return house.broker_log.ask(7)


def grown_without_a_proof(house: House) -> httpx.Response:
    grow(house)
    return house.broker_log.ask(7, proof=())


@pytest.mark.parametrize(
    ("happens", "kind"),
    [
        (taken_back, "taken-back"),
        (forked_at_one_size, "forked"),
        (forked_and_grown, "forked"),
        (grown_without_a_proof, "forked"),
    ],
)
def test_two_histories_end_all_releases_until_an_operator_has_looked_into_it(
    house: House, field: Field, happens: Callable[[House], httpx.Response], kind: str
) -> None:
    grow(house, 6)
    info, sealed = field
    granted = house.grant(info, sealed.wrapped_key)  # its decision is the seventh entry, and cosigned
    seen = house.broker_log.cosigned

    assert code(happens(house)) == (403, "log-not-trusted")
    assert code(house.release(granted, sealed.wrapped_key)) == (403, "log-not-trusted")
    [finding] = witnessed(house).findings
    assert (finding.kind, finding.seen, finding.shown) == (kind, seen, house.broker_log.note())
    [entry] = house.entries("log-inconsistent")
    assert (entry["reason"], entry["service"]) == (kind, "broker")
    assert entry["counts"] == {"seen": 7, "shown": house.broker_log.tree.size}

    # Asking again finds nothing new, and nothing but the operator's word helps.
    assert code(house.broker_log.ask(7)) == (403, "log-not-trusted")
    assert len(witnessed(house).findings) == 1
    path = f"/witness/findings/{finding.finding_id}/acknowledgement"
    assert house.by_party("police", "PUT", path, {"reason": "never mind"}).status_code == 403
    house.clock.advance(timedelta(seconds=1))
    for _ in range(2):  # harmless to repeat
        words = {"reason": "yesterday's backup was restored"}
        assert house.by_operator("PUT", f"/covenants/{C}{path}", words).status_code == 204
    assert witnessed(house).findings[0].acknowledged_by == "operator-1"
    [entry] = house.entries("log-finding-acknowledged")
    assert (entry["words"], entry["principal"]) == ("yesterday's backup was restored", "operator-1")

    # The log goes on from what it showed; what was cosigned of the other history opens nothing any more.
    house.clock.advance(timedelta(seconds=1))
    assert release(house, field) == (200, "")
    assert code(house.release(granted, sealed.wrapped_key)) == (403, "entry-not-witnessed")


def test_a_finding_about_no_log_of_ours_is_not_acknowledged(house: House) -> None:
    path = f"/covenants/{C}/witness/findings/{uuid4()}/acknowledgement"
    assert code(house.by_operator("PUT", path, {"reason": "whatever"})) == (404, "finding-unknown")


def test_nothing_is_released_while_the_broker_keeps_its_log_away(house: House, field: Field) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key, expires_at=house.clock.now + timedelta(seconds=110))
    house.clock.advance(timedelta(seconds=61))
    response = house.release(grant, sealed.wrapped_key)
    assert code(response) == (503, "log-not-witnessed")
    assert response.headers["Retry-After"] == "10"
    house.broker_log.show()  # the same head, once more: it is still there
    assert house.release(grant, sealed.wrapped_key).status_code == 200


def test_readiness_says_that_nothing_is_released_and_why(house: House) -> None:
    grow(house, 7)
    house.broker_log.show()
    assert attention(house) == set()
    house.clock.advance(timedelta(seconds=61))
    assert attention(house) == {"log-not-kept", "log-not-witnessed"}  # no sequencer runs in this test
    house.broker_log.show()
    assert attention(house) == {"log-not-kept"}
    taken_back(house)
    assert attention(house) == {"log-not-kept", "log-not-trusted"}


def test_nothing_is_released_before_the_log_was_ever_seen(house: House, field: Field) -> None:
    info, sealed = field
    entry = EntryProof(PartialView({}, ()), "")
    response = house.release(house.grant(info, sealed.wrapped_key, entry=entry), sealed.wrapped_key)
    assert code(response) == (503, "log-not-witnessed")
