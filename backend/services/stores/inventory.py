"""What the ledger says should be on the disk or under way, for those who look whether it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.rows import Record, records

_HASHES_AT_ONCE = 500
"""For many more PostgreSQL reads the whole table, which it thinks is quicker."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture that the ledger needs: its size, and some of the frames that it is of.

    `given_up`: all of them are, so that the ledger says already what is wrong with it.
    """

    content_hash: bytes
    size: int
    frame_ids: Sequence[int]
    given_up: bool


async def count_frames(session: AsyncSession) -> int:
    """How many frames there are."""
    return int(await session.scalar(text("SELECT count(*) FROM frames")) or 0)


async def wanted_pictures(session: AsyncSession, first: int, last: int) -> list[Wanted]:
    """The pictures of all frames whose hashes begin with these bytes; reads the whole table."""
    rows = await session.execute(
        text(
            "SELECT content_hash, max(size) AS size, (array_agg(id ORDER BY id DESC))[1:3] "
            "AS frame_ids, bool_and(state IN ('quarantined', 'buried')) AS given_up FROM frames "
            "WHERE get_byte(content_hash, 0) BETWEEN :first AND :last GROUP BY content_hash"
        ),
        {"first": first, "last": last},
    )
    return [Wanted(**row) for row in rows.mappings()]


async def needed_pictures(session: AsyncSession, hashes: Collection[bytes]) -> set[bytes]:
    """Which of these pictures some frame has: a step into an index for each."""
    needed: set[bytes] = set()
    asked = list(hashes)
    for first in range(0, len(asked), _HASHES_AT_ONCE):
        rows = await session.scalars(
            text(
                "SELECT DISTINCT content_hash FROM frames "
                "WHERE content_hash = ANY(CAST(:hashes AS bytea[]))"
            ),
            {"hashes": asked[first : first + _HASHES_AT_ONCE]},
        )
        needed |= set(rows)
    return needed


async def attached_blocks(session: AsyncSession, size: int) -> list[int]:
    """The blocks of so many ids in which there are attached frames, by number."""
    rows = await session.scalars(
        text("SELECT DISTINCT id / :size FROM frames WHERE state = 'attached' ORDER BY 1"),
        {"size": size},
    )
    return list(rows)


async def frames_between(session: AsyncSession, first: int, last: int) -> dict[int, bool]:
    """The frames with these ids; whether each is attached."""
    rows = await session.execute(
        text(
            "SELECT id, state = 'attached' AS attached FROM frames "
            "WHERE id BETWEEN :first AND :last"
        ),
        {"first": first, "last": last},
    )
    return {row.id: row.attached for row in rows}


_STALE = "lease_holder IS NOT NULL AND (lease_until < :before OR lease_until > :after)"


def _stale_at(now: datetime, spare: timedelta) -> dict[str, datetime]:
    return {"before": now - spare, "after": now + spare}


async def stale_leases(session: AsyncSession, *, now: datetime, spare: timedelta) -> list[Record]:
    """The leases that ended that long ago, or end so far ahead as none does: `slug`, and whose."""
    rows = await session.execute(
        text(f"SELECT slug, lease_holder, lease_until FROM cameras WHERE {_STALE} ORDER BY slug"),
        _stale_at(now, spare),
    )
    return records(rows)


async def release_stale_leases(session: AsyncSession, *, now: datetime, spare: timedelta) -> int:
    """Give them up; how many."""
    rows = await session.execute(
        text(
            "UPDATE cameras SET lease_holder = NULL, lease_until = NULL "
            f"WHERE {_STALE} RETURNING id"
        ),
        _stale_at(now, spare),
    )
    return len(rows.all())


async def count_cameras(session: AsyncSession) -> int:
    """How many cameras there are that were not deleted."""
    found = await session.scalar(text("SELECT count(*) FROM cameras WHERE deleted_at IS NULL"))
    return int(found or 0)


async def stuck_cameras(session: AsyncSession, *, now: datetime, since: timedelta) -> list[Record]:
    """The cameras whose frames have waited that long, while nobody was at the camera.

    Each with its `slug`, how many wait (`waiting`), and since when (`oldest`).
    """
    rows = await session.execute(
        text(
            """
            SELECT c.slug, w.waiting, w.oldest FROM cameras c CROSS JOIN LATERAL (
                SELECT count(*) AS waiting, min(received_at) AS oldest, max(claimed_at) AS tried
                FROM frames WHERE camera_id = c.id AND state = 'received'
            ) AS w
            WHERE c.deleted_at IS NULL AND w.oldest < :before
            AND coalesce(c.lease_until, '-infinity') <= :now AND coalesce(w.tried < :before, true)
            AND NOT EXISTS (SELECT FROM frames f WHERE f.camera_id = c.id
                AND f.finished_at >= :before)
            ORDER BY c.slug
            """
        ),
        {"now": now, "before": now - since},
    )
    return records(rows)


async def count_messages(session: AsyncSession) -> int:
    """How many messages the outbox has."""
    return int(await session.scalar(text("SELECT count(*) FROM outbox")) or 0)


async def unnumbered_messages(session: AsyncSession, *, before: datetime) -> list[Record]:
    """The messages that were written before and have no number yet: `id`, `kind`, `written_at`."""
    rows = await session.execute(
        text(
            "SELECT id, kind, written_at FROM outbox "
            "WHERE number IS NULL AND written_at < :before ORDER BY id"
        ),
        {"before": before},
    )
    return records(rows)
