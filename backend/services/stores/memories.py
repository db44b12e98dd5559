"""What detectors have learnt about cameras."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def keep(
    session: AsyncSession, camera_id: int, detector: str, memory: bytes, *, now: datetime
) -> None:
    """Store a detector's memory of a camera."""
    await session.execute(
        text(
            """
            INSERT INTO detector_memories (camera_id, detector, memory, stored_at)
            VALUES (:camera_id, :detector, :memory, :now)
            ON CONFLICT (camera_id, detector)
            DO UPDATE SET memory = excluded.memory, stored_at = excluded.stored_at
            """
        ),
        {"camera_id": camera_id, "detector": detector, "memory": memory, "now": now},
    )
