"""The mark of the folder that holds the pictures."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_LOCK = 7_301_005  # the key of the advisory lock; any number that nobody else uses


@dataclass(frozen=True, slots=True)
class Marked:
    """The mark, and since when the folder with it is this ledger's."""

    mark: str
    at: datetime


async def lock(session: AsyncSession) -> None:
    """Let one transaction at a time decide on the mark."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


async def marked(session: AsyncSession) -> Marked | None:
    """The mark of the ledger's folder; None where it has none yet."""
    rows = await session.execute(text("SELECT mark, marked_at AS at FROM picture_store"))
    row = rows.mappings().one_or_none()
    return Marked(**row) if row else None


async def keep(session: AsyncSession, mark: str, *, now: datetime) -> None:
    """Give the ledger its mark, or another; the same one keeps its time."""
    await session.execute(
        text(
            "INSERT INTO picture_store (id, mark, marked_at) VALUES (1, :mark, :now) "
            "ON CONFLICT (id) DO UPDATE SET mark = excluded.mark, marked_at = excluded.marked_at "
            "WHERE picture_store.mark <> excluded.mark"
        ),
        {"mark": mark, "now": now},
    )


async def is_needed(session: AsyncSession) -> bool:
    """Whether the ledger has frames, whose pictures would be missed."""
    return bool(await session.scalar(text("SELECT EXISTS (SELECT FROM frames)")))
