"""Cameras, and the leases on them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.services.stores.rows import Record, record, records


@dataclass(frozen=True, slots=True)
class KnownCamera:
    """What ingest needs to know of a camera."""

    id: int
    slug: str
    folder: str
    time_zone: str | None
    deleted: bool


_KNOWN = "id, slug, folder, time_zone, deleted_at IS NOT NULL AS deleted"


async def by_folder(session: AsyncSession, folder: str) -> KnownCamera | None:
    """The camera of a folder, deleted or not."""
    rows = await session.execute(
        text(f"SELECT {_KNOWN} FROM cameras WHERE folder = :folder"), {"folder": folder}
    )
    row = rows.mappings().one_or_none()
    return KnownCamera(**row) if row else None


async def slugs_like(session: AsyncSession, slug: str) -> set[str]:
    """The slugs in use that are this one or begin with it and a `_`."""
    rows = await session.scalars(
        text("SELECT slug FROM cameras WHERE slug = :slug OR starts_with(slug, :begin)"),
        {"slug": slug, "begin": f"{slug}_"},
    )
    return set(rows)


async def lock_creation(session: AsyncSession) -> None:
    """Let one transaction at a time make cameras, so that slugs are given once."""
    await session.execute(text("SELECT pg_advisory_xact_lock(7301002)"))


async def create(
    session: AsyncSession,
    *,
    folder: str,
    slug: str,
    name: str,
    time_zone: str | None,
    now: datetime,
) -> KnownCamera:
    """Add a camera."""
    rows = await session.execute(
        text(
            "INSERT INTO cameras (slug, folder, name, time_zone, created_at) "
            f"VALUES (:slug, :folder, :name, :time_zone, :now) RETURNING {_KNOWN}"
        ),
        {"slug": slug, "folder": folder, "name": name, "time_zone": time_zone, "now": now},
    )
    return KnownCamera(**rows.mappings().one())


async def count_ignored(session: AsyncSession, camera_id: int, files: int) -> None:
    """Count files that came for a deleted camera."""
    await session.execute(
        text("UPDATE cameras SET ignored_files = ignored_files + :files WHERE id = :id"),
        {"id": camera_id, "files": files},
    )


async def take_lease(
    session: AsyncSession, camera_id: int, *, holder: str, now: datetime, until: datetime
) -> datetime | None:
    """Take the lease on a camera. None where it was taken, else when it may be tried again.

    A camera that is not there, or deleted, has no work: then the answer is the moment `until`.
    """
    taken = await session.scalar(
        text(
            "UPDATE cameras SET lease_holder = :holder, lease_until = :until WHERE id = :id "
            "AND deleted_at IS NULL AND (lease_holder IS NULL OR lease_until <= :now) RETURNING id"
        ),
        {"id": camera_id, "holder": holder, "now": now, "until": until},
    )
    if taken is not None:
        return None
    lease_until: datetime | None = await session.scalar(
        text("SELECT lease_until FROM cameras WHERE id = :id"), {"id": camera_id}
    )
    return lease_until or until


async def renew_lease(
    session: AsyncSession, camera_id: int, *, holder: str, until: datetime
) -> None:
    """Keep a lease that is still ours for longer."""
    await session.execute(
        text("UPDATE cameras SET lease_until = :until WHERE id = :id AND lease_holder = :holder"),
        {"id": camera_id, "holder": holder, "until": until},
    )


@dataclass(frozen=True, slots=True)
class LeasedCamera:
    """A camera whose row is locked, and whose lease is ours."""

    id: int
    slug: str
    name: str
    time_zone: str | None


async def lock_leased(session: AsyncSession, camera_id: int, *, holder: str) -> LeasedCamera | None:
    """Lock the camera's row until the end of the transaction; None where the lease was lost."""
    rows = await session.execute(
        text(
            "SELECT id, slug, name, time_zone FROM cameras "
            "WHERE id = :id AND lease_holder = :holder FOR NO KEY UPDATE"
        ),
        {"id": camera_id, "holder": holder},
    )
    row = rows.mappings().one_or_none()
    return LeasedCamera(**row) if row else None


async def release_lease(session: AsyncSession, camera_id: int, *, holder: str) -> None:
    """Give up a lease that is ours."""
    await session.execute(
        text(
            "UPDATE cameras SET lease_holder = NULL, lease_until = NULL "
            "WHERE id = :id AND lease_holder = :holder"
        ),
        {"id": camera_id, "holder": holder},
    )


async def release_leases_of(session: AsyncSession, worker: str) -> int:
    """Give up what an earlier process of this worker's name still held; how many."""
    rows = await session.execute(
        text(
            "UPDATE cameras SET lease_holder = NULL, lease_until = NULL "
            "WHERE starts_with(lease_holder, :begin) RETURNING id"
        ),
        {"begin": f"{worker}#"},
    )
    return len(rows.all())


_SHOWN = """
    c.id, c.slug, c.folder, c.name, c.time_zone, c.created_at, c.deleted_at, c.ignored_files,
    (SELECT max(f.captured_at) FROM frames f WHERE f.camera_id = c.id) AS last_frame_at,
    (SELECT count(*) FROM (SELECT 1 FROM frames f WHERE f.camera_id = c.id
        AND f.state = 'received' LIMIT 100001) AS w) AS waiting_frames
"""


async def page(session: AsyncSession, *, after: int, limit: int, deleted: bool) -> list[Record]:
    """Cameras by id, from the first with a higher id than `after`."""
    rows = await session.execute(
        text(
            f"SELECT {_SHOWN} FROM cameras c WHERE c.id > :after "
            "AND (c.deleted_at IS NOT NULL) = :deleted ORDER BY c.id LIMIT :limit"
        ),
        {"after": after, "limit": limit, "deleted": deleted},
    )
    return records(rows)


async def shown(session: AsyncSession, camera_id: int) -> Record | None:
    """One camera, as the API shows it."""
    rows = await session.execute(
        text(f"SELECT {_SHOWN} FROM cameras c WHERE c.id = :id"), {"id": camera_id}
    )
    return record(rows)


async def change(
    session: AsyncSession, camera_id: int, *, name: str | None, time_zone: str | None
) -> bool:
    """Give a camera another name or time zone (None leaves it); whether it was there."""
    changed = await session.scalar(
        text(
            "UPDATE cameras SET name = coalesce(:name, name), "
            "time_zone = coalesce(:time_zone, time_zone) "
            "WHERE id = :id AND deleted_at IS NULL RETURNING id"
        ),
        {"id": camera_id, "name": name, "time_zone": time_zone},
    )
    return changed is not None


async def lock(session: AsyncSession, camera_id: int) -> Record | None:
    """Lock a camera's row until the end of the transaction; its `slug` and `deleted_at`."""
    rows = await session.execute(
        text("SELECT id, slug, deleted_at FROM cameras WHERE id = :id FOR NO KEY UPDATE"),
        {"id": camera_id},
    )
    return record(rows)


async def holdings(session: AsyncSession, camera_id: int) -> Record:
    """How much the database has of a camera: `frames`, `events`, `detections`."""
    rows = await session.execute(
        text(
            "SELECT (SELECT count(*) FROM frames WHERE camera_id = :id) AS frames, "
            "(SELECT count(*) FROM events WHERE camera_id = :id) AS events, "
            "(SELECT count(*) FROM detections d JOIN frames f ON f.id = d.frame_id "
            "WHERE f.camera_id = :id) AS detections"
        ),
        {"id": camera_id},
    )
    return records(rows)[0]


async def bury(session: AsyncSession, camera_id: int, *, now: datetime) -> None:
    """Remove all that the database has of a camera, and leave its tombstone."""
    for statement in (
        "DELETE FROM events WHERE camera_id = :id",
        "DELETE FROM frames WHERE camera_id = :id",
        "DELETE FROM detector_memories WHERE camera_id = :id",
    ):
        await session.execute(text(statement), {"id": camera_id})
    await session.execute(
        text(
            "UPDATE cameras SET deleted_at = :now, ignored_files = 0, "
            "lease_holder = NULL, lease_until = NULL WHERE id = :id"
        ),
        {"id": camera_id, "now": now},
    )


async def restore(session: AsyncSession, camera_id: int) -> None:
    """Take the tombstone away."""
    await session.execute(
        text("UPDATE cameras SET deleted_at = NULL, ignored_files = 0 WHERE id = :id"),
        {"id": camera_id},
    )
