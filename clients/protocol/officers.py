"""The key by which privacy officers find the entries about a citizen who asks who looked.

Per match key the officers of a covenant have a k_A and a d_A of their own, set up like a party's (see `ceremony`):
their client tokenises the citizen's identifiers with the key holder's blind help, and the broker turns the tokens into
the handles by which its log names the subject. So the key holder learns nothing but that an officer asks, and the
broker a pseudonym that it has or could have, with no name to it.
"""

from __future__ import annotations

__all__ = ["OFFICERS"]

OFFICERS = "_officers"
"""Stands where a party's id stands: in key files, commitments, shares and receipts. No party can have this id, so
nothing that is for parties ever uses these keys."""
