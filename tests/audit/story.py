"""A year of two services in a minute: every route is called once at least, by who may, with success.

In the order in which it could happen: founding, a new version, signals, questions, answers, opened fields, conditions,
the officer's work, a finding of the witness, departures, the end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
from pydantic import ConfigDict

from clients.protocol.encoding import b64u_encode
from clients.protocol.group import Element
from clients.protocol.messages.base import Message
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.officers import OFFICERS
from clients.protocol.tokens import TokenContext, blind_values, unblind
from clients.sdk.http import Conversation
from clients.sdk.offices import open_office_profile
from clients.sdk.profile import open_profile
from clients.sdk.renewal import prepare, switch
from clients.sdk.services import KeyHolder
from service.storage.service_keys import es256_key
from tests.audit.recorder import Recorder, Route, routes_of
from tests.audit.waiting import until
from tests.governance.town import OPERATOR_KEYS, C, Town, hash_of, record, version_from
from tests.service.cast import NOW, Clock

PATH = f"/v1/covenants/{C}"


class Recorded(Town):
    """A town with a recorder in front of each service. `free` are the routes that need no entry."""

    def __init__(self, directory: Path, urls: Mapping[str, str], free: frozenset[str]) -> None:
        self.recorders: dict[str, Recorder] = {}
        self.routes: dict[Route, Any] = {}
        self._free = free
        super().__init__(directory, urls, Clock(NOW))

    def _serve(self, api: Any, service: str) -> httpx.BaseTransport:
        routes = routes_of(service, api.fastapi)
        self.routes |= routes
        untried = {route for route in routes if f"{route[1]} {route[2]}" not in self._free}
        inner = super()._serve(api, service)
        self.recorders[service] = Recorder(service, inner, self.urls[service], routes, untried)
        return self.recorders[service]

    def party(self, name: str, service: str = "broker") -> Conversation:
        return self.conversation(service, name, open_profile(self.directory / name).authentication_key)

    def officer(self, service: str = "broker") -> Conversation:
        return self.conversation(service, "olga", open_office_profile(self.directory / "olga").authentication_key)

    def settle(self) -> None:
        """Waits until all that happened is sequenced and witnessed."""
        until(lambda: all(self._settled(service) for service in self.urls))

    def _settled(self, service: str) -> bool:
        with psycopg.connect(self.urls[service]) as connection:
            (waiting,) = connection.execute(
                "SELECT count(*) FROM audit_leaf WHERE covenant_id = %s AND leaf_index IS NULL", (C,)
            ).fetchone()  # type: ignore[misc]
            row = connection.execute(
                "SELECT size, cosigned_size FROM audit_checkpoint WHERE covenant_id = %s", (C,)
            ).fetchone()
        return not waiting and row is not None and (service == "keyholder" or row[0] == row[1])

    def cut_the_log(self) -> None:
        """Takes the broker's tree away, all of it. What is written anew is another history."""
        with psycopg.connect(self.urls["broker"]) as connection:
            connection.execute("UPDATE audit_leaf SET leaf_index = NULL WHERE covenant_id = %s", (C,))
            connection.execute(
                "DELETE FROM audit_leaf WHERE covenant_id = %s AND entry_id IN"
                " (SELECT entry_id FROM audit_leaf WHERE covenant_id = %s LIMIT 1)",
                (C, C),
            )
            for table in ("audit_head", "audit_tile", "audit_checkpoint"):
                connection.execute(f"DELETE FROM {table} WHERE covenant_id = %s", (C,))  # type: ignore[arg-type]

    def at(self, service: str) -> Conversation:
        """The operator's."""
        return self.conversation(service, "operator", OPERATOR_KEYS[service])


def play(town: Recorded) -> None:
    """The whole story. Raises what any of its requests is refused with."""
    _begin(town)
    _change_the_rules(town)
    _share(town)
    _wait_for_others(town)
    _audit(town)
    _lose_history(town)
    _end(town)


def _begin(town: Recorded) -> None:
    town.found()
    for service in ("broker", "keyholder"):
        for path in ("/health/live", "/health/ready", "/openapi.json"):
            town.at(service).fetch(f"/v1{path}")
        operator = town.operator(service)
        operator.suspend(C, "care-team", "its keys may have been stolen")
        operator.reinstate(C, "care-team")
        operator.parties(C)
    town.operator("keyholder").rotate_key(C, "police", "address-bag", 2, "its tokens may have been copied")
    town.operator("broker").set_up(C)
    renewed = prepare(town.directory / "housing-south")
    for service in ("broker", "keyholder"):
        town.operator(service).replace_keys(C, renewed, "its keys are a year old")
    switch(
        town.directory / "housing-south",
        transports=(town.transports["broker"], town.transports["keyholder"]),
        now=town.clock,
    )


def _change_the_rules(town: Recorded) -> None:
    for step in ("reject", "withdraw"):
        version = hash_of(other := version_from("2026-12-01", ("title: Complex approach", f"title: To {step}")))
        author = town.steward("dora")
        author.draft(other)
        author.propose(version)
        if step == "withdraw":
            author.withdraw(version, "it was a mistake")
        else:
            town.steward("olga").advise(version, "unfavourable", "it is not necessary")
            town.steward("anna").reject(version, "we follow the advice")
    town.steward("dora").replay(version_from("2026-12-02"))
    town.change(version_from("2026-12-02", ("title: Complex approach", "title: Second approach")))
    town.steward("anna").versions()


def _share(town: Recorded) -> None:
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}), record("p2", 2))
    town.submit("municipality", record("m1", 1), record("m2", 2))
    municipality, police = town.session("municipality"), town.session("police")
    [hit, *_] = [hit for hit in municipality.hits() if "note.gist" in hit.hit.items]
    assert hit.own is not None
    municipality.broker.hit(hit.hit_id)
    disclosure = municipality.disclose(hit.own.signal_id, "nuisance")
    town.party("municipality").fetch(f"{PATH}/disclosures/{disclosure.disclosure_id}")
    assert [one.value for one in municipality.open_fields(disclosure)] == ["shouting at night"]  # type: ignore[union-attr]
    police.look_up("address", police.subject("address", {"postcode": "3561AB", "house_number": "9"}), "nuisance")
    list(police.notices())
    signals = [one.signal_id for one in police.own_signals()]
    police.withdraw(signals[-1:], "mistaken")
    municipality.figures("nuisance")
    key = police.agreement.keys["address-bag"].version
    blinded = blind_values(TokenContext(C, "address-bag", NORMALISATION_VERSION), [b"x"], lambda n: bytes(range(n)))
    asked = police.key_holder.evaluate("address-bag", key, blinded.blinded, prove=False)
    police.key_holder.prove(asked.receipt, blinded.blinded, asked.evaluated)
    police.key_holder.sealing_key("2027-11")


def _wait_for_others(town: Recorded) -> None:
    care = {"category": "care-concern", "purposes": "support", "subject_kind": "person"}
    person = {
        "given_names": "Jan",
        "family_name": "Jansen",
        "birth_date": "1980-02-03",
        "postcode": "",
        "house_number": "",
    }
    town.submit("care-team", record("c1", 1, **care, **person))
    home = {"category": "home-visit", "purposes": "support", "subject_kind": "person"}
    town.submit("municipality", record("m3", 3, **home, **person))
    own = next(one for one in town.session("municipality").own_signals() if one.subject_kind == "person")
    anchor = {"kind": "signal", "signalId": str(own.signal_id)}
    post(town.party("municipality"), "/release-requests", {"purpose": "support", "anchor": anchor})
    [asked] = get(town.party("care-team"), "/release-requests")["requests"]
    post(town.party("care-team"), f"/release-requests/{asked['requestId']}/answer", {"decision": "release"})
    police = town.party("police")
    [signal] = [one for one in town.session("police").own_signals() if one.state == "live"]
    anchor = {"kind": "signal", "signalId": str(signal.signal_id)}
    post(police, "/approvals", {"purpose": "nuisance", "anchor": anchor})
    [given] = get(police, "/approvals")["approvals"]
    police.delete(f"{PATH}/approvals/{given['approvalId']}")


def _audit(town: Recorded) -> None:
    terms: dict[str, Any] = {"query": "action:disclosure"}
    for service in ("broker", "keyholder"):
        officer = town.officer(service)
        town.settle()
        size = int(officer.fetch(f"{PATH}/log/checkpoint").splitlines()[1])
        get(officer, "/log")
        officer.fetch(f"{PATH}/log/tile/0/000.p/{min(size, 255)}")
        officer.fetch(f"{PATH}/log/inclusion-proof?index=0&size={size}")
        officer.fetch(f"{PATH}/log/consistency-proof?first=1&second={size}")
        officer.fetch(f"{PATH}/log/entries/000.p/{min(size, 255)}")
        [entry, *_] = get(officer, "/audit-entries")["entries"]
        get(officer, f"/audit-entries/{entry['reference']}")
        for path in ("/audit-facets", "/audit-counts", "/audit-export"):
            officer.fetch(f"{PATH}{path}")
        for path, more in (("", {}), ("/facets", {}), ("/counts", {"bucket": "week"}), ("/export", {"format": "csv"})):
            post(officer, f"/audit-searches{path}", terms | more)
    officer = town.officer()
    rules = get(officer, "/audit-misuse-rules")["document"]
    put(officer, "/audit-misuse-rules", {"document": rules + "\n"})
    get(officer, "/audit-findings")
    holder = KeyHolder(town.officer("keyholder"), C)
    blinded = blind_values(TokenContext(C, "address-bag", NORMALISATION_VERSION), [b"x"], lambda n: bytes(range(n)))
    version = next(
        one.key_version
        for key in holder.commitments().keys
        for one in key.parties
        if key.match_key == "address-bag" and one.party == OFFICERS
    )
    [token] = unblind(
        blinded, list(map(Element, holder.evaluate("address-bag", version, blinded.blinded, prove=False).evaluated))
    )
    tokens = [{"matchKey": "address-bag", "keyVersion": version, "token": b64u_encode(token)}]
    post(officer, "/subject-handles", {"normalisationVersion": NORMALISATION_VERSION, "tokens": tokens})
    broker = town.conversation("keyholder", "broker", es256_key(town.keys["broker"], "service/authentication"))
    get(broker, "/witness/grant-uses?usedDate=2026-11-22")


def _lose_history(town: Recorded) -> None:
    """The broker's log loses its last entries: the witness finds out, and the key holder's operator looks into it."""
    town.settle()
    town.cut_the_log()
    town.clock.advance(timedelta(seconds=11))
    until(lambda: bool(get(town.officer("keyholder"), "/witness")["findings"]))
    [finding] = get(town.officer("keyholder"), "/witness")["findings"]
    put(town.at("keyholder"), f"/witness/findings/{finding['findingId']}/acknowledgement", {"reason": "the story"})


def _end(town: Recorded) -> None:
    for service in ("broker", "keyholder"):
        operator = town.operator(service)
        operator.leave(C, "housing-south", "it ends its part in the approach")
        operator.dismiss_administrator(C, "carl")
        operator.dismiss_officer(C, "olga")
        operator.end(C, "the approach has reached its aim")


class _Body(Message):
    """Any JSON object, sent as it is."""

    model_config = ConfigDict(extra="allow")


def get(conversation: Conversation, path: str) -> Any:
    return json.loads(conversation.fetch(f"{PATH}{path}"))


def post(conversation: Conversation, path: str, body: Mapping[str, Any]) -> None:
    conversation.tell(f"{PATH}{path}", _Body.model_validate(body))


def put(conversation: Conversation, path: str, body: Mapping[str, Any]) -> None:
    conversation.put(f"{PATH}{path}", _Body.model_validate(body))
