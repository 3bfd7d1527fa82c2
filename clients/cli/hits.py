"""`covenant hits`, `notices`, `authorization`: what others have seen where we have seen something."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from clients.cli.options import (
    DEFAULT_PROFILE,
    ActorOption,
    JsonOption,
    LanguageOption,
    ProfileOption,
    console,
    session,
    spoken,
)
from clients.cli.plain import plain
from clients.protocol.messages.disclosure import Hit
from clients.sdk.session import KnownHit
from covenant_rules.explain import Language


def register(app: typer.Typer) -> None:
    app.command()(hits)
    app.command()(explain)
    app.command()(notices)
    app.command()(authorization)


def hits(
    purpose: Annotated[str | None, typer.Option(help="Only hits for this purpose.")] = None,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every hit there is now, beside the record of ours that it is about."""
    with session(profile, actor) as opened:
        found = opened.hits(purpose)
    if as_json:
        console.print_json(json.dumps([_plain(hit) for hit in found]))
        return
    if not found:
        console.print("No hits: nobody else has a signal here that the covenant lets you see.")
        return
    table = Table("our record", "purpose", "source", "category", "day", "may open", box=None)
    table.add_column("hit", overflow="fold", min_width=18)
    for known in found:
        sealed = [item for item in known.hit.items if "." in item]
        table.add_row(
            plain(known.own.record.get("reference", "?")) if known.own else "?",
            plain(known.purpose),
            _source(known.hit),
            plain(known.hit.category or "—"),
            str(known.hit.day or "—"),
            plain(" ".join(sealed)) or "—",
            str(known.hit_id),
        )
    console.print(table)
    console.print(f"{len(found)} hits. `covenant explain HIT` says why; `covenant open RECORD` opens fields.")


def _source(hit: Hit) -> str:
    """Whose it is, where it came from, and the handling codes that whoever derives a signal from it must pass on."""
    origins = f" (from {', '.join(hit.origins)})" if hit.origins else ""
    codes = "".join(f" [{code}]" for code in hit.handling_codes or ())
    return plain(f"{hit.source}{origins}{codes}") if hit.source else "—"


def _plain(known: KnownHit) -> dict[str, object]:
    return {
        "hitId": str(known.hit_id),
        "purpose": known.purpose,
        "stage": known.stage,
        "record": known.own.record.get("reference") if known.own else None,
        **known.hit.model_dump(mode="json", exclude_none=True),
    }


_HEADINGS: Mapping[Language, tuple[str, ...]] = {
    "en": ("item", "rule", "clause", "basis of the source", "basis of ours"),
    "nl": ("gegeven", "regel", "artikel", "grondslag van de bron", "onze grondslag"),
}


def explain(
    hit_id: Annotated[UUID, typer.Argument(help="Id of the hit, from `covenant hits`.")],
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    lang: LanguageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say of one hit what may be seen, by which rule and clause, and on which legal bases."""
    language = spoken(lang)
    with session(profile, actor) as opened:
        explanation = opened.broker.hit(hit_id, language)
    if as_json:
        console.print_json(explanation.model_dump_json(exclude_none=True))
        return
    table = Table(*_HEADINGS[language], box=None)
    for item, grounds in explanation.hit.grounds.items():
        for ground in grounds:
            table.add_row(*map(plain, (item, ground.rule, ground.clause, ground.source_basis, ground.viewer_basis)))
    console.print(table)
    for reason in explanation.reasons:
        console.print(f"· {plain(reason.text)}")


def notices(profile: ProfileOption = DEFAULT_PROFILE, actor: ActorOption = None, as_json: JsonOption = False) -> None:
    """Show which of our signals were disclosed to others, as far as the covenant lets us know."""
    with session(profile, actor) as opened:
        found = list(opened.notices())
        records = {
            n.signal_id: e.record.get("reference", "?") for n in found if (e := opened.journal.entry(n.signal_id))
        }
    if as_json:
        console.print_json(json.dumps([n.model_dump(mode="json", exclude_none=True) for n in found]))
        return
    if not found:
        console.print("No notices: none of your signals was disclosed under a rule that has you told.")
        return
    table = Table("our record", "day", "to", "purpose", "items", box=None)
    for n in found:
        cells = (records.get(n.signal_id, "?"), str(n.day or "—"), n.party, n.purpose, " ".join(n.items or ()))
        table.add_row(*(plain(cell or "—") for cell in cells))
    console.print(table)


def authorization(
    method: Annotated[str, typer.Argument(help="HTTP method, in capitals.")],
    target: Annotated[str, typer.Argument(help="Path, with `?query` if any: /v1/covenants/…")],
    body: Annotated[Path | None, typer.Option(help="File with the request's body.", exists=True)] = None,
    key_holder: Annotated[bool, typer.Option("--key-holder", help="For the key holder instead of the broker.")] = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
) -> None:
    """Print the Authorization header for one request, for use with curl; it is valid for a minute."""
    with session(profile, actor) as opened:
        conversation = opened.key_holder_conversation if key_holder else opened.broker_conversation
        header = conversation.authorization(method, target, body.read_bytes() if body else b"")
    print(f"Authorization: {header}")
