"""A batch of signals read in one pass, from its bytes to its messages, as long as nothing is wrong with it.

JSON first, then the batch, then each signal for itself tells who sent a faulty batch what is wrong and where, and takes
twice the time. Here the JSON parser makes the messages; whatever it does not take, or may take for something else than
the strict reading would, is left to that one:

- Of two equal names the parser keeps the last. But no message of a batch takes a name it does not know, and no text in
  it may hold a colon: where the body has as many colons as its messages have names, none was dropped.
- It decodes base64 of either alphabet, padded or not. Neither `+`, `/` and `=` are in the body, nor the escapes that
  could stand for them.
- It takes integers that other readers of JSON round. Only a key's version is a number.
- It keeps a fault for every value out of form and every name that an object lacks, of a caller who has proved nothing
  yet: two gigabytes for the eight megabytes of a body. So a body has few values and objects, or is not read here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from clients.protocol.messages.signals import MAXIMUM_BATCH, SignalBatch, SignalSubmission
from clients.protocol.strict_json import LARGEST_EXACT_INTEGER

__all__ = ["read_batch"]

_ELSEWHERE = (b"\\", b"+", b"/", b"=")
_MOST = {b",": 64 * MAXIMUM_BATCH, b"{": 8 * MAXIMUM_BATCH}
"""Values and objects: a signal with two tokens and three sealed fields has some 50, and 7."""


class _WholeBatch(SignalBatch):
    """A batch whose signals have their form, each of them."""

    signals: Annotated[list[SignalSubmission], Field(min_length=1, max_length=MAXIMUM_BATCH)]


_WHOLE: TypeAdapter[_WholeBatch] = TypeAdapter(_WholeBatch)


def read_batch(raw: bytes) -> SignalBatch | None:
    """The batch, its signals read; None for one that has to be read strictly, which is no fault yet."""
    if any(sign in raw for sign in _ELSEWHERE) or any(raw.count(sign) > most for sign, most in _MOST.items()):
        return None
    try:
        batch = _WHOLE.validate_json(raw)
    except ValidationError:
        return None
    names = len(batch.model_fields_set)
    for signal in batch.signals:
        names += len(signal.model_fields_set) + len(signal.salts.model_fields_set)
        for sealed in signal.fields:
            names += len(sealed.model_fields_set)
        for token in signal.tokens:
            names += len(token.model_fields_set)
            if token.key_version > LARGEST_EXACT_INTEGER:
                return None
    return batch if raw.count(b":") == names else None
