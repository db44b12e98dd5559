"""Cameras: list, add, change, delete, restore."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from backend.api.dependencies import CameraDep, CameraId, PagingDep, Parts, PartsDep, SessionDep
from backend.api.problems import problem, problems
from backend.api.schemas.cameras import (
    Camera,
    CameraChange,
    CameraPage,
    NewCamera,
    RemovedCamera,
)
from backend.api.schemas.text import Text
from backend.core.errors import Conflict, NotFound
from backend.services.ingest.new_camera import add_camera
from backend.services.stores import cameras
from backend.services.stores.cameras import KnownCamera
from backend.services.stores.rows import Record, Session
from backend.services.upkeep.silent_cameras import silent_cameras

router = APIRouter(prefix="/cameras", tags=["cameras"])

_HIGHEST_ID = 2**31 - 1


@router.get("", response_model=CameraPage)
async def list_cameras(
    session: SessionDep,
    parts: PartsDep,
    paging: PagingDep,
    deleted: Annotated[bool, Query(description="The tombstones of deleted cameras.")] = False,
) -> Record:
    """The cameras, or what is left of deleted ones."""
    after = paging.after_id("cameras", highest=_HIGHEST_ID) or 0
    rows = await cameras.page(session, after=after, limit=paging.fetch, deleted=deleted)
    return paging.page("cameras", await _with_silence(session, parts, rows), "id")


@router.post("", status_code=201, response_model=Camera, responses=problems(403, 409))
async def create_camera(
    session: SessionDep, parts: PartsDep, camera: NewCamera, response: Response
) -> Record:
    """Add a camera before its first picture has come, and make its folder.

    A folder that appears below the media root becomes a camera with its first picture anyway.
    """
    camera_id = await add_camera(
        session,
        parts.places.media_root,
        camera.name,
        time_zone=camera.time_zone,
        now=parts.clock.now(),
        in_thread=parts.places.in_media_thread,
    )
    response.headers["Location"] = f"/api/cameras/{camera_id}"
    return await _shown(session, parts, camera_id)


@router.get("/{camera_id}", response_model=Camera, responses=problems(404))
async def get_camera(session: SessionDep, parts: PartsDep, camera_id: CameraId) -> Record:
    """One camera, deleted or not."""
    return await _shown(session, parts, camera_id)


@router.patch("/{camera_id}", response_model=Camera, responses=problems(403, 404, 409))
async def change_camera(
    session: SessionDep, parts: PartsDep, camera_id: CameraId, change: CameraChange
) -> Record:
    """Rename a camera, or give it another time zone."""
    if not await cameras.change(session, camera_id, change.model_dump(exclude_unset=True)):
        await _shown(session, parts, camera_id)  # raises where there is none
        raise _deleted(camera_id)
    return await _shown(session, parts, camera_id)


@router.delete("/{camera_id}", response_model=RemovedCamera, responses=problems(403, 404, 409))
async def delete_camera(
    session: SessionDep,
    parts: PartsDep,
    known: CameraDep,
    confirm: Annotated[Text | None, Query(description="The slug of the camera.")] = None,
) -> Record | Response:
    """Delete a camera, with all its frames, events and detections in the database.

    Without `confirm` nothing is deleted: the answer is a 409 that counts what would be. A tombstone
    stays: the camera's folder is ignored until it is restored. Its files stay where they are; our
    copies of them are removed within two days.
    """
    if known.deleted:
        raise _deleted(known.id)
    if confirm != known.slug:
        # Without the lock, which would keep its new pictures waiting for as long as it is counted.
        return await _to_confirm(session, known)
    locked = await cameras.lock(session, known.id)
    if locked is None or locked["deleted_at"] is not None:
        raise _deleted(known.id)
    counts = await cameras.holdings(session, known.id)
    await cameras.bury(session, known.id, now=parts.clock.now())
    return {"camera_id": known.id, "slug": known.slug, **counts}


async def _to_confirm(session: Session, camera: KnownCamera) -> Response:
    counts = await cameras.holdings(session, camera.id)
    return problem(
        409,
        "camera.confirm",
        f"this would remove all it has (frames: {counts['frames']}, events: {counts['events']}, "
        f"detections: {counts['detections']}): repeat it with ?confirm={camera.slug}",
        slug=camera.slug,
        **counts,
    )


@router.post("/{camera_id}/restore", response_model=Camera, responses=problems(403, 404, 409))
async def restore_camera(session: SessionDep, parts: PartsDep, camera_id: CameraId) -> Record:
    """Take a deleted camera's tombstone away, so that its pictures count again.

    What had been removed does not come back, but files that still lie in its folder are taken in
    anew, within seconds where a worker is at work.
    """
    camera = await cameras.lock(session, camera_id)
    if camera is None:
        raise _unknown(camera_id)
    if camera["deleted_at"] is None:
        raise Conflict(f"camera {camera_id} is not deleted", code="camera.not_deleted")
    await cameras.restore(session, camera_id, now=parts.clock.now())
    return await _shown(session, parts, camera_id)


async def _shown(session: Session, parts: Parts, camera_id: int) -> Record:
    camera = await cameras.shown(session, camera_id)
    if camera is None:
        raise _unknown(camera_id)
    (camera,) = await _with_silence(session, parts, [camera])
    return camera


async def _with_silence(session: Session, parts: Parts, rows: Sequence[Record]) -> Sequence[Record]:
    """The cameras, each with `silent_since`."""
    ids = [row["id"] for row in rows]
    silent = await silent_cameras(session, now=parts.clock.now(), camera_ids=ids)
    since = {camera.id: camera.since for camera in silent}
    return [row | {"silent_since": since.get(row["id"])} for row in rows]


def _unknown(camera_id: int) -> NotFound:
    return NotFound(f"there is no camera {camera_id}", code="camera.unknown")


def _deleted(camera_id: int) -> Conflict:
    return Conflict(f"camera {camera_id} is deleted: restore it first", code="camera.deleted")
