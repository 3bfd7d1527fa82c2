"""Everything the client can refuse or be refused, in one tree.

    ClientError
    ├── ProfileError        the profile or its key files are missing, unreadable or open to others
    ├── JournalError        the journal is another party's, damaged, or from a newer client
    ├── RecordError         a row of the input from which no signal can be made
    ├── VerificationError   an answer that does not prove what it says
    ├── Unreachable         a service did not answer, or not in time
    └── Refused             a service answered with a problem document (RFC 9457)
        ├── Stale               the covenant version or key version has changed: fetch anew and repeat
        └── OverQuota           the covenant's daily quota is spent

Messages name the place and the reason, never an identifier, token or field content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clients.sdk.reasons import in_words

__all__ = [
    "ClientError",
    "Fault",
    "JournalError",
    "OverQuota",
    "ProfileError",
    "RecordError",
    "Refused",
    "Stale",
    "Unreachable",
    "VerificationError",
]


class ClientError(Exception):
    """Root of the tree."""


class ProfileError(ClientError):
    """The profile cannot be used; the message says which file and what to do."""


class JournalError(ClientError):
    """The journal cannot be used."""


class RecordError(ClientError):
    """A row gives no signal: column `field`, reason `code`. `row` counts data rows from one."""

    def __init__(self, row: int, field: str, code: str) -> None:
        super().__init__(f"row {row}: {in_words(field, code)}")
        self.row = row
        self.field = field
        self.code = code


class VerificationError(ClientError):
    """A proof, signature, commitment or digest does not hold: nothing of the answer may be used."""


class Unreachable(ClientError):
    """No answer; the request may or may not have had effect, and may be repeated."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a problem document: JSON pointer into the request, stable code, words."""

    pointer: str
    code: str
    detail: str


class Refused(ClientError):
    """A problem document: HTTP `status`, stable `code`, the faults found, and the covenant clause where one decided."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        faults: tuple[Fault, ...] = (),
        parameters: Mapping[str, object] | None = None,
        retry_after: float | None = None,
        clause: str | None = None,
    ) -> None:
        located = "".join(f"\n  {fault.pointer}: {fault.detail} [{fault.code}]" for fault in faults[:10])
        under = f" ({clause})" if clause else ""
        super().__init__(f"{detail}{under} [{code}]{located}")
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults
        self.parameters = dict(parameters or {})
        self.retry_after = retry_after
        self.clause = clause


class Stale(Refused):
    """The request rests on a covenant version or key version that is no longer current."""


class OverQuota(Refused):
    """The covenant's quota is spent; `retry_after` is in seconds."""
