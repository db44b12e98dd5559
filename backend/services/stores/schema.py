"""Whether the schema is what migrations and models say, and whether its constraints are in force.

Everything is done in the caller's transaction, and taken back where it wrote.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.errors import Conflict
from backend.models import Table

REFUSED = "database.refused"
"""The code of the error that says that the server does not let us in."""


async def hold_still(session: AsyncSession) -> None:
    """Let the transaction see one moment, whoever works meanwhile. To be called first in it.

    Raises `Conflict` where the server refuses to let us in.
    """
    try:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    except DBAPIError as error:
        raise Conflict(_first_line(error), code=REFUSED) from error


@asynccontextmanager
async def taken_back(session: AsyncSession) -> AsyncIterator[None]:
    """Undo all that is done within. Raises `Conflict` where this database does not do it."""
    savepoint = await session.begin_nested()
    try:
        yield
    except DBAPIError as error:
        raise Conflict(
            f"not possible here: {_first_line(error)}", code="database.not_examined"
        ) from error
    finally:
        await savepoint.rollback()


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).splitlines()[0]


async def stamps(session: AsyncSession) -> list[str]:
    """The migrations that the database says it is at: one, where all is well."""
    if await session.scalar(text("SELECT to_regclass('alembic_version') IS NULL")):
        return []
    return list(await session.scalars(text("SELECT version_num FROM alembic_version ORDER BY 1")))


# In one form for a table of ours and for its copy in another schema. An index that a constraint
# rests on is told by the constraint.
_PARTS = """
    WITH ours AS (
        SELECT oid, relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace =
            CASE :namespace WHEN 'pg_temp' THEN pg_my_temp_schema()
            ELSE CAST(CAST(:namespace AS regnamespace) AS oid) END
        AND relname = ANY(CAST(:tables AS text[]))
    ), parts AS (
        SELECT 'column ' || relname || '.' || attname AS name, concat_ws(' ',
            format_type(atttypid, atttypmod),
            CASE WHEN attnotnull THEN 'NOT NULL' END,
            CASE attidentity WHEN 'a' THEN 'IDENTITY' WHEN 'd' THEN 'IDENTITY BY DEFAULT' END,
            'DEFAULT ' || pg_get_expr(adbin, adrelid)) AS definition
        FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        UNION ALL
        SELECT 'constraint ' || conname || ' of ' || relname, pg_get_constraintdef(c.oid)
        FROM ours JOIN pg_constraint c ON conrelid = ours.oid
            AND contype IN ('c', 'f', 'p', 'u', 'x')
        UNION ALL
        SELECT 'index ' || CAST(indexrelid::regclass AS text), concat_ws(' ',
            pg_get_indexdef(indexrelid), CASE WHEN NOT indisvalid THEN 'INVALID' END)
        FROM ours JOIN pg_index ON indrelid = ours.oid
        WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
    )
    SELECT regexp_replace(name, :qualifier, '') AS name,
        regexp_replace(definition, :qualifier, '', 'g') AS definition FROM parts
"""


async def differences(session: AsyncSession) -> list[str]:
    """How the tables differ from the models', in words; other tables are left alone.

    The models' tables are made as temporary ones, so that the server writes both down in its own
    words.
    """
    here = await session.scalar(text("SELECT current_schema()"))
    async with taken_back(session):
        found = await _parts(session, here or "public")
        await session.execute(text("SET LOCAL search_path TO pg_temp"))
        await session.run_sync(
            lambda one: Table.metadata.create_all(one.connection(), checkfirst=False)
        )
        wanted = await _parts(session, "pg_temp")
    return [
        *(f"{name} is missing" for name in sorted(wanted.keys() - found.keys())),
        *(
            f"{name} is {found[name]}, not {wanted[name]}"
            for name in sorted(wanted.keys() & found.keys())
            if wanted[name] != found[name]
        ),
        *(f"{name} is none of ours" for name in sorted(found.keys() - wanted.keys())),
    ]


async def _parts(session: AsyncSession, namespace: str) -> dict[str, str]:
    rows = await session.execute(
        text(_PARTS),
        {
            "namespace": namespace,
            "tables": list(Table.metadata.tables),
            "qualifier": rf"\m{re.escape(namespace)}\.",
        },
    )
    return {row.name: row.definition for row in rows}


# One row of each. Keys below zero: no other row has them, and no sequence moves.
_ROWS = """
    INSERT INTO cameras (id, slug, folder, name, created_at)
    OVERRIDING SYSTEM VALUE VALUES (-1, '/', '/', '/', 'epoch');

    INSERT INTO events (id, camera_id, first_at, last_at, opened_at, attached_at, detections,
        frames, score, state, detector, summary, classes, facts)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, 'epoch', 'epoch', 'epoch', 'epoch', 1,
        1, 1, 'open', '', '', '{}', '{}');

    INSERT INTO frames (id, camera_id, received_at, captured_at, size, mtime_ns, inode, width,
        height, clock_suspect, content_hash, path, found_by, captured_from)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, 'epoch', 'epoch', 1, 1, 1, 1,
        1, false, sha256(''), '/', 'scan', 'mtime');

    INSERT INTO detections (id, frame_id, event_id, confidence, x, y, width, height, class_name)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, -1, 0.5, 0, 0, 1, 1, '');

    INSERT INTO assessments (id, event_id, number, upto_detection_id, judged_at, judged_by,
        version, time_zone, score, factors, summary)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, 1, -1, 'epoch', '', '', '', 1, '[]', '');

    INSERT INTO dead_letters (id, frame_id, first_at, last_at, tries, stage, reason)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, 'epoch', 'epoch', 1, 'detection', '');

    INSERT INTO outbox (id, number, written_at, camera_id, event_id, kind, payload)
    OVERRIDING SYSTEM VALUE VALUES (-1, -1, 'epoch', -1, -1, '', '{}')
"""


def _second(table: str, changes: str = "") -> str:
    """Inserts the row of a table once more, with another key and some changes (JSON)."""
    return (
        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record(one, "
        f"jsonb_build_object('id', -2{changes}))).* FROM {table} AS one WHERE id = -1"
    )


def _changed(table: str, changes: str) -> str:
    return f"UPDATE {table} SET {changes} WHERE id = -1"


_FORBIDDEN = {
    "two cameras with one slug": _second("cameras", ", 'folder', '//'"),
    "two cameras of one folder": _second("cameras", ", 'slug', '//'"),
    "a frame of no camera": _changed("frames", "camera_id = -2"),
    "two frames of one file": _second("frames"),
    "a frame in no known state": _changed("frames", "state = 'lost', finished_at = 'epoch'"),
    "a final frame without its time": _changed("frames", "state = 'empty'"),
    "a frame without a hash": _changed("frames", "content_hash = ''"),
    "an event of no camera": _changed("events", "camera_id = -2"),
    "two events of a camera at once": _second("events"),
    "an event that ends before it begins": _changed("events", "last_at = '-infinity'"),
    "an event closed at no time": _changed("events", "state = 'closed'"),
    "an event with a score of 101": _changed("events", "score = 101"),
    "a detection in no frame": _changed("detections", "frame_id = -2"),
    "a detection in no event": _changed("detections", "event_id = -2"),
    "a detection surer than sure": _changed("detections", "confidence = 1.5"),
    "a detection without an area": _changed("detections", "width = 0"),
    "an assessment of no event": _changed("assessments", "event_id = -2"),
    "two assessments with one number": _second("assessments"),
    "a dead letter of no frame": _changed("dead_letters", "frame_id = -2"),
    "two dead letters of one frame": _second("dead_letters"),
    "a dead letter in no known state": _changed("dead_letters", "state = 'lost'"),
    "a dead letter that nobody tried": _changed("dead_letters", "tries = 0"),
    "a second mark of the pictures": "INSERT INTO picture_store VALUES (2, '', 'epoch')",
    "two messages with one number": _second("outbox"),
    "a second counter of messages": "INSERT INTO outbox_counter VALUES (2, 0)",
}


async def accepted(session: AsyncSession) -> list[str]:
    """What the database takes though it must not, tried out with rows that are taken back.

    A constraint may be there and yet not be in force, such as one whose triggers are disabled.
    """
    taken = []
    async with taken_back(session):
        for statement in _ROWS.split(";"):
            await session.execute(text(statement))
        for what, statement in _FORBIDDEN.items():
            if await _is_taken(session, statement):
                taken.append(what)
    return taken


async def _is_taken(session: AsyncSession, statement: str) -> bool:
    attempt = await session.begin_nested()
    try:
        await session.execute(text(statement))
    except IntegrityError:
        return False
    else:
        return True
    finally:
        await attempt.rollback()
