"""What a change in a covenant or in who takes part does to what the broker holds.

First it is committed that a party has left, or that the covenant has ended: from then on nothing is taken in, shown or
granted. Then what was held goes, so much a transaction. An answer says that all of it is gone; whoever gets none
repeats the request, which goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlmodel import Session

from clients.protocol.officers import OFFICERS
from covenant_rules.model import Covenant
from service.broker.context import BrokerContext
from service.disclosure.departure import erase_some_of_covenant, erase_some_of_party
from service.principals import Principal
from service.web.registry import match_keys_of_kind

__all__ = ["end_covenant", "finish_endings", "leave_covenant", "turn_to_new_versions"]


def leave_covenant(
    context: BrokerContext, covenant_id: str, party: str, reason: str, by: Principal, trace: str | None
) -> None:
    """The party's keys are destroyed, its signals withdrawn, and what it was told forgotten."""
    with context.database.transaction() as session:
        context.covenants.current(session, covenant_id)
        context.parties.leave(session, covenant_id, party, reason=reason, by=by, trace=trace)
    with context.database.transaction() as session:
        context.departures.destroy_keys(session, covenant_id, party, by=by, trace=trace)
    _until_none(
        context,
        lambda session: context.departures.withdraw_some(session, covenant_id, party, by=by, trace=trace),
        lambda session: erase_some_of_party(session, covenant_id, party),
    )


def end_covenant(context: BrokerContext, covenant_id: str, reason: str, by: Principal, trace: str | None) -> None:
    """Keys, signals, pseudonyms, wrapped keys and answers are destroyed. Versions and the audit log stay."""
    with context.database.transaction() as session:
        context.course.end(session, covenant_id, reason=reason, by=by, trace=trace)
        context.parties.close(session, covenant_id)
    _finish(context, covenant_id)


def finish_endings(context: BrokerContext) -> None:
    """Goes on with what an interrupted ending left."""
    with context.database.transaction() as session:
        ended = context.course.ended(session)
    for covenant_id in ended:
        _finish(context, covenant_id)


def _finish(context: BrokerContext, covenant_id: str) -> None:
    with context.database.transaction() as session:
        context.departures.destroy_all_keys(session, covenant_id)
    _until_none(
        context,
        lambda session: context.departures.erase_some(session, covenant_id),
        lambda session: erase_some_of_covenant(session, covenant_id),
    )


def turn_to_new_versions(context: BrokerContext) -> int:
    """Puts on record which versions' days have come, and destroys keys that none gives now; returns how many."""
    destroyed = 0
    with context.database.transaction() as session:
        context.course.put_on_record(session)
        for covenant_id in context.covenants.list(session):
            current = context.covenants.current(session, covenant_id)
            versions = (current, *context.covenants.coming(session, covenant_id))

            def given(party: str, versions: tuple[Covenant, ...] = versions) -> frozenset[str]:
                if party == OFFICERS:
                    return frozenset(
                        key for one in versions for kind in one.kinds for key in match_keys_of_kind(one, kind)
                    )
                naming = (version for version in versions if party in version.parties)
                return frozenset[str]().union(*(match_keys_of_kind(one, one.parties[party].kind) for one in naming))

            destroyed += context.departures.keep_only(session, covenant_id, given)
    return destroyed


def _until_none(context: BrokerContext, *steps: Callable[[Session], int]) -> None:
    """Does each step over and over, a transaction each time, until it finds nothing more to do."""
    for step in steps:
        while True:
            with context.database.transaction() as session:
                if not step(session):
                    break
