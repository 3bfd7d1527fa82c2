"""From records to an opened field and through every kind of refusal, with marked secrets; then a search for the marks.

What is searched: what both services log at the most talkative level, problem documents, what clients say, the URLs that
clients ask, every text and binary column of both databases, and the files below them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.group import decode_element, multiply
from clients.protocol.jws import private_key_to_pem
from clients.sdk import ClientError, open_profile
from clients.sdk.offices import open_office_profile
from clients.sdk.opening import Opened
from service.signals.keys import PartyKeyId, SignalKeys
from service.storage.embedded import EmbeddedPostgres
from tests.canary.watch import (
    Exchange,
    Recorder,
    Secrets,
    dump,
    everything_logged,
    found_in,
    found_in_files,
    secrets_on_disk,
)
from tests.governance.conftest import founded as founded
from tests.governance.conftest import postgres as postgres
from tests.governance.conftest import town as town
from tests.governance.town import ISSUERS, PARTIES, STEWARDS, C, Town, record

PATH = f"/v1/covenants/{C}"

IDENTIFIERS = {
    "postcode": "9731XK",
    "address id": "0518200000847193",
    "citizen service number": "999996356",
    "family name": "Kwikstaartje",
    "given name": "Zwaantinette",
    "own reference": "dossier-73a9f1",
}
CONTENTS = {
    "gist": "grutto's broeden bij de cv-ketel",
    "full note": "de lepelaar was er op dinsdag ook, en niet alleen",
    "contact": "mw. Bontbekplevier",
}
MARK = IDENTIFIERS["address id"]
"""What stands in requests where it does not belong."""


class Marks(dict[str, bytes | str]):
    """Secrets by name, gathered while the story goes on."""

    def sent(self, exchanges: Iterable[Exchange]) -> None:
        """Request tokens, tokens, blinded and evaluated points: what was sent and must not stay."""
        for number, (request, response) in enumerate(exchanges):
            name = f"{request.method} {request.url.path} {number}"
            self[f"request token of {name}"] = request.headers["Authorization"].split(".")[2]
            for body in (_json(request.content), _json(response.content)):
                for kind, points in _points(body).items():
                    for place, point in enumerate(points[:2]):  # evaluations are padded with many more
                        self[f"{kind} {place} of {name}"] = b64u_decode(point)

    def kept(self, town: Town) -> None:
        """Private keys of everyone."""
        for service in ISSUERS:
            for name, key in secrets_on_disk(town.directory / f"{service}-keys").items():
                self[f"{service} key {name}"] = _plain(key)
        for party in PARTIES:
            profile = open_profile(town.directory / party)
            self[f"authentication key of {party}"] = _plain(private_key_to_pem(profile.authentication_key))
            self[f"signing key of {party}"] = profile.signing_key
            self[f"encryption key of {party}"] = profile.encryption_key.raw
            self[f"journal key of {party}"] = profile.journal_key
        for name in STEWARDS:
            office = open_office_profile(town.directory / name)
            self[f"authentication key of {name}"] = _plain(private_key_to_pem(office.authentication_key))
            if office.approval_key is not None:
                self[f"approval key of {name}"] = office.approval_key

    def pseudonyms(self, town: Town, exchanges: Iterable[Exchange]) -> None:
        """What the broker makes of the tokens it is sent, t = d·t_A."""
        keys = SignalKeys(town.keys["broker"], secrets.token_bytes)
        for request, _ in exchanges:
            if request.url.path != f"{PATH}/signals" or request.method != "POST":
                continue
            party = json.loads(_payload(request))["sub"]
            for signal in _json(request.content)["signals"]:
                for token in signal["tokens"]:
                    scalar = keys.conversion(PartyKeyId(C, token["matchKey"], party, token["keyVersion"], 1))
                    point = multiply(scalar, decode_element(b64u_decode(token["token"])))
                    self[f"pseudonym {token['matchKey']} of {party} {token['token'][:6]}"] = bytes(point)


def _payload(request: httpx.Request) -> bytes:
    return b64u_decode(request.headers["Authorization"].split(".")[1])


def _plain(key: bytes) -> bytes | str:
    """Of a PEM file, a line of the key itself."""
    return key.decode().splitlines()[1] if key.startswith(b"-----") else key


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return {}


def _points(body: Any) -> dict[str, list[str]]:
    """The points that stand in a message, by what they are."""
    found: dict[str, list[str]] = {}
    if isinstance(body, dict):
        for name, value in body.items():
            if name in ("token", "blinded", "evaluated"):
                found.setdefault(name, []).extend([value] if isinstance(value, str) else value)
            else:
                _unite(found, _points(value))
    elif isinstance(body, list):
        for value in body:
            _unite(found, _points(value))
    return found


def _unite(found: dict[str, list[str]], more: dict[str, list[str]]) -> None:
    for name, points in more.items():
        found.setdefault(name, []).extend(points)


@contextmanager
def recorded(town: Town) -> Iterator[dict[str, Recorder]]:
    """What clients and services say to each other from now on."""
    before = dict(town.transports)
    recorders = {service: Recorder(transport) for service, transport in before.items()}
    town.transports.update(recorders)
    yield recorders
    town.transports.update(before)


class Told(list[str]):
    """What clients said when they were refused: their users see it, and their logs."""

    @contextmanager
    def refused(self) -> Iterator[None]:
        with pytest.raises(ClientError) as refused:
            yield
        self.append(f"{refused.value!r} {refused.value}")


def good_day(town: Town) -> dict[str, Any]:
    """Submit, hits, look-up, disclosure, grant, release; returns ids to go on with."""
    house = {"postcode": IDENTIFIERS["postcode"], "bag_id": IDENTIFIERS["address id"]}
    fields = {
        "note.gist": CONTENTS["gist"],
        "note.full": CONTENTS["full note"],
        "contact.role": "wijkagent",
        "contact.name": CONTENTS["contact"],
    }
    person = {
        "reference": f"{IDENTIFIERS['own reference']}-2",
        "subject_kind": "person",
        "category": "home-visit",
        "day": "2026-11-10",
        "purposes": "support",
        "bsn": IDENTIFIERS["citizen service number"],
        "given_names": IDENTIFIERS["given name"],
        "family_name": IDENTIFIERS["family name"],
        "birth_date": "1981-02-03",
    }
    town.submit("police", record(IDENTIFIERS["own reference"], 48217, **house, **fields))
    town.submit("housing-north", record(f"{IDENTIFIERS['own reference']}-1", 48217, **house))
    town.submit("municipality", record(IDENTIFIERS["own reference"], 48217, **house), person)
    town.submit("care-team", person)
    municipality, police = town.session("municipality"), town.session("police")
    hits = municipality.hits("nuisance")
    assert {hit.hit.source for hit in hits} == {"police", "housing-north"}
    own = next(hit.own for hit in hits if hit.hit.source == "police")
    assert own is not None
    disclosure = municipality.disclose(own.signal_id, "nuisance")
    opened = [answer for answer in municipality.open_fields(disclosure) if isinstance(answer, Opened)]
    assert CONTENTS["gist"] in [answer.value for answer in opened]
    address = police.subject("address", {"postcode": house["postcode"], "house_number": "48217", **house})
    assert police.look_up("address", address, "nuisance").hits
    list(police.notices())
    return {"signal": str(own.signal_id), "hit": str(hits[0].hit_id)}


def bad_day(town: Town, good: Iterable[Exchange], known: dict[str, Any]) -> Told:
    """Whatever is refused, with secrets in the wrong places."""
    told = Told()
    police, municipality = town.session("police"), town.session("municipality")
    subject = municipality.subject("person", {"bsn": IDENTIFIERS["citizen service number"]})
    with told.refused():
        municipality.look_up("person", subject, "support")  # no permit answers look-ups there
    with told.refused():
        police.disclose(next(iter(police.own_signals())).signal_id, "nuisance", "closed")
    with told.refused():
        municipality.subject("person", {"bsn": "999996357"})  # fails the eleven-test

    submission = next(
        request for request, _ in good if request.url.path == f"{PATH}/signals" and request.method == "POST"
    )
    body = _json(submission.content)
    token = body["signals"][0]["tokens"][0]
    look_up = {"purpose": "nuisance", "stage": "signal", "subjectKind": "address", "normalisationVersion": "1"}
    evaluation = {"matchKey": "address-bag", "keyVersion": 1, "blinded": [token["token"]]}
    spoilt: dict[str, list[bytes]] = {
        f"{PATH}/signals": [
            json.dumps(body).encode()[:-3],
            json.dumps(body | {token["token"]: MARK}).encode(),
            json.dumps(body | {"covenantVersion": MARK}).encode(),
            _with_token(body, keyVersion=token["token"]),
            _with_token(body, token=token["token"][:-1]),
            _with_token(body, token=b64u_encode(bytes(32))),
            _with_token(body, **{MARK: MARK}),
            b'{"signals": [], "signals": "' + MARK.encode() + b'"}',
            b'{"' + MARK.encode() + b'": NaN}',
            b"[" * 200 + MARK.encode(),
            MARK.encode("utf-16"),
            b'{"x": "' + MARK.encode() + b"\xff" + b'"}',
        ],
        f"{PATH}/look-ups": [
            json.dumps(look_up | {"tokens": [token | {"keyVersion": 9}]}).encode(),
            json.dumps(look_up | {"tokens": [token] * 50}).encode(),
            json.dumps(look_up | {"subjectKind": MARK, "tokens": [token]}).encode(),
        ],
        f"{PATH}/grants": [json.dumps({"disclosureId": MARK, "signalId": known["signal"]}).encode()],
        f"{PATH}/evaluations": [
            json.dumps(evaluation | {"matchKey": MARK}).encode(),
            json.dumps(evaluation | {"keyVersion": 77}).encode(),
            json.dumps(evaluation | {"blinded": [token["token"], b64u_encode(bytes(32))]}).encode(),
        ],
        f"{PATH}/releases": [json.dumps({"grant": MARK, "wrappedKey": MARK}).encode()],
    }
    for path, bodies in spoilt.items():
        at_holder = path.endswith(("evaluations", "releases"))
        session = police.key_holder_conversation if at_holder else police.broker_conversation
        for raw in bodies:
            try:
                answer = session._send("POST", path, raw, {"Idempotency-Key": str(uuid4())})
            except ClientError as error:
                told.append(f"{error!r} {error}")
            else:  # one bad signal does not stop its batch, and one that is there already is not looked at again
                assert {one["status"] for one in answer.json()["results"]} <= {"rejected", "repeated"}
    for target in (
        f"{PATH}/hits?purpose={MARK}",
        f"{PATH}/hits?since={MARK}",
        f"{PATH}/hits?limit={MARK}",
        f"{PATH}/hits/{MARK}",
        f"{PATH}/disclosures/{known['hit']}",
        f"/v1/covenants/{IDENTIFIERS['family name'].lower()}/hits",
        f"/v1/{MARK}",
        f"/{MARK}?{MARK}={MARK}",
    ):
        with told.refused():
            police.broker_conversation._send("GET", target, b"", {"Accept-Language": MARK, "X-Request-Id": MARK})
    with told.refused():
        police.broker_conversation._send("POST", f"{PATH}/look-ups", b"{}", {"Idempotency-Key": MARK})

    with httpx.Client(transport=town.transports["broker"], base_url=ISSUERS["broker"]) as anyone:
        used = submission.headers["Authorization"]
        for request in (
            anyone.build_request(
                "POST", f"{PATH}/signals", content=submission.content, headers={"Authorization": used}
            ),
            anyone.build_request("GET", f"{PATH}/hits", headers={"Authorization": f"Bearer {MARK}"}),
            anyone.build_request("GET", f"{PATH}/hits?{MARK}", headers={"Authorization": used, "User-Agent": MARK}),
            anyone.build_request(
                "POST",
                f"{PATH}/signals",
                content=MARK,
                headers={"Authorization": used, "Content-Type": f"text/plain; charset={MARK}"},
            ),
            anyone.build_request("DELETE", f"{PATH}/signals/{MARK}", headers={"Authorization": used}),
        ):
            assert anyone.send(request).status_code >= 400

    town.operator("broker").suspend(C, "police", "its keys were stolen")
    with told.refused():
        police.hits()
    town.operator("broker").reinstate(C, "police")
    return told


def _with_token(body: dict[str, Any], **changes: Any) -> bytes:
    spoilt = json.loads(json.dumps(body))
    spoilt["signals"][0]["tokens"][0] |= changes
    return json.dumps(spoilt).encode()


def broken_day(town: Town, known: dict[str, Any]) -> Told:
    """Both databases lose tables: what is asked then fails in the middle."""
    told = Told()
    for service, table in (("broker", "pseudonym"), ("keyholder", "evaluation_receipt")):
        with psycopg.connect(town.urls[service]) as connection:
            found = connection.execute("SELECT 1 FROM pg_tables WHERE tablename = %s", (table,)).fetchone()
            assert found, f"the {service} has no table {table} any more"
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_lost")
    municipality = town.session("municipality")
    with told.refused():
        municipality.disclose(known["signal"], "nuisance")
    with told.refused():
        municipality.tokens("address-bag", [b"0518200000847194"])
    return told


def is_refusal(exchange: Exchange) -> bool:
    """Also of single signals, for which the batch as a whole is answered 200."""
    request, response = exchange
    return response.status_code >= 400 or (request.method, request.url.path) == ("POST", f"{PATH}/signals")


def refusal(exchange: Exchange) -> str:
    return f"{exchange[1].headers} {exchange[1].text}"


def test_no_secret_stands_in_a_log_a_refusal_a_url_or_a_database(
    town: Town, postgres: EmbeddedPostgres, subtests: pytest.Subtests
) -> None:
    watched = Marks(IDENTIFIERS | CONTENTS)
    with everything_logged(but=("httpx", "httpcore")) as log, recorded(town) as recorders:  # they are the test's own
        known = good_day(town)
        good = {service: list(recorder.exchanges) for service, recorder in recorders.items()}
        told = [*bad_day(town, good["broker"], known), *broken_day(town, known)]
    for service, exchanges in good.items():
        watched.sent(exchanges)
        told += [refusal(one) for one in recorders[service].exchanges[len(exchanges) :] if is_refusal(one)]
    watched.kept(town)
    watched.pseudonyms(town, good["broker"])
    for kind in (
        "request token",
        "token",
        "blinded",
        "evaluated",
        "pseudonym",
        "broker key",
        "keyholder key",
        "signing",
    ):
        assert any(name.startswith(kind) for name in watched), kind

    asked = {service: "\n".join(str(request.url) for request, _ in exchanges) for service, exchanges in good.items()}
    places: dict[str, tuple[str, Secrets]] = {
        "logs": (log.getvalue(), {"a route": "/v1/covenants/{covenantId}/hits", "a statement": "INSERT INTO"}),
        "refusals": ("\n".join(told), {"a client": "Refused", "a code": "/problems/", "a place": "/tokens/0"}),
        "URLs of the broker": (asked["broker"], {"a path": f"{PATH}/hits?"}),
        "URLs of the key holder": (asked["keyholder"], {"a path": f"{PATH}/evaluations"}),
        "database of the broker": (dump(town.urls["broker"]), {"an event": "disclosure-decided"}),
        "database of the key holder": (dump(town.urls["keyholder"]), {"an event": "evaluation-made"}),
    }
    for place, (text, there) in places.items():
        with subtests.test(place):
            assert found_in(text, there) == set(there), "the search is blind"
            assert not found_in(text, watched)
    with subtests.test("files of the databases"):
        there = {"an event": "disclosure-decided"}
        assert found_in_files(postgres.directory, watched | there) == set(there)
