"""The words for reasons, English and Dutch: the only place of the package where an explanation has a language.

A parameter that is a list becomes "a, b and c"; a duration becomes days, months and years; ids become titles where the
covenant is given. Parameter names are those of the reasons, so a translation may use them in any order or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from covenant_rules.explain.reason import Reason, Value
from covenant_rules.model import Covenant
from covenant_rules.shapes import parse_span

Language = Literal["en", "nl"]
LANGUAGES: tuple[Language, ...] = ("en", "nl")

_ENGLISH = {
    # for the asker
    "nothing-to-show": "There is nothing to show you.",
    "shown": "Of signal {signal} you see {items}: {clause} of the covenant ({rule}). Legal basis of the source: "
    "{source_basis}; your legal basis: {viewer_basis}.",
    "shown-without-source": "Of signal {signal} you see {items}: {clause} of the covenant ({rule}). Your legal basis: "
    "{viewer_basis}. Neither the source nor its legal basis is shown to you.",
    "must-notify-source": "The source is told that you have seen this.",
    "source-sees-entry": "Of this request the source may see: {fields}.",
    "source-sees-entry-later": "Of this request the source may see, after {after}: {fields}.",
    # what a permit asks
    "asks-parties": "{clause} asks for {wanted} independent parties.",
    "asks-parties-within": "{clause} asks for {wanted} independent parties within {within}.",
    "asks-recent": "{clause} is about signals of the last {within}.",
    "asks-own-signal": "{clause} asks that the viewer itself has observed one of these: {categories}.",
    "asks-release": "{clause} asks that the source releases the signal.",
    "asks-membership": "{clause} asks that the viewer takes part in the case.",
    "asks-approval": "{clause} asks for the approval of {kinds}.",
    "answers-look-ups": "{clause} also answers look-ups, by those who have no signal of their own.",
    # for the source
    "nobody-sees": "Nobody may see anything of signal {signal}.",
    "may-see": "{to} may see {items} for {purpose}, in the stages {stages}: {clause} of the covenant ({rule}). "
    "Your legal basis: {source_basis}; theirs: {viewer_basis}.",
    "affirm-to-share": "If you submit it again under the current version, {to} may also see {items} for {purpose}, in "
    "the stages {stages}.",
    "code-blocks": "The handling code {code} hides {items} from {kinds}.",
    "code-unknown": "Nobody knows the handling code {code}; it may mean anything, so nothing is shown.",
    # for the auditor: the question
    "no-moment": "The question names no moment in time.",
    "not-in-force": "The covenant is in force from {from} until {until}, and not on {day}.",
    "viewer-not-active": "{party}, who asks, is not an active party.",
    "no-anchor": "{party} has no live signal here for this purpose, and no place in the case.",
    "party-unknown": "{party} is no party in the {version} version.",
    "purpose-unknown": "{purpose} is no purpose of the {version} version.",
    "stage-unknown": "{stage} is no stage of the {version} version.",
    # for the auditor: a signal that is skipped
    "own-signal": "This is a signal of {party} itself.",
    "same-id-twice": "Two signals claim the id {signal}.",
    "other-purpose": "The signal is meant for other purposes: {purposes}.",
    "party-not-active": "{party} is not an active party.",
    "version-unknown": "The version it was submitted under is not known: {version}.",
    "category-unknown": "{category} is no category of the {version} version.",
    "no-legal-basis": "{party} has no legal basis for {category} and {purpose} in the {version} version.",
    # for the auditor: an item
    "item-unknown": "The {version} version does not know {item}.",
    "no-permit": "No permit of the {version} version names {item} for {party} as source.",
    "permit-open": "{clause} ({rule}) of the {version} version opens {item} of {party}. Legal bases: {source_basis}; "
    "{viewer_basis}.",
    "permit-closed": "{clause} ({rule}) of the {version} version names {item} of {party} but is not open. Legal bases: "
    "{source_basis}; {viewer_basis}.",
    "no-open-permit": "No permit of the {version} version that names {item} is open for {party} as source.",
    "forbidden": "{clause} ({rule}) of the {version} version forbids {forbidden} of {party}, and so {item}.",
    "code-hides": "The handling code {code} hides {item}, by the {version} version.",
    "implied-hidden": "{item} is not shown without {implied}.",
    "met-anchor": "{clause}: it is not a look-up.",
    "missing-anchor": "{clause} does not answer look-ups.",
    "met-recent": "{clause}: {day} lies within {within}.",
    "missing-recent": "{clause}: {day} does not lie within {within}.",
    "met-own-signal": "{clause}: the viewer has observed one of these itself: {categories}.",
    "missing-own-signal": "{clause}: the viewer has observed none of these itself: {categories}.",
    "met-release": "{clause}: the source has released the signal.",
    "missing-release": "{clause}: the source has not released the signal.",
    "met-membership": "{clause}: the viewer takes part in the case.",
    "missing-membership": "{clause}: the viewer does not take part in the case.",
    "met-approval": "{clause}: {kinds} have approved.",
    "missing-approval": "{clause}: without the approval of {missing}.",
    "met-parties": "{clause}: {counted} independent parties, {wanted} wanted.",
    "missing-parties": "{clause}: only {counted} independent parties, {wanted} wanted.",
}

_DUTCH = {
    "nothing-to-show": "Er is niets te tonen.",
    "shown": "Van signaal {signal} ziet u {items}: {clause} van het convenant ({rule}). Grondslag van de bron: "
    "{source_basis}; uw grondslag: {viewer_basis}.",
    "shown-without-source": "Van signaal {signal} ziet u {items}: {clause} van het convenant ({rule}). Uw grondslag: "
    "{viewer_basis}. De bron en haar grondslag worden u niet getoond.",
    "must-notify-source": "De bron krijgt bericht dat u dit hebt gezien.",
    "source-sees-entry": "Van deze vraag mag de bron zien: {fields}.",
    "source-sees-entry-later": "Van deze vraag mag de bron na {after} zien: {fields}.",
    "asks-parties": "{clause} vraagt {wanted} onafhankelijke partijen.",
    "asks-parties-within": "{clause} vraagt {wanted} onafhankelijke partijen binnen {within}.",
    "asks-recent": "{clause} gaat over signalen van de laatste {within}.",
    "asks-own-signal": "{clause} vraagt dat wie kijkt zelf een van deze heeft waargenomen: {categories}.",
    "asks-release": "{clause} vraagt dat de bron het signaal vrijgeeft.",
    "asks-membership": "{clause} vraagt dat wie kijkt deelneemt aan de casus.",
    "asks-approval": "{clause} vraagt de instemming van {kinds}.",
    "answers-look-ups": "{clause} geldt ook voor wie zonder eigen signaal navraag doet.",
    "nobody-sees": "Niemand mag iets zien van signaal {signal}.",
    "may-see": "{to}: mag voor {purpose}, in de fasen {stages}, dit zien: {items}. Zie {clause} van het convenant "
    "({rule}). Uw grondslag: {source_basis}; die van de ander: {viewer_basis}.",
    "affirm-to-share": "Dient u het opnieuw in onder de huidige versie, dan geldt ook: {to} mag voor {purpose}, in de "
    "fasen {stages}, dit zien: {items}.",
    "code-blocks": "De hanteringscode {code} verbergt {items} voor {kinds}.",
    "code-unknown": "Niemand kent de hanteringscode {code}; hij kan alles betekenen, dus wordt er niets getoond.",
    "no-moment": "De vraag noemt geen moment in de tijd.",
    "not-in-force": "Het convenant geldt van {from} tot en met {until}, en niet op {day}.",
    "viewer-not-active": "{party}, die vraagt, is geen actieve partij.",
    "no-anchor": "{party} heeft hier geen lopend signaal voor dit doel, en geen plaats in de casus.",
    "party-unknown": "{party} is geen partij in de {version} versie.",
    "purpose-unknown": "{purpose} is geen doel in de {version} versie.",
    "stage-unknown": "{stage} is geen fase in de {version} versie.",
    "own-signal": "Dit is een signaal van {party} zelf.",
    "same-id-twice": "Twee signalen dragen het kenmerk {signal}.",
    "other-purpose": "Het signaal is voor andere doelen bestemd: {purposes}.",
    "party-not-active": "{party} is geen actieve partij.",
    "version-unknown": "De versie waaronder het is ingediend is niet bekend: {version}.",
    "category-unknown": "{category} is geen categorie in de {version} versie.",
    "no-legal-basis": "{party} heeft geen grondslag voor {category} en {purpose} in de {version} versie.",
    "item-unknown": "De {version} versie kent {item} niet.",
    "no-permit": "Geen toestemming in de {version} versie noemt {item} met {party} als bron.",
    "permit-open": "{clause} ({rule}) van de {version} versie opent {item} van {party}. Grondslagen: {source_basis}; "
    "{viewer_basis}.",
    "permit-closed": "{clause} ({rule}) van de {version} versie noemt {item} van {party} maar is niet open. "
    "Grondslagen: {source_basis}; {viewer_basis}.",
    "no-open-permit": "Geen toestemming in de {version} versie die {item} noemt is open met {party} als bron.",
    "forbidden": "{clause} ({rule}) van de {version} versie verbiedt {forbidden} van {party}, en dus {item}.",
    "code-hides": "De hanteringscode {code} verbergt {item}, volgens de {version} versie.",
    "implied-hidden": "{item} wordt niet getoond zonder {implied}.",
    "met-anchor": "{clause}: het is geen navraag.",
    "missing-anchor": "{clause} geldt niet voor navraag.",
    "met-recent": "{clause}: {day} valt binnen {within}.",
    "missing-recent": "{clause}: {day} valt niet binnen {within}.",
    "met-own-signal": "{clause}: wie kijkt heeft zelf een van deze waargenomen: {categories}.",
    "missing-own-signal": "{clause}: wie kijkt heeft zelf geen van deze waargenomen: {categories}.",
    "met-release": "{clause}: de bron heeft het signaal vrijgegeven.",
    "missing-release": "{clause}: de bron heeft het signaal niet vrijgegeven.",
    "met-membership": "{clause}: wie kijkt neemt deel aan de casus.",
    "missing-membership": "{clause}: wie kijkt neemt niet deel aan de casus.",
    "met-approval": "{clause}: ingestemd hebben {kinds}.",
    "missing-approval": "{clause}: zonder instemming van {missing}.",
    "met-parties": "{clause}: {counted} onafhankelijke partijen, {wanted} gevraagd.",
    "missing-parties": "{clause}: slechts {counted} onafhankelijke partijen, {wanted} gevraagd.",
}

_SENTENCES: Mapping[Language, Mapping[str, str]] = {"en": _ENGLISH, "nl": _DUTCH}
CODES = frozenset(_ENGLISH)
"""Every code a reason may have."""

_AND: Mapping[Language, str] = {"en": "and", "nl": "en"}
_UNITS: Mapping[Language, tuple[tuple[str, str], ...]] = {
    "en": (("year", "years"), ("month", "months"), ("day", "days")),
    "nl": (("jaar", "jaar"), ("maand", "maanden"), ("dag", "dagen")),
}
_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {"hit": "the hit", "source": "the source", "category": "the category", "period": "the period"},
    "nl": {
        "hit": "de treffer",
        "source": "de bron",
        "category": "de categorie",
        "period": "de periode",
        "current": "huidige",
        "submitted": "ingediende",
        "day": "dag",
        "time": "tijd",
        "party": "partij",
        "actor": "medewerker",
        "purpose": "doel",
        "stage": "fase",
        "items": "getoonde gegevens",
        "rule": "regel",
    },
}
_SPANS = frozenset({"within", "after"})
_OWN_WORDS = frozenset({"version", "fields", "items", "item", "implied", "forbidden"})
_SECTIONS = {
    "party": "parties",
    "to": "kinds",
    "kinds": "kinds",
    "missing": "kinds",
    "purpose": "purposes",
    "purposes": "purposes",
    "stage": "stages",
    "stages": "stages",
    "category": "categories",
    "categories": "categories",
    "code": "handling_codes",
}


def render(reason: Reason, language: Language, covenant: Covenant | None = None) -> str:
    """The reason as a sentence. With the covenant, ids of what it declares become their titles.

    Raises KeyError for a code that is not in `CODES`, or a parameter that its sentence needs and the reason lacks.
    """
    said = {name: _say(name, value, language, covenant) for name, value in reason.parameters.items()}
    return _SENTENCES[language][reason.code].format_map(said)


def _say(name: str, value: Value, language: Language, covenant: Covenant | None) -> str:
    if isinstance(value, tuple):
        words = [_word(name, word, language, covenant) for word in value]
        return f" {_AND[language]} ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
    return str(value) if isinstance(value, int) else _word(name, value, language, covenant)


def _word(name: str, word: str, language: Language, covenant: Covenant | None) -> str:
    if name in _SPANS:
        return _span(word, language)
    if name in _OWN_WORDS:
        return _WORDS[language].get(word) or _field(word, covenant)
    titled = getattr(covenant, _SECTIONS[name]).get(word) if covenant is not None and name in _SECTIONS else None
    return word if titled is None else str(titled.title)


def _field(item: str, covenant: Covenant | None) -> str:
    name, _, variant = item.partition(".")
    field = covenant.fields.get(name) if covenant is not None else None
    return item if field is None else f"{field.title} ({variant})"


def _span(text: str, language: Language) -> str:
    duration = parse_span(text)
    if duration is None:
        return text
    counts = zip((duration.years, duration.months, duration.days), _UNITS[language], strict=True)
    parts = [f"{count} {one if count == 1 else many}" for count, (one, many) in counts if count]
    return f" {_AND[language]} ".join(parts)
