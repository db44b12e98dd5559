"""Draws thumbnails that are gone."""

import asyncio
from pathlib import Path

from backend.core.content_store import ContentStore, write_whole
from backend.core.database import Database
from backend.core.errors import NotFound, Unavailable
from backend.domain.boxes import Detection
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.picture import THUMBNAIL_WIDTH, decode, draw_thumbnail
from backend.services.stores import detections, frames
from backend.services.stores.rows import Record


class Redraw:
    """Draws a frame's thumbnail from its picture's copy and its detections."""

    def __init__(self, database: Database, pictures: ContentStore, folder: Path) -> None:
        self._database = database
        self._pictures = pictures
        self._folder = folder

    async def draw_again(self, frame_id: int) -> None:
        """Draw it, as it was drawn when the frame was looked at.

        Raises `NotFound`, `Invalid` where its picture is gone or cannot be decoded; `Unavailable`.
        """
        async with self._database.transaction() as session:
            frame = await frames.shown(session, frame_id)
            found = await detections.of_frame(session, frame_id)
        if frame is None:
            raise NotFound(f"there is no frame {frame_id}", code="frame.unknown")
        await asyncio.to_thread(
            self._draw, frame, [detections.detection_from_row(one) for one in found]
        )

    def _draw(self, frame: Record, found: list[Detection]) -> None:
        try:
            data = self._pictures.read(frame["content_hash"])
            full_size = (frame["width"], frame["height"])
            pixels = decode(data, longest=THUMBNAIL_WIDTH, full_size=full_size)
            thumbnail = draw_thumbnail(pixels, sorted(found, key=lambda one: -one.confidence))
            write_whole(thumbnail_path(self._folder, frame["id"]), thumbnail)
        except OSError as error:
            raise Unavailable(
                f"cannot draw into {self._folder}: {error.strerror}", code="pictures.unwritable"
            ) from error
