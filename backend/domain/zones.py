"""Zones: which of them a detection is in, and how long something stayed in each."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import groupby

from backend.domain.boxes import Box, Detection, foot_point
from backend.domain.class_choice import is_chosen
from backend.domain.hours import Hours
from backend.domain.shapes import Points, contains, share_within

HEAVIEST = 50
"""Points of risk that a zone may add, or take."""

HIGHEST_PRIORITY = 100
MOST_ZONES = 50
"""Of one camera."""

_COLOUR = re.compile(r"#[0-9a-f]{6}")
_ROUNDING = 1e-9  # of a share, which is a quotient of two areas


class ZoneType(StrEnum):
    """What a zone is for the people who live there."""

    ENTRY_POINT = "entry_point"
    DRIVEWAY = "driveway"
    SIDEWALK = "sidewalk"
    YARD = "yard"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon on a camera's picture, and what counts as being in it.

    `share` None: a detection is in it by its foot point; else by so much of its box, above 0 to 1.
    `weight` is points of risk, -50..50. No `classes`: all of them. No `hours`: always.
    `priority`, 0..100: of several zones the highest is named first.
    """

    name: str
    points: Points
    type: ZoneType = ZoneType.OTHER
    weight: int = 0
    classes: frozenset[str] = frozenset()
    hours: Hours | None = None
    share: float | None = None
    colour: str = "#3498db"
    priority: int = 0
    enabled: bool = True


def zones_of(
    detection: Detection, zones: Iterable[Zone], at: datetime, time_zone: tzinfo
) -> tuple[str, ...]:
    """The names of the zones that a detection is in, by falling priority, then by name.

    `at` is when its picture was taken; `time_zone` is the camera's. The edge belongs to a zone.
    """
    local = at.astimezone(time_zone)
    entered = [
        zone for zone in zones if _counts(zone, detection, local) and holds(zone, detection.box)
    ]
    return tuple(zone.name for zone in sorted(entered, key=lambda one: (-one.priority, one.name)))


def _counts(zone: Zone, detection: Detection, local: datetime) -> bool:
    in_hours = zone.hours is None or zone.hours.include(local)
    return zone.enabled and in_hours and is_chosen(zone.classes, detection)


def holds(zone: Zone, box: Box) -> bool:
    """Whether a box is within the zone, whatever it is of, and whenever."""
    if zone.share is None:
        return contains(zone.points, foot_point(box))
    return share_within(zone.points, box) >= zone.share - _ROUNDING


@dataclass(frozen=True, slots=True)
class Stay:
    """One time that something was in a zone.

    `entered_at` and `seen_at` are the first and the last sight in it; `left_at` is the first sight
    outside after it, None where there is none. `came_in`: it had been seen outside before; else it
    was in the zone when it was first seen.
    """

    zone: str
    entered_at: datetime
    seen_at: datetime
    left_at: datetime | None
    came_in: bool

    @property
    def dwell(self) -> timedelta:
        """How long it was surely there: from the first sight in the zone to the last."""
        return self.seen_at - self.entered_at


Sight = tuple[datetime, Collection[str]]
"""When something was seen, and the zones that it was in, as `zones_of` named them."""


def stays(sights: Sequence[Sight], *, pause: timedelta = timedelta(0)) -> tuple[Stay, ...]:
    """The stays of one track, by when they began, then by zone.

    Only what was seen counts: a zone that lies between two sights was not entered. Being outside
    for no longer than `pause` ends no stay, so that who stands on an edge does not come and go.
    """
    in_order = sorted(sights, key=lambda sight: sight[0])
    names = {name for _, zones in in_order for name in zones}
    found = [stay for name in names for stay in _stays_in(name, in_order, pause)]
    return tuple(sorted(found, key=lambda stay: (stay.entered_at, stay.zone)))


def _stays_in(name: str, sights: Sequence[Sight], pause: timedelta) -> Iterable[Stay]:
    found: list[Stay] = []
    been_outside = False
    for inside, run in groupby(sights, key=lambda sight: name in sight[1]):
        times = [at for at, _ in run]
        previous = found[-1] if found else None
        if not inside:
            been_outside = True
            if previous:
                found[-1] = _changed(previous, previous.seen_at, times[0])
        elif previous and previous.left_at and times[0] - previous.left_at <= pause:
            found[-1] = _changed(previous, times[-1], None)
        else:
            found.append(Stay(name, times[0], times[-1], None, been_outside))
    return found


def _changed(stay: Stay, seen_at: datetime, left_at: datetime | None) -> Stay:
    return Stay(stay.zone, stay.entered_at, seen_at, left_at, stay.came_in)


def colour(raw: object) -> str:
    """A colour as `#rrggbb`. Raises `ValueError`."""
    if not isinstance(raw, str) or not _COLOUR.fullmatch(raw.lower()):
        raise ValueError('must be a colour like "#3498db": six digits 0-9 or a-f')
    return raw.lower()


def weight(raw: object) -> int:
    """Points of risk, -50..50. Raises `ValueError`."""
    return _whole_number(raw, -HEAVIEST, HEAVIEST)


def priority(raw: object) -> int:
    """A rank among zones, 0..100. Raises `ValueError`."""
    return _whole_number(raw, 0, HIGHEST_PRIORITY)


def share(raw: object) -> float:
    """A part of a box, above 0 to 1. Raises `ValueError`."""
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 < raw <= 1:
        raise ValueError(
            "must be a part of the box, above 0 and at most 1, or null: its foot point"
        )
    return float(raw)


def _whole_number(raw: object, lowest: int, highest: int) -> int:
    if isinstance(raw, bool) or not isinstance(raw, int) or not lowest <= raw <= highest:
        raise ValueError(f"must be a whole number in {lowest}..{highest}")
    return raw
