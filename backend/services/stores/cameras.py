"""Cameras, and the leases on them."""

from collections.abc import Collection, Mapping
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


@dataclass(frozen=True, slots=True)
class BusyCamera(KnownCamera):
    """With the number of its frames that wait without need, counted up to some bound."""

    piled_up: int


_KNOWN = "id, slug, folder, time_zone, deleted_at IS NOT NULL AS deleted"


async def by_folder(session: AsyncSession, folder: str) -> KnownCamera | None:
    """The camera of a folder, deleted or not."""
    rows = await session.execute(
        text(f"SELECT {_KNOWN} FROM cameras WHERE folder = :folder"), {"folder": folder}
    )
    row = rows.mappings().one_or_none()
    return KnownCamera(**row) if row else None


async def by_id(session: AsyncSession, camera_id: int) -> KnownCamera | None:
    """The camera with this id, deleted or not."""
    rows = await session.execute(
        text(f"SELECT {_KNOWN} FROM cameras WHERE id = :id"), {"id": camera_id}
    )
    row = rows.mappings().one_or_none()
    return KnownCamera(**row) if row else None


async def by_folder_or_slug(session: AsyncSession, name: str) -> KnownCamera | None:
    """The camera of a folder, else the one of that slug, deleted or not."""
    rows = await session.execute(
        text(
            f"SELECT {_KNOWN} FROM cameras WHERE folder = :name OR slug = :name "
            "ORDER BY folder = :name DESC LIMIT 1"
        ),
        {"name": name},
    )
    row = rows.mappings().one_or_none()
    return KnownCamera(**row) if row else None


async def by_folders(
    session: AsyncSession,
    folders: Collection[str],
    *,
    looked_at_since: datetime | None,
    count_to: int,
) -> dict[str, BusyCamera]:
    """The cameras of these folders, deleted or not, by folder.

    Counted, so far, are waiting frames that were seen to come while pictures were looked at: since
    that moment, and none where it is not known. What waits from before had nobody to look at it.
    """
    rows = await session.execute(
        text(
            f"SELECT {_KNOWN}, (SELECT count(*) FROM (SELECT FROM frames WHERE camera_id = c.id "
            "AND state = 'received' AND found_by = 'watch' AND received_at > :since "
            "LIMIT :count_to) AS came) AS piled_up "
            "FROM cameras c WHERE folder = ANY(CAST(:folders AS text[]))"
        ),
        {"folders": list(folders), "since": looked_at_since, "count_to": count_to},
    )
    return {row["folder"]: BusyCamera(**row) for row in rows.mappings()}


async def hold(session: AsyncSession, folders: Collection[str]) -> dict[str, int]:
    """Keep the cameras of these folders from being deleted until the end of the transaction.

    Their ids, by folder.
    """
    rows = await session.execute(
        text(
            "SELECT folder, id FROM cameras WHERE folder = ANY(CAST(:folders AS text[])) "
            "ORDER BY id FOR KEY SHARE"
        ),
        {"folders": list(folders)},
    )
    return {row.folder: row.id for row in rows}


async def slugs_like(session: AsyncSession, slug: str) -> set[str]:
    """The slugs in use that this one, or it with a number, could be equal to; and some others.

    A long slug is cut before its number, so that only the beginning is compared.
    """
    rows = await session.scalars(
        text("SELECT slug FROM cameras WHERE starts_with(slug, :begin)"), {"begin": slug[:40]}
    )
    return set(rows)


async def slugs(session: AsyncSession) -> list[str]:
    """The slugs of the cameras that are not deleted, in order."""
    rows = await session.scalars(
        text("SELECT slug FROM cameras WHERE deleted_at IS NULL ORDER BY slug")
    )
    return list(rows)


async def folders(session: AsyncSession) -> list[str]:
    """The folders of the cameras that are not deleted."""
    rows = await session.scalars(
        text("SELECT folder FROM cameras WHERE deleted_at IS NULL ORDER BY id")
    )
    return list(rows)


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


async def lock_many(session: AsyncSession, camera_ids: Collection[int]) -> None:
    """Lock cameras until the end of the transaction.

    Before frames, as everywhere, or two transactions could wait for each other.
    """
    await session.execute(
        text(
            "SELECT 1 FROM cameras WHERE id = ANY(CAST(:ids AS int[])) "
            "ORDER BY id FOR NO KEY UPDATE"
        ),
        {"ids": list(camera_ids)},
    )


async def count_skipped(
    session: AsyncSession, skipped: Mapping[int, int], *, now: datetime
) -> None:
    """Count, by camera, frames that nobody will look at."""
    await session.execute(
        text(
            "UPDATE cameras c SET skipped_frames = skipped_frames + s.number, skipped_at = :now "
            "FROM unnest(CAST(:ids AS int[]), CAST(:numbers AS int[])) AS s (id, number) "
            "WHERE c.id = s.id"
        ),
        {"ids": list(skipped), "numbers": list(skipped.values()), "now": now},
    )


async def skipped_since(session: AsyncSession, since: datetime) -> list[Record]:
    """The cameras that sent more than was looked at, lately first: `slug`, `skipped_frames`, when.

    `skipped_frames` counts all that were ever skipped.
    """
    rows = await session.execute(
        text(
            "SELECT slug, skipped_frames, skipped_at FROM cameras "
            "WHERE deleted_at IS NULL AND skipped_at > :since ORDER BY skipped_at DESC, id"
        ),
        {"since": since},
    )
    return records(rows)


async def count_ignored(session: AsyncSession, camera_id: int, files: int) -> None:
    """Count files that came for a deleted camera."""
    await session.execute(
        text("UPDATE cameras SET ignored_files = ignored_files + :files WHERE id = :id"),
        {"id": camera_id, "files": files},
    )


async def take_lease(
    session: AsyncSession, camera_id: int, *, holder: str, now: datetime, until: datetime
) -> bool:
    """Take the lease on a camera, for a holder of the form `<worker>#<mark>`; whether it was free.

    A camera that is deleted, or not there, has none; nor has one whose row somebody has locked: a
    worker that stands still while it stores must not keep others from other cameras. A lease that
    ends later than any that could be taken now is as good as run out: the clock was put back since.
    """
    taken = await session.scalar(
        text(
            "UPDATE cameras SET lease_holder = :holder, lease_until = :until WHERE id = ("
            f"SELECT id FROM cameras WHERE {_LEASABLE} FOR NO KEY UPDATE SKIP LOCKED"
            ") RETURNING id"
        ),
        {"id": camera_id, "holder": holder, "until": until, **_moments(now, until)},
    )
    return taken is not None


async def is_leasable(
    session: AsyncSession, camera_id: int, *, now: datetime, until: datetime
) -> bool:
    """Whether nobody has the lease: where it could not be taken, somebody had locked the row."""
    found = await session.scalar(
        text(f"SELECT true FROM cameras WHERE {_LEASABLE}"),
        {"id": camera_id, **_moments(now, until)},
    )
    return found is not None


_LEASABLE = (
    "id = :id AND deleted_at IS NULL "
    "AND (lease_until IS NULL OR lease_until <= :now OR lease_until > :too_late)"
)


def _moments(now: datetime, until: datetime) -> dict[str, datetime]:
    # Machines that share the work may differ by as much as a lease is long.
    return {"now": now, "too_late": until + (until - now)}


async def lock_within(session: AsyncSession, camera_id: int, *, milliseconds: int) -> None:
    """Lock a camera. Raises `Unavailable` (`database.locked`) where somebody keeps it longer."""
    limit = text("SELECT set_config('lock_timeout', :limit, true)")
    await session.execute(limit, {"limit": str(milliseconds)})
    await lock_many(session, [camera_id])
    await session.execute(limit, {"limit": "0"})


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
    """A camera whose row is locked, and whose lease was ours."""

    id: int
    slug: str
    name: str
    time_zone: str | None


async def end_lease(session: AsyncSession, camera_id: int, *, holder: str) -> LeasedCamera | None:
    """Give up a lease with the end of the transaction, until which the camera's row is locked.

    None where the lease was lost.
    """
    rows = await session.execute(
        text(
            "UPDATE cameras SET lease_holder = NULL, lease_until = NULL "
            "WHERE id = :id AND lease_holder = :holder RETURNING id, slug, name, time_zone"
        ),
        {"id": camera_id, "holder": holder},
    )
    row = rows.mappings().one_or_none()
    return LeasedCamera(**row) if row else None


async def release_leases_of(session: AsyncSession, worker: str) -> int:
    """Give up what an earlier process of this worker's name still held; how many."""
    rows = await session.execute(
        text(
            "UPDATE cameras SET lease_holder = NULL, lease_until = NULL "
            "WHERE regexp_replace(lease_holder, '#[^#]*$', '') = :worker RETURNING id"
        ),
        {"worker": worker},
    )
    return len(rows.all())


_SHOWN = """
    c.id, c.slug, c.folder, c.name, c.time_zone, c.created_at, c.deleted_at, c.ignored_files,
    c.skipped_frames, c.skipped_at,
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


async def created_at(session: AsyncSession, camera_id: int) -> datetime:
    """Since when there has been a camera that is known to be there."""
    found: datetime = (
        await session.execute(
            text("SELECT created_at FROM cameras WHERE id = :id"), {"id": camera_id}
        )
    ).scalar_one()
    return found


async def change(session: AsyncSession, camera_id: int, values: Mapping[str, str | None]) -> bool:
    """Give a camera another `name`, `time_zone` or both; whether it was there."""
    given = {column: values[column] for column in ("name", "time_zone") if column in values}
    setting = ", ".join(f"{column} = :{column}" for column in given) or "name = name"
    changed = await session.scalar(
        text(f"UPDATE cameras SET {setting} WHERE id = :id AND deleted_at IS NULL RETURNING id"),
        {"id": camera_id, **given},
    )
    return changed is not None


async def lock(session: AsyncSession, camera_id: int) -> Record | None:
    """Lock a camera's row until the end of the transaction; its `slug` and `deleted_at`.

    Also against those who receive frames for it, so that a deleted camera keeps none.
    """
    rows = await session.execute(
        text("SELECT id, slug, deleted_at FROM cameras WHERE id = :id FOR UPDATE"),
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
    """Remove all that the database has of a camera, and leave its tombstone.

    What people drew and said stays with it: a restored camera must not show what was masked.
    """
    for statement in (
        "DELETE FROM events WHERE camera_id = :id",
        "DELETE FROM frames WHERE camera_id = :id",
        "DELETE FROM detector_memories WHERE camera_id = :id",
        "DELETE FROM tracks WHERE camera_id = :id",
    ):
        await session.execute(text(statement), {"id": camera_id})
    await session.execute(
        text(
            "UPDATE cameras SET deleted_at = :now, ignored_files = 0, skipped_frames = 0, "
            "skipped_at = NULL, scan_wanted_at = NULL, lease_holder = NULL, lease_until = NULL "
            "WHERE id = :id"
        ),
        {"id": camera_id, "now": now},
    )


async def restore(session: AsyncSession, camera_id: int, *, now: datetime) -> None:
    """Take the tombstone away, and ask for a scan of the camera's folder."""
    await session.execute(
        text(
            "UPDATE cameras SET deleted_at = NULL, ignored_files = 0, scan_wanted_at = :now "
            "WHERE id = :id"
        ),
        {"id": camera_id, "now": now},
    )


@dataclass(frozen=True, slots=True)
class WantedScan:
    """A camera whose folder is to be scanned, and since when."""

    camera_id: int
    folder: str
    wanted_at: datetime


async def wanted_scans(session: AsyncSession) -> list[WantedScan]:
    """The scans that are asked for, the oldest wish first."""
    rows = await session.execute(
        text(
            "SELECT id AS camera_id, folder, scan_wanted_at AS wanted_at FROM cameras "
            "WHERE scan_wanted_at IS NOT NULL ORDER BY scan_wanted_at, id"
        )
    )
    return [WantedScan(**row) for row in rows.mappings()]


async def scanned(session: AsyncSession, scan: WantedScan) -> None:
    """A scan has been done; a wish that came meanwhile stays."""
    await session.execute(
        text(
            "UPDATE cameras SET scan_wanted_at = NULL "
            "WHERE id = :id AND scan_wanted_at = :wanted_at"
        ),
        {"id": scan.camera_id, "wanted_at": scan.wanted_at},
    )
