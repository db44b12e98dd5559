"""P10: pages of lists over many rows and over 10,000."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import event

from backend.core.database import Database, Session
from backend.domain.boxes import Box
from backend.services.stores import detections, events, frames, hindsight, scene, suppressions
from backend.services.stores.events import EventFilter
from backend.services.stores.surroundings import Around
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.rows import Goal, Row, percentile, ratios, row_of

SMALL = 10_000
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_APART = timedelta(minutes=1)
_CAMERAS = 20
_LIMIT = 50
_REPEATS = 20
_MOST_BUFFERS = 60
_LISTS = ("events", "frames", "detections")
_SCENE = 60  # things that belong to the scene of a camera, and its suppressions

# Row i of each table belongs to row i of the others; one in a hundred is rare in some way.
_FILL = f"""
INSERT INTO cameras (id, slug, folder, name, created_at)
OVERRIDING SYSTEM VALUE
SELECT i, 'camera_' || i, 'Camera ' || i, 'Camera ' || i, $1::timestamptz
FROM generate_series(1, {_CAMERAS}) i;
INSERT INTO events (id, camera_id, cover_frame_id, first_at, last_at, opened_at, attached_at,
    closed_at, reviewed_at, detections, frames, score, state, detector, summary, classes, facts)
OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % {_CAMERAS}, i, t, t + interval '8 s', t, t + interval '8 s',
    t + interval '40 s', CASE WHEN i % 100 = 1 THEN t END, 1, 1, i % 100, 'closed', 'null',
    'Person at 12:00:00 for 8 s', ARRAY[CASE WHEN i % 100 = 2 THEN 'dog' ELSE 'person' END],
    '{{"seen": {{"person": {{"most": 1, "frames": 1, "confidence": 0.9}}}}}}'
FROM generate_series(1, $2) i, LATERAL (SELECT $1::timestamptz + i * interval '1 min' AS t) x;
INSERT INTO frames (id, camera_id, event_id, received_at, captured_at, claimed_at, finished_at,
    size, mtime_ns, inode, width, height, attempts, clock_suspect, content_hash, path, found_by,
    captured_from, state, detector)
OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % {_CAMERAS}, i, t, t, t, t, 100000, i, i, 1280, 720, 1, false,
    sha256(i::text::bytea), '2026/03/01/' || i || '.jpg', 'watch', 'mtime', 'attached', 'null'
FROM generate_series(1, $2) i, LATERAL (SELECT $1::timestamptz + i * interval '1 min' AS t) x;
INSERT INTO detections (id, frame_id, event_id, track_id, confidence, x, y, width, height,
    class_name)
OVERRIDING SYSTEM VALUE
SELECT i, i, i, i, 0.9, 0.1, 0.1, 0.2, 0.2, CASE WHEN i % 100 = 2 THEN 'dog' ELSE 'person' END
FROM generate_series(1, $1) i;
INSERT INTO tracks (id, camera_id, first_at, last_at, still_since, sightings, stirred, missed,
    longest_missed, seen_moving, watched, state, class_name, first_box, last_box, rest, print,
    votes, path, within, crossed)
OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % {_CAMERAS}, t, t, t, 1, 0, 0, 0, true, false,
    CASE WHEN i <= {_CAMERAS * _SCENE} THEN 'scene' ELSE 'ended' END, 'person',
    '{{0.1,0.1,0.2,0.2}}', '{{0.1,0.1,0.2,0.2}}', '{{0.1,0.1,0.2,0.2}}', decode(repeat('80', 64),
    'hex'), '[["person", 0.9]]', '[[0, 0.2, 0.3]]', '{{}}', '[]'
FROM generate_series(1, $2) i, LATERAL (SELECT $1::timestamptz + i * interval '1 min' AS t) x;
INSERT INTO suppressions (camera_id, created_at, ends_at, hidden, class_name, box, print)
SELECT 1 + i % {_CAMERAS}, t, t + interval '30 days', 0, 'person', '{{0.1,0.1,0.2,0.2}}', ''
FROM generate_series(1, {_CAMERAS * _SCENE}) i,
    LATERAL (SELECT $1::timestamptz + i * interval '1 min' AS t) x
"""
_VALUES: tuple[tuple[datetime | None, ...], ...] = (
    (BEGIN,),
    (BEGIN, None),
    (BEGIN, None),
    (None,),
    (BEGIN, None),
    (BEGIN,),
)
"""What the statements of `_FILL` are given; None stands for the number of rows."""


async def fill(place: Place, rows: int) -> None:
    """So many events, frames and detections of 20 cameras, a minute apart, and their statistics."""
    async with place.connection() as connection:
        for statement, values in zip(_FILL.split(";"), _VALUES, strict=True):
            await connection.execute(statement, *(rows if v is None else v for v in values))
        for table in ("cameras", *_LISTS):
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
            )
        await connection.execute("VACUUM ANALYZE")


Fetch = Callable[[Session, int | None], Awaitable[list[dict[str, Any]]]]
"""A page of a list that begins after row i; from the top without one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A list as somebody asks for it.

    `known`: what a page of it reads today, where that is more than it should be: the most buffers
    in a ledger of 10,000 rows, and in one of 100,000.
    """

    name: str
    fetch: Fetch
    known: tuple[int, int] | None = None


def all_asked() -> list[Asked]:
    """Every list and filter of the API, by the shipped functions."""
    return [*_events_asked(), *_frames_asked(), *_detections_asked(), *_scene_asked()]


def _events_asked() -> list[Asked]:
    since, until = BEGIN + timedelta(hours=1), BEGIN + timedelta(days=3650)
    wanted: list[tuple[str, EventFilter, tuple[int, int] | None]] = [
        ("events", EventFilter(), None),
        ("events of a camera", EventFilter(camera="camera_3"), None),
        ("events of a level", EventFilter(scores=(30, 59)), None),
        ("events not reviewed", EventFilter(reviewed=False), None),
        ("events closed", EventFilter(state="closed"), None),
        ("events open", EventFilter(state="open"), None),
        ("events since and until", EventFilter(since=since, until=until), None),
        # None is, and the index by time is walked to its end.
        ("events of an unknown camera", EventFilter(camera="nobody"), (390, 3850)),
        # One in a hundred: few enough to read a small table from end to end.
        ("events reviewed", EventFilter(reviewed=True), (360, 210)),
        ("events of a rare class", EventFilter(class_name="dog"), (360, 210)),
    ]
    return [Asked(name, _events(which), known) for name, which, known in wanted]


def _events(which: EventFilter) -> Fetch:
    async def fetch(session: Session, after: int | None) -> list[dict[str, Any]]:
        return await events.page(session, which, before=_moment(after), limit=_LIMIT + 1)

    return fetch


def _frames_asked() -> list[Asked]:
    wanted: list[tuple[str, Mapping[str, str], tuple[int, int] | None]] = [
        ("frames", {}, None),
        ("frames of a camera", {"camera": "camera_3"}, None),
        ("frames in a state", {"state": "attached"}, None),
        ("frames of a path", {"camera": "camera_3", "path": "2026/03/01/2.jpg"}, None),
        # None is: the table is read from end to end.
        ("frames in a rare state", {"state": "buried"}, (280, 2650)),
    ]
    return [Asked(name, _frames(which), known) for name, which, known in wanted]


def _frames(which: Mapping[str, str]) -> Fetch:
    async def fetch(session: Session, after: int | None) -> list[dict[str, Any]]:
        return await frames.page(session, before=_moment(after), limit=_LIMIT + 1, **which)

    return fetch


def _detections_asked() -> list[Asked]:
    wanted: list[tuple[str, Mapping[str, Any], tuple[int, int] | None]] = [
        ("detections", {}, None),
        # Those of 20 cameras are walked over; a small ledger is sometimes read by another way.
        ("detections of a camera", {"camera": "camera_3"}, (3077, 3077)),
        ("detections of an event", {"event_id": 5000}, None),
        ("detections of a class", {"class_name": "person"}, None),
        ("detections of a rare class", {"class_name": "dog"}, None),
    ]
    return [Asked(name, _detections(which), known) for name, which, known in wanted]


def _detections(which: Mapping[str, Any]) -> Fetch:
    async def fetch(session: Session, after: int | None) -> list[dict[str, Any]]:
        return await detections.page(session, before=after, limit=_LIMIT + 1, **which)

    return fetch


def _scene_asked() -> list[Asked]:
    """What stands at a camera, what is suppressed there, and what that would have hidden."""

    async def standing(session: Session, after: int | None) -> list[dict[str, Any]]:
        return await scene.page(session, 3, "scene", after=after or 0, limit=_LIMIT + 1)

    async def suppressed(session: Session, after: int | None) -> list[dict[str, Any]]:
        return await suppressions.page(
            session, 3, state="active", before=after, limit=_LIMIT + 1, now=BEGIN
        )

    async def late_events(session: Session, after: int | None) -> list[dict[str, Any]]:
        until = BEGIN + (after or SMALL) * _APART
        around = Around(3, until - timedelta(days=1), until)
        lately = await hindsight.events_within(session, around, events=_LIMIT, detections=_LIMIT)
        return lately.events

    async def near(session: Session, after: int | None) -> list[dict[str, Any]]:
        last = after or SMALL
        few = range(last - _LIMIT + 1, last + 1)
        return await hindsight.near(session, few, ["person"], Box(0.1, 0.1, 0.2, 0.2))

    return [
        Asked("scene of a camera", standing),
        Asked("suppressions of a camera", suppressed),
        Asked("events to look back on", late_events),
        Asked("detections to look back on", near),
    ]


def _moment(row: int | None) -> tuple[datetime, int] | None:
    return None if row is None else (BEGIN + row * _APART, row)


def places_of(rows: int) -> dict[str, int | None]:
    """Where the first, the middle and the last page begin."""
    return {"first": None, "middle": rows // 2, "last": _LIMIT}


@dataclass(frozen=True, slots=True)
class Plan:
    """What the database did for one page."""

    buffers: int
    scans: tuple[str, ...]
    """The tables that were read from end to end, without the cameras: they are few."""


async def plan_of(place: Place, database: Database, asked: Asked, after: int | None) -> Plan:
    """Fetch a page, and have the very statement explained."""
    with _statements(database) as heard:
        async with database.transaction() as session:
            await asked.fetch(session, after)
    ((statement, values),) = heard
    async with place.connection() as connection:
        text = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
        (answer,) = orjson.loads(await connection.fetchval(text, *values))
    plan = answer["Plan"]
    scans = {
        node["Relation Name"]
        for node in _nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] != "cameras"
    }
    return Plan(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], tuple(sorted(scans)))


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


@contextmanager
def _statements(database: Database) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """The statements that reach the driver, with their values."""
    heard: list[tuple[str, tuple[Any, ...]]] = []
    engine = database._engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        heard.append((statement, tuple(values)))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def measure(bench: Bench) -> list[Row]:
    """The p95 of all pages at `bench.rows` rows against 10,000, and what the database reads."""
    small = bench.some(SMALL)
    large = max(bench.rows, small)
    async with (
        bench.place() as small_place,
        bench.place() as large_place,
        small_place.services() as (small_database, _),
        large_place.services() as (large_database, _),
    ):
        bench.say(f"making {large:,} rows")
        await fill(small_place, small)
        await fill(large_place, large)
        rows = []
        for name in _LISTS:
            (asked,) = [one for one in all_asked() if one.name == name]

            many, few = await bench.in_turns(
                _P95(large_database, asked, large), _P95(small_database, asked, small)
            )
            row = row_of(
                "P10",
                f"{name}: p95 of first, middle and last page, at {large:,} rows",
                f"at {small:,} rows",
                ratios(many, few),
                goal=Goal(most=1.5),
                note="" if large >= 10_000_000 else "published at 10,000,000: --rows",
            )
            rows.append(row)
        bench.say("what the database reads")
        return rows + await _plans(large_place, large_database, large)


@dataclass(frozen=True, slots=True)
class _P95:
    """The seconds that 95 % of a list's pages take at most: the first, the middle, the last."""

    database: Database
    asked: Asked
    rows: int

    async def __call__(self, _number: int) -> float:
        took = [
            await self._seconds(after)
            for after in places_of(self.rows).values()
            for _ in range(_REPEATS)
        ]
        return percentile(took, 0.95)

    async def _seconds(self, after: int | None) -> float:
        async with self.database.transaction() as session:
            started = time.perf_counter()
            found = await self.asked.fetch(session, after)
            took = time.perf_counter() - started
        if not found:
            raise AssertionError(f"{self.asked.name}: an empty page")
        return took


async def _plans(place: Place, database: Database, rows: int) -> list[Row]:
    buffers: dict[str, int] = {}
    scanned: list[str] = []
    for asked in all_asked():
        plans = [await plan_of(place, database, asked, after) for after in places_of(rows).values()]
        buffers[asked.name] = max(plan.buffers for plan in plans)
        if any(plan.scans for plan in plans):
            scanned.append(asked.name)
    worst = max(buffers, key=lambda name: buffers[name])
    over = [f"{name} {number}" for name, number in buffers.items() if number > _MOST_BUFFERS]
    return [
        row_of(
            "P10",
            f"buffers of the worst page at {rows:,} rows: {worst}",
            f"none: EXPLAIN of {len(buffers)} lists and filters, three pages each",
            [buffers[worst]],
            unit="buffers",
            goal=Goal(most=_MOST_BUFFERS),
            note=f"over {_MOST_BUFFERS}: {', '.join(over)}" if over else "",
        ),
        row_of(
            "P10",
            f"lists and filters with a sequential scan at {rows:,} rows",
            f"none: EXPLAIN of {len(buffers)} lists and filters, three pages each",
            [len(scanned)],
            unit="lists",
            goal=Goal(most=0),
            note=", ".join(scanned),
        ),
    ]
