"""Work that a service does over and over, at a pace that the work itself sets, in a thread beside its requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

import structlog

from service.errors import DomainError

__all__ = ["Heartbeat"]

_LONGEST_PAUSE = 5.0
"""Seconds after repeated failures."""

_log = structlog.get_logger("service.heartbeat")


class Heartbeat:
    """Calls `beat`, waits as many seconds as it returns, and calls it again, from `start` to `stop`.

    A beat that raises is logged and repeated, after pauses that grow to five seconds: a database that was away comes
    back, and nothing that waits for a beat is lost by waiting.
    """

    def __init__(self, name: str, beat: Callable[[], float]) -> None:
        self._name = name
        self._beat = beat
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Returns when the beat that is going on has ended."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Heartbeat:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        failures = 0
        while not self._stopped.is_set():
            try:
                pause = self._beat()
                failures = 0
            except Exception as error:  # noqa: BLE001 - a thread that ended would be missed by nobody
                failures += 1
                pause = min(0.1 * 2**failures, _LONGEST_PAUSE)
                reason = error.code if isinstance(error, DomainError) else type(error).__qualname__
                _log.warning("beat failed", name=self._name, reason=reason, failures=failures)
            self._stopped.wait(pause)
