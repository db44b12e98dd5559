"""Enrichment: who says more of a detection, and what was said."""

from collections.abc import Iterable

from fastapi import APIRouter

from backend.api.dependencies import LongId, PartsDep, SessionDep
from backend.api.event_detections import of_event
from backend.api.problems import problems
from backend.api.schemas.enrichment import Enriched, EnrichedEvent, Enrichers
from backend.core.errors import NotFound
from backend.domain.courses import course_of
from backend.domain.enrichments import summed_up
from backend.services.stores import detections
from backend.services.stores.detections import detection_from_row
from backend.services.stores.rows import Record
from backend.services.upkeep.heartbeat import Word

router = APIRouter(prefix="/enrichment", tags=["enrichment"])


@router.get("", response_model=Enrichers)
async def list_enrichers(parts: PartsDep) -> Record:
    """The enrichers, and how they are in each worker; none while no worker is heard."""
    return {"enrichers": _by_enricher(await parts.health.words())}


@router.get("/detections/{detection_id}", response_model=Enriched, responses=problems(404))
async def get_detection_enrichment(session: SessionDep, detection_id: LongId) -> Record:
    """What each enricher gave for a detection."""
    found = await detections.shown(session, detection_id)
    if found is None:
        raise NotFound(f"there is no detection {detection_id}", code="detection.unknown")
    return _enriched(found)


@router.get("/events/{event_id}", response_model=EnrichedEvent, responses=problems(404))
async def get_event_enrichment(session: SessionDep, event_id: LongId) -> Record:
    """What each enricher gave for an event: summed up by track, and for each detection.

    Of at most 2,000 detections.
    """
    found = await of_event(session, event_id)
    return {
        "event_id": event_id,
        "complete": found.complete,
        "tracks": [_summed(track_id, rows) for track_id, rows in found.by_track().items()],
        "detections": [_enriched(row) for row in found.rows],
    }


def _by_enricher(words: Iterable[Word]) -> list[Record]:
    """Each enricher that a worker tells of, with its state in every one, in the order told."""
    found: dict[str, Record] = {}
    for word in words:
        for one in word.enrichers:
            enricher = found.setdefault(
                one.name, {"name": one.name, "about": one.about, "workers": []}
            )
            enricher["workers"].append({"worker": word.worker, **one.model_dump()})
    return list(found.values())


def _enriched(row: Record) -> Record:
    return {**row, "detection_id": row["id"], "enrichment": row["enrichment"] or {}}


def _summed(track_id: int, rows: list[Record]) -> Record:
    course = course_of((row["captured_at"], detection_from_row(row)) for row in rows)
    return {
        "track_id": track_id,
        "class_name": course.track.class_name,
        "detections": len(rows),
        "enrichment": summed_up(row["enrichment"] or {} for row in rows),
    }
