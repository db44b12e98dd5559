"""From what was seen to a score: facts -> factors -> score -> level.

Everything here is pure, and every number can be made again from an event's detections: `Facts` only
counts and keeps extremes, so the order in which frames arrive does not matter.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from backend.domain.boxes import Detection
from backend.domain.classes import GROUPS, MOTION
from backend.domain.doings import NO_DOINGS, Doings, Stayed, doings_of, merged

RULES_VERSION = "rules-3"
"""Changes with any figure below; stored with each assessment."""


class Level(StrEnum):
    """How a score reads. Always derived from the score, never stored beside it."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


BANDS: tuple[tuple[int, Level], ...] = (
    (0, Level.LOW),
    (30, Level.MEDIUM),
    (60, Level.HIGH),
    (85, Level.CRITICAL),
)
"""The lowest score of each level."""


def level_of(score: int) -> Level:
    """The level of a score 0..100."""
    if not 0 <= score <= 100:
        raise ValueError(f"a score lies in 0..100, not {score}")
    return [level for lowest, level in BANDS if score >= lowest][-1]


@dataclass(frozen=True, slots=True)
class Seen:
    """One class over a whole event: in how many frames, how many at once, how surely at best."""

    frames: int
    most: int
    confidence: float

    def merged(self, other: "Seen") -> "Seen":
        """Both together, of two sets of frames that share none."""
        return Seen(
            self.frames + other.frames,
            max(self.most, other.most),
            max(self.confidence, other.confidence),
        )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an event: from when to when, how many frames, what they showed, and what
    that did."""

    first: datetime
    last: datetime
    frames: int
    seen: Mapping[str, Seen] = field(default_factory=dict)
    doings: Doings = NO_DOINGS

    def merged(self, other: "Facts") -> "Facts":
        """Both together, of two sets of frames that share none; the order does not matter."""
        return Facts(
            min(self.first, other.first),
            max(self.last, other.last),
            self.frames + other.frames,
            merged(self.seen, other.seen),
            self.doings.merged(other.doings),
        )


def facts_of(captured_at: datetime, detections: Iterable[Detection]) -> Facts:
    """The facts of one frame."""
    found = list(detections)
    by_class: dict[str, list[float]] = {}
    for detection in found:
        by_class.setdefault(detection.class_name, []).append(detection.confidence)
    seen = {
        name: Seen(1, len(confidences), max(confidences)) for name, confidences in by_class.items()
    }
    return Facts(captured_at, captured_at, 1, seen, doings_of(found))


@dataclass(frozen=True, slots=True)
class Factor:
    """One named reason for a part of a score, with what it rests on."""

    name: str
    points: int
    evidence: Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A score 0..100 whose factors' points add up to it, and one sentence that says why."""

    score: int
    factors: tuple[Factor, ...]
    summary: str

    @property
    def level(self) -> Level:
        """The level that follows from the score."""
        return level_of(self.score)


# Our own figures, chosen so that the bands mean something to an owner: a person by day is medium, a
# person at night is high, only a person who stays long at night, or several, is critical; vehicles
# and animals alone stay low by day. What things do adds less than that they are there, but for the
# zones, whose weights are the owner's.
_PRESENCE = {"person": 35, "vehicle": 15, MOTION: 10, "pet": 5, "bird": 2}
_AT_NIGHT = {"person": 25, "vehicle": 15, MOTION: 10, "pet": 0, "bird": 0}
_NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
_SURE_POINTS = 10
_PER_FURTHER_PERSON = 5
_MOST_FURTHER_PERSONS = 3
_STAYS = ((600, 15), (180, 10), (60, 5))  # seconds of an event with a person, points
_DWELLS = ((120, 10), (30, 5))  # seconds of one person in a zone with a weight, points
_STANDS_STILL = ((120, 10),)  # seconds of one person in one spot, points
_APPROACHES = ((2.5, 10), (1.5, 5))  # times as large as at first sight, points
_CROSSED = {"inwards": 10, "outwards": 3}
_ARRIVAL, _DEPARTURE = 5, 5
_ZONES_NAMED = 3


Groups = Mapping[str, Mapping[str, Seen]]


def judge(facts: Facts, zone: ZoneInfo) -> Judgement:
    """Judge an event by the rules alone. `zone` is the camera's, for the time of day."""
    groups = _groups(facts)
    candidates = (
        *_presence(groups),
        _confidence(facts),
        _numbers(facts),
        _stay(facts),
        _zone(facts.doings),
        _dwell(facts.doings),
        _still(facts.doings),
        _approach(facts.doings),
        _line(facts.doings),
        _come_or_gone("arrival", _ARRIVAL, _vehicles(facts.doings, "arrived")),
        _come_or_gone("departure", _DEPARTURE, _vehicles(facts.doings, "departed")),
        _night(facts, groups, zone),
    )
    factors = [factor for factor in candidates if factor is not None and factor.points != 0]
    total = sum(factor.points for factor in factors)
    score = min(max(total, 0), 100)
    if total != score:
        factors.append(Factor("limit", score - total, {"sum": total, "lowest": 0, "highest": 100}))
    return Judgement(score, tuple(factors), summarise(facts, zone))


def _groups(facts: Facts) -> Groups:
    """The classes that were seen by group, the weightiest group first."""
    groups: dict[str, dict[str, Seen]] = {}
    for name, seen in sorted(facts.seen.items()):
        groups.setdefault(GROUPS.get(name, name), {})[name] = seen
    return dict(sorted(groups.items(), key=lambda item: (-_PRESENCE.get(item[0], 0), item[0])))


def _presence(groups: Groups) -> Sequence[Factor]:
    """Frames are counted by class: of those with a car, some may be those with a truck."""
    return [
        Factor(
            f"{group}_seen",
            _PRESENCE.get(group, 0),
            {f"frames_with_{name}": seen.frames for name, seen in classes.items()},
        )
        for group, classes in groups.items()
    ]


def _confidence(facts: Facts) -> Factor | None:
    """How sure the detector was of a person; for other things it matters little who it was."""
    person = facts.seen.get("person")
    if person is None:
        return None
    points = round(_SURE_POINTS * person.confidence)
    return Factor("confidence", points, {"best": round(person.confidence, 3)})


def _numbers(facts: Facts) -> Factor | None:
    person = facts.seen.get("person")
    if person is None or person.most < 2:
        return None
    further = min(person.most - 1, _MOST_FURTHER_PERSONS)
    return Factor("several_persons", further * _PER_FURTHER_PERSON, {"at_once": person.most})


def _stay(facts: Facts) -> Factor | None:
    if "person" not in facts.seen:
        return None
    seconds = int((facts.last - facts.first).total_seconds())
    return Factor("stays", _points(_STAYS, seconds), {"seconds": seconds})


def _points(steps: Sequence[tuple[float, int]], reached: float) -> int:
    """The points of the first step that is reached."""
    return next((points for least, points in steps if reached >= least), 0)


def _zone(doings: Doings) -> Factor | None:
    """The weight of the weightiest place; what was nowhere but in zones that take points, loses."""
    if doings.place is None or not doings.place.zone:
        return None
    name = doings.place.zone
    stayed = doings.zones[name]
    return Factor(
        "zone",
        doings.place.weight,
        {"zone": name, "frames": stayed.frames, "entered": stayed.entered},
    )


def _dwell(doings: Doings) -> Factor | None:
    weighty = [(name, stayed) for name, stayed in doings.zones.items() if stayed.weight > 0]
    name, longest = max(weighty, key=_by_seconds, default=("", Stayed(0)))
    points = _points(_DWELLS, longest.person_seconds)
    return Factor("dwells", points, {"zone": name, "seconds": longest.person_seconds})


def _by_seconds(one: tuple[str, Stayed]) -> tuple[float, str]:
    return one[1].person_seconds, one[0]


def _still(doings: Doings) -> Factor | None:
    """Who stands, or lies, where nobody else moves."""
    person = doings.by_class.get("person")
    if person is None:
        return None
    return Factor("still", _points(_STANDS_STILL, person.still), {"seconds": person.still})


def _approach(doings: Doings) -> Factor | None:
    person = doings.by_class.get("person")
    if person is None:
        return None
    points = _points(_APPROACHES, person.approach)
    return Factor("approaches", points, {"times_as_large": person.approach})


def _line(doings: Doings) -> Factor | None:
    """The crossing that weighs most; of those alike the one whose line comes first by name."""
    crossed = [
        (points, name, direction, times)
        for direction, points in _CROSSED.items()
        for name, line in sorted(doings.lines.items())
        if (times := getattr(line, direction))
    ]
    if not crossed:
        return None
    points, name, direction, times = crossed[0]
    return Factor("line_crossed", points, {"line": name, "direction": direction, "times": times})


def _vehicles(doings: Doings, what: str) -> int:
    return sum(
        getattr(did, what) for name, did in doings.by_class.items() if GROUPS.get(name) == "vehicle"
    )


def _come_or_gone(name: str, points: int, vehicles: int) -> Factor | None:
    return Factor(name, points, {"vehicles": vehicles}) if vehicles else None


def _night(facts: Facts, groups: Groups, zone: ZoneInfo) -> Factor | None:
    begin = facts.first.astimezone(zone)
    if begin.hour not in _NIGHT_HOURS or not groups:
        return None
    points = max(_AT_NIGHT.get(group, 0) for group in groups)
    return Factor("at_night", points, {"local_time": f"{begin:%H:%M}", "zone": zone.key})


def summarise(facts: Facts, zone: ZoneInfo) -> str:
    """One sentence: what was seen, when, for how long."""
    seen = sorted(facts.seen.items(), key=lambda item: (-item[1].most, item[0]))
    things = [f"{many.most} x {name}" if many.most > 1 else name for name, many in seen]
    begin = facts.first.astimezone(zone)
    seconds = int((facts.last - facts.first).total_seconds())
    lasting = f" for {seconds} s" if seconds else ""
    where = f", in {', '.join(_weightiest(facts.doings))}" if facts.doings.zones else ""
    text = f"{', '.join(things) or 'nothing'} at {begin:%H:%M:%S}{lasting}{where}"
    return text[0].upper() + text[1:]


def _weightiest(doings: Doings) -> list[str]:
    """The names of up to three zones."""
    zones = sorted(doings.zones.items(), key=lambda item: (-item[1].weight, item[0]))
    return [name for name, _ in zones[:_ZONES_NAMED]]
