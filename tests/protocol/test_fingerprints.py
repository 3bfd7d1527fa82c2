"""Fingerprints: the same for the same keys however they are written, and another for others."""

from __future__ import annotations

from clients.protocol.fingerprints import fingerprint


def test_a_fingerprint_can_be_read_aloud() -> None:
    groups = fingerprint({"party": "police"}).split(" ")
    assert [len(group) for group in groups] == [4] * 8
    assert all(digit in "0123456789abcdef" for group in groups for digit in group)


def test_the_order_of_members_changes_nothing_and_any_other_change_does() -> None:
    one = {"party": "police", "keys": {"a": "1", "b": "2"}}
    assert fingerprint(one) == fingerprint({"keys": {"b": "2", "a": "1"}, "party": "police"})
    assert fingerprint(one) != fingerprint({"party": "police", "keys": {"a": "1", "b": "3"}})


def test_a_fingerprint_is_pinned() -> None:
    assert fingerprint({"party": "police"}) == "7845 9011 96d4 d905 ce76 9e9b f512 cbd9"
