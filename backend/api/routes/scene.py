"""The scene of a camera: what stands there anyway, and what is never to count as such."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.dependencies import CameraDep, LongId, PagingDep, SessionDep
from backend.api.problems import problems
from backend.api.schemas.scene import ScenePage, SceneThing, as_thing
from backend.core.errors import Conflict, NotFound
from backend.services.stores import scene, tracks
from backend.services.stores.rows import Record, Session
from backend.services.stores.scene import Standing

router = APIRouter(prefix="/cameras/{camera_id}/scene", tags=["scene"])


@router.get("", response_model=ScenePage, responses=problems(404))
async def list_scene(
    session: SessionDep,
    paging: PagingDep,
    camera: CameraDep,
    state: Annotated[
        Standing,
        Query(
            description="`scene`: what belongs to it now. `left`: what did, has left, and is "
            "remembered. `watched`: what somebody said is never part of it."
        ),
    ] = "scene",
) -> Record:
    """What stands in a camera's picture and is no news, by track."""
    name = f"cameras/{camera.id}/scene/{state}"
    after = paging.after_id(name) or 0
    rows = await scene.page(session, camera.id, state, after=after, limit=paging.fetch)
    return paging.page(name, [as_thing(row) for row in rows], "id")


@router.post("/{track_id}/watch", response_model=SceneThing, responses=problems(403, 404, 409))
async def watch_track(session: SessionDep, camera: CameraDep, track_id: LongId) -> Record:
    """Say that something is not scene: from its next frame on it is news, however long it stands.

    It stays so for as long as its track lasts; said twice, it is said once.
    """
    return await _said(session, camera.id, track_id, watched=True)


@router.delete("/{track_id}/watch", response_model=SceneThing, responses=problems(403, 404, 409))
async def unwatch_track(session: SessionDep, camera: CameraDep, track_id: LongId) -> Record:
    """Take that back: it may settle into the scene again, as all that stands still does."""
    return await _said(session, camera.id, track_id, watched=False)


async def _said(session: Session, camera_id: int, track_id: int, *, watched: bool) -> Record:
    thing = await scene.watch(session, camera_id, track_id, watched=watched)
    if thing is not None:
        return as_thing(thing)
    kept = await tracks.kept(session, track_id)
    if kept is None or kept.camera_id != camera_id:
        whose = f": it is one of camera {kept.camera}" if kept else ""
        raise NotFound(f"this camera has no track {track_id}{whose}", code="track.unknown")
    raise Conflict(
        f"track {track_id} is over since {kept.track.last_at:%Y-%m-%d %H:%M:%S} UTC: nothing will "
        "continue it",
        code="track.over",
    )
