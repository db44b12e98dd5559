"""The pictures that are shown, each with what its camera has drawn over it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.frames import FrameState
from backend.domain.shapes import Points
from backend.services.stores.rows import record


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A frame's picture, and the privacy masks that hold now, however old the picture is.

    `width` and `height` are those of the file's header. `once_masked`: its camera has masks, or has
    had some, so that what was drawn of it earlier may show what it must not, or hide what it need
    not.
    """

    frame_id: int
    state: FrameState
    content_hash: bytes
    width: int
    height: int
    masks: tuple[Points, ...] = ()
    masks_changed_at: datetime | None = None

    @property
    def once_masked(self) -> bool:
        """Whether its camera has masks, or has had some."""
        return bool(self.masks) or self.masks_changed_at is not None


_PICTURE = """
    SELECT f.id, f.state, f.content_hash, f.width, f.height, c.masks_changed_at,
        (SELECT jsonb_agg(m.points ORDER BY m.id) FROM masks m
            WHERE m.camera_id = f.camera_id AND m.enabled) AS masks
    FROM frames f JOIN cameras c ON c.id = f.camera_id
"""


async def of_frame(session: AsyncSession, frame_id: int) -> ShownPicture | None:
    """A frame's picture."""
    return await _picture(session, "WHERE f.id = :id", {"id": frame_id})


async def latest_of_camera(session: AsyncSession, camera_id: int) -> ShownPicture | None:
    """The picture that a camera took last, of those that can be looked at."""
    return await _picture(
        session,
        "WHERE f.camera_id = :id AND f.state NOT IN ('quarantined', 'buried') "
        "ORDER BY f.captured_at DESC, f.id DESC LIMIT 1",
        {"id": camera_id},
    )


async def _picture(
    session: AsyncSession, which: str, values: dict[str, int]
) -> ShownPicture | None:
    row = record(await session.execute(text(f"{_PICTURE} {which}"), values))
    if row is None:
        return None
    masks = tuple(tuple((x, y) for x, y in points) for points in row["masks"] or ())
    return ShownPicture(
        row["id"],
        FrameState(row["state"]),
        row["content_hash"],
        row["width"],
        row["height"],
        masks,
        row["masks_changed_at"],
    )
