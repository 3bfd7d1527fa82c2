"""A party's own keys made anew, and taken into use once both services know them.

    keys/          in use
    keys.next/     made by `prepare`, and of no use before both operators have registered them
    keys.old/      only while `switch` is at work

Between the two operators' work the party is known by its old keys at one service and by its new ones at the other; its
requests are refused then. `switch` asks both services first, with the new keys, and changes nothing unless both answer.
The journal and its key stay.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx

from clients.protocol.messages.keyholder import Directory, Enrolment
from clients.sdk.errors import ProfileError, Refused
from clients.sdk.http import Conversation, Transports, conversations
from clients.sdk.profile import KEYS, Profile, Random, open_profile, write_party_keys

__all__ = ["prepare", "switch"]

_NEXT, _OLD = "keys.next", "keys.old"


def prepare(directory: Path, random: Random = os.urandom) -> Enrolment:
    """Makes the new keys, unless they are there, and says what the operators have to register. Raises ProfileError."""
    profile = open_profile(directory)
    folder = directory / _NEXT
    if not folder.exists():
        making = directory / f"{_NEXT}.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        write_party_keys(making, random, journal_key=profile.journal_key)
        making.rename(folder)
    return Enrolment(party=profile.party, keys=_coming(profile).public_keys())


def switch(
    directory: Path,
    *,
    transports: Transports = (None, None),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Profile:
    """Takes the new keys into use and deletes the old private ones. Harmless to repeat after a crash.

    Raises ProfileError where there are none, or a service has other keys registered; nothing has changed then.
    """
    if not (directory / KEYS).exists() and (directory / _OLD).exists():
        (directory / _OLD).rename(directory / KEYS)  # it was interrupted between its two steps
    coming = _coming(open_profile(directory))
    services = coming.broker, coming.key_holder
    broker, key_holder = conversations(
        services, coming.party, coming.authentication_key, transports=transports, now=now
    )
    with broker, key_holder:
        for name, asked in (("broker", broker), ("key holder", key_holder)):
            if not _registered(asked, coming):
                raise ProfileError(
                    f"the {name} has not registered the new keys: send its operator what `covenant profile renew` "
                    "printed, and repeat"
                )
    (directory / KEYS).rename(directory / _OLD)
    (directory / _NEXT).rename(directory / KEYS)
    shutil.rmtree(directory / _OLD)
    return open_profile(directory)


def _coming(profile: Profile) -> Profile:
    if not (profile.directory / _NEXT).exists():
        raise ProfileError(f"there are no new keys in {profile.directory}: make them with `covenant profile renew`")
    return open_profile(profile.directory, keys=_NEXT)


def _registered(asked: Conversation, coming: Profile) -> bool:
    try:
        directory = asked.get(f"/v1/covenants/{coming.covenant}/parties", Directory)
    except Refused as refused:
        if refused.status == httpx.codes.UNAUTHORIZED:
            return False
        raise
    keys = coming.public_keys()
    return any(
        (one.signing_key, one.encryption_key) == (keys.signing_key, keys.encryption_key)
        for one in directory.parties
        if one.party == coming.party
    )
