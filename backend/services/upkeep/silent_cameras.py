"""The cameras that are silent for longer than is their habit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from backend.domain.silence import is_silent
from backend.services.stores import habits
from backend.services.stores.rows import Session


@dataclass(frozen=True, slots=True)
class SilentCamera:
    """A camera that is silent, and when its last picture came."""

    id: int
    slug: str
    since: datetime


async def silent_cameras(
    session: Session, *, now: datetime, camera_ids: Collection[int] | None = None
) -> list[SilentCamera]:
    """Those of all cameras that are not deleted, or of these only; the longest silent first."""
    quiet = await habits.quiet_cameras(session, now=now, camera_ids=camera_ids)
    return [
        SilentCamera(camera.id, camera.slug, camera.habit.last_received_at)
        for camera in quiet
        if is_silent(camera.habit, now)
    ]
