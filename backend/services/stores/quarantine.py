"""Quarantined files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.frames import FileMark
from backend.services.stores.rows import Record, record, records


@dataclass(frozen=True, slots=True)
class BadFile:
    """A file below the media root that is no frame, and why. `path` is below the media root."""

    path: str
    mark: FileMark
    code: str
    reason: str


async def put(session: AsyncSession, files: Sequence[BadFile], *, now: datetime) -> None:
    """Record files, or see them again; in one order, lest two workers wait for one another."""
    for file in sorted(files, key=lambda one: one.path):
        await session.execute(
            text(
                """
                INSERT INTO quarantined_files
                    (path, code, reason, size, mtime_ns, inode, first_seen_at, last_seen_at)
                VALUES (:path, :code, :reason, :size, :mtime_ns, :inode, :now, :now)
                ON CONFLICT (path) DO UPDATE SET code = excluded.code, reason = excluded.reason,
                    size = excluded.size, mtime_ns = excluded.mtime_ns, inode = excluded.inode,
                    last_seen_at = excluded.last_seen_at, released_at = NULL
                """
            ),
            {
                "path": file.path,
                "code": file.code,
                "reason": file.reason,
                "size": file.mark.size,
                "mtime_ns": file.mark.mtime_ns,
                "inode": file.mark.inode,
                "now": now,
            },
        )


async def release(session: AsyncSession, paths: Sequence[str], *, now: datetime) -> None:
    """These files have become frames."""
    await session.execute(
        text(
            "UPDATE quarantined_files SET released_at = :now "
            "WHERE path = ANY(CAST(:paths AS text[])) AND released_at IS NULL"
        ),
        {"paths": list(paths), "now": now},
    )


async def known_marks(session: AsyncSession, paths: Sequence[str]) -> dict[str, FileMark]:
    """By what the quarantine knows these files."""
    rows = await session.execute(
        text(
            "SELECT path, size, mtime_ns, inode FROM quarantined_files "
            "WHERE path = ANY(CAST(:paths AS text[])) AND released_at IS NULL"
        ),
        {"paths": list(paths)},
    )
    return {row.path: FileMark(row.size, row.mtime_ns, row.inode) for row in rows}


async def page(session: AsyncSession, *, before: int | None, limit: int) -> list[Record]:
    """Files in quarantine, the newest record first."""
    rows = await session.execute(
        text(
            "SELECT id, path, code, reason, size, first_seen_at, last_seen_at "
            "FROM quarantined_files WHERE released_at IS NULL "
            "AND (CAST(:before AS bigint) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
        ),
        {"before": before, "limit": limit},
    )
    return records(rows)


async def by_path(session: AsyncSession, path: str) -> Record | None:
    """The record of one file."""
    rows = await session.execute(
        text(
            "SELECT id, path, code, reason, size, first_seen_at, last_seen_at, released_at "
            "FROM quarantined_files WHERE path = :path"
        ),
        {"path": path},
    )
    return record(rows)


async def count(session: AsyncSession) -> int:
    """How many files are in quarantine."""
    found = await session.scalar(
        text("SELECT count(*) FROM quarantined_files WHERE released_at IS NULL")
    )
    return int(found or 0)
