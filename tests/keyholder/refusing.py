"""What a release that is refused leaves behind."""

from __future__ import annotations

import httpx

from tests.keyholder.house import House


def assert_refused(house: House, response: httpx.Response, code: str, *, before: int = 0) -> None:
    """Refused with this code, one entry about it, and nothing released."""
    assert response.status_code == 403, response.text
    problem = response.json()
    assert problem["type"] == f"/problems/{code}"
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] in (
        [("/grant", code)],
        [("/wrappedKey", code)],
    )
    refusals = house.entries("release-refused")
    assert len(refusals) == 1
    assert refusals[0]["reason"] == code
    assert refusals[0]["party"] is not None
    assert len(house.entries("field-released")) == before
