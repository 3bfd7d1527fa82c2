"""Who asks for what is for other roles is told so, and stands in the log with it."""

from __future__ import annotations

import pytest

from tests.kit.disclosure import World


@pytest.mark.parametrize("path", ["/hits", "/notices", "/signals", "/release-requests"])
def test_an_operator_that_asks_for_what_is_a_partys_stands_in_the_covenants_log(world: World, path: str) -> None:
    response = world.stage.send(None, "GET", f"/v1/covenants/{world.stage.covenant.id}{path}")
    assert (response.status_code, response.json()["type"]) == (403, "/problems/role-not-allowed")
    (entry,) = world.rows("SELECT covenant_id, fields FROM audit_entry WHERE event = 'request-refused'")
    assert (entry.covenant_id, entry.fields["reason"]) == (world.stage.covenant.id, "role-not-allowed")
    assert entry.fields["principal"] == "operator-1"


def test_a_party_that_acts_as_an_operator_stands_in_the_log(world: World) -> None:
    answer = world.ask("police", "PUT", "/parties/housing-north/suspension", {"reason": "because"})
    assert (answer.status, answer.code) == (403, "role-not-allowed")
    ((party, fields),) = world.entries("request-refused")
    assert (party, fields["reason"]) == ("police", "role-not-allowed")
    world.submit("housing-north", {"address-bag": b"home 1"})  # nothing came of it


def test_a_covenant_that_is_not_here_gets_no_log_by_being_asked_for(world: World) -> None:
    response = world.stage.send(None, "GET", "/v1/covenants/made-up/hits")
    assert response.status_code == 403
    (entry,) = world.rows("SELECT covenant_id FROM audit_entry WHERE event = 'request-refused'")
    assert entry.covenant_id == "-"


def test_a_refusal_for_a_role_that_cannot_be_recorded_is_not_told(world: World) -> None:
    world.break_log()
    answer = world.ask("police", "PUT", "/parties/housing-north/suspension", {"reason": "because"})
    assert (answer.status, answer.code) == (503, "audit-unavailable")
