"""Dead letters: jobs that were given up, and what was decided of them.

Whoever changes a letter holds the row of its frame first: so two never decide of one letter, and
none of them waits for a camera's deletion while that waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.rows import Record, record, records


async def write(session: AsyncSession, frame_ids: Sequence[int], *, now: datetime) -> None:
    """Write the letters of frames that have just been buried.

    A letter that was there is dead again: the tries are added up, the first time stays.
    """
    if not frame_ids:
        return
    await session.execute(
        text(
            """
            INSERT INTO dead_letters AS l (frame_id, first_at, last_at, tries, stage, reason)
            SELECT id, :now, :now, greatest(attempts, 1), 'detection',
                coalesce(nullif(reason, ''), 'no reason was kept')
            FROM frames WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id
            ON CONFLICT (frame_id) DO UPDATE SET state = 'dead',
                last_at = greatest(l.first_at, excluded.last_at), tries = l.tries + excluded.tries,
                stage = excluded.stage, reason = excluded.reason
            """
        ),
        {"ids": list(frame_ids), "now": now},
    )


_SHOWN = """
    l.id, l.frame_id, l.stage, l.state, l.reason, l.tries, l.replays, l.first_at, l.last_at,
    l.decided_at, c.slug AS camera, f.path, f.captured_at, f.state AS frame_state
"""
_FROM = "dead_letters l JOIN frames f ON f.id = l.frame_id JOIN cameras c ON c.id = f.camera_id"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; None means any. `camera` is a slug, `until` the latest `last_at`."""

    state: str | None = None
    stage: str | None = None
    camera: str | None = None
    until: datetime | None = None

    def where(self) -> tuple[list[str], dict[str, Any]]:
        """The conditions, and their values."""
        used = [
            (condition, key, value)
            for condition, key, value in (
                ("l.state = :state", "state", self.state),
                ("l.stage = :stage", "stage", self.stage),
                ("c.slug = :camera", "camera", self.camera),
                ("l.last_at <= :until", "until", self.until),
            )
            if value is not None
        ]
        return [condition for condition, _, _ in used], {key: value for _, key, value in used}


async def page(
    session: AsyncSession, wanted: Wanted, *, before: tuple[datetime, int] | None, limit: int
) -> list[Record]:
    """Letters, the last given up first."""
    where, values = wanted.where()
    if before is not None:
        where.append("(l.last_at, l.id) < (:before_at, :before_id)")
        values |= {"before_at": before[0], "before_id": before[1]}
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM {_FROM} WHERE {' AND '.join(where) or 'true'} "
            "ORDER BY l.last_at DESC, l.id DESC LIMIT :limit"
        ),
        values | {"limit": limit},
    )
    return records(rows)


async def shown(session: AsyncSession, letter_id: int) -> Record | None:
    """One letter, as the API shows it."""
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM {_FROM} WHERE l.id = :id"), {"id": letter_id}
    )
    return record(rows)


async def of_frame(session: AsyncSession, frame_id: int) -> Record | None:
    """The letter of a frame, as the API shows it."""
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM {_FROM} WHERE l.frame_id = :id"), {"id": frame_id}
    )
    return record(rows)


async def count(session: AsyncSession) -> int:
    """How many are dead."""
    found = await session.scalar(text("SELECT count(*) FROM dead_letters WHERE state = 'dead'"))
    return int(found or 0)


async def counts(session: AsyncSession) -> list[Record]:
    """How many there are of each `stage`: `dead`, `replayed`, `discarded`."""
    rows = await session.execute(
        text(
            """
            SELECT stage, count(*) FILTER (WHERE state = 'dead') AS dead,
                count(*) FILTER (WHERE state = 'replayed') AS replayed,
                count(*) FILTER (WHERE state = 'discarded') AS discarded
            FROM dead_letters GROUP BY stage ORDER BY stage
            """
        )
    )
    return records(rows)


async def lock(session: AsyncSession, letter_id: int) -> Record | None:
    """One letter, as `shown`; nobody else decides of it until the end of the transaction."""
    await session.execute(
        text(
            "SELECT f.id FROM frames f JOIN dead_letters l ON l.frame_id = f.id "
            "WHERE l.id = :id FOR NO KEY UPDATE OF f"
        ),
        {"id": letter_id},
    )
    return await shown(session, letter_id)


async def lock_dead(session: AsyncSession, wanted: Wanted, *, limit: int) -> list[int]:
    """The ids of dead letters, the longest dead first, without those that somebody is at.

    Nobody else decides of them until the end of the transaction.
    """
    where, values = replace(wanted, state="dead").where()
    rows = await session.scalars(
        text(
            f"SELECT l.id FROM {_FROM} WHERE {' AND '.join(where)} "
            "ORDER BY l.last_at, l.id LIMIT :limit FOR NO KEY UPDATE OF f SKIP LOCKED"
        ),
        values | {"limit": limit},
    )
    return list(rows)


async def replay(session: AsyncSession, ids: Sequence[int], *, now: datetime) -> list[int]:
    """Let the work of locked letters wait again, as if it were new; the camera of each frame.

    What is dead no longer is left alone.
    """
    rows = await session.scalars(
        text(
            """
            WITH begun AS (
                UPDATE dead_letters SET state = 'replayed', replays = replays + 1, decided_at = :now
                WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'dead' RETURNING frame_id
            )
            UPDATE frames f SET state = 'received', attempts = 0, claimed_at = NULL,
                finished_at = NULL, detector = NULL, reason = NULL, remarks = NULL
            FROM begun WHERE f.id = begun.frame_id AND f.state = 'buried' RETURNING f.camera_id
            """
        ),
        {"ids": list(ids), "now": now},
    )
    return list(rows)


async def discard(session: AsyncSession, ids: Sequence[int], *, now: datetime) -> int:
    """Give locked letters up for good; how many. Their frames stay buried."""
    rows = await session.scalars(
        text(
            "UPDATE dead_letters SET state = 'discarded', decided_at = :now "
            "WHERE id = ANY(CAST(:ids AS bigint[])) AND state = 'dead' RETURNING id"
        ),
        {"ids": list(ids), "now": now},
    )
    return len(rows.all())
