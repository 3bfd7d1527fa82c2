"""Who calls, and what becomes of a refusal: it is an audit entry of its own, committed before it is told.

A refusal that cannot be logged is none: the caller is told that the service is unavailable, and not why it was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from clients.protocol.officers import OFFICERS
from service.audit.record import AuditRecord
from service.errors import DomainError, Unavailable
from service.keyholder.holder import KeyHolder
from service.principals import Principal, Role
from service.web.authentication import require
from service.web.context import context_of

__all__ = [
    "AdministratorCaller",
    "AnyCaller",
    "Caller",
    "Holder",
    "KeyOwner",
    "OperatorCaller",
    "PartyCaller",
    "ServiceCaller",
    "refusals_on_record",
]


def _holder(request: Request) -> KeyHolder:
    holder: KeyHolder = request.app.state.holder
    return holder


Holder = Annotated[KeyHolder, Depends(_holder)]


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller in a role that the route is for, and the trace of its request."""

    principal: Principal
    trace: str

    @property
    def party(self) -> str:
        """The party it acts for. Only for roles that belong to one."""
        if self.principal.party is None:
            raise TypeError(f"a principal in the role of {self.principal.role} acts for no party")
        return self.principal.party

    @property
    def key_owner(self) -> str:
        """Whose keys evaluate for it: its party's, or those that officers have together."""
        return OFFICERS if self.principal.role is Role.OFFICER else self.party


@contextmanager
def refusals_on_record(holder: KeyHolder, record: Callable[[DomainError], AuditRecord]) -> Iterator[None]:
    """Logs the domain error that leaves the block, in a transaction of its own, and lets it go on."""
    try:
        yield
    except Unavailable:
        raise  # nothing was refused, nothing was done
    except DomainError as refusal:
        with holder.database.transaction() as session:
            holder.audit.append(session, record(refusal))
        raise


def _admit(*roles: Role) -> Callable[..., Caller]:
    """FastAPI dependency: the caller, if it has one of `roles`; anyone else is refused, on record."""
    allowed = Depends(require(*roles))

    def admitted(request: Request, principal: Principal = allowed) -> Caller:
        return Caller(principal, context_of(request).trace_id)

    return admitted


PartyCaller = Annotated[Caller, Depends(_admit(Role.PARTY))]
KeyOwner = Annotated[Caller, Depends(_admit(Role.PARTY, Role.OFFICER))]
OperatorCaller = Annotated[Caller, Depends(_admit(Role.OPERATOR))]
ServiceCaller = Annotated[Caller, Depends(_admit(Role.SERVICE))]
AdministratorCaller = Annotated[Caller, Depends(_admit(Role.ADMINISTRATOR))]
AnyCaller = Annotated[Caller, Depends(_admit(*Role))]
