"""The files that cameras have put: from them a copy that is gone can be made again."""

import asyncio
import hashlib
from pathlib import Path

import structlog

from backend.core.content_store import ContentStore
from backend.core.database import Database
from backend.core.disk_threads import InThread
from backend.core.errors import Invalid, NotFound, Unavailable
from backend.domain.paths import text_as_path
from backend.services.ingest.reading import Limits, Moving, read_below
from backend.services.stores import frames
from backend.services.stores.frames import Original

log = structlog.get_logger(__name__)


class Originals:
    """Copies pictures once more, of frames whose copies are gone or damaged."""

    def __init__(
        self,
        root: Path,
        store: ContentStore,
        database: Database,
        limits: Limits,
        in_thread: InThread = asyncio.to_thread,
    ) -> None:
        self._in_thread = in_thread
        self._root = root
        self._store = store
        self._database = database
        self._limits = limits

    async def copy_again(self, frame_id: int) -> None:
        """Make the copy of a frame's picture again.

        Raises `NotFound` where the file is gone too, or is another by now; `Unavailable`, also
        where the folder of all cameras is not there: the file may be back with it.
        """
        async with self._database.transaction() as session:
            original = await frames.original(session, frame_id)
        if original is None:
            raise NotFound(f"there is no frame {frame_id}", code="frame.unknown")
        await self._in_thread(self._copy, original)
        log.info("a picture's copy made again", frame_id=frame_id)

    def _copy(self, original: Original) -> None:
        place = self._root / text_as_path(original.folder) / text_as_path(original.path)
        try:
            _, data = read_below(self._root, place, self._limits)
        except (OSError, Invalid, Moving) as error:
            if not self._root.is_dir():
                raise Unavailable(f"{self._root} is not there", code="media.root_gone") from error
            raise NotFound(
                "the picture's copy is gone, and so is the file in its camera's folder",
                code="pictures.missing",
            ) from error
        if hashlib.sha256(data).digest() != original.content_hash:
            raise NotFound(
                "the picture's copy is gone, and the file in its camera's folder is another by now",
                code="pictures.missing",
            )
        self._store.replace(original.content_hash, data)
