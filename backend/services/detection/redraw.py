"""Draws thumbnails that are gone."""

import asyncio
from pathlib import Path

from backend.core.content_store import ContentStore, write_whole
from backend.core.database import Database
from backend.core.errors import NotFound, Unavailable
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.shown import thumbnail_of
from backend.services.stores import detections, shown_pictures
from backend.services.stores.rows import Record
from backend.services.stores.shown_pictures import ShownPicture


class Redraw:
    """Draws a frame's thumbnail from its picture's copy, its camera's masks and its detections."""

    def __init__(self, database: Database, pictures: ContentStore, folder: Path) -> None:
        self._database = database
        self._pictures = pictures
        self._folder = folder

    async def draw_again(self, frame_id: int) -> None:
        """Draw it, as it was drawn when the frame was looked at, with the masks that hold now.

        Raises `NotFound`, `Invalid` where its picture is gone or cannot be decoded; `Unavailable`.
        """
        async with self._database.transaction() as session:
            shown = await shown_pictures.of_frame(session, frame_id)
            found = await detections.of_frame(session, frame_id)
        if shown is None:
            raise NotFound(f"there is no frame {frame_id}", code="frame.unknown")
        await asyncio.to_thread(self._draw, shown, found)

    def _draw(self, shown: ShownPicture, found: list[Record]) -> None:
        try:
            thumbnail = thumbnail_of(self._pictures, shown, found)
            write_whole(thumbnail_path(self._folder, shown.frame_id), thumbnail)
        except OSError as error:
            raise Unavailable(
                f"cannot draw into {self._folder}: {error.strerror}", code="thumbnails.unwritable"
            ) from error
