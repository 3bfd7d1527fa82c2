"""One run of the set-up, with a key holder that may be tampered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from clients.protocol.messages.covenant import CovenantDescription
from tests.kit import Holder, Stage

C = "complex-approach"


def describe(stage: Stage) -> CovenantDescription:
    return CovenantDescription.model_validate_json(stage.partner("police").get("").content)


def attempt(stage: Stage, tampered: Callable[[Holder], dict[str, Any]]) -> httpx.Response:
    """A set-up with an answer of the key holder's changed."""
    answers = tampered(stage.holder)
    stage.context.key_holder._http = httpx.Client(
        base_url="https://keyholder.example", transport=stage.holder.transport(tampered=answers)
    )
    return stage.send(None, "POST", f"/v1/covenants/{C}/set-up")
