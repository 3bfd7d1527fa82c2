"""What to try on a running system, with its real addresses and profiles."""

from __future__ import annotations

from covenant_rules.model import Covenant
from service.demo.system import Running


def guide(system: Running, covenant: Covenant) -> str:
    """Commands that work as they stand in another terminal, in the project's folder."""
    profile = system.profile("municipality")
    path = f"/v1/covenants/{covenant.id}/hits?limit=5"
    return f"""
The system runs until Ctrl-C. In another terminal:

  export COVENANT_PROFILE={profile}
  .venv/bin/covenant hits
  .venv/bin/covenant signals
  .venv/bin/covenant submit {profile / "records.csv"}

With curl, signing each request:

  curl -s -H "$(.venv/bin/covenant authorization GET '{path}')" '{system.broker.url}{path}'

The API's description: {system.broker.url}/v1/openapi.json and {system.key_holder.url}/v1/openapi.json
Other parties' profiles: {system.directory / "parties"}
"""
