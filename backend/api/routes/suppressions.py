"""Suppressions of a camera: this is never a person, or whatever it was taken for."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from backend.api.dependencies import CameraDep, PagingDep, PartsDep, SessionDep
from backend.api.problems import problems
from backend.api.schemas.boxes import as_box
from backend.api.schemas.suppressions import (
    NewSuppression,
    Preview,
    Suppression,
    SuppressionChange,
    SuppressionPage,
    as_suppression,
)
from backend.core.errors import Conflict, Invalid, NotFound
from backend.domain.suppressions import LONGEST_DAYS, MOST_SUPPRESSIONS
from backend.services.analysis.hindsight import look_back
from backend.services.stores import cameras, suppressions
from backend.services.stores.cameras import KnownCamera
from backend.services.stores.rows import Record, Session
from backend.services.stores.suppressions import Source, SuppressionState
from backend.services.stores.surroundings import Around

router = APIRouter(prefix="/cameras/{camera_id}/suppressions", tags=["scene"])

_HIGHEST_ID = 2**31 - 1
_LOOKED_BACK = timedelta(days=7)
_EVENTS_SHOWN = 50

SuppressionId = Annotated[int, Path(ge=1, le=_HIGHEST_ID, description="Its id.", examples=[3])]


@router.get("", response_model=SuppressionPage, responses=problems(404))
async def list_suppressions(
    session: SessionDep,
    parts: PartsDep,
    paging: PagingDep,
    camera: CameraDep,
    state: Annotated[
        SuppressionState | None, Query(description="Only those in this state.")
    ] = None,
) -> Record:
    """What was said never to count at a camera, the newest first."""
    name = f"cameras/{camera.id}/suppressions"
    rows = await suppressions.page(
        session,
        camera.id,
        state=state,
        before=paging.after_id(name, highest=_HIGHEST_ID),
        limit=paging.fetch,
        now=parts.clock.now(),
    )
    return paging.page(name, [as_suppression(row) for row in rows], "id")


@router.post("", status_code=201, response_model=Suppression, responses=problems(403, 404, 409))
async def create_suppression(
    session: SessionDep, parts: PartsDep, camera: CameraDep, new: NewSuppression, response: Response
) -> Record:
    """Say that something is never what it was taken for, from the next pictures on.

    Hidden is what is of its class, in its place and looks like it, until the end, or until that is
    taken back. What is hidden opens no event, is no detection, and is counted; events that were
    stay as they are.
    """
    now = parts.clock.now()
    ends_at = _allowed(new.end(now), now)
    await _lock_living(session, camera)
    if await suppressions.count_active(session, camera.id, now=now) >= MOST_SUPPRESSIONS:
        raise Conflict(
            f"camera {camera.slug} has {MOST_SUPPRESSIONS} suppressions already: undo one first",
            code="suppression.too_many",
        )
    source = await _source(session, camera, new)
    added = await suppressions.add(
        session, camera.id, source, ends_at=ends_at, note=new.note, now=now
    )
    response.headers["Location"] = f"/api/cameras/{camera.id}/suppressions/{added}"
    return await _shown(session, camera, added, now)


@router.post("/preview", response_model=Preview, responses=problems(403, 404))
async def preview_suppression(
    session: SessionDep, parts: PartsDep, camera: CameraDep, new: NewSuppression
) -> Record:
    """About what such a suppression would have hidden of the last 7 days. Nothing is changed.

    Compared is the look of each track, not of each picture: rather more is told than less.
    """
    now = parts.clock.now()
    around = Around(camera.id, now - _LOOKED_BACK, now)
    source = await _source(session, camera, new)
    found = await look_back(session, around, source.suppression())
    box = source.box
    return {
        **asdict(found),
        "class_name": source.class_name,
        "box": as_box((box.x, box.y, box.width, box.height)),
        "knows_look": bool(source.print),
        "since": around.since,
        "events_touched": len(found.events),
        "events_gone": sum(event["gone"] for event in found.events),
        "events": found.events[:_EVENTS_SHOWN],
    }


@router.get("/{suppression_id}", response_model=Suppression, responses=problems(404))
async def get_suppression(
    session: SessionDep, parts: PartsDep, camera: CameraDep, suppression_id: SuppressionId
) -> Record:
    """One suppression."""
    return await _shown(session, camera, suppression_id, parts.clock.now())


@router.patch("/{suppression_id}", response_model=Suppression, responses=problems(403, 404, 409))
async def change_suppression(
    session: SessionDep,
    parts: PartsDep,
    camera: CameraDep,
    suppression_id: SuppressionId,
    change: SuppressionChange,
) -> Record:
    """Let a suppression end at another time, or note what it is; one that has ended begins anew."""
    now = parts.clock.now()
    values: dict[str, object] = {"note": change.note} if "note" in change.model_fields_set else {}
    if ends_at := change.end(now):
        values["ends_at"] = _allowed(ends_at, now)
    return await _decide(session, camera, suppression_id, values, now)


@router.delete("/{suppression_id}", response_model=Suppression, responses=problems(403, 404, 409))
async def undo_suppression(
    session: SessionDep, parts: PartsDep, camera: CameraDep, suppression_id: SuppressionId
) -> Record:
    """Take a suppression back: from the next pictures on its like counts. It stays in the list."""
    now = parts.clock.now()
    return await _decide(session, camera, suppression_id, {"undone_at": now}, now)


async def _decide(
    session: Session,
    camera: KnownCamera,
    suppression_id: int,
    values: dict[str, object],
    now: datetime,
) -> Record:
    """Change what is not undone."""
    await _lock_living(session, camera)
    found = await _shown(session, camera, suppression_id, now)
    if found["undone_at"] is not None:
        raise Conflict(
            f"suppression {suppression_id} was undone: add a new one", code="suppression.undone"
        )
    await suppressions.change(session, suppression_id, values)
    return await _shown(session, camera, suppression_id, now)


async def _lock_living(session: Session, camera: KnownCamera) -> None:
    """Keep others from deciding at the same time. Raises `Conflict` for a deleted camera."""
    locked = await cameras.lock(session, camera.id)
    if locked is None or locked["deleted_at"] is not None:
        raise Conflict(f"camera {camera.id} is deleted: restore it first", code="camera.deleted")


async def _source(session: Session, camera: KnownCamera, new: NewSuppression) -> Source:
    """What is pointed at. Raises `NotFound`."""
    if new.detection_id is not None:
        source = await suppressions.from_detection(session, camera.id, new.detection_id)
        what, code = f"detection {new.detection_id}", "detection.unknown"
    else:
        assert new.track_id is not None  # noqa: S101 - the schema says so
        source = await suppressions.from_track(session, camera.id, new.track_id)
        what, code = f"track {new.track_id}", "track.unknown"
    if source is None:
        raise NotFound(f"camera {camera.slug} has no {what}", code=code)
    return source


def _allowed(ends_at: datetime, now: datetime) -> datetime:
    """The end. Raises `Invalid` for one that is over, or too far away."""
    if not now < ends_at <= now + timedelta(days=LONGEST_DAYS):
        raise Invalid(
            f"ends_at: must be later than now, and within {LONGEST_DAYS} days",
            code="suppression.ends_at",
        )
    return ends_at


async def _shown(
    session: Session, camera: KnownCamera, suppression_id: int, now: datetime
) -> Record:
    found = await suppressions.shown(session, camera.id, suppression_id, now=now)
    if found is None:
        raise NotFound(
            f"camera {camera.slug} has no suppression {suppression_id}", code="suppression.unknown"
        )
    return as_suppression(found)
