"""A track: the detections of one object across the frames of a camera, and what can be read off it.

Places are fractions of the picture; lengths are also told in boxes, the object's own width across
and its own height up and down, so that near and far things compare.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from backend.domain.boxes import Box, foot_point
from backend.domain.classes import GROUPS, INTERCHANGEABLE, MOTION

MAX_PATH = 32
"""Points of a path that are kept."""

_SAME_POINT = 0.1  # boxes; nearer points are one stay, of which the path keeps begin and end
_CURRENT = timedelta(seconds=5)  # an older pair of points says nothing about the speed now
_HEADING_OVER = 0.5  # boxes; less is swaying, and no direction


class TrackState(StrEnum):
    """What a track stands for at the moment."""

    LIVE = "live"
    """An object that is seen, or was a moment ago."""
    SCENE = "scene"
    """An object that belongs to the scene, seen or not."""
    LEFT = "left"
    """One that belonged to the scene and has left; remembered, since it may come back."""
    ENDED = "ended"
    """Over: no later frame continues it."""


class Heading(StrEnum):
    """Whither, as the picture shows it."""

    LEFT = "left"
    RIGHT = "right"
    NEARER = "nearer"
    AWAY = "away"


class PathPoint(NamedTuple):
    """Where the foot of an object stood at a time: the middle of its box's lower edge."""

    at: datetime
    x: float
    y: float


class LastCrossing(NamedTuple):
    """Where the foot of an object was when it had just crossed a line; `left`: it has been away
    from that spot since."""

    line: str
    x: float
    y: float
    left: bool = False


@dataclass(frozen=True, slots=True)
class Track:
    """One object of one camera.

    `votes` are the classes that it was taken for, each with the sum of its confidences. `rest` is
    the box where it last came to stand, `still_since` when it did, `seen_moving` whether it ever
    was not there; `stirred` counts the last sights in a row that were off that box. `missed` counts
    the frames in a row that show nothing of it, `longest_missed` is the most that ever was before
    it was seen again. `watched`: somebody said that it is never part of the scene. `within` are the
    zones that it was in when it was last seen, each with the moment since when; `crossed` has the
    last crossing of each line.
    """

    votes: tuple[tuple[str, float], ...]
    first_at: datetime
    last_at: datetime
    first_box: Box
    last_box: Box
    rest: Box
    still_since: datetime
    path: tuple[PathPoint, ...]
    print: bytes = b""
    sightings: int = 1
    stirred: int = 0
    seen_moving: bool = False
    missed: int = 0
    longest_missed: int = 0
    watched: bool = False
    state: TrackState = TrackState.LIVE
    within: tuple[tuple[str, datetime], ...] = ()
    crossed: tuple[LastCrossing, ...] = ()

    @property
    def class_name(self) -> str:
        """The class with the most votes."""
        return max(self.votes, key=lambda vote: (vote[1], vote[0]))[0]

    @property
    def kind(self) -> str:
        """What its detections have in common: see `kind_of`."""
        return kind_of(self.class_name)

    @property
    def is_at_rest(self) -> bool:
        """Whether it stood still when it was last seen; so does what was seen once."""
        return self.stirred == 0


_KINDS = {"bicycle": "cycle", "motorcycle": "cycle"}


def kind_of(class_name: str) -> str:
    """Classes that detectors take for one another are one kind: car, truck and bus; two wheels;

    dog and cat.
    """
    if class_name in INTERCHANGEABLE:
        return "vehicle"
    return _KINDS.get(class_name, GROUPS.get(class_name, class_name))


def can_be_confused(kind: str, other: str) -> bool:
    """Whether a detector takes one for the other in a single frame: half a person for a dog."""
    return {kind, other} == {"person", "pet"}


def can_be_parked(kind: str) -> bool:
    """Whether things of this kind stand for hours without being there for anything."""
    return kind in {"vehicle", "cycle"}


def lives(kind: str) -> bool:
    """Whether things of this kind move by themselves, and may stand still all the same."""
    return kind in {"person", "pet", "bird"}


def can_be_scene(kind: str) -> bool:
    """Motion is a change of the scene, and never a part of it."""
    return kind != MOTION


def boxes_apart(a: tuple[float, float], b: tuple[float, float], size: Box) -> float:
    """The distance of two places, in boxes of this size."""
    return math.hypot((a[0] - b[0]) / size.width, (a[1] - b[1]) / size.height)


def displacement(before: Box, after: Box) -> float:
    """How far a thing moved, in boxes; what is merely cut, or grown, on one side did not move.

    An axis counts as far as both of its edges went the same way; all four edges outwards, or
    inwards, is a thing that comes nearer or goes away.
    """
    across = _edges(before.x, after.x, before.width, after.width)
    down = _edges(before.y, after.y, before.height, after.height)
    return max(across[0], down[0], min(across[1], down[1]))


def _edges(
    before: float, after: float, size_before: float, size_after: float
) -> tuple[float, float]:
    """How far an interval went, and how far it grew or shrank at both ends, in its own size."""
    low = (after - before) / size_before
    high = (after + size_after - before - size_before) / size_before
    least = min(abs(low), abs(high))
    return (least, 0.0) if low * high > 0 else (0.0, least)


# --- What a track tells


def dwell(track: Track) -> timedelta:
    """How long it was seen, from the first to the last sight."""
    return track.last_at - track.first_at


def still_for(track: Track) -> timedelta:
    """How long it had stood where it stood when it was last seen; nothing while it moves."""
    return track.last_at - track.still_since if track.is_at_rest else timedelta(0)


def velocity(track: Track) -> tuple[float, float]:
    """Fractions of the picture per second, right and down, between its last two points."""
    if len(track.path) < 2:
        return 0.0, 0.0
    before, last = track.path[-2:]
    passed = last.at - before.at
    if not timedelta(0) < passed <= _CURRENT:
        return 0.0, 0.0
    seconds = passed.total_seconds()
    return (last.x - before.x) / seconds, (last.y - before.y) / seconds


def speed(track: Track) -> float:
    """Boxes per second when it was last seen; 0 for what was seen once or stands."""
    box = track.last_box
    x, y = velocity(track)
    return math.hypot(x / box.width, y / box.height)


def heading(track: Track) -> Heading | None:
    """Whither it went, over its whole path; None where it went nowhere.

    Things on the ground that come nearer go down in the picture.
    """
    box = track.last_box
    x = (track.path[-1].x - track.path[0].x) / box.width
    y = (track.path[-1].y - track.path[0].y) / box.height
    if math.hypot(x, y) < _HEADING_OVER:
        return None
    if abs(x) >= abs(y):
        return Heading.RIGHT if x > 0 else Heading.LEFT
    return Heading.NEARER if y > 0 else Heading.AWAY


def approach(track: Track) -> float:
    """How many times larger (in width and height, on average) it is now than at first sight."""
    return math.sqrt(track.last_box.area / track.first_box.area)


# --- Paths


def place_at(track: Track, at: datetime) -> tuple[float, float]:
    """Where its foot was at a time between its first and its last sight."""
    later = next((i for i, point in enumerate(track.path) if point.at >= at), len(track.path) - 1)
    after = track.path[later]
    before = track.path[max(later - 1, 0)]
    passed = (after.at - before.at).total_seconds()
    share = (at - before.at).total_seconds() / passed if passed > 0 else 1.0
    return before.x + share * (after.x - before.x), before.y + share * (after.y - before.y)


def extended(path: tuple[PathPoint, ...], at: datetime, box: Box) -> tuple[PathPoint, ...]:
    """A path one sight later. A stay has two points; of too many points every other goes."""
    point = PathPoint(at, *foot_point(box))
    if len(path) >= 2 and all(
        boxes_apart((old.x, old.y), foot_point(box), box) < _SAME_POINT for old in path[-2:]
    ):
        return (*path[:-1], point)
    path = (*path, point)
    return path if len(path) <= MAX_PATH else (*path[:-1:2], path[-1])
