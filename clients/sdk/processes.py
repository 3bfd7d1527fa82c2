"""Processes beside ours, over which the group arithmetic of large batches is spread."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor

__all__ = ["arithmetic_pool"]

_SECONDS = 1.0


def arithmetic_pool() -> ProcessPoolExecutor:
    """A pool of as many processes as there are cores, none of which outlives us, and none of which hears Ctrl-C: we do.

    A process that waits for work is not told that whoever would give it was killed: it would wait for ever, with all
    that it inherited from us in its memory.
    """
    return ProcessPoolExecutor(initializer=_end_with, initargs=(os.getpid(),))


def _end_with(parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
