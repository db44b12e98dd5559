"""What the things of an event did: where they were, how long, whither, and what they crossed.

Summed up from the signs of its detections. As with all facts, everything is a sum or an extreme, so
that the order in which frames arrive does not matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, Self, TypeVar

from backend.domain.boxes import Detection


class _Mergeable(Protocol):
    def merged(self, other: Self) -> Self: ...


_Kind = TypeVar("_Kind", bound=_Mergeable)


def merged(ours: Mapping[str, _Kind], theirs: Mapping[str, _Kind]) -> dict[str, _Kind]:
    """Both, by name; what both have is merged."""
    both = dict(ours)
    for name, more in theirs.items():
        both[name] = both[name].merged(more) if name in both else more
    return both


@dataclass(frozen=True, slots=True)
class Stayed:
    """A zone over a whole event: in how many frames something was in it, how often something came
    in, and for how many seconds one person was in it at most."""

    weight: int
    frames: int = 1
    entered: int = 0
    person_seconds: float = 0.0

    def merged(self, other: "Stayed") -> "Stayed":
        """Both together, of two sets of frames that share none."""
        return Stayed(
            max(self.weight, other.weight),
            self.frames + other.frames,
            self.entered + other.entered,
            max(self.person_seconds, other.person_seconds),
        )


@dataclass(frozen=True, slots=True)
class Did:
    """One class over a whole event: `still` and `approach` are those of the one with the most."""

    still: float = 0.0
    approach: float = 1.0
    arrived: int = 0
    departed: int = 0

    def merged(self, other: "Did") -> "Did":
        """Both together, of two sets of frames that share none."""
        return Did(
            max(self.still, other.still),
            max(self.approach, other.approach),
            self.arrived + other.arrived,
            self.departed + other.departed,
        )


@dataclass(frozen=True, slots=True)
class Crossings:
    """How often a line was crossed, in its two directions."""

    inwards: int = 0
    outwards: int = 0

    def merged(self, other: "Crossings") -> "Crossings":
        """Both together, of two sets of frames that share none."""
        return Crossings(self.inwards + other.inwards, self.outwards + other.outwards)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The weight of the place of a detection, and the zone that gives it, or no name and 0."""

    weight: int = 0
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Doings:
    """By class, by zone and by line. `place` is the weightiest in which anything was.

    What was outside all zones was in a place of weight 0: so a zone that takes points takes them
    only from an event of which nothing was ever seen elsewhere.
    """

    by_class: Mapping[str, Did] = field(default_factory=dict)
    zones: Mapping[str, Stayed] = field(default_factory=dict)
    lines: Mapping[str, Crossings] = field(default_factory=dict)
    place: Place | None = None

    def merged(self, other: "Doings") -> "Doings":
        """Both together, of two sets of frames that share none; the order does not matter."""
        return Doings(
            merged(self.by_class, other.by_class),
            merged(self.zones, other.zones),
            merged(self.lines, other.lines),
            _weightier(self.place, other.place),
        )


NO_DOINGS = Doings()


def doings_of(detections: Sequence[Detection]) -> Doings:
    """What one frame adds."""
    by_class: dict[str, Did] = {}
    lines: dict[str, Crossings] = {}
    for detection in detections:
        if (did := _did(detection)) != Did():
            by_class = merged(by_class, {detection.class_name: did})
        for crossed in detection.signs.crossed:
            lines = merged(lines, {crossed.line: Crossings(**{crossed.direction: 1})})
    place = max(map(_place, detections), default=None)
    return Doings(by_class, _zones(detections), lines, place)


def _did(detection: Detection) -> Did:
    signs = detection.signs
    return Did(signs.still, signs.approach, int(signs.arrived), int(signs.departed))


def _place(detection: Detection) -> Place:
    """Of several zones the one of the highest priority decides."""
    zones = detection.signs.zones
    return Place(zones[0].weight, zones[0].name) if zones else Place()


def _zones(detections: Iterable[Detection]) -> dict[str, Stayed]:
    """In one frame, a zone is counted once, however many are in it."""
    found: dict[str, Stayed] = {}
    for detection in detections:
        for zone in detection.signs.zones:
            seconds = zone.seconds if detection.class_name == "person" else 0.0
            one = Stayed(zone.weight, 1, int(zone.entered), seconds)
            known = found.get(zone.name)
            found[zone.name] = replace(known.merged(one), frames=1) if known else one
    return found


def _weightier(one: Place | None, other: Place | None) -> Place | None:
    if one is None or other is None:
        return one or other
    return max(one, other)
