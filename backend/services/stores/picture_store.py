"""The mark of the folder that holds the pictures."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_LOCK = 7_301_005  # the key of the advisory lock; any number that nobody else uses


_AT = "@"
"""Between the mark and the inode of the folder's home, which are kept as one."""


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark, and since when the folder with it is this ledger's.

    `home` is the inode of the folder above, None where it was never noted.
    """

    mark: str
    at: datetime
    home: int | None = None


async def lock(session: AsyncSession) -> None:
    """Let one transaction at a time decide on the mark."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def marked(session: AsyncSession) -> Marked | None:
    """The mark of the ledger's folder; None where it has none yet."""
    rows = await session.execute(text("SELECT mark, marked_at FROM picture_store"))
    row = rows.one_or_none()
    if row is None:
        return None
    mark, _, home = row.mark.partition(_AT)
    return Marked(mark, row.marked_at, int(home) if home else None)


async def keep(session: AsyncSession, mark: str, home: int | None, *, now: datetime) -> None:
    """Give the ledger its mark, or another; the same one keeps its time, in whatever home."""
    await session.execute(
        text(
            "INSERT INTO picture_store (id, mark, marked_at) VALUES (1, :mark, :now) "
            "ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, marked_at = CASE "
            "WHEN split_part(picture_store.mark, :at, 1) = split_part(excluded.mark, :at, 1) "
            "THEN picture_store.marked_at ELSE excluded.marked_at END"
        ),
        {"mark": mark if home is None else f"{mark}{_AT}{home}", "now": now, "at": _AT},
    )


async def is_needed(session: AsyncSession) -> bool:
    """Whether the ledger has frames, whose pictures would be missed."""
    return bool(await session.scalar(text("SELECT EXISTS (SELECT FROM frames)")))
