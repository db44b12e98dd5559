"""What became of many frames: in numbers, and around a moment."""

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from backend.api import why
from backend.api.dependencies import CameraFilter, PartsDep, SessionDep
from backend.api.dropped import suppression_ids
from backend.api.problems import problems
from backend.api.schemas.fates import FrameSummary, Why
from backend.api.schemas.frames import as_frame
from backend.api.schemas.text import Text
from backend.api.why import Evidence
from backend.core.errors import Invalid, NotFound
from backend.domain.clock_words import moment_said
from backend.domain.frames import FrameState
from backend.services.stores import (
    cameras,
    events,
    frame_counts,
    frames,
    suppressions,
    surroundings,
)
from backend.services.stores.cameras import KnownCamera
from backend.services.stores.rows import Record, Session
from backend.services.stores.surroundings import Around

router = APIRouter(prefix="/frames", tags=["frames"])

_SHOWN = 20


@router.get("/summary", response_model=FrameSummary, responses=problems(404))
async def summarise_frames(session: SessionDep, camera: CameraFilter = None) -> Record:
    """How many frames there are, how many are final, and how many in each state."""
    camera_id = None if camera is None else (await _known(session, camera)).id
    counts, exact = await frame_counts.by_state(session, camera_id)
    total = sum(counts.values())
    return {
        "total": total,
        "final": total - counts[FrameState.RECEIVED],
        "by_state": {state.value: number for state, number in counts.items()},
        "exact": exact,
    }


@router.get("/why", response_model=Why, responses=problems(404))
async def explain(
    session: SessionDep,
    parts: PartsDep,
    camera: Annotated[
        Text,
        Query(
            description="A camera's slug, or its folder.",
            openapi_examples={"a camera": {"value": "front_door"}},
        ),
    ],
    at: Annotated[
        Text,
        Query(
            description="When: `03:10` for the last time that it was so late where the camera is; "
            "or a date and time, there too unless a zone is given.",
            openapi_examples={
                "a time": {"value": "03:10"},
                "with its day": {"value": "2026-03-01T03:10"},
            },
        ),
    ],
    window: Annotated[
        int, Query(ge=1, le=3600, description="Seconds before and after that are looked at.")
    ] = 120,
) -> Record:
    """Why there was an event at a camera at some time, or why there was none."""
    known = await _known(session, camera)
    zone = ZoneInfo(known.time_zone) if known.time_zone else parts.zone
    moment = _moment(at, zone, parts.clock.now())
    try:
        around = Around(
            known.id, moment - timedelta(seconds=window), moment + timedelta(seconds=window)
        )
    except OverflowError as error:
        raise _wrong(at) from error
    evidence = await _evidence(session, known, around, zone, now=parts.clock.now())
    ids = await surroundings.nearest(session, around, moment, limit=_SHOWN)
    near = await frames.shown_many(session, ids)
    return {
        "camera": known.slug,
        "time_zone": zone.key,
        "at": moment,
        "since": around.since,
        "until": around.until,
        "sentence": why.sentence(evidence),
        "reasons": why.reasons(evidence),
        "counts": evidence.counts(),
        "events": evidence.events,
        "frames": [as_frame(frame) for frame in near],
        "before": evidence.before,
        "after": evidence.after,
        "quarantine": evidence.quarantine,
    }


async def _evidence(
    session: Session, camera: KnownCamera, around: Around, zone: ZoneInfo, *, now: datetime
) -> Evidence:
    dropped = await surroundings.dropped(session, around)
    hidden_by = suppression_ids(one["reason"] for one in dropped)
    return Evidence(
        camera_since=await cameras.created_at(session, camera.id),
        zone=zone,
        since=around.since,
        until=around.until,
        fates=await surroundings.fates(session, around),
        dropped=dropped,
        suppressions=await suppressions.named(session, hidden_by, now=now),
        events=await events.shown_many(session, await surroundings.events(session, around)),
        quarantine=await surroundings.quarantined(session, camera.folder, around, limit=_SHOWN),
        before=await surroundings.last_before(session, around),
        after=await surroundings.first_after(session, around),
    )


async def _known(session: Session, name: str) -> KnownCamera:
    camera = await cameras.by_folder_or_slug(session, name)
    if camera is None or camera.deleted:
        raise NotFound(f"camera: there is no {name}", code="camera.unknown")
    return camera


def _moment(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    try:
        return moment_said(text, zone, now)
    except ValueError as error:
        raise _wrong(text) from error


def _wrong(text: str) -> Invalid:
    return Invalid(
        f"at: {text} is neither like 03:10 nor like 2026-03-01T03:10 (or with a zone; a `+` is "
        "written `%2B`)",
        code="at.invalid",
    )
