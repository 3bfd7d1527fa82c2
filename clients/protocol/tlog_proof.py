"""A receipt that proves offline, for good, that an entry stands in a log: `c2sp.org/tlog-proof@v1`.

    c2sp.org/tlog-proof@v1
    index <n>
    <base64 hash>                one line per hash of the inclusion proof, from the leaf's sibling upwards
    <empty line>
    <signed checkpoint>

The `extra` line that the format allows is refused: it is not authenticated, and nothing of ours is ever in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from clients.protocol.checkpoint import (
    LONGEST_NOTE,
    LogKey,
    VerifiedCheckpoint,
    WitnessKey,
    decode_base64,
    decode_number,
    encode_base64,
    verify_checkpoint,
)
from clients.protocol.errors import CheckpointError
from clients.protocol.merkle import verify_inclusion

__all__ = ["TlogProof", "parse_tlog_proof", "verify_tlog_proof"]

_FIRST_LINE = "c2sp.org/tlog-proof@v1"
_LONGEST_PROOF = 63
"""Hashes: as many as a tree of 2^63 leaves needs."""


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Where an entry stands, the way from there to the root, and the signed note that holds the root."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        """The file, whose name should end in `.tlog-proof`."""
        hashes = "".join(f"{encode_base64(one)}\n" for one in self.path)
        return f"{_FIRST_LINE}\nindex {self.index}\n{hashes}\n{self.checkpoint}"


def parse_tlog_proof(text: str) -> TlogProof:
    """Raises CheckpointError unless `text` is the one spelling of a proof. Proves nothing."""
    if len(text) > LONGEST_NOTE + 64 * _LONGEST_PROOF:
        raise CheckpointError("the proof is too long")
    head, separator, checkpoint = text.partition("\n\n")
    first, *lines = head.split("\n")
    if first != _FIRST_LINE or not separator or not lines or not lines[0].startswith("index "):
        raise CheckpointError("not a proof of this format")
    if len(lines) > 1 + _LONGEST_PROOF:
        raise CheckpointError("the proof is too long")
    index = decode_number(lines[0].removeprefix("index "))
    path = tuple(decode_base64(line) for line in lines[1:])
    return TlogProof(index, path, checkpoint)


def verify_tlog_proof(
    proof: TlogProof, leaf: bytes, log: LogKey, witnesses: Iterable[WitnessKey] = ()
) -> VerifiedCheckpoint:
    """The checkpoint under which the 32-byte `leaf` hash stands in `log`.

    Raises CheckpointError for what `verify_checkpoint` refuses, and MerkleError if the leaf is not proved.
    """
    verified = verify_checkpoint(proof.checkpoint, log, witnesses)
    verify_inclusion(leaf, proof.index, verified.checkpoint.size, proof.path, verified.checkpoint.root)
    return verified
