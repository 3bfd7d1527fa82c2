"""Writes docs/audit-events.md from the catalogue: `python -m tests.officer.events_page`. A test keeps it current."""

from __future__ import annotations

from pathlib import Path

from service.audit.events import ACTIONS, CATALOGUE, EVERYWHERE, WITHHELD, Event, Kept, Log, Sight
from service.principals import Role

PAGE = Path(__file__).parents[2] / "docs" / "audit-events.md"

_CAUSES = {
    Role.PARTY: "a party",
    Role.OPERATOR: "the operator",
    Role.OFFICER: "an officer",
    Role.ADMINISTRATOR: "an administrator",
    Role.SERVICE: "a service by itself",
}
_SIGHT = {
    Sight.OFFICER: "nobody else",
    Sight.ACTOR: "the party that acted",
    Sight.CONCERNED: "the parties it names",
    Sight.DISCLOSURE: "source and recipient, by the permit",
    Sight.PARTIES: "every party",
}
_KEPT = {Kept.COVENANT: "`retention.audit`", Kept.ALWAYS: "as long as the log"}
_LOGS = {
    frozenset({Log.BROKER}): "broker",
    frozenset({Log.KEYHOLDER}): "key holder",
    frozenset(Log): "both",
}


def page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for action, events in ACTIONS.items():
        parts.append(f"\n## {action}\n")
        parts += [_described(event) for event in CATALOGUE.values() if event.id in events]
    return "".join(parts)


def _described(event: Event) -> str:
    causes = ", ".join(words for role, words in _CAUSES.items() if role in event.causes)
    fields = [f"`{name}`" for name in sorted(event.required)]
    fields += [f"`{name}`?" for name in sorted(event.optional)]
    return f"""
### {event.id}

{event.meaning[0].upper()}{event.meaning[1:]}.

| caused by | in the log of | fields | seen by the officer and | kept |
|---|---|---|---|---|
| {causes} | {_LOGS[event.logs]} | {" ".join(fields) or "—"} | {_SIGHT[event.sight]} | {_KEPT[event.kept]} |
"""


_INTRODUCTION = f"""# Events of the audit logs

Written from `service/audit/events.py` by `python -m tests.officer.events_page`; a test fails while it is not current.

Broker and key holder each keep a log. What can stand in either is on this page, and nothing else can: the writer
refuses an event, field or shape that is not in the catalogue. An entry has room for words of the covenant, random ids,
counts, hashes and subject handles, and none for an identifier, token, pseudonym or field content.

- A field with `?` may be absent. Every entry may also have {", ".join(f"`{n}`" for n in sorted(EVERYWHERE))}.
- The privacy officer sees every entry with every field. Parties never see
  {" or ".join(f"`{n}`" for n in sorted(WITHHELD))}.
- *Source and recipient, by the permit*: the rule that permitted the disclosure says under `audit` which fields each of
  the two sees, and how long the entry is kept from the source.
- `retention.audit` is the covenant's. When it is over, entry and salt are erased; the leaf stays.
- Headings are the words for `action:` and `event:` in a search (see [audit-officer.md](audit-officer.md)).
"""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
