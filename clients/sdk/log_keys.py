"""By which keys the broker's log and its witness sign: what both services tell alike, kept beside the profile.

    log.json    in the directory of the profile, and in that of each copy of a log (`clients.sdk.log_copy`)

The broker's log key is not taken from the broker alone. The key holder has it from its own operator, who enrolled the
broker, and cosigns no head under another. So a broker that shows somebody a log of its own making, which no witness
sees, has to sign for it with a key that the key holder tells too. What both tell alike is kept when it is first needed;
from then on nothing is believed that is signed with another key, whatever the services say by then.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TypeAlias

from clients.protocol.checkpoint import LogKey, WitnessKey
from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.errors import ProtocolError
from clients.protocol.strict_json import parse_json
from clients.sdk.errors import ClientError, VerificationError
from clients.sdk.services import Broker, KeyHolder

__all__ = ["LOG_KEYS", "LogKeys", "agreed_keys", "kept_keys", "read_keys", "told_keys", "write_keys"]

LogKeys: TypeAlias = tuple[LogKey, WitnessKey | None]
"""Of a log and of who cosigns it, if anybody does."""

LOG_KEYS = "log.json"


def kept_keys(directory: Path, broker: Broker, key_holder: KeyHolder) -> LogKeys:
    """Those that the profile in `directory` has kept, or else what `agreed_keys` gives."""
    path = directory / LOG_KEYS
    return read_keys(path) if path.exists() else agreed_keys(directory, broker, key_holder)


def agreed_keys(directory: Path, broker: Broker, key_holder: KeyHolder) -> LogKeys:
    """Asks both services for the keys of the broker's log and its witness, and keeps them with the profile.

    Raises VerificationError, and keeps nothing, where they tell different keys of the log, or others than were kept.
    """
    told, known = broker.log(), key_holder.witnessed()
    log, witness = LogKey(told.origin, told.public_key), WitnessKey(known.witness_name, known.witness_key)
    enrolled = LogKey(known.origin, known.log_key)
    if log != enrolled:
        raise VerificationError(
            "the broker and the key holder tell different keys of the broker's log, and none was kept; ask both "
            f"operators which one is true\n{_line('the broker', log)}\n{_line('the key holder', enrolled)}"
        )
    path = directory / LOG_KEYS
    if not path.exists():
        write_keys(path, (log, witness))
    elif (kept := read_keys(path)) != (log, witness):
        raise VerificationError(
            f"the services tell other keys of the broker's log or its witness than are kept in {path}; ask both "
            f"operators, and remove that file only if they say why\n{_line('both services', log)}\n"
            f"{_line('the key holder', witness)}\n" + "\n".join(_line(str(path), key) for key in kept if key)
        )
    return log, witness


def told_keys(key_holder: KeyHolder) -> LogKeys:
    """Of the key holder's own log, by its word alone: nobody cosigns that log, and the broker does not know its key."""
    told = key_holder.log()
    return LogKey(told.origin, told.public_key), None


def read_keys(path: Path) -> LogKeys:
    """The keys in a `log.json`. Raises ClientError.

    Those that came with a copy are to be compared with what the operators published.
    """
    try:
        told = parse_json(path.read_bytes())
        if not isinstance(told, dict):
            raise ClientError(f"{path} is not the description of a log")
        log, witness = LogKey(str(told["origin"]), b64u_decode(str(told["key"]), length=32)), told.get("witness")
        if witness is None:
            return log, None
        return log, WitnessKey(str(witness["name"]), b64u_decode(str(witness["key"]), length=32))
    except OSError as error:
        raise ClientError(f"{path}: {error.strerror}") from None
    except (ProtocolError, KeyError, TypeError):
        raise ClientError(f"{path} is not the description of a log") from None


def write_keys(path: Path, keys: LogKeys) -> None:
    """Puts a `log.json` in its place as a whole, so that who reads it beside us finds all of it or nothing."""
    log, witness = keys
    description: dict[str, object] = {"origin": log.origin, "key": b64u_encode(log.public_key)}
    if witness is not None:
        description["witness"] = {"name": witness.name, "key": b64u_encode(witness.public_key)}
    descriptor, making = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(description, indent=2).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    Path(making).replace(path)


def _line(teller: str, key: LogKey | WitnessKey) -> str:
    name = key.origin if isinstance(key, LogKey) else key.name
    return f"  {b64u_encode(key.public_key)}  {name}, says {teller}"
