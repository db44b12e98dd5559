"""An event's detections as one answer needs them: the newest, and by track."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.core.errors import NotFound
from backend.services.stores import detections, events
from backend.services.stores.rows import Record, Session

MOST = 2_000
"""Of an event: more than 15 minutes of one thing, seen twice a second."""


@dataclass(frozen=True, slots=True)
class EventDetections:
    """The newest of an event, in the order in which they were found; `complete`: all of them."""

    rows: Sequence[Record]
    complete: bool

    def by_track(self) -> dict[int, list[Record]]:
        """Those that have a track, by its id; who was first seen first."""
        found: dict[int, list[Record]] = {}
        for row in sorted(self.rows, key=lambda one: (one["captured_at"], one["id"])):
            if row["track_id"] is not None:
                found.setdefault(row["track_id"], []).append(row)
        return found


async def of_event(session: Session, event_id: int, *, most: int = MOST) -> EventDetections:
    """What was detected in an event. Raises `NotFound`."""
    if await events.shown(session, event_id) is None:
        raise NotFound(f"there is no event {event_id}", code="event.unknown")
    rows = await detections.page(session, before=None, limit=most + 1, event_id=event_id)
    return EventDetections(rows[:most][::-1], complete=len(rows) <= most)
