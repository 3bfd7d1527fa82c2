"""A long audit log, made inside PostgreSQL: entries as the writer leaves them, with hashes and salts that mean nothing.

Five parties of unequal size, some two hundred employees, three purposes, a subject in ten entries. Rare things are in it
too: a party that asks seldom, a purpose that is seldom served, an employee who left, a rule that was used in one week;
for it is by the rare ones that an index shows what it is worth.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Table, text
from sqlmodel import Session

from service.audit.tables import AuditEntryRow

__all__ = ["COVENANT", "fill", "handle_of"]

COVENANT = "complex-approach"
_KINDS = 50_000
"""Entries that differ in more than their time and subject."""

_MADE_UP = """
CREATE TEMP TABLE made_up ON COMMIT DROP AS
WITH drawn AS (
    SELECT i, abs(hashint8extended(i, 1)) % 1000 AS a, abs(hashint8extended(i, 2)) % 1000 AS b,
           abs(hashint8extended(i, 3)) % 1000 AS c, abs(hashint8extended(i, 4)) % 1000 AS d
    FROM generate_series(0, :kinds - 1) AS i
), named AS (
    SELECT i, d, c,
        CASE WHEN a < 450 THEN 'hits-told' WHEN a < 650 THEN 'signal-submitted' WHEN a < 750 THEN 'disclosure-decided'
             WHEN a < 800 THEN 'look-up-decided' WHEN a < 900 THEN 'hits-read-empty' WHEN a < 950 THEN 'grant-issued'
             WHEN a < 980 THEN 'explanation-given' WHEN a < 990 THEN 'log-read' WHEN a < 998 THEN 'grant-refused'
             ELSE 'look-up-refused' END AS event,
        CASE WHEN b < 400 THEN 'municipality' WHEN b < 700 THEN 'police' WHEN b < 900 THEN 'housing-north'
             WHEN b < 998 THEN 'housing-south' ELSE 'care-team' END AS party,
        CASE WHEN c < 600 THEN 'nuisance' WHEN c < 999 THEN 'support' ELSE 'drug-premises' END AS purpose,
        (ARRAY['housing-south', 'housing-north', 'police', 'municipality'])[1 + d % 4] AS source,
        CASE WHEN c < 2 THEN 'left-1' ELSE 'desk-' || 1 + (d * d / 1000) * 40 / 1000 END AS desk
    FROM drawn
), told AS (
    SELECT *, event IN ('hits-told', 'disclosure-decided', 'look-up-decided', 'grant-issued', 'explanation-given')
        AS answers, d % 5 > 0 AS shown
    FROM named
)
SELECT i, event, answers OR event = 'signal-submitted' AS about, answers AND shown AS shows, source,
    CASE WHEN answers AND shown THEN CASE WHEN i % 500 = 0 THEN 'one-week' ELSE party || '-sees-' || purpose END END
        AS rule,
    jsonb_strip_nulls(jsonb_build_object(
        'role', 'party', 'principal', party, 'party', party, 'version', repeat('ab', 32),
        'actor', CASE WHEN event NOT LIKE 'hits-%' THEN party || '.' || desk END, 'trace', md5(i::text),
        'purpose', CASE WHEN answers THEN purpose END, 'stage', CASE WHEN answers THEN 'signal' END,
        'outcome', CASE WHEN answers THEN CASE WHEN shown THEN 'shown' ELSE 'empty' END END,
        'reason', CASE WHEN event LIKE '%-refused' THEN 'look-ups-spent' END,
        'counts', jsonb_build_object('hits', d % 5),
        'sight', CASE WHEN answers THEN jsonb_build_object(
            'source', '["day", "items", "party", "purpose"]'::jsonb,
            'recipient', '["actor", "day", "items", "party", "purpose", "rule", "stage", "time"]'::jsonb) END,
        'rules', CASE WHEN answers AND shown THEN jsonb_build_array(
            CASE WHEN i % 500 = 0 THEN 'one-week' ELSE party || '-sees-' || purpose END) END,
        'parties', CASE WHEN answers AND shown THEN jsonb_build_array(source) END,
        'signals', CASE WHEN answers AND shown OR event = 'signal-submitted'
            THEN jsonb_build_array(md5(i::text)::uuid) END,
        'shown', CASE WHEN answers AND shown THEN jsonb_build_object(md5(i::text)::uuid::text, jsonb_build_object(
            'source', source, 'items', '["category", "hit", "period", "source"]'::jsonb)) END
    )) AS fields
FROM told
"""
_ENTRIES = """
INSERT INTO audit_entry (covenant_id, entry_id, event, at, parties, subjects, signals, rules, fields, salt)
SELECT :covenant,
    (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n & 4095), 3, '0')
     || '8' || substr(md5(n::text), 1, 15))::uuid,
    event, at,
    CASE WHEN shows THEN ARRAY[source] ELSE '{}' END,
    CASE WHEN about THEN ARRAY[handle] ELSE '{}' END,
    CASE WHEN shows OR event = 'signal-submitted' THEN ARRAY[md5(i::text)::uuid] ELSE '{}' END,
    CASE WHEN rule IS NULL THEN '{}' ELSE ARRAY[rule] END,
    CASE WHEN about THEN fields || jsonb_build_object('subjects', jsonb_build_array(
        rtrim(translate(encode(handle, 'base64'), '+/', '-_'), '='))) ELSE fields END,
    decode(md5(n::text) || md5(n::text), 'hex')
FROM (
    SELECT n, CAST(:start AS timestamptz) + (CAST(:until AS timestamptz) - CAST(:start AS timestamptz))
                  * (n::float8 / :rows) AS at,
           sha256(int8send(abs(hashint8extended(n, 7)) % (:rows / 10 + 1))) AS handle,
           -- What is of one week or of the past only is drawn from kinds of its own.
           CASE WHEN n BETWEEN :rows / 2 AND :rows / 2 + :rows / 100 AND n % 20 = 0
                THEN abs(hashint8extended(n, 6)) % (:kinds / 500) * 500
                ELSE abs(hashint8extended(n, 6)) % (:kinds - 500) + 1 END AS kind
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
) AS happened JOIN made_up ON made_up.i = happened.kind
"""
_LEAVES = """
INSERT INTO audit_leaf (covenant_id, entry_id, leaf_hash, leaf_index)
SELECT covenant_id, entry_id, salt, row_number() OVER (ORDER BY entry_id) - 1
FROM audit_entry WHERE covenant_id = :covenant AND entry_id NOT IN (SELECT entry_id FROM audit_leaf)
"""


def fill(session: Session, rows: int, *, until: datetime, days: int = 730, share: int = 1_000_000) -> None:
    """`rows` entries spread evenly over the days before `until`, and their leaves, with places.

    Indexes are made anew afterwards, which is quicker. `VACUUM ANALYZE` when it is committed.
    """
    connection = session.connection()
    table: Table = AuditEntryRow.__table__  # type: ignore[attr-defined]
    for index in table.indexes:
        index.drop(connection)
    span = {"start": (until - timedelta(days=days)).astimezone(UTC), "until": until.astimezone(UTC), "rows": rows}
    connection.execute(text(_MADE_UP), {"kinds": _KINDS})
    for first in range(0, rows, share):
        bounds = {"first": first, "last": min(first + share, rows) - 1, "kinds": _KINDS, "covenant": COVENANT}
        connection.execute(text(_ENTRIES), span | bounds)
    connection.execute(text(_LEAVES), {"covenant": COVENANT})
    for index in table.indexes:
        index.create(connection)


def handle_of(number: int) -> bytes:
    """The handle of the subject with this number, below a tenth of the rows."""
    return sha256(number.to_bytes(8, "big", signed=True)).digest()
