"""What a thief learns: of the broker's database, or of one party's tokens. The demo plays the thief and counts."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

import psycopg
from psycopg import sql

from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.tokens import TokenContext


@dataclass(frozen=True, slots=True)
class Loot:
    """`attempts` comparisons were made of which `matches` fitted."""

    attempts: int
    matches: int


def stolen_database(url: str, identifiers: Mapping[str, Iterable[bytes]], covenant: str) -> Loot:
    """Every 32-byte value in every table of the database, against every identifier of the neighbourhood.

    The thief knows the whole neighbourhood by heart and the protocol too. It tries each identifier as it stands,
    hashed, keyed with nothing, and as the point that tokens are multiples of.
    """
    found = set(_values(url))
    attempts = matches = 0
    for match_key, values in identifiers.items():
        context = TokenContext(covenant, match_key, NORMALISATION_VERSION)
        for value in values:
            guesses = (value, sha256(value).digest(), hmac.digest(b"", value, sha256), context.point(value))
            attempts += len(guesses) * len(found)
            matches += sum(guess in found for guess in guesses)
    return Loot(attempts, matches)


def stolen_tokens(tokens: Mapping[str, Iterable[bytes]], url: str) -> Loot:
    """The tokens of each party against those of every other and against the broker's database."""
    found = set(_values(url))
    files = {party: set(values) for party, values in tokens.items()}
    attempts = matches = 0
    for party, mine in files.items():
        rest = found.union(*(other for name, other in files.items() if name != party))
        attempts += len(mine) * len(rest)
        matches += len(mine & rest)
    return Loot(attempts, matches)


def _values(url: str) -> Iterable[bytes]:
    """Every binary value in the database, as a dump of it would show."""
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type = 'bytea'"
        ).fetchall()
        for table, column in columns:
            query = sql.SQL("SELECT DISTINCT {} FROM {} WHERE {} IS NOT NULL").format(
                sql.Identifier(column), sql.Identifier(table), sql.Identifier(column)
            )
            for (value,) in connection.execute(query):
                yield bytes(value)
