"""Events: list, look, review; their detections and assessments."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query

from backend.api.dependencies import (
    CameraFilter,
    ClassFilter,
    LongId,
    PagingDep,
    PartsDep,
    SessionDep,
)
from backend.api.problems import problems
from backend.api.schemas.assessments import AssessmentPage, Recomputation
from backend.api.schemas.detections import DetectionPage, as_detection
from backend.api.schemas.events import (
    Event,
    EventLatency,
    EventPage,
    EventReview,
    EventState,
)
from backend.api.schemas.text import Moment
from backend.api.traces import latency_of
from backend.core.errors import Conflict, NotFound
from backend.domain.risk import BANDS, RULES_VERSION, Level
from backend.services.analysis.recompute import judged_again
from backend.services.stores import assessments, detections, events, outbox
from backend.services.stores.assessments import factors_as_json
from backend.services.stores.events import EventFilter
from backend.services.stores.rows import Record, Session
from backend.services.topics import event_message

router = APIRouter(prefix="/events", tags=["events"])

_HIGHEST_NUMBER = 2**31 - 1


@router.get("", response_model=EventPage, responses=problems(404))
async def list_events(
    session: SessionDep,
    paging: PagingDep,
    camera: CameraFilter = None,
    level: Annotated[Level | None, Query(description="How the score reads.")] = None,
    class_name: ClassFilter = None,
    since: Annotated[
        Moment | None, Query(description="Events that lasted until then, or later; with zone.")
    ] = None,
    until: Annotated[
        Moment | None, Query(description="Events that began before then; with zone.")
    ] = None,
    reviewed: Annotated[bool | None, Query(description="Whether an owner has seen it.")] = None,
    state: Annotated[EventState | None, Query(description="Open, or closed.")] = None,
) -> Record:
    """Events, the latest begin first."""
    wanted = EventFilter(
        camera=camera,
        scores=None if level is None else scores_of(level),
        class_name=class_name,
        since=since,
        until=until,
        reviewed=reviewed,
        state=state,
    )
    before = paging.after_moment("events")
    rows = await events.page(session, wanted, before=before, limit=paging.fetch)
    return paging.page("events", rows, "first_at", "id")


@router.get("/{event_id}", response_model=Event, responses=problems(404))
async def get_event(session: SessionDep, event_id: LongId) -> Record:
    """One event."""
    return await _shown(session, event_id)


@router.get("/{event_id}/latency", response_model=EventLatency, responses=problems(404))
async def get_event_latency(session: SessionDep, event_id: LongId) -> Record:
    """How long it took from the file of an event's first frame to each of its steps."""
    found = await events.times(session, event_id)
    if found is None:
        raise _unknown(event_id)
    return {"event_id": event_id, "frame_id": found["frame_id"], **latency_of(found)}


@router.patch("/{event_id}", response_model=Event, responses=problems(403, 404))
async def review_event(
    session: SessionDep,
    parts: PartsDep,
    after_commit: BackgroundTasks,
    event_id: LongId,
    review: EventReview,
) -> Record:
    """Mark an event as reviewed or not, and keep notes on it."""
    now = parts.clock.now()
    values = review.model_dump(exclude_unset=True)
    if not await events.review(session, event_id, values, now=now):
        raise _unknown(event_id)
    event = await _shown(session, event_id)
    await outbox.put(session, [event_message("event.updated", event)], now=now)
    after_commit.add_task(parts.told)
    return event


@router.get("/{event_id}/detections", response_model=DetectionPage, responses=problems(404))
async def list_event_detections(session: SessionDep, paging: PagingDep, event_id: LongId) -> Record:
    """What was detected in an event, the newest first."""
    await _shown(session, event_id)
    name = f"events/{event_id}/detections"
    rows = await detections.page(
        session, before=paging.after_id(name), limit=paging.fetch, event_id=event_id
    )
    return paging.page(name, [as_detection(row) for row in rows], "id")


@router.get("/{event_id}/assessments", response_model=AssessmentPage, responses=problems(404))
async def list_event_assessments(
    session: SessionDep, paging: PagingDep, event_id: LongId
) -> Record:
    """How an event was judged, the current assessment first."""
    await _shown(session, event_id)
    name = f"events/{event_id}/assessments"
    before = paging.after_id(name, highest=_HIGHEST_NUMBER)
    rows = await assessments.of_event(session, event_id, before=before, limit=paging.fetch)
    return paging.page(name, rows, "number")


@router.get("/{event_id}/recompute", response_model=Recomputation, responses=problems(404, 409))
async def recompute_event(session: SessionDep, event_id: LongId) -> Record:
    """Make the current assessment again from its detections, and compare. Nothing is changed."""
    await _shown(session, event_id)
    stored = (await assessments.of_event(session, event_id, before=None, limit=1))[0]
    upto = stored["upto_detection_id"]
    seen = await detections.of_event_upto(session, event_id, upto)
    if not seen:
        raise Conflict(
            f"the detections of event {event_id} are no longer kept", code="event.no_detections"
        )
    judgement = judged_again(seen, stored["time_zone"])
    again = {
        "score": judgement.score,
        "factors": factors_as_json(judgement),
        "summary": judgement.summary,
    }
    return {
        "event_id": event_id,
        "number": stored["number"],
        "stored_version": stored["version"],
        "version": RULES_VERSION,
        "stored": stored,
        "recomputed": again,
        "same": all(stored[name] == value for name, value in again.items()),
    }


def scores_of(level: Level) -> tuple[int, int]:
    """The lowest and the highest score of a level."""
    lowest = next(score for score, band in BANDS if band is level)
    above = [score for score, _ in BANDS if score > lowest]
    return lowest, (above[0] - 1 if above else 100)


async def _shown(session: Session, event_id: int) -> Record:
    event = await events.shown(session, event_id)
    if event is None:
        raise _unknown(event_id)
    return event


def _unknown(event_id: int) -> NotFound:
    return NotFound(f"there is no event {event_id}", code="event.unknown")
