"""A partial view proves the fields it shows, to the letter, and hides the others."""

from __future__ import annotations

import hmac
import random as pseudo
from dataclasses import replace
from hashlib import sha256, shake_256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.audit_leaf import PartialView, ShownField, entry_leaf, leaf_of_view, partial_view
from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, MerkleError
from clients.protocol.merkle import Tree, verify_inclusion

SALT = pseudo.Random(8).randbytes(32)
FIELDS = {"event": b"disclosed", "party": b"police", "purpose": b"nuisance", "items": b"hit", "time": b"12:00"}
LEAF = entry_leaf(SALT, FIELDS)

names = st.text(st.characters(codec="utf-8", min_codepoint=32), min_size=1, max_size=8)


@given(st.dictionaries(names, st.binary(max_size=20), max_size=40), st.data())
def test_any_choice_of_fields_leads_to_the_entry_s_leaf(fields: dict[str, bytes], data: st.DataObject) -> None:
    shown = data.draw(st.sets(st.sampled_from(sorted(fields))) if fields else st.just(set()), label="shown")
    view = partial_view(SALT, fields, shown)
    assert leaf_of_view(view) == entry_leaf(SALT, fields)
    assert {name: field.value for name, field in view.shown.items()} == {name: fields[name] for name in shown}
    assert len(view.shown) + len(view.hidden) == 16 * view.groups.count(None)
    assert 16 * len(view.groups) >= len(fields)


def test_a_view_is_proved_to_stand_in_the_log() -> None:
    tree = Tree([entry_leaf(SALT, {"event": b"%d" % number}) for number in range(5)] + [LEAF])
    leaf = leaf_of_view(partial_view(SALT, FIELDS, {"party"}))
    verify_inclusion(leaf, 5, tree.size, tree.inclusion_proof(5), tree.root())


def test_a_changed_value_name_key_or_digest_is_another_entry() -> None:
    view = partial_view(SALT, FIELDS, {"party", "purpose"})
    party = view.shown["party"]
    for shown in (
        {**view.shown, "party": replace(party, value=b"housing")},
        {**view.shown, "party": replace(party, key=bytes(32))},
        {"party": view.shown["purpose"], "purpose": party},
        {"partner": party, "purpose": view.shown["purpose"]},
    ):
        assert leaf_of_view(replace(view, shown=shown)) != LEAF
    assert leaf_of_view(replace(view, hidden=(bytes(32), *view.hidden[1:]))) != LEAF


def test_a_value_cannot_be_shown_under_another_field_s_name() -> None:
    view = partial_view(SALT, FIELDS, {"party", "purpose"})
    key, value = view.shown["party"].key, view.shown["party"].value
    # The key of `party`, called the key of `purpose`: possible for whoever knows the salt, were the name not inside.
    renamed = PartialView({"purpose": ShownField(key, value)}, tuple(sorted([*view.hidden, bytes(32)])))
    assert leaf_of_view(renamed) != LEAF


@pytest.mark.parametrize("hidden", [(), (bytes(32),) * 15, (bytes(32),) * 17, (bytes(31),) * 16])
def test_a_view_that_no_entry_has_is_refused(hidden: tuple[bytes, ...]) -> None:
    with pytest.raises(MerkleError):
        leaf_of_view(PartialView({}, hidden))


@pytest.mark.parametrize("groups", [(), (bytes(32),), (None, None), (None, bytes(31)), (bytes(32), None, None)])
def test_a_view_with_groups_that_no_entry_has_is_refused(groups: tuple[bytes | None, ...]) -> None:
    view = partial_view(SALT, FIELDS, {"party"})
    assert view.groups == (None,)
    with pytest.raises(MerkleError):
        leaf_of_view(replace(view, groups=groups))


def test_a_view_of_a_large_entry_stays_small() -> None:
    fields = FIELDS | {f"shown/{number}": b"x" for number in range(1000)}
    view = partial_view(SALT, fields, {"event", "party", "purpose", "shown/7"})
    assert leaf_of_view(view) == entry_leaf(SALT, fields)
    assert len(view.hidden) <= 4 * 15
    assert len(view.hidden) + len(view.groups) < 130


def test_the_groups_of_a_view_cannot_be_exchanged() -> None:
    fields = FIELDS | {f"shown/{number}": b"x" for number in range(40)}
    view = partial_view(SALT, fields, {"party"})
    assert view.groups.count(None) == 1
    assert leaf_of_view(replace(view, groups=view.groups[::-1])) != entry_leaf(SALT, fields)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), bytes(64)])
def test_a_field_s_key_has_32_bytes(key: bytes) -> None:
    view = partial_view(SALT, FIELDS, {"party"})
    with pytest.raises(MerkleError):
        leaf_of_view(replace(view, shown={"party": ShownField(key, view.shown["party"].value)}))


def test_a_filler_cannot_be_shown_as_a_field() -> None:
    view = partial_view(SALT, FIELDS, {"event"})
    filler = shake_256(hmac.digest(SALT, lp("\0"), sha256)).digest(32)
    assert filler in view.hidden
    shown = {**view.shown, "\0": ShownField(SALT, b"")}
    with pytest.raises(MerkleError):
        leaf_of_view(replace(view, shown=shown, hidden=tuple(one for one in view.hidden if one != filler)))


def test_neither_number_nor_order_of_fields_shows() -> None:
    short = partial_view(SALT, {"event": b"x"}, {"event"})
    long = partial_view(SALT, FIELDS, {"event"})
    assert len(short.hidden) == len(long.hidden) == 15
    assert short.groups == long.groups == (None,)
    assert list(long.hidden) == sorted(long.hidden)
    assert entry_leaf(SALT, dict(reversed(FIELDS.items()))) == LEAF


def test_a_shown_key_opens_no_other_field() -> None:
    view = partial_view(SALT, FIELDS, {"party"})
    guesses = {hmac.digest(view.shown["party"].key, lp(name) + value, sha256) for name, value in FIELDS.items()}
    assert not guesses & set(view.hidden)


def test_equal_entries_with_different_salts_have_nothing_in_common() -> None:
    other = partial_view(bytes(32), FIELDS, {"event"})
    assert not set(other.hidden) & set(partial_view(SALT, FIELDS, {"event"}).hidden)


def test_salts_and_names_out_of_form_are_refused() -> None:
    for salt, fields in (
        (bytes(31), FIELDS),
        (SALT, {"": b""}),
        (SALT, {"\0" + "1": b""}),
        (SALT, {"x" * 70_000: b""}),
    ):
        with pytest.raises(EncodingError):
            entry_leaf(salt, fields)


def test_the_leaf_is_what_the_design_says() -> None:
    digests = [
        hmac.digest(hmac.digest(SALT, lp(name), sha256), lp(name) + value, sha256) for name, value in FIELDS.items()
    ]
    filling = shake_256(hmac.digest(SALT, lp("\0"), sha256)).digest(32 * 11)
    digests += [filling[at : at + 32] for at in range(0, len(filling), 32)]
    group = sha256(b"".join(sorted(digests))).digest()
    data = sha256(lp("covenant-broker/v1 audit entry") + group).digest()
    assert sha256(b"\0" + data).digest() == LEAF
