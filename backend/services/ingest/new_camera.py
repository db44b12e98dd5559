"""Adds a camera before its first picture has come."""

import asyncio
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from backend.core.disk_threads import InThread
from backend.core.errors import Conflict, Unavailable
from backend.domain.paths import path_as_text
from backend.services.ingest.cameras import camera_of_folder
from backend.services.stores import cameras
from backend.services.stores.rows import Session


async def add_camera(
    session: Session,
    root: Path,
    name: str,
    *,
    time_zone: str | None,
    now: datetime,
    in_thread: InThread = asyncio.to_thread,
) -> int:
    """Add a camera and make its folder, `<root>/<name>`; the camera's id.

    `name` must be the name of one folder. Raises `Conflict` where it is a camera's already, or is
    the name of something that is no folder; `Unavailable` where it cannot be made.
    """
    await cameras.lock_creation(session)
    known = await cameras.by_folder(session, path_as_text(name))
    if known is not None and known.deleted:
        raise Conflict(
            f"the folder {name} is that of camera {known.id}, which was deleted: restore it",
            code="camera.deleted",
        )
    if known is not None:
        raise Conflict(f"the folder {name} is that of camera {known.id}", code="camera.exists")
    camera = await camera_of_folder(session, name, now=now)
    await cameras.change(session, camera.id, {"name": name, "time_zone": time_zone})
    await in_thread(_make_folder, root / name)
    return camera.id


def _make_folder(folder: Path) -> None:
    try:
        with suppress(FileExistsError):
            folder.parent.mkdir()  # and no more: its disk may not be mounted
        folder.mkdir(exist_ok=True)
    except FileExistsError as error:
        raise Conflict(
            f"{folder} is there, and is no folder", code="camera.folder_taken"
        ) from error
    except OSError as error:
        raise Unavailable(
            f"the folder {folder} cannot be made: {error.strerror}", code="camera.folder_failed"
        ) from error
