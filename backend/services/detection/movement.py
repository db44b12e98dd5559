"""An enricher that tells how a thing moves: whither, how fast, and since when it is there."""

from collections.abc import Mapping
from typing import Any

from backend.domain.tracks import dwell, heading, speed
from backend.services.detection.enrichment import Subject


class MovementEnricher:
    """Reads it off the track; no model, no time."""

    name = "movement"
    about = "direction, dwell in seconds, speed in boxes per second"

    async def enrich(self, subject: Subject) -> Mapping[str, Any] | None:
        """`direction` is left, right, nearer or away, and missing for what went nowhere."""
        track = subject.track
        if subject.at < track.last_at:  # an old frame; the track is further on
            return None
        direction = heading(track)
        said: dict[str, Any] = {"dwell": round(dwell(track).total_seconds(), 1)}
        if direction is not None:
            said["direction"] = direction.value
        if pace := round(speed(track), 2):
            said["speed"] = pace
        return said
