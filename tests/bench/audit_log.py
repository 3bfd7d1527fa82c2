"""A long audit log, made inside PostgreSQL: entries as the writer leaves them, with hashes and salts that mean nothing.

Five parties of unequal size, some two hundred employees, three purposes, a subject in ten entries. Rare things are in it
too: a party that asks seldom, an employee who left, a rule that was used in one season, because it is by the rare ones
that an index shows what it is worth.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

__all__ = ["COVENANT", "fill", "handle_of"]

COVENANT = "complex-approach"

_FILL = """
WITH drawn AS (
    SELECT i, CAST(:start AS timestamptz) + (CAST(:until AS timestamptz) - CAST(:start AS timestamptz)) * (i::float8 / :rows) AS at,
           hashint8extended(i, 1) & 1048575 AS a, hashint8extended(i, 2) & 1048575 AS b,
           hashint8extended(i, 3) & 1048575 AS c, hashint8extended(i, 4) & 1048575 AS d,
           hashint8extended(i, 5) & 9223372036854775807 AS e
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS i
), named AS (
    SELECT *,
        (ARRAY['hits-told','hits-told','hits-told','hits-told','hits-told','hits-told','hits-told','hits-told','hits-told',
               'signal-submitted','signal-submitted','signal-submitted','signal-submitted','disclosure-decided',
               'disclosure-decided','look-up-decided','hits-read-empty','hits-read-empty','grant-issued',
               CASE WHEN b % 50 = 0 THEN 'look-up-refused' WHEN b % 7 = 0 THEN 'grant-refused'
                    WHEN b % 3 = 0 THEN 'log-read' ELSE 'explanation-given' END])[1 + a % 20] AS event,
        (ARRAY['municipality','municipality','municipality','municipality','police','police','police','housing-north',
               'housing-north',
               CASE WHEN c % 40 = 0 THEN 'care-team' ELSE 'housing-south' END])[1 + b % 10] AS party
    FROM drawn
), told AS (
    SELECT *, event IN ('hits-told','disclosure-decided','look-up-decided','grant-issued','explanation-given') AS answers,
        (ARRAY['nuisance','nuisance','nuisance','support','support',
               CASE WHEN d % 300 = 0 THEN 'drug-premises' ELSE 'nuisance' END])[1 + c % 6] AS purpose,
        sha256(int8send(e % (:rows / 10 + 1))) AS handle,
        CASE WHEN i % 7 = 0 AND i < :rows / 3 THEN 'left-1' ELSE 'desk-' || 1 + (d * d / 1048576) % 40 END AS actor,
        (ARRAY['housing-south','housing-north','police','municipality'])[1 + d % 4] AS source
    FROM named
), formed AS (
    SELECT *, jsonb_strip_nulls(jsonb_build_object(
        'role', 'party', 'principal', party, 'party', party,
        'actor', CASE WHEN event NOT LIKE 'hits-%' THEN party || '.' || actor END,
        'trace', md5(i::text), 'version', repeat('ab', 32),
        'purpose', CASE WHEN answers OR event LIKE 'signal-%' THEN purpose END,
        'stage', CASE WHEN answers THEN 'signal' END,
        'subjects', CASE WHEN answers OR event LIKE 'signal-%'
            THEN jsonb_build_array(rtrim(translate(encode(handle, 'base64'), '+/', '-_'), '=')) END,
        'outcome', CASE WHEN answers THEN CASE WHEN d % 5 = 0 THEN 'empty' ELSE 'shown' END END,
        'reason', CASE WHEN event LIKE '%-refused' THEN 'look-ups-spent' END,
        'rules', CASE WHEN answers AND d % 5 > 0 THEN jsonb_build_array(
            CASE WHEN i BETWEEN :rows / 2 AND :rows / 2 + :rows / 200 AND d % 9 = 0 THEN 'one-season'
                 ELSE party || '-sees-' || purpose END) END,
        'parties', CASE WHEN answers AND d % 5 > 0 THEN jsonb_build_array(source) END,
        'shown', CASE WHEN answers AND d % 5 > 0 THEN jsonb_build_object(
            md5(e::text)::uuid::text, jsonb_build_object('source', source, 'items', '["category", "hit", "period", "source"]'::jsonb)) END,
        'sight', CASE WHEN answers THEN '{"source": ["day", "items", "party", "purpose"], "recipient": ["actor", "day", "items", "party", "purpose", "rule", "stage", "time"]}'::jsonb END,
        'signals', CASE WHEN event LIKE 'signal-%' OR answers AND d % 5 > 0 THEN jsonb_build_array(md5(e::text)::uuid) END,
        'counts', jsonb_build_object('hits', d % 5)
    )) AS fields
    FROM told
), entries AS (
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
            || lpad(to_hex(i & 4095), 3, '0') || '8' || substr(md5(i::text), 1, 15))::uuid AS entry_id, *
    FROM formed
)
"""
_ENTRIES = """
INSERT INTO audit_entry (covenant_id, entry_id, event, at, parties, subjects, signals, rules, fields, salt)
SELECT :covenant, entry_id, event, at,
       ARRAY(SELECT jsonb_array_elements_text(COALESCE(fields -> 'parties', '[]'))),
       CASE WHEN fields ? 'subjects' THEN ARRAY[handle] ELSE '{}' END,
       CASE WHEN fields ? 'signals' THEN ARRAY[md5(e::text)::uuid] ELSE '{}' END,
       ARRAY(SELECT jsonb_array_elements_text(COALESCE(fields -> 'rules', '[]'))),
       fields, sha256(int8send(i))
FROM entries
"""
_LEAVES = """
INSERT INTO audit_leaf (covenant_id, entry_id, leaf_hash, leaf_index)
SELECT covenant_id, entry_id, sha256(salt), row_number() OVER (ORDER BY entry_id) - 1
FROM audit_entry WHERE covenant_id = :covenant
"""


def fill(session: Session, rows: int, *, until: datetime, days: int = 730, share: int = 500_000) -> None:
    """`rows` entries spread evenly over the days before `until`, and their leaves, with indices."""
    start = until - timedelta(days=days)
    connection = session.connection()
    for first in range(0, rows, share):
        connection.execute(
            text(_FILL + _ENTRIES),
            {
                "covenant": COVENANT,
                "start": start.astimezone(UTC),
                "until": until.astimezone(UTC),
                "rows": rows,
                "first": first,
                "last": min(first + share, rows) - 1,
            },
        )
    connection.execute(text(_LEAVES), {"covenant": COVENANT})


def handle_of(number: int) -> bytes:
    """The handle of the subject with this number, as `fill` makes it."""
    from hashlib import sha256

    return sha256(number.to_bytes(8, "big", signed=True)).digest()
