"""CR2xx: a part has the wrong form. CR3xx: a name is not declared. CR4xx: two parts contradict each other."""

from __future__ import annotations

from covenant_rules.catalogue.entry import CodeEntry

_PERMIT = """\
rules:
  - permit: municipality-sees-noise
    clause: art. 5.1
    purpose: nuisance
    stages: [signal]
    from: [housing]
    to: [municipality]
    categories: [noise]
    items: [hit, source]
"""
_FORBID = _PERMIT.replace("permit: municipality-sees-noise", "forbid: no-noise-to-municipality")

FORMS = (
    CodeEntry(
        "CR201",
        "an unknown key",
        "The vocabulary is closed: a misspelt key is never ignored, because what it was meant to say would be missing.",
        "statistics: {minimal_cell: 10}\n",
        "statistics: {minimum_cell: 10}\n",
    ),
    CodeEntry(
        "CR202",
        "a mandatory key is missing",
        "Sections and keys without which a covenant does not say who shares what, why and until when.",
        "valid: {from: 2026-01-01}\n",
        "valid: {from: 2026-01-01, until: 2028-12-31}\n",
    ),
    CodeEntry(
        "CR203",
        "the wrong form",
        "A word stands where a list belongs, a list where keys and values belong, and so on. Lists are written "
        "`[one, two]`, or one to a line with `- ` before each.",
        "statistics: {minimum_cell: 10, to: municipality}\n",
        "statistics: {minimum_cell: 10, to: [municipality]}\n",
    ),
    CodeEntry(
        "CR204",
        "a text that YAML takes for something else",
        "Without quotes, `5.10` is the number 5.1 and `true` is a truth value. Between quotes they are text.",
        "area: 3561\n",
        'area: "3561"\n',
    ),
    CodeEntry(
        "CR205",
        "nothing stands here",
        "A key with nothing after it, an empty list or an empty text. An optional key is left out as a whole.",
        "area:\n",
        "area: Vogelplein\n",
    ),
    CodeEntry(
        "CR206",
        "this cannot be an id",
        "Ids travel in signatures, file names and log entries: lower-case letters, digits and hyphens, starting with a "
        "letter, at most 63 characters. Titles can be written freely.",
        "covenant: Complex Approach\n",
        "covenant: complex-approach\n",
    ),
    CodeEntry(
        "CR207",
        "a reserved word as an id",
        "`all` means everything that is declared; `true`, `false` and `null` mean something to YAML.",
        "fields:\n  all: {title: Everything, variants: [gist]}\n",
        "fields:\n  note: {title: Note, variants: [gist, full]}\n  contact: {title: Contact, variants: [role, name]}\n",
    ),
    CodeEntry(
        "CR208",
        "not a date",
        "Dates are written year, month, day (ISO 8601), because 01-02-2026 is read differently in different places.",
        "valid: {from: 01-02-2026, until: 2028-12-31}\n",
        "valid: {from: 2026-02-01, until: 2028-12-31}\n",
    ),
    CodeEntry(
        "CR209",
        "not a duration",
        "Durations are written as ISO 8601 does, in years, months, weeks and days and in this order: `P1Y6M` is a year "
        "and a half, `P2W` two weeks, `P90D` ninety days. Hours and minutes are not used.",
        _PERMIT + "    when: {within: 90 days}\n",
        _PERMIT + "    when: {within: P90D}\n",
    ),
    CodeEntry(
        "CR210",
        "not a whole number, or out of range",
        "Numbers are written in digits, without quotes, points or leading zeros, and each has its range.",
        "statistics: {minimum_cell: 0}\n",
        "statistics: {minimum_cell: 10}\n",
    ),
    CodeEntry(
        "CR211",
        "a word that is not in a closed list",
        "Classes, subject kinds, match keys, stages, obligations and audit fields are given by the language.",
        "stages:\n  signal: {title: Signal}\n  wieghing: {title: Weighing}\n  case: {title: Case}\n",
        "stages:\n  signal: {title: Signal}\n  weighing: {title: Weighing}\n  case: {title: Case}\n"
        "  aftercare: {title: Aftercare}\n  closed: {title: Closed}\n",
    ),
    CodeEntry(
        "CR212",
        "not an OIN",
        "An organisatie-identificatienummer has exactly twenty digits. It stands between quotes, or its leading zeros "
        "would be lost.",
        'parties:\n  municipality: {title: Municipality, kind: municipality, oin: "1001111111000"}\n',
        'parties:\n  municipality: {title: Municipality, kind: municipality, oin: "00000001001111111000"}\n',
    ),
    CodeEntry(
        "CR213",
        "listed twice",
        "A word that stands twice in one list is usually another word misspelt.",
        "statistics: {minimum_cell: 10, to: [housing, housing]}\n",
        "statistics: {minimum_cell: 10, to: [housing, municipality]}\n",
    ),
    CodeEntry(
        "CR214",
        "a rule that is neither permit nor forbid, or `all` in a list",
        "A rule starts with `permit:` or `forbid:` and its id. `all` stands by itself, and only where a rule may speak "
        "of everything: a permit names its items one by one, so that a field added later is shared with nobody by "
        "accident.",
        _PERMIT.replace("permit:", "allow:"),
        _PERMIT,
    ),
    CodeEntry(
        "CR215",
        "a text that is too long",
        "Titles and clauses are shown in lists and letters. What needs explaining is explained in the covenant itself.",
        f"title: {'Very ' * 50}complex approach\n",
        "title: Very complex approach\n",
    ),
    CodeEntry(
        "CR216",
        "only `true` can stand here",
        "`lookup: false` might be read as a prohibition. To say no, leave the key out.",
        _PERMIT + "    lookup: false\n",
        _PERMIT,
    ),
    CodeEntry(
        "CR217",
        "a forbid with a condition",
        "A forbid holds always, whoever asks and whatever has been approved. Conditions, obligations and audit sight "
        "belong to permits.",
        _FORBID + "    when: {case_member: true}\n",
        _FORBID,
    ),
    CodeEntry(
        "CR301",
        "an unknown kind",
        "Rules, legal bases, quotas and approvals speak of kinds of organisation, which `kinds` declares. They do not "
        "speak of single parties.",
        _PERMIT.replace("[housing]", "[housing-north]"),
        _PERMIT,
    ),
    CodeEntry(
        "CR302",
        "an unknown purpose",
        "Every rule serves one purpose, which `purposes` declares with its legal bases.",
        _PERMIT.replace("purpose: nuisance", "purpose: nuisence"),
        _PERMIT,
    ),
    CodeEntry(
        "CR303",
        "an unknown category",
        "`categories` declares what a signal can say, and how sensitive that is.",
        _PERMIT.replace("[noise]", "[noice]"),
        _PERMIT,
    ),
    CodeEntry(
        "CR304",
        "an unknown item",
        "What can be shown is `hit`, `source`, `category` and `period`, and each field in one of its variants, such as "
        "`note.gist`.",
        _PERMIT.replace("[hit, source]", "[hit, source, note]"),
        _PERMIT.replace("[hit, source]", "[hit, source, note.gist]"),
    ),
    CodeEntry(
        "CR305",
        "a stage the covenant does not have",
        "A rule can only speak of stages that `stages` declares.",
        "stages:\n  signal: {title: Signal}\n  case: {title: Case}\n" + _PERMIT.replace("[signal]", "[weighing]"),
        "stages:\n  signal: {title: Signal}\n  weighing: {title: Weighing}\n"
        + _PERMIT.replace("[signal]", "[weighing]"),
    ),
    CodeEntry(
        "CR306",
        "an unknown party",
        "`group` names the party with which another is one organisation.",
        'parties:\n  unit: {title: Unit, kind: municipality, oin: "00000001001111111000", group: municipalty}\n'
        '  municipality: {title: Municipality, kind: municipality, oin: "00000001001111111001"}\n',
        'parties:\n  unit: {title: Unit, kind: municipality, oin: "00000001001111111000", group: municipality}\n'
        '  municipality: {title: Municipality, kind: municipality, oin: "00000001001111111001"}\n',
    ),
    CodeEntry(
        "CR401",
        "the covenant ends before it begins",
        "`until` is the last day on which the covenant is in force.",
        "valid: {from: 2026-01-01, until: 2025-12-31}\n",
        "valid: {from: 2026-01-01, until: 2028-12-31}\n",
    ),
    CodeEntry(
        "CR402",
        "an id used twice",
        "Every answer, log entry and comparison of versions names rules by their id.",
        _PERMIT + _PERMIT.removeprefix("rules:\n"),
        _PERMIT,
    ),
    CodeEntry(
        "CR403",
        "one organisation that would count as two",
        "`independent_parties` counts organisations. Units of one organisation share its OIN and must be in one "
        "`group`, or they could complete a pattern by themselves.",
        'parties:\n  municipality: {title: Municipality, kind: municipality, oin: "00000001001111111000"}\n'
        '  unit: {title: Unit, kind: municipality, oin: "00000001001111111000"}\n',
        'parties:\n  municipality: {title: Municipality, kind: municipality, oin: "00000001001111111000"}\n'
        '  unit: {title: Unit, kind: municipality, oin: "00000001001111111000", group: municipality}\n',
    ),
    CodeEntry(
        "CR404",
        "a group inside a group",
        "All units of one organisation name the same party as their group.",
        'parties:\n  city: {title: City, kind: municipality, oin: "00000001001111111000"}\n'
        '  unit: {title: Unit, kind: municipality, oin: "00000001001111111000", group: city}\n'
        '  team: {title: Team, kind: municipality, oin: "00000001001111111000", group: unit}\n',
        'parties:\n  city: {title: City, kind: municipality, oin: "00000001001111111000"}\n'
        '  unit: {title: Unit, kind: municipality, oin: "00000001001111111000", group: city}\n'
        '  team: {title: Team, kind: municipality, oin: "00000001001111111000", group: city}\n',
    ),
    CodeEntry(
        "CR405",
        "a match key of another subject kind",
        "An address is not found by a name, nor a person by a postcode.",
        "match_keys:\n  address: {anchor: person-bsn, kinds: {housing: [address-bag]}}\n",
        "match_keys:\n  address: {anchor: address-bag, kinds: {housing: [address-bag]}}\n"
        "  person: {anchor: person-name-birthdate, kinds: {housing: [person-name-birthdate]}}\n",
    ),
    CodeEntry(
        "CR406",
        "subjects that cannot be matched",
        "A purpose is about addresses or persons; without match keys for them no two signals ever meet.",
        "match_keys:\n  address: {anchor: address-bag, kinds: {housing: [address-bag]}}\n",
        "match_keys:\n  address: {anchor: address-bag, kinds: {housing: [address-bag]}}\n"
        "  person: {anchor: person-name-birthdate, kinds: {housing: [person-name-birthdate]}}\n",
    ),
    CodeEntry(
        "CR407",
        "the first stage is missing",
        "Every subject starts at the stage `signal`.",
        "stages:\n  weighing: {title: Weighing}\n  case: {title: Case}\n",
        "stages:\n  signal: {title: Signal}\n  weighing: {title: Weighing}\n  case: {title: Case}\n"
        "  aftercare: {title: Aftercare}\n",
    ),
    CodeEntry(
        "CR408",
        "an approval for the first stage",
        "Nobody can approve of a subject before its first signal. Make the rules of the stage narrower instead.",
        "stages:\n  signal: {title: Signal, approvals: [police]}\n  weighing: {title: Weighing}\n",
        "stages:\n  signal: {title: Signal}\n  weighing: {title: Weighing, approvals: [police]}\n"
        "  case: {title: Case}\n  aftercare: {title: Aftercare}\n",
    ),
    CodeEntry(
        "CR409",
        "a field with the name of an item",
        "`hit`, `source`, `category` and `period` belong to every signal.",
        "fields:\n  source: {title: Source, variants: [name]}\n",
        "fields:\n  note: {title: Note, variants: [gist, full]}\n  contact: {title: Contact, variants: [role, name]}\n",
    ),
)
