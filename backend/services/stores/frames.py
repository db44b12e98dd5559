"""Frames: the ledger's rows, and what a worker does with them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.frames import LIVE_FOR, Arrival, FileMark, FrameState, Lane, WaitingFrame
from backend.services.stores import dead_letters
from backend.services.stores.rows import Record, record, records


@dataclass(slots=True)
class NewFrames:
    """How many frames one camera got."""

    waiting: int = 0
    skipped: int = 0


async def receive(session: AsyncSession, arrivals: Sequence[Arrival]) -> dict[int, NewFrames]:
    """Put files into the ledger; one that is there already stays as it is.

    How many new frames each camera got. Files of a camera that has been deleted are left out. Rows
    are stored in one order, so that two that receive the same files do not deadlock.
    """
    rows = await session.execute(
        text(
            """
            WITH present AS (
                SELECT id FROM cameras WHERE id = ANY(CAST(:camera_ids AS int[]))
                AND deleted_at IS NULL ORDER BY id FOR KEY SHARE
            )
            INSERT INTO frames (camera_id, path, size, mtime_ns, inode, content_hash, width, height,
                received_at, captured_at, captured_from, clock_suspect, found_by, completed_at,
                reason, state, finished_at)
            SELECT a.*, CASE WHEN skipped IS NULL THEN 'received' ELSE 'skipped' END,
                CASE WHEN skipped IS NOT NULL THEN received_at END
            FROM unnest(
                CAST(:camera_ids AS int[]), CAST(:paths AS text[]), CAST(:sizes AS bigint[]),
                CAST(:mtimes AS bigint[]), CAST(:inodes AS bigint[]), CAST(:hashes AS bytea[]),
                CAST(:widths AS int[]), CAST(:heights AS int[]),
                CAST(:received AS timestamptz[]), CAST(:captured AS timestamptz[]),
                CAST(:captured_from AS text[]), CAST(:suspect AS bool[]),
                CAST(:found_by AS text[]), CAST(:completed AS timestamptz[]),
                CAST(:skipped AS text[])
            ) AS a (camera_id, path, size, mtime_ns, inode, content_hash, width, height,
                received_at, captured_at, captured_from, clock_suspect, found_by, completed_at,
                skipped)
            JOIN present ON present.id = a.camera_id
            ORDER BY a.camera_id, a.path, a.content_hash
            ON CONFLICT (camera_id, path, content_hash) DO UPDATE
                SET size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode
            RETURNING camera_id, state, xmax = 0 AS is_new
            """
        ),
        {
            "camera_ids": [a.camera_id for a in arrivals],
            "paths": [a.path for a in arrivals],
            "sizes": [a.mark.size for a in arrivals],
            "mtimes": [a.mark.mtime_ns for a in arrivals],
            "inodes": [a.mark.inode for a in arrivals],
            "hashes": [a.content_hash for a in arrivals],
            "widths": [a.width for a in arrivals],
            "heights": [a.height for a in arrivals],
            "received": [a.received_at for a in arrivals],
            "captured": [a.captured_at for a in arrivals],
            "captured_from": [a.captured_from for a in arrivals],
            "suspect": [a.clock_suspect for a in arrivals],
            "found_by": [a.found_by for a in arrivals],
            "completed": [a.completed_at for a in arrivals],
            "skipped": [a.skipped for a in arrivals],
        },
    )
    new: dict[int, NewFrames] = {}
    for row in rows:
        if row.is_new:
            got = new.setdefault(row.camera_id, NewFrames())
            got.waiting += row.state == FrameState.RECEIVED
            got.skipped += row.state == FrameState.SKIPPED
    return new


async def seconds_taken(
    session: AsyncSession, camera_id: int, seconds: Collection[datetime]
) -> set[datetime]:
    """In which of these seconds a picture of a camera came that still waits to be looked at.

    While a camera floods, the last ones that came wait behind all others.
    """
    rows = await session.scalars(
        text(
            "SELECT DISTINCT date_trunc('second', coalesce(completed_at, received_at), 'UTC') "
            "FROM frames WHERE camera_id = :camera_id AND state = 'received' "
            "AND found_by = 'watch' AND received_at >= :first "
            "AND date_trunc('second', coalesce(completed_at, received_at), 'UTC') "
            "= ANY(CAST(:seconds AS timestamptz[]))"
        ),
        # None is taken in before it came.
        {"camera_id": camera_id, "first": min(seconds), "seconds": list(seconds)},
    )
    return set(rows)


async def known_paths(
    session: AsyncSession, camera_id: int, marks: Mapping[str, FileMark]
) -> set[str]:
    """Which of these files of a camera, by path, the ledger has with this very mark."""
    rows = await session.scalars(
        text(
            """
            SELECT a.path FROM unnest(
                CAST(:paths AS text[]), CAST(:sizes AS bigint[]),
                CAST(:mtimes AS bigint[]), CAST(:inodes AS bigint[])
            ) AS a (path, size, mtime_ns, inode)
            WHERE EXISTS (SELECT 1 FROM frames f WHERE f.camera_id = :camera_id AND f.path = a.path
                AND f.size = a.size AND f.mtime_ns = a.mtime_ns AND f.inode = a.inode)
            """
        ),
        {
            "camera_id": camera_id,
            "paths": list(marks),
            "sizes": [mark.size for mark in marks.values()],
            "mtimes": [mark.mtime_ns for mark in marks.values()],
            "inodes": [mark.inode for mark in marks.values()],
        },
    )
    return set(rows)


async def stored(
    session: AsyncSession, contents: Collection[tuple[int, str, bytes]]
) -> set[tuple[int, str, bytes]]:
    """Which of these contents, by camera, path and hash, the ledger has."""
    rows = await session.execute(
        text(
            """
            SELECT camera_id, path, content_hash FROM frames JOIN unnest(
                CAST(:camera_ids AS int[]), CAST(:paths AS text[]), CAST(:hashes AS bytea[])
            ) AS a (camera_id, path, content_hash) USING (camera_id, path, content_hash)
            """
        ),
        {
            "camera_ids": [camera_id for camera_id, _, _ in contents],
            "paths": [path for _, path, _ in contents],
            "hashes": [content_hash for _, _, content_hash in contents],
        },
    )
    return {(row.camera_id, row.path, row.content_hash) for row in rows}


async def has_content(session: AsyncSession, folder: str, content_hash: bytes) -> bool:
    """Whether a picture of this content came from a camera's folder, under whatever name."""
    found = await session.scalar(
        text(
            "SELECT true FROM frames f JOIN cameras c ON c.id = f.camera_id "
            "WHERE f.content_hash = :content_hash AND c.folder = :folder LIMIT 1"
        ),
        {"folder": folder, "content_hash": content_hash},
    )
    return found is not None


@dataclass(frozen=True, slots=True)
class Original:
    """Where a frame's file was put: its path below its camera's folder, and what was in it."""

    folder: str
    path: str
    content_hash: bytes


async def original(session: AsyncSession, frame_id: int) -> Original | None:
    """The file that a frame was made of."""
    rows = await session.execute(
        text(
            "SELECT c.folder, f.path, f.content_hash FROM frames f "
            "JOIN cameras c ON c.id = f.camera_id WHERE f.id = :id"
        ),
        {"id": frame_id},
    )
    row = rows.mappings().one_or_none()
    return Original(**row) if row else None


_WAITING = "id, camera_id, content_hash, captured_at, width, height, attempts, reason"
_WAITS = "FROM frames WHERE camera_id = :camera_id AND state = 'received'"
_IS_LIVE = "found_by = 'watch' AND received_at > :live_since"
_IS_AFTER = "(captured_at, id) > (:after_at, :after_id)"


def _place(after: WaitingFrame | None) -> dict[str, Any]:
    return {} if after is None else {"after_at": after.captured_at, "after_id": after.id}


async def waiting(
    session: AsyncSession,
    camera_id: int,
    lane: Lane,
    *,
    limit: int,
    now: datetime,
    after: WaitingFrame | None = None,
) -> list[WaitingFrame]:
    """The first of a camera's waiting frames, in capture order; in the backlog, of all of them.

    With `after`, the first behind that one.
    """
    live_only = f"AND {_IS_LIVE}" if lane is Lane.LIVE else ""
    later_only = "" if after is None else f"AND {_IS_AFTER}"
    rows = await session.execute(
        text(
            f"SELECT {_WAITING} {_WAITS} {live_only} {later_only} "
            "ORDER BY captured_at, id LIMIT :limit"
        ),
        {"camera_id": camera_id, "limit": limit}
        | _place(after)
        | ({"live_since": now - LIVE_FOR} if lane is Lane.LIVE else {}),
    )
    return [WaitingFrame(**row) for row in rows.mappings()]


async def begin_attempt(session: AsyncSession, ids: Sequence[int], *, now: datetime) -> None:
    """Count an attempt at each frame."""
    await session.execute(
        text(
            "UPDATE frames SET attempts = attempts + 1, claimed_at = :now "
            "WHERE id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"ids": list(ids), "now": now},
    )


async def take_attempt_back(session: AsyncSession, ids: Sequence[int]) -> None:
    """Uncount the attempt: it was not the frame's fault."""
    if not ids:
        return
    await session.execute(
        text(
            "UPDATE frames SET attempts = attempts - 1 WHERE id = ANY(CAST(:ids AS bigint[])) "
            "AND state = 'received' AND attempts > 0"
        ),
        {"ids": list(ids)},
    )


async def note_failures(session: AsyncSession, reasons: Mapping[int, str]) -> None:
    """Remember, by frame, why the last attempt failed."""
    if not reasons:
        return
    await session.execute(
        text(
            "UPDATE frames f SET reason = r.reason FROM unnest(CAST(:ids AS bigint[]), "
            "CAST(:reasons AS text[])) AS r (id, reason) WHERE f.id = r.id AND state = 'received'"
        ),
        {"ids": list(reasons), "reasons": list(reasons.values())},
    )


async def still_waiting(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Which of these frames are not final yet; their rows are locked until the commit."""
    rows = await session.scalars(
        text(
            "SELECT id FROM frames WHERE id = ANY(CAST(:ids AS bigint[])) "
            "AND state = 'received' ORDER BY id FOR NO KEY UPDATE"
        ),
        {"ids": list(ids)},
    )
    return set(rows)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The final state of one frame."""

    frame_id: int
    state: FrameState
    event_id: int | None = None
    reason: str | None = None
    remarks: Mapping[str, Any] = field(default_factory=dict)


async def finish(
    session: AsyncSession, outcomes: Sequence[Outcome], *, detector: str | None, now: datetime
) -> None:
    """Give frames their final states; each that is buried gets its dead letter."""
    if not outcomes:
        return
    finished = await session.execute(
        text(
            """
            UPDATE frames f SET state = o.state, event_id = o.event_id, reason = o.reason,
                remarks = CAST(o.remarks AS jsonb), detector = :detector, finished_at = :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]),
                CAST(:event_ids AS bigint[]), CAST(:reasons AS text[]), CAST(:remarks AS text[])
            ) AS o (id, state, event_id, reason, remarks)
            WHERE f.id = o.id AND f.state = 'received' RETURNING f.id, f.state
            """
        ),
        {
            "ids": [o.frame_id for o in outcomes],
            "states": [o.state.value for o in outcomes],
            "event_ids": [o.event_id for o in outcomes],
            "reasons": [o.reason for o in outcomes],
            "remarks": [
                orjson.dumps(dict(o.remarks)).decode() if o.remarks else None for o in outcomes
            ],
            "detector": detector,
            "now": now,
        },
    )
    buried = [row.id for row in finished if row.state == FrameState.BURIED.value]
    await dead_letters.write(session, buried, now=now)


async def lanes_waiting(
    session: AsyncSession, camera_id: int, *, now: datetime, after: WaitingFrame | None = None
) -> set[Lane]:
    """The lanes in which a camera has waiting frames; with `after`, such behind that one."""
    waits = _WAITS if after is None else f"{_WAITS} AND {_IS_AFTER}"
    row = (
        await session.execute(
            text(
                f"SELECT EXISTS (SELECT 1 {waits} AND {_IS_LIVE}) AS live, "
                f"EXISTS (SELECT 1 {waits} AND NOT ({_IS_LIVE})) AS backlog"
            ),
            {"camera_id": camera_id, "live_since": now - LIVE_FOR} | _place(after),
        )
    ).one()
    return {lane for lane in Lane if getattr(row, lane.value)}


async def cameras_with_work(session: AsyncSession) -> Sequence[int]:
    """The cameras that have waiting frames."""
    rows = await session.scalars(
        text(
            "SELECT c.id FROM cameras c WHERE c.deleted_at IS NULL AND EXISTS "
            "(SELECT 1 FROM frames f WHERE f.camera_id = c.id AND f.state = 'received') "
            "ORDER BY c.id"
        )
    )
    return rows.all()


_SHOWN = """
    f.id, f.camera_id, f.event_id, c.slug AS camera, f.path, f.state, f.reason, f.remarks,
    f.detector, f.width, f.height, f.size, f.captured_at, f.captured_from, f.clock_suspect,
    f.found_by, f.completed_at, f.received_at, f.claimed_at, f.finished_at, f.attempts,
    f.content_hash
"""


async def shown(session: AsyncSession, frame_id: int) -> Record | None:
    """One frame, as the API shows it."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM frames f JOIN cameras c ON c.id = f.camera_id WHERE f.id = :id"
        ),
        {"id": frame_id},
    )
    return record(rows)


async def shown_many(session: AsyncSession, ids: Collection[int]) -> list[Record]:
    """Some frames, as the API shows them, in capture order."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM frames f JOIN cameras c ON c.id = f.camera_id "
            "WHERE f.id = ANY(CAST(:ids AS bigint[])) ORDER BY f.captured_at, f.id"
        ),
        {"ids": list(ids)},
    )
    return records(rows)


async def page(
    session: AsyncSession,
    *,
    before: tuple[datetime, int] | None,
    limit: int,
    camera: str | None = None,
    state: str | None = None,
    path: str | None = None,
) -> list[Record]:
    """Frames, the newest capture first."""
    where, values = ["true"], dict[str, Any](limit=limit)
    if before is not None:
        where.append("(f.captured_at, f.id) < (:before_at, :before_id)")
        values |= {"before_at": before[0], "before_id": before[1]}
    for column, value in (("c.slug", camera), ("f.state", state), ("f.path", path)):
        if value is not None:
            where.append(f"{column} = :{column[2:]}")
            values[column[2:]] = value
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM frames f JOIN cameras c ON c.id = f.camera_id "
            f"WHERE {' AND '.join(where)} ORDER BY f.captured_at DESC, f.id DESC LIMIT :limit"
        ),
        values,
    )
    return records(rows)


async def count_waiting(session: AsyncSession) -> int:
    """How many frames wait."""
    found = await session.scalar(text("SELECT count(*) FROM frames WHERE state = 'received'"))
    return int(found or 0)


async def longest_waiting(session: AsyncSession) -> Record | None:
    """The waiting frame that came first: its `camera` (the slug) and `received_at`.

    Of what a scan found, only each camera's next one is looked at: however much waits, this costs
    two steps into an index a camera.
    """
    rows = await session.execute(
        text(
            """
            SELECT c.slug AS camera, f.received_at FROM cameras c CROSS JOIN LATERAL (
                (SELECT received_at FROM frames WHERE camera_id = c.id AND state = 'received'
                    AND found_by = 'watch' ORDER BY received_at LIMIT 1)
                UNION ALL
                (SELECT received_at FROM frames WHERE camera_id = c.id AND state = 'received'
                    ORDER BY captured_at, id LIMIT 1)
            ) f ORDER BY f.received_at LIMIT 1
            """
        )
    )
    return record(rows)
