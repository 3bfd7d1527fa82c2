"""Routes of a service's own log, the same at broker and key holder: heads, tiles, proofs, and bundles of entries.

Hashes are for everyone who takes part: they let anyone check that the log only grows, and tell nothing of an entry.
Bundles of entries are for privacy officers. Whoever reads one stands in the log with it before the answer leaves, and
so does who is refused. Single entries, with what proves them, are read elsewhere (`service.web.audit`).

Paths below `/log` are those of c2sp.org/tlog-tiles: any tool that copies such logs can copy one of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from sqlmodel import Session

from clients.protocol.errors import MerkleError
from clients.protocol.messages.log import (
    ConsistencyProof,
    InclusionProof,
    LogDescription,
    LoggedEntry,
)
from clients.protocol.tiles import Tile, parse_bundle_path
from service.audit import repository
from service.audit.events import SERVICE_LOG
from service.audit.record import AuditRecord
from service.audit.tree.proofs import Logged, LogReader
from service.audit.tree.sequencer import LogSigner
from service.audit.writer import AuditWriter
from service.errors import DomainError, NotFound, Refused, Unavailable
from service.principals import Principal, Role
from service.storage.database import Database
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import IN_DIGITS, TRUE_OR_FALSE, CovenantId

__all__ = ["LogDesk", "line_of", "log_routes"]

Anyone = Annotated[Principal, Depends(require(*Role))]

Level = Annotated[
    int, Path(ge=0, le=7, description="0 for the leaves; a hash of each further level covers 256 below"), IN_DIGITS
]
TileName = Annotated[str, Path(max_length=40, description="As `x001/x234/067`, or `067.p/8` while it is not full")]
BundleName = Annotated[str, Path(max_length=40, description="As the tile of the entries' leaves")]
Place = Annotated[int, Query(ge=0, lt=2**63, description="Of the leaf, from zero"), IN_DIGITS]
Size = Annotated[int, Query(ge=1, lt=2**63, description="Leaves of a tree that the log had"), IN_DIGITS]
Witnessed = Annotated[
    bool, Query(description="Instead of the last signed head the last that the witness cosigned"), TRUE_OR_FALSE
]

_NOTE, _HASHES, _LINES = "text/plain; charset=utf-8", "application/octet-stream", "application/jsonl"


@dataclass(frozen=True, slots=True)
class LogDesk:
    """What the routes work on. `witnessed` says whether another service cosigns this one's heads."""

    database: Database
    audit: AuditWriter
    signer: LogSigner
    witnessed: bool

    @contextmanager
    def reader(self, covenant_id: str) -> Iterator[LogReader]:
        """The log in one snapshot."""
        with self.database.transaction(isolation="REPEATABLE READ") as session:
            yield LogReader(session, covenant_id)

    @contextmanager
    def asked(self, request: Request, covenant_id: str, caller: Principal) -> Iterator[Session]:
        """One transaction for one reading of entries. A refusal is an entry of its own, committed before it is told."""
        try:
            with self.database.transaction() as session:
                yield session
        except Unavailable:
            raise
        except DomainError as refusal:
            record = AuditRecord(
                event="log-refused",
                covenant_id=covenant_id,
                by=caller,
                trace=context_of(request).trace_id,
                reason=refusal.code,
            )
            with self.database.transaction() as session:
                self.audit.append(session, record)
            raise

    def turned_away(self, caller: Principal, covenant_id: str | None, trace: str, refusal: Refused) -> None:
        """Logs that somebody asked for what is for other roles: with the covenant, where one has a log here."""
        with self.database.transaction() as session:
            there = covenant_id if covenant_id and repository.entries(session, covenant_id, limit=1) else None
            record = AuditRecord(
                event="request-refused",
                covenant_id=there or SERVICE_LOG,
                by=caller,
                trace=trace,
                reason=refusal.code,
            )
            self.audit.append(session, record)


def log_routes(desk: LogDesk) -> APIRouter:
    """The router. What reads entries has written its own by the time it answers."""
    router = APIRouter(prefix="/covenants/{covenantId}/log", tags=["Log"])
    _add_hashes(router, desk)
    _add_entries(router, desk)
    return router


def _add_hashes(router: APIRouter, desk: LogDesk) -> None:
    @router.get("", summary="How the log is called and signed")
    def describe_log(_: Anyone, covenant_id: CovenantId) -> LogDescription:
        """Origin and key of the log's heads, to be compared with what the operator published."""
        key = desk.signer.key(covenant_id)
        return LogDescription(origin=key.origin, public_key=key.public_key)

    @router.get("/checkpoint", response_class=PlainTextResponse, summary="The head of the log")
    def read_checkpoint(_: Anyone, covenant_id: CovenantId, witnessed: Witnessed = False) -> Response:
        """The last signed head, as a C2SP checkpoint."""
        with desk.reader(covenant_id) as log:
            note = log.checkpoint(witnessed=witnessed)
        return Response(note, media_type=_NOTE)

    @router.get("/tile/{level}/{tile:path}", response_class=Response, summary="Hashes of the tree")
    def read_tile(_: Anyone, covenant_id: CovenantId, level: Level, tile: TileName) -> Response:
        """Up to 256 hashes of 32 bytes, as far as the last signed head covers them."""
        index, width = _named(tile)
        with desk.reader(covenant_id) as log:
            hashes = log.tile(Tile(level, index, width))
        return Response(hashes, media_type=_HASHES)

    @router.get("/inclusion-proof", summary="That a leaf stands in the log")
    def prove_inclusion(_: Anyone, covenant_id: CovenantId, index: Place, size: Size) -> InclusionProof:
        """RFC 6962 audit path of one leaf in the tree of `size` leaves."""
        with desk.reader(covenant_id) as log:
            path = log.inclusion(index, size)
        return InclusionProof(index=index, size=size, path=tuple(path))

    @router.get("/consistency-proof", summary="That the log only grew")
    def prove_consistency(_: Anyone, covenant_id: CovenantId, first: Size, second: Size) -> ConsistencyProof:
        """RFC 6962 proof that the tree of `second` leaves goes on from that of `first`."""
        with desk.reader(covenant_id) as log:
            path = log.consistency(first, second)
        return ConsistencyProof(first=first, second=second, path=tuple(path))


def _add_entries(router: APIRouter, desk: LogDesk) -> None:
    @router.get("/entries/{bundle:path}", response_class=Response, summary="Entries, as their leaves were made")
    def read_bundle(request: Request, caller: Anyone, covenant_id: CovenantId, bundle: BundleName) -> Response:
        """For privacy officers: up to 256 lines of JSON, enough to compute the leaves again."""
        with desk.asked(request, covenant_id, caller) as session:
            if caller.role is not Role.OFFICER:
                raise Refused("role-not-allowed", "entries of the log are read by privacy officers")
            found = LogReader(session, covenant_id).bundle(*_named(bundle))
            record = AuditRecord(
                event="log-read",
                covenant_id=covenant_id,
                by=caller,
                trace=context_of(request).trace_id,
                form="bundle",
                counts={"entries": len(found)},
            )
            desk.audit.append(session, record)
        return Response("".join(map(line_of, found)), media_type=_LINES)


def _named(path: str) -> tuple[int, int]:
    try:
        return parse_bundle_path(path)
    except MerkleError as error:
        raise NotFound("tile-unknown", str(error)) from None


def line_of(entry: Logged) -> str:
    """One line of a bundle."""
    fields = None if entry.fields is None else {name: value.decode() for name, value in entry.fields.items()}
    line = LoggedEntry(index=entry.index, salt=entry.salt, fields=fields, erased_by=entry.erased_by)
    return line.model_dump_json(exclude_none=True) + "\n"
