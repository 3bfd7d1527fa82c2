"""The privacy officer at the end of the demo: both services' logs, copied whole and verified without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.sdk.errors import VerificationError
from clients.sdk.http import conversations
from clients.sdk.log_copy import LogCopy, copy_log
from clients.sdk.log_keys import LOG_KEYS, agreed_keys, read_keys, told_keys
from clients.sdk.offices import open_office_profile
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.verify_log import LogReport, verify_log

__all__ = ["ProvedLogs", "prove_logs"]

_SHOWN, _EMPTY = r"\"shown\"", r"\"empty\""
"""An outcome as a copy has it: JSON within JSON."""


@dataclass(frozen=True, slots=True)
class ProvedLogs:
    """`entries` of each service that were computed anew under its signed head; and what became of a falsified copy."""

    entries: Mapping[str, int]
    complaint: str | None
    """What the verifier says of a copy in which one word was changed; None if it did not notice."""


def prove_logs(officer: Path, directory: Path) -> ProvedLogs:
    """Copies both logs to `directory` with the officer's profile. Raises VerificationError if one does not hold."""
    profile = open_office_profile(officer)
    services = profile.broker, profile.key_holder
    broker, holder = conversations(services, profile.name, profile.authentication_key)
    with broker, holder:
        told = KeyHolder(holder, profile.covenant)
        # The key holder is the witness of the broker's log; its own has none.
        keys = agreed_keys(officer, Broker(broker, profile.covenant), told)
        copies = {
            "broker": copy_log(directory / "broker", broker, profile.covenant, keys, entries=True),
            "key holder": copy_log(directory / "key-holder", holder, profile.covenant, told_keys(told), entries=True),
        }
    entries = {service: _verify(copy).entries or 0 for service, copy in copies.items()}
    return ProvedLogs(entries, _complaint(copies["broker"]))


def _verify(copy: LogCopy) -> LogReport:
    return verify_log(copy, *read_keys(copy.directory / LOG_KEYS))


def _complaint(copy: LogCopy) -> str | None:
    """What the verifier says once the first answer on record is made to look as if nothing had been shown."""
    for path in sorted((copy.directory / "entries").rglob("*")):
        text = path.read_text("utf-8") if path.is_file() else ""
        if _SHOWN in text:
            path.write_text(text.replace(_SHOWN, _EMPTY, 1), "utf-8")
            break
    try:
        _verify(copy)
    except VerificationError as error:
        return str(error)
    return None
