"""Tracks: of an event, and one by itself."""

from fastapi import APIRouter

from backend.api.dependencies import LongId, SessionDep
from backend.api.event_detections import of_event
from backend.api.problems import problems
from backend.api.schemas.tracks import EventTracks, Track, as_event_track, as_track
from backend.core.errors import NotFound
from backend.domain.courses import course_of
from backend.services.stores import tracks
from backend.services.stores.detections import detection_from_row
from backend.services.stores.rows import Record

router = APIRouter(tags=["tracks"])


@router.get("/tracks/{track_id}", response_model=Track, responses=problems(404))
async def get_track(session: SessionDep, track_id: LongId) -> Record:
    """One thing over several frames, whatever events it was in."""
    kept = await tracks.kept(session, track_id)
    if kept is None:
        raise NotFound(f"there is no track {track_id}", code="track.unknown")
    return as_track(kept)


@router.get("/events/{event_id}/tracks", response_model=EventTracks, responses=problems(404))
async def list_event_tracks(session: SessionDep, event_id: LongId) -> Record:
    """What each thing did within an event: its way, the zones it was in, the lines it crossed.

    Told from the event's own detections, at most 2,000, so that what the thing did before and
    after does not matter; what was found before there were tracks has none.
    """
    found = await of_event(session, event_id)
    return {
        "event_id": event_id,
        "detections": len(found.rows),
        "complete": found.complete,
        "tracks": [_told(track_id, rows) for track_id, rows in found.by_track().items()],
    }


def _told(track_id: int, rows: list[Record]) -> Record:
    sights = [(row["captured_at"], detection_from_row(row)) for row in rows]
    return as_event_track(track_id, len(rows), course_of(sights))
