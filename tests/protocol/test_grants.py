"""A grant says exactly one thing, to one key holder, for two minutes at most."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from clients.protocol import jws
from clients.protocol.audit_leaf import entry_leaf, leaf_of_view, partial_view
from clients.protocol.checkpoint import Checkpoint, add_signature, cosign, sign_checkpoint
from clients.protocol.errors import TokenError
from clients.protocol.grants import TYP, EntryProof, Grant, sign_grant, verify_grant, wrapped_key_digest
from clients.protocol.sealing import WrapInfo
from clients.protocol.tlog_proof import TlogProof

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BROKER = jws.generate_key()
KEYS = {jws.thumbprint(BROKER): BROKER.public_key()}
INFO = WrapInfo(
    covenant="complex-approach",
    version="ab" * 32,
    party="police",
    signal_id=bytes(range(16)),
    match_keys=("address-bag", "address-postcode"),
    category="noise",
    purposes=("nuisance",),
    handling_codes=(),
    origins=(),
    field="note",
    variant="gist",
    retention_month="2027-11",
)


def entry(signals: int) -> EntryProof:
    """Of a decision that showed so many signals, in a log of many million entries."""
    checkpoint = Checkpoint("broker.example/covenants/complex-approach", 2**26, bytes(32))
    note = add_signature(
        sign_checkpoint(checkpoint, bytes(32)), cosign(checkpoint, "keys.example/witness", bytes(32), 9)
    )
    fields = dict.fromkeys(("day", "time", "rules", "withheld", "rest"), b"x" * 60) | FIELDS
    fields |= {f"shown/{UUID(int=number)}": SHOWN for number in range(signals)}
    view = partial_view(bytes(32), fields, {*FIELDS, f"shown/{UUID(int=0)}"})
    assert leaf_of_view(view) == entry_leaf(bytes(32), fields)
    return EntryProof(view, TlogProof(2**25, (bytes(32),) * 26, note).text())


FIELDS = {
    "entry": b'{"covenant":"complex-approach","event":"disclosure-decided",'
    b'"id":"00000000-0000-0000-0000-000000000009"}',
    "party": b'"municipality"',
    "purpose": b'"nuisance"',
    "stage": b'"signal"',
}
SHOWN = b'{"items":["category","hit","note.gist","period","source"],"source":"police"}'
GRANT = Grant(
    jti=str(UUID(int=7)),
    broker="https://broker.example",
    key_holder="https://keys.example",
    recipient="municipality",
    issued_at=NOW,
    expires_at=NOW + timedelta(seconds=120),
    current_version="cd" * 32,
    purpose="nuisance",
    stage="signal",
    info=INFO,
    wrapped_key_digest=wrapped_key_digest(b"wrapped"),
    rule="municipality-sees-nuisance",
    audit_entry=str(UUID(int=9)),
    entry=entry(1),
)


def verify(token: str, *, broker: str = GRANT.broker, key_holder: str = GRANT.key_holder, now: datetime = NOW) -> Grant:
    return verify_grant(token, KEYS, broker=broker, key_holder=key_holder, now=now)


def test_what_was_granted_is_what_is_read() -> None:
    assert verify(sign_grant(GRANT, BROKER)) == GRANT


@pytest.mark.parametrize("signals", [1, 20, 200, 1500])
def test_a_grant_about_one_of_many_signals_is_not_too_long(signals: int) -> None:
    grant = replace(GRANT, entry=entry(signals))
    assert verify(sign_grant(grant, BROKER)) == grant


def test_a_grant_that_nobody_could_read_is_not_made() -> None:
    with pytest.raises(TokenError, match="too long"):
        sign_grant(replace(GRANT, entry=entry(5000)), BROKER)


def test_a_grant_of_another_broker_is_refused() -> None:
    with pytest.raises(TokenError):
        verify(sign_grant(GRANT, jws.generate_key()))


def test_a_grant_in_the_name_of_another_broker_is_refused() -> None:
    with pytest.raises(TokenError, match="of another broker"):
        verify(sign_grant(GRANT, BROKER), broker="https://another.example")


def test_a_grant_for_another_key_holder_is_refused() -> None:
    with pytest.raises(TokenError):
        verify(sign_grant(GRANT, BROKER), key_holder="https://other.example")


def test_a_grant_expires() -> None:
    with pytest.raises(TokenError):
        verify(sign_grant(GRANT, BROKER), now=NOW + timedelta(seconds=126))


def test_no_grant_is_made_that_lives_longer_than_two_minutes() -> None:
    with pytest.raises(TokenError):
        sign_grant(replace(GRANT, expires_at=NOW + timedelta(seconds=121)), BROKER)


def test_no_grant_is_believed_that_lives_longer_than_two_minutes() -> None:
    claims = jws.verify(sign_grant(GRANT, BROKER), KEYS, typ=TYP, audience=GRANT.key_holder, now=NOW)
    long = jws.sign(claims | {"exp": claims["exp"] + 60}, BROKER, typ=TYP, kid=jws.thumbprint(BROKER))
    with pytest.raises(TokenError, match="too long"):
        verify(long)


def test_a_grant_says_nothing_besides() -> None:
    claims = jws.verify(sign_grant(GRANT, BROKER), KEYS, typ=TYP, audience=GRANT.key_holder, now=NOW)
    more = jws.sign(claims | {"scope": "all"}, BROKER, typ=TYP, kid=jws.thumbprint(BROKER))
    with pytest.raises(TokenError):
        verify(more)


def test_a_name_twice_is_refused() -> None:
    claims = jws.verify(sign_grant(GRANT, BROKER), KEYS, typ=TYP, audience=GRANT.key_holder, now=NOW)
    twice = jws.sign(claims | {"purposes": ["a", "a"]}, BROKER, typ=TYP, kid=jws.thumbprint(BROKER))
    with pytest.raises(TokenError):
        verify(twice)
