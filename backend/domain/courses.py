"""What one thing did within an event: the part of its track that the event's detections tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.domain.boxes import Detection
from backend.domain.signs import Crossed
from backend.domain.tracks import PathPoint, Track, extended
from backend.domain.zones import Stay, stays

Sight = tuple[datetime, Detection]


@dataclass(frozen=True, slots=True)
class Course:
    """`track` is as if it had begun and ended with these sights; `still` is for how many seconds
    it stood in one spot at most. Where it crossed a line it was first seen beyond it then."""

    track: Track
    stays: tuple[Stay, ...]
    crossed: tuple[tuple[datetime, Crossed], ...]
    still: float
    arrived_at: datetime | None
    departed_at: datetime | None


def course_of(sights: Iterable[Sight]) -> Course:
    """The course of one track, from what was detected of it, at least once."""
    in_order = sorted(sights, key=lambda sight: (sight[0], sight[1].confidence))
    # One thing that was taken for two in a frame was still in one place: that of the surer.
    surest = list(dict(in_order).items())
    inside = [(at, [zone.name for zone in one.signs.zones]) for at, one in surest]
    crossed = dict.fromkeys((at, line) for at, one in in_order for line in one.signs.crossed)
    return Course(
        track=_track(in_order, surest),
        stays=stays(inside),
        crossed=tuple(crossed),
        still=max(one.signs.still for _, one in in_order),
        arrived_at=next((at for at, one in in_order if one.signs.arrived), None),
        departed_at=next((at for at, one in in_order if one.signs.departed), None),
    )


def _track(in_order: Sequence[Sight], surest: Sequence[Sight]) -> Track:
    votes: dict[str, float] = {}
    for _, one in in_order:
        votes[one.class_name] = votes.get(one.class_name, 0.0) + one.confidence
    path: tuple[PathPoint, ...] = ()
    for at, one in surest:
        path = extended(path, at, one.box)
    (first_at, first), (last_at, last) = surest[0], surest[-1]
    return Track(
        votes=tuple(votes.items()),
        first_at=first_at,
        last_at=last_at,
        first_box=first.box,
        last_box=last.box,
        rest=last.box,
        still_since=last_at,
        path=path,
        sightings=len(surest),
    )
