"""Does the law allow what the rules promise? Legal bases, necessity, and match keys that somebody may use."""

from __future__ import annotations

import re

from covenant_rules.diagnostics import listed, quoted
from covenant_rules.lint.examined import Examined
from covenant_rules.matrix import legal_basis
from covenant_rules.model import Rule

_FEWEST_WORDS = 5
_WORD = re.compile(r"\w{2,}")


def permits_have_a_legal_basis(examined: Examined) -> None:
    """CR501. The matrix leaves such cells out, so nothing leaks; but the covenant promises what no law gives."""
    for permit in examined.permits:
        for (kind, role), classes in _lacking(examined, permit).items():
            message = (
                f"{quoted(kind)} has no legal basis in {quoted(permit.purpose)} for {listed(classes, 'and')} data, "
            )
            message += f"and {quoted(permit.id)} names it as a {role}"
            advice = f"add the legal basis, or leave {quoted(kind)} or the category out of the permit"
            examined.report.error("CR501", examined.place_of(permit), message, advice)


def _lacking(examined: Examined, permit: Rule) -> dict[tuple[str, str], list[str]]:
    """Per kind and role the classes without a legal basis, in cells that no forbid takes away."""
    covenant = examined.covenant
    unlawful = examined.cells(permit) & ~examined.matrix.forbidden["hit"] & ~examined.matrix.lawful
    lacking: dict[tuple[str, str], set[str]] = {}
    for role, kinds, of_kind in (
        ("source", permit.from_, examined.of_source),
        ("viewer", permit.to, examined.of_viewer),
    ):
        for kind in kinds if unlawful else ():
            for category in permit.categories:
                if legal_basis(covenant, permit.purpose, kind, category) is not None:
                    continue
                if unlawful & of_kind[kind] & examined.of_category[category]:
                    lacking.setdefault((kind, role), set()).add(covenant.categories[category].class_)
    return {who: sorted(classes) for who, classes in sorted(lacking.items())}


def purposes_say_why(examined: Examined) -> None:
    """CR502."""
    for purpose in examined.covenant.purposes.values():
        if len(_WORD.findall(purpose.necessity)) < _FEWEST_WORDS:
            message = f"{quoted(purpose.necessity)} does not say why {quoted(purpose.id)} needs what it shares"
            place = examined.place("purposes", purpose.id, "necessity")
            advice = "say what no party can reach alone, or with less data"
            examined.report.error("CR502", place, message, advice)


def legal_bases_name_an_article(examined: Examined) -> None:
    """CR503."""
    for purpose in examined.covenant.purposes.values():
        for kind, basis in purpose.legal_basis.items():
            if not any(character.isdecimal() for character in basis.article):
                message = f"{quoted(basis.article)} names no article of law"
                place = examined.place("purposes", purpose.id, "legal_basis", kind, "article")
                examined.report.warning("CR503", place, message, "name the law and its article")


def match_keys_serve_a_purpose(examined: Examined) -> None:
    """CR504: above all a citizen service number, which only a law lets one process."""
    covenant = examined.covenant
    for subject, keys in covenant.match_keys.items():
        lawful = {
            kind
            for purpose in covenant.purposes.values()
            if subject in purpose.subjects
            for kind in purpose.legal_basis
        }
        for kind, names in keys.kinds.items():
            if kind not in lawful:
                message = f"{quoted(kind)} may use {listed(names, 'and')} without a legal basis in any purpose about "
                message += f"subjects of kind {quoted(subject)}"
                place = examined.place("match_keys", subject, "kinds", kind)
                examined.report.error("CR504", place, message, "remove the match keys, or add the legal basis")


CHECKS = (permits_have_a_legal_basis, purposes_say_why, legal_bases_name_an_article, match_keys_serve_a_purpose)
