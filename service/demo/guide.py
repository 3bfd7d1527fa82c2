"""What to try on a running system, with its real addresses and profiles."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from covenant_rules.model import Covenant
from service.demo.system import ADMINISTRATORS, OFFICER, OPERATOR, Running


def guide(system: Running, covenant: Covenant, reference: str) -> str:
    """Commands that work as they stand in another terminal, in the folder that this one is in.

    `reference` is a record of the municipality's on which it has a hit with a field to open.
    """
    profile, commands = system.profile("municipality"), _shown(Path(sys.executable).parent)
    path = f"/v1/covenants/{covenant.id}/hits?limit=5"
    batch = f"/v1/covenants/{covenant.id}/signals"
    people = ", ".join((*ADMINISTRATORS, OFFICER))
    return f"""
The system runs until Ctrl-C. In another terminal, as the municipality:

  export COVENANT_PROFILE={_shown(profile)}
  {commands}/covenant hits --purpose nuisance
  {commands}/covenant open {reference} --purpose nuisance
  {commands}/covenant submit {_shown(profile / "records.csv")}

With curl, each request signed for itself; the second is refused, and is told what is wrong with it and where:

  curl -s -H "$({commands}/covenant authorization GET '{path}')" '{system.broker.url}{path}'

  echo '{{"covenantVersion": 1, "surprise": true}}' > request.json
  curl -s -H "$({commands}/covenant authorization POST {batch} --body request.json)" \\
    -H 'Content-Type: application/json' --data-binary @request.json {system.broker.url}{batch}

As the privacy officer; as an administrator; as the broker's operator:

  {commands}/covenant audit list outcome:shown --profile {_shown(system.person(OFFICER))}
  {commands}/covenant versions list --profile {_shown(system.person(ADMINISTRATORS[0]))}
  {commands}/covenantd suspend {covenant.id} police --reason 'to try it' \\
    --url {system.broker.url} --key {_shown(system.directory / "broker" / "operator.pem")} --name {OPERATOR}

Parties' profiles: {_shown(system.directory / "parties")}. People's ({people}): {_shown(system.directory / "people")}.
The API's descriptions: {system.broker.url}/v1/openapi.json and {system.key_holder.url}/v1/openapi.json
"""


def _shown(path: Path) -> str:
    """As it can be typed here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
