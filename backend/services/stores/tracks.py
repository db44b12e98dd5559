"""Tracks, as exactly as they were left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.boxes import Box
from backend.domain.events import Span
from backend.domain.following import ABOUT, PARKED_MEMORY
from backend.domain.tracks import LastCrossing, PathPoint, Track, TrackState
from backend.services.stores.rows import Record, record, records

_MOST_OVER = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# The columns of a track but for `id`, `camera_id` and `watched`, with their types.
_COLUMNS = {
    "first_at": "timestamptz",
    "last_at": "timestamptz",
    "still_since": "timestamptz",
    "sightings": "int",
    "stirred": "int",
    "missed": "int",
    "longest_missed": "int",
    "seen_moving": "bool",
    "state": "text",
    "class_name": "text",
    "first_box": "double precision[]",
    "last_box": "double precision[]",
    "rest": "double precision[]",
    "print": "text",
    "votes": "jsonb",
    "path": "jsonb",
    "within": "jsonb",
    "crossed": "jsonb",
}
_VALUES = {name: f"r.{name}" for name in _COLUMNS} | {"print": "decode(r.print, 'hex')"}
_TYPED = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())


async def near(session: AsyncSession, camera_id: int, span: Span) -> dict[int, Track]:
    """The tracks of a camera that bear on frames taken within a span, by id.

    Those that are not over; and of those that are, the last 256 that were seen a few minutes before
    it, or, where the camera has been seen since (these are old frames), within a day before.
    One that was said to be no scene while a worker settled it is not.
    """
    columns = f"id, watched, {', '.join(_COLUMNS)}"
    rows = await session.execute(
        text(
            f"SELECT {columns} FROM tracks WHERE camera_id = :camera_id AND state <> 'ended' "
            f"UNION ALL (SELECT {columns} FROM tracks WHERE state = 'ended' "
            "AND int4range(camera_id, camera_id, '[]') && "
            "int4range(:camera_id, :camera_id, '[]') "
            "AND tstzrange(first_at, last_at, '[]') && tstzrange(CASE WHEN :first < "
            "(SELECT max(last_at) FROM tracks WHERE camera_id = :camera_id) "
            "THEN CAST(:a_day_before AS timestamptz) ELSE :just_before END, :until, '[]') "
            "ORDER BY last_at DESC, id DESC LIMIT :most) ORDER BY id"
        ),
        {
            "camera_id": camera_id,
            "first": span.first,
            "a_day_before": span.first - PARKED_MEMORY,
            "just_before": span.first - ABOUT,
            "until": span.last + ABOUT,
            "most": _MOST_OVER,
        },
    )
    return {row["id"]: _track(row) for row in records(rows)}


@dataclass(frozen=True, slots=True)
class KeptTrack:
    """A track, and the camera that it is of."""

    id: int
    camera_id: int
    camera: str
    track: Track


async def kept(session: AsyncSession, track_id: int) -> KeptTrack | None:
    """One track; its camera by id and slug."""
    columns = ", ".join(f"t.{name}" for name in _COLUMNS)
    rows = await session.execute(
        text(
            f"SELECT t.id, t.camera_id, c.slug, t.watched, {columns} "
            "FROM tracks t JOIN cameras c ON c.id = t.camera_id WHERE t.id = :id"
        ),
        {"id": track_id},
    )
    row = record(rows)
    if row is None:
        return None
    return KeptTrack(row["id"], row["camera_id"], row["slug"], _track(row))


async def add(session: AsyncSession, camera_id: int, tracks: Sequence[Track]) -> list[int]:
    """Store new tracks; their ids, in this order."""
    if not tracks:
        return []
    names = ", ".join(_COLUMNS)
    rows = await session.scalars(
        text(
            f"INSERT INTO tracks (camera_id, watched, {names}) "
            f"SELECT :camera_id, false, {', '.join(_VALUES.values())} "
            f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (n int, {_TYPED}) "
            "ORDER BY r.n RETURNING id"
        ),
        {"camera_id": camera_id, "rows": _json({"n": n} | _row(t) for n, t in enumerate(tracks))},
    )
    return sorted(rows)


async def change(session: AsyncSession, tracks: Mapping[int, Track]) -> None:
    """Store what has become of tracks, by id; whether they are watched only people say."""
    if not tracks:
        return
    setting = ", ".join(f"{name} = {value}" for name, value in _VALUES.items())
    await session.execute(
        text(
            f"UPDATE tracks t SET {setting} "
            f"FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (id bigint, {_TYPED}) "
            "WHERE t.id = r.id"
        ),
        {"rows": _json({"id": id_} | _row(track) for id_, track in tracks.items())},
    )


def _json(rows: Iterable[dict[str, Any]]) -> str:
    return orjson.dumps(list(rows)).decode()


def _row(track: Track) -> dict[str, Any]:
    return {
        "first_at": track.first_at,
        "last_at": track.last_at,
        "still_since": track.still_since,
        "sightings": track.sightings,
        "stirred": track.stirred,
        "missed": track.missed,
        "longest_missed": track.longest_missed,
        "seen_moving": track.seen_moving,
        "state": track.state.value,
        "class_name": track.class_name,
        "first_box": _numbers(track.first_box),
        "last_box": _numbers(track.last_box),
        "rest": _numbers(track.rest),
        "print": track.print.hex(),
        "votes": [list(vote) for vote in track.votes],
        "path": [[_microseconds(point.at), point.x, point.y] for point in track.path],
        "within": {zone: _microseconds(since) for zone, since in track.within},
        "crossed": [list(one) for one in track.crossed],
    }


def _track(row: Record) -> Track:
    state = TrackState(row["state"])
    if row["watched"] and state is TrackState.SCENE:
        state = TrackState.LIVE
    return Track(
        votes=tuple((name, sum_) for name, sum_ in row["votes"]),
        first_at=row["first_at"],
        last_at=row["last_at"],
        first_box=Box(*row["first_box"]),
        last_box=Box(*row["last_box"]),
        rest=Box(*row["rest"]),
        still_since=row["still_since"],
        path=path_of(row),
        print=row["print"],
        sightings=row["sightings"],
        stirred=row["stirred"],
        seen_moving=row["seen_moving"],
        missed=row["missed"],
        longest_missed=row["longest_missed"],
        watched=row["watched"],
        state=state,
        within=tuple((zone, _moment(since)) for zone, since in row["within"].items()),
        crossed=tuple(LastCrossing(*one) for one in row["crossed"]),
    )


def path_of(row: Record) -> tuple[PathPoint, ...]:
    """The path of a track's row."""
    return tuple(PathPoint(_moment(at), x, y) for at, x, y in row["path"])


def _numbers(box: Box) -> list[float]:
    return [box.x, box.y, box.width, box.height]


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND
