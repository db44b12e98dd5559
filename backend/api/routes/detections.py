"""Detections."""

from typing import Annotated

from fastapi import APIRouter, Query

from backend.api.cursors import MAX_ID
from backend.api.dependencies import CameraFilter, ClassFilter, LongId, PagingDep, SessionDep
from backend.api.problems import problems
from backend.api.schemas.detections import Detection, DetectionPage, as_detection
from backend.core.errors import NotFound
from backend.services.stores import detections
from backend.services.stores.rows import Record

router = APIRouter(prefix="/detections", tags=["detections"])


@router.get("", response_model=DetectionPage, responses=problems(404))
async def list_detections(
    session: SessionDep,
    paging: PagingDep,
    event: Annotated[int | None, Query(ge=1, le=MAX_ID, description="An event's id.")] = None,
    camera: CameraFilter = None,
    class_name: ClassFilter = None,
) -> Record:
    """Detections, the newest first."""
    rows = await detections.page(
        session,
        before=paging.after_id("detections"),
        limit=paging.fetch,
        event_id=event,
        camera=camera,
        class_name=class_name,
    )
    return paging.page("detections", [as_detection(row) for row in rows], "id")


@router.get("/{detection_id}", response_model=Detection, responses=problems(404))
async def get_detection(session: SessionDep, detection_id: LongId) -> Record:
    """One detection."""
    detection = await detections.shown(session, detection_id)
    if detection is None:
        raise NotFound(f"there is no detection {detection_id}", code="detection.unknown")
    return as_detection(detection)
