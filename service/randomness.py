"""The operating system's randomness, drawn in larger portions.

`os.urandom` gives up the interpreter's lock, and in a busy process takes long to get it back: one draw costs
microseconds alone and up to milliseconds among threads. An answer with a thousand ids would draw a thousand times.
"""

from __future__ import annotations

import os
import threading

__all__ = ["random_bytes"]

_PORTION = 8192

_own = threading.local()


def random_bytes(count: int) -> bytes:
    """`count` bytes from `os.urandom`, each given out once, in this thread of this process alone."""
    if count > _PORTION:
        return os.urandom(count)
    process, portion, used = getattr(_own, "portion", (0, b"", 0))
    if process != os.getpid() or used + count > len(portion):  # a fork must not repeat what its parent gives out
        process, portion, used = os.getpid(), os.urandom(_PORTION), 0
    _own.portion = (process, portion, used + count)
    return portion[used : used + count]
