"""Frames: list, look, and trace what became of them."""

from dataclasses import replace
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from backend.api.dependencies import CameraFilter, LongId, PagingDep, Parts, PartsDep, SessionDep
from backend.api.dropped import DroppedWords, suppression_ids
from backend.api.problems import problems
from backend.api.schemas.frames import FileTrace, Frame, FramePage, Trace, as_frame
from backend.api.schemas.text import Text
from backend.api.traces import Story, file_sentence, trace_of
from backend.core.errors import NotFound
from backend.domain.frames import FrameState
from backend.services.stores import (
    assessments,
    cameras,
    dead_letters,
    detections,
    events,
    frames,
    quarantine,
    suppressions,
)
from backend.services.stores.rows import Record, Session

router = APIRouter(prefix="/frames", tags=["frames"])

_MOST_OF_A_FILE = 20


@router.get("", response_model=FramePage, responses=problems(404))
async def list_frames(
    session: SessionDep,
    paging: PagingDep,
    camera: CameraFilter = None,
    state: Annotated[FrameState | None, Query(description="What has become of it.")] = None,
    path: Annotated[
        Text | None, Query(description="The whole path of its file below the camera's folder.")
    ] = None,
) -> Record:
    """Frames, the latest capture first."""
    rows = await frames.page(
        session,
        before=paging.after_moment("frames"),
        limit=paging.fetch,
        camera=camera,
        state=None if state is None else state.value,
        path=path,
    )
    return paging.page("frames", [as_frame(row) for row in rows], "captured_at", "id")


@router.get("/trace", response_model=FileTrace, responses=problems(404))
async def trace_file(
    session: SessionDep,
    parts: PartsDep,
    path: Annotated[
        Text,
        Query(
            description="`<camera>/<file>`: the camera's folder or its slug, and the file's place "
            "below that folder; a byte that is not UTF-8 is written `\\xNN`, and a backslash is "
            "doubled.",
            openapi_examples={"a file": {"value": "Front Door/120008.jpg"}},
        ),
    ],
) -> Record:
    """What became of a file, when and why."""
    folder, _, below = path.partition("/")
    camera = await cameras.by_folder_or_slug(session, folder)
    if camera is not None:
        path = f"{camera.folder}/{below}"
    found: list[Record] = []
    if camera is not None and below:
        found = await frames.page(
            session, before=None, limit=_MOST_OF_A_FILE, camera=camera.slug, path=below
        )
    traces = [await _trace(session, frame, parts) for frame in found]
    quarantined = await quarantine.by_path(session, path)
    if not traces and quarantined is None:
        deleted = camera is not None and camera.deleted
        raise NotFound(
            f"{path}: nothing is known of such a file"
            + (": its camera was deleted, and what comes for it is ignored" if deleted else ""),
            code="file.unknown",
        )
    return {
        "path": path,
        "sentence": file_sentence(traces, quarantined),
        "frames": traces,
        "quarantine": quarantined,
    }


@router.get("/{frame_id}", response_model=Frame, responses=problems(404))
async def get_frame(session: SessionDep, frame_id: LongId) -> Record:
    """One frame."""
    return as_frame(await shown_frame(session, frame_id))


@router.get("/{frame_id}/trace", response_model=Trace, responses=problems(404))
async def trace_frame(session: SessionDep, parts: PartsDep, frame_id: LongId) -> Record:
    """What became of a frame, when and why."""
    return await _trace(session, await shown_frame(session, frame_id), parts)


async def shown_frame(session: Session, frame_id: int) -> Record:
    """A frame's row. Raises `NotFound`."""
    frame = await frames.shown(session, frame_id)
    if frame is None:
        raise NotFound(f"there is no frame {frame_id}", code="frame.unknown")
    return frame


async def _trace(session: Session, frame: Record, parts: Parts) -> Record:
    now = parts.clock.now()
    seen = await detections.of_frame(session, frame["id"])
    event_id = frame["event_id"]
    story = Story(
        frame,
        await dead_letters.of_frame(session, frame["id"]),
        words=await _words(session, frame, parts),
    )
    if event_id is None:
        return trace_of(story, seen, None, now=now)
    story = replace(
        story,
        event_times=await events.times(session, event_id),
        assessed_at=await assessments.first_with_frame(session, event_id, frame["id"]),
    )
    return trace_of(story, seen, await events.shown(session, event_id), now=now)


async def _words(session: Session, frame: Record, parts: Parts) -> DroppedWords:
    """What is needed to say what of a frame was not kept."""
    ids = suppression_ids((frame["remarks"] or {}).get("dropped", ()))
    camera = await cameras.by_id(session, frame["camera_id"]) if ids else None
    if camera is None:
        return DroppedWords()
    zone = ZoneInfo(camera.time_zone) if camera.time_zone else parts.zone
    return DroppedWords(await suppressions.named(session, ids, now=parts.clock.now()), zone)
