"""Signed heads and receipts: published examples, strict reading, and no signature that counts for another."""

from __future__ import annotations

import random as pseudo
from base64 import b64decode, b64encode
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.checkpoint import (
    Checkpoint,
    LogKey,
    WitnessKey,
    add_signature,
    cosign,
    decode_base64,
    decode_number,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from clients.protocol.errors import CheckpointError, MerkleError
from clients.protocol.merkle import Tree, leaf_hash
from clients.protocol.signatures import public_key, sign_raw
from clients.protocol.tlog_proof import TlogProof, parse_tlog_proof, verify_tlog_proof

random = pseudo.Random(9).randbytes
LOG_PRIVATE, WITNESS_PRIVATE = random(32), random(32)
ORIGIN = "broker.example/complex-approach"
LOG = LogKey(ORIGIN, public_key(LOG_PRIVATE))
WITNESS = WitnessKey("keyholder.example/witness", public_key(WITNESS_PRIVATE))
AT = 1_795_348_800

TREE = Tree(leaf_hash(b"%d" % number) for number in range(7))
HEAD = Checkpoint(ORIGIN, TREE.size, TREE.root())
SIGNED = sign_checkpoint(HEAD, LOG_PRIVATE)
COSIGNED = add_signature(SIGNED, cosign(HEAD, WITNESS.name, WITNESS_PRIVATE, AT))


def test_a_head_is_read_by_who_knows_log_and_witness() -> None:
    verified = verify_checkpoint(COSIGNED, LOG, [WITNESS])
    assert verified.checkpoint == HEAD
    assert verified.cosigned_at == {WITNESS.name: AT}
    assert verify_checkpoint(SIGNED, LOG, [WITNESS]).cosigned_at == {}
    assert verify_checkpoint(COSIGNED, LOG).cosigned_at == {}


def test_the_note_looks_as_c2sp_says() -> None:
    text, block = COSIGNED.split("\n\n")
    assert text == f"{ORIGIN}\n7\n{b64encode(TREE.root()).decode()}"
    log_line, witness_line, end = block.split("\n")
    assert log_line.startswith(f"— {ORIGIN} ")
    assert witness_line.startswith(f"— {WITNESS.name} ")
    assert end == ""
    assert len(b64decode(log_line.split(" ")[2])) == 4 + 64
    raw = b64decode(witness_line.split(" ")[2])
    assert raw[:4] == WITNESS.id
    assert int.from_bytes(raw[4:12], "big") == AT
    assert raw[12:] == sign_raw(WITNESS_PRIVATE, f"cosignature/v1\ntime {AT}\n{text}\n".encode())


def test_the_key_id_is_that_of_a_published_signed_note() -> None:
    # The example of golang.org/x/mod/sumdb/note: verifier key name+id+base64(0x01 ‖ public key), and its signature.
    name, key_id, encoded = "PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = LogKey(name, b64decode(encoded)[1:])
    assert key.id.hex() == key_id


def test_the_examples_of_c2sp_are_read() -> None:
    note = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa "
        "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "— witness.example.com/w1 "
        "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    assert add_signature(note, "") == note
    head = parse_checkpoint(note.split("\n\n")[0] + "\n")
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    with pytest.raises(CheckpointError, match="not signed"):
        verify_checkpoint(note, LogKey("example.com/behind-the-sofa", LOG.public_key))


def test_the_log_itself_must_have_signed() -> None:
    witnessed_only = HEAD.text() + "\n" + cosign(HEAD, WITNESS.name, WITNESS_PRIVATE, AT)
    other_log = sign_checkpoint(replace(HEAD, origin="broker.example/other"), LOG_PRIVATE)
    renamed = SIGNED.replace(ORIGIN, "broker.example/other")
    for note in (witnessed_only, other_log, renamed):
        with pytest.raises(CheckpointError):
            verify_checkpoint(note, LOG, [WITNESS])
    with pytest.raises(CheckpointError):
        verify_checkpoint(SIGNED, LogKey(ORIGIN, WITNESS.public_key))


def test_a_head_of_another_log_is_refused_even_under_this_log_s_signature() -> None:
    text = replace(HEAD, origin="broker.example/other").text()
    signature = b64encode(LOG.id + sign_raw(LOG_PRIVATE, text.encode())).decode()
    with pytest.raises(CheckpointError, match="another log"):
        verify_checkpoint(f"{text}\n— {ORIGIN} {signature}\n", LOG)


def test_a_cosignature_is_not_a_log_s_signature_nor_the_other_way_round() -> None:
    # One key in both roles: the id differs by type, and so does what is signed.
    both = WitnessKey(ORIGIN, LOG.public_key)
    as_witness = HEAD.text() + "\n" + cosign(HEAD, both.name, LOG_PRIVATE, AT)
    with pytest.raises(CheckpointError, match="not signed"):
        verify_checkpoint(as_witness, LOG, [both])
    assert verify_checkpoint(SIGNED, LOG, [both]).cosigned_at == {}


def test_a_known_key_s_signature_that_does_not_hold_spoils_the_note() -> None:
    line = cosign(replace(HEAD, size=8), WITNESS.name, WITNESS_PRIVATE, AT)
    with pytest.raises(CheckpointError, match="does not hold"):
        verify_checkpoint(SIGNED + line, LOG, [WITNESS])
    verify_checkpoint(SIGNED + line, LOG)  # to whom the witness is unknown, its line says nothing


def test_unknown_signatures_are_passed_over() -> None:
    strangers = "".join(cosign(HEAD, f"w{number}.example", bytes([number] * 32), AT) for number in range(16))
    assert verify_checkpoint(COSIGNED + strangers, LOG, [WITNESS]).cosigned_at == {WITNESS.name: AT}


def test_of_two_cosignatures_the_later_moment_counts() -> None:
    note = COSIGNED + cosign(HEAD, WITNESS.name, WITNESS_PRIVATE, AT - 10)
    assert verify_checkpoint(note, LOG, [WITNESS]).cosigned_at == {WITNESS.name: AT}


@given(st.integers(0, len(COSIGNED) - 1), st.characters(codec="utf-8"))
def test_no_character_of_a_note_may_change(place: int, character: str) -> None:
    changed = COSIGNED[:place] + character + COSIGNED[place + 1 :]
    if changed == COSIGNED:
        return
    try:
        verified = verify_checkpoint(changed, LOG, [WITNESS])
    except CheckpointError:
        return
    # All that may pass is a witness line whose name or key id is now a stranger's.
    assert verified.checkpoint == HEAD
    assert verified.cosigned_at == {}
    assert place >= len(SIGNED)


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\n07\n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n+7\n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n-7\n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n7 \n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n٧\n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n9223372036854775808\n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\n7\n{b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n7\n{b64encode(bytes(33)).decode()}\n",
        f"{ORIGIN}\n7\n{b64encode(bytes(32)).decode()[:-2]}B=\n",
        f"{ORIGIN}\n7\n{b64encode(bytes(32)).decode().rstrip('=')}\n",
        f"{ORIGIN}\n7\n{b64encode(bytes(32)).decode()}\nextension\n",
        f"{ORIGIN}\n7\n{b64encode(bytes(32)).decode()}",
        f"\n7\n{b64encode(bytes(32)).decode()}\n",
        f"two words\n7\n{b64encode(bytes(32)).decode()}\n",
        f"a+b\n7\n{b64encode(bytes(32)).decode()}\n",
        f"{ORIGIN}\r\n7\n{b64encode(bytes(32)).decode()}\n",
    ],
)
def test_a_head_has_one_spelling(text: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(text)
    signature = b64encode(LOG.id + sign_raw(LOG_PRIVATE, text.encode())).decode()
    with pytest.raises(CheckpointError):
        verify_checkpoint(f"{text}\n— {ORIGIN} {signature}\n", LOG)


@pytest.mark.parametrize(
    "note",
    [
        HEAD.text(),
        HEAD.text() + "\n",
        SIGNED[:-1],
        SIGNED.replace("—", "-"),
        SIGNED.replace("— ", "—  "),
        SIGNED + "\n",
        SIGNED + "x\n",
        SIGNED + "— a+b AAAAAAA=\n",
        SIGNED + "— stranger AAAA\n",
        SIGNED + "— stranger !\n",
        SIGNED.replace("\n", "\r\n"),
        SIGNED + "— stranger\x1f AAAAAAA=\n",
        SIGNED + "— \ud800 AAAAAAA=\n",
        SIGNED + "— stranger AAAAAAA=\n" * 32,
        SIGNED + f"— stranger {'A' * 16_384}\n",
    ],
)
def test_a_note_out_of_form_is_refused(note: str) -> None:
    with pytest.raises(CheckpointError):
        verify_checkpoint(note, LOG, [WITNESS])
    with pytest.raises(CheckpointError):
        add_signature(note, "")


def test_a_head_that_cannot_be_written_is_not_signed() -> None:
    for head in (
        replace(HEAD, origin="a b"),
        replace(HEAD, size=-1),
        replace(HEAD, size=2**63),
        replace(HEAD, root=b""),
    ):
        with pytest.raises(CheckpointError):
            sign_checkpoint(head, LOG_PRIVATE)
    for at in (0, -1, 2**63):
        with pytest.raises(CheckpointError):
            cosign(HEAD, WITNESS.name, WITNESS_PRIVATE, at)
    with pytest.raises(CheckpointError):
        cosign(HEAD, "two words", WITNESS_PRIVATE, AT)


def test_a_cosignature_without_a_moment_is_refused() -> None:
    signature = sign_raw(WITNESS_PRIVATE, f"cosignature/v1\ntime 0\n{HEAD.text()}".encode())
    line = f"— {WITNESS.name} {b64encode(WITNESS.id + bytes(8) + signature).decode()}\n"
    with pytest.raises(CheckpointError):
        verify_checkpoint(SIGNED + line, LOG, [WITNESS])


def test_numbers_and_base64_have_one_spelling() -> None:
    assert decode_number("0") == 0
    assert decode_number(str(2**63 - 1)) == 2**63 - 1
    assert decode_base64("AA==") == b"\0"
    for bad in ("AA", "AB==", "AA==\n", "A A=", "AA=A", "é"):
        with pytest.raises(CheckpointError):
            decode_base64(bad)


PROOF = TlogProof(3, tuple(TREE.inclusion_proof(3)), COSIGNED)


def test_a_receipt_proves_an_entry_offline() -> None:
    read = parse_tlog_proof(PROOF.text())
    assert read == PROOF
    assert verify_tlog_proof(read, leaf_hash(b"3"), LOG, [WITNESS]).cosigned_at == {WITNESS.name: AT}
    alone = Checkpoint(ORIGIN, 1, leaf_hash(b"0"))
    single = TlogProof(0, (), sign_checkpoint(alone, LOG_PRIVATE))
    assert verify_tlog_proof(parse_tlog_proof(single.text()), leaf_hash(b"0"), LOG).checkpoint == alone


def test_a_receipt_proves_no_other_entry() -> None:
    for proof, leaf in (
        (PROOF, leaf_hash(b"4")),
        (replace(PROOF, index=4), leaf_hash(b"3")),
        (replace(PROOF, path=PROOF.path[:-1]), leaf_hash(b"3")),
    ):
        with pytest.raises(MerkleError):
            verify_tlog_proof(proof, leaf, LOG, [WITNESS])
    with pytest.raises(CheckpointError):
        verify_tlog_proof(PROOF, leaf_hash(b"3"), replace(LOG, public_key=WITNESS.public_key))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 3", "index 03"),
        ("index 3", "index  3"),
        ("index 3", "Index 3"),
        ("index 3\n", ""),
        ("index 3", "extra AAAA\nindex 3"),
        ("=\n", "\n"),
        ("\n\n", "\n"),
    ],
)
def test_a_receipt_has_one_spelling(old: str, new: str) -> None:
    changed = PROOF.text().replace(old, new)
    assert changed != PROOF.text()
    with pytest.raises(CheckpointError):
        verify_tlog_proof(parse_tlog_proof(changed), leaf_hash(b"3"), LOG, [WITNESS])


def test_an_overlong_receipt_is_refused() -> None:
    for proof in (replace(PROOF, path=(bytes(32),) * 64), replace(PROOF, checkpoint="x" * 30_000)):
        with pytest.raises(CheckpointError, match="too long"):
            parse_tlog_proof(proof.text())
