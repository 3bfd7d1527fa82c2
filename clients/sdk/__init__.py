"""The Python client of a partner: `Session` opens a profile and does what a partner does.

with Session.open(Path("~/.covenant").expanduser(), actor="desk-4") as session:
    tally = session.submit(session.records(Path("signals.csv")))
    for hit in session.hits():
        print(hit)
"""

from clients.sdk.errors import (
    ClientError,
    OverQuota,
    ProfileError,
    Refused,
    Stale,
    Unreachable,
    VerificationError,
)
from clients.sdk.profile import Profile, ServiceAddress, create_profile, open_profile
from clients.sdk.session import Session

__all__ = [
    "ClientError",
    "OverQuota",
    "Profile",
    "ProfileError",
    "Refused",
    "ServiceAddress",
    "Session",
    "Stale",
    "Unreachable",
    "VerificationError",
    "create_profile",
    "open_profile",
]
