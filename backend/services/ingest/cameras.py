"""Which camera does a folder belong to?"""

from datetime import datetime

import structlog

from backend.core.database import Session
from backend.domain.paths import path_as_text
from backend.services.ingest.slugs import free_slug, slug_of
from backend.services.stores import cameras
from backend.services.stores.cameras import KnownCamera

log = structlog.get_logger(__name__)


async def camera_of_folder(session: Session, folder: str, *, now: datetime) -> KnownCamera:
    """The camera of a folder below the media root; a new folder is a new camera."""
    text = path_as_text(folder)
    known = await cameras.by_folder(session, text)
    if known is not None:
        return known
    await cameras.lock_creation(session)
    return await cameras.by_folder(session, text) or await _new_camera(session, folder, now)


async def _new_camera(session: Session, folder: str, now: datetime) -> KnownCamera:
    wanted = slug_of(folder)
    slug = free_slug(wanted, await cameras.slugs_like(session, wanted))
    name = path_as_text(folder)
    camera = await cameras.create(
        session, folder=name, slug=slug, name=name, time_zone=None, now=now
    )
    log.info("new camera", camera=slug, folder=name)
    if slug != wanted:
        log.warning("two folders have the same short name", folder=name, camera=slug, wanted=wanted)
    return camera
