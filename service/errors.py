"""What a slice can refuse, in words of the domain. No error here knows HTTP; `service.web.problems` has the one table.

    DomainError
    ├── Invalid            the request is well-formed JSON and still wrong; `faults` locates every mistake
    ├── Unauthenticated    who asks is not proved
    ├── Refused            who asks is known and may not: reason code, and the clause where the covenant gives one
    ├── NotFound           nothing here by that id that the asker may know of
    ├── Conflict           the request contradicts what is already recorded
    ├── TooLarge           more than this service takes at once
    ├── QuotaExceeded      enough for now; ask again after `retry_after` seconds
    └── Unavailable        nothing was decided or disclosed; ask again

`code` is a stable word a program can act on, `detail` a sentence for its operator. Neither ever contains an identifier,
token, pseudonym or anything else that was sent: both travel into answers and logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "Conflict",
    "DomainError",
    "Invalid",
    "LocatedFault",
    "NotFound",
    "QuotaExceeded",
    "Refused",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
]


@dataclass(frozen=True, slots=True)
class LocatedFault:
    """One mistake: a JSON pointer (RFC 6901) into the body, or `query/…`, `path/…`, `header/…`; a code; words."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """Root of the tree. `parameters` are further facts of the refusal that may be told to the asker.

    Name every mistake at once: `faults`, or one by `pointer`.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        parameters: Mapping[str, str] | None = None,
        faults: Sequence[LocatedFault] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.parameters: Mapping[str, str] = dict(parameters or {})
        here = () if pointer is None else (LocatedFault(pointer, code, detail),)
        self.faults: tuple[LocatedFault, ...] = tuple(faults) or here
        """Where the mistakes are, if the error has a place."""


class Invalid(DomainError):
    """The request cannot be carried out as written."""


class Unauthenticated(DomainError):
    """No proof, or no valid proof, of who asks. The detail does not help a forger."""


class Refused(DomainError):
    """The asker may not. `clause` is the article of the covenant, where a rule rather than a role says so."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        clause: str | None = None,
        pointer: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail, pointer=pointer, parameters=parameters)
        self.clause = clause


class NotFound(DomainError):
    """Nothing by that id. What exists and may not be known of is answered with the same words."""


class Conflict(DomainError):
    """Contradicts the record: another request under the same id, a stale key version, a state already left."""


class TooLarge(DomainError):
    """More items or bytes than one request may carry."""


class QuotaExceeded(DomainError):
    """The covenant's or the operator's allowance is spent. `retry_after` in whole seconds."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail, parameters=parameters)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """Something this service needs is not there now. Everything was rolled back; `retry_after` in whole seconds."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail, parameters=parameters)
        self.retry_after = retry_after
