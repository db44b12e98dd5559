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

RULES_VERSION = "rules-2"
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
    """What is known of an event: from when to when, how many frames, and what they showed."""

    first: datetime
    last: datetime
    frames: int
    seen: Mapping[str, Seen] = field(default_factory=dict)

    def merged(self, other: "Facts") -> "Facts":
        """Both together, of two sets of frames that share none; the order does not matter."""
        seen = dict(self.seen)
        for name, theirs in other.seen.items():
            seen[name] = seen[name].merged(theirs) if name in seen else theirs
        return Facts(
            min(self.first, other.first),
            max(self.last, other.last),
            self.frames + other.frames,
            seen,
        )


def facts_of(captured_at: datetime, detections: Iterable[Detection]) -> Facts:
    """The facts of one frame."""
    by_class: dict[str, list[float]] = {}
    for detection in detections:
        by_class.setdefault(detection.class_name, []).append(detection.confidence)
    seen = {
        name: Seen(1, len(confidences), max(confidences)) for name, confidences in by_class.items()
    }
    return Facts(captured_at, captured_at, 1, seen)


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
# and animals alone stay low by day.
_PRESENCE = {"person": 35, "vehicle": 15, MOTION: 10, "pet": 5, "bird": 2}
_AT_NIGHT = {"person": 25, "vehicle": 15, MOTION: 10, "pet": 0, "bird": 0}
_NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
_SURE_POINTS = 10
_PER_FURTHER_PERSON = 5
_MOST_FURTHER_PERSONS = 3
_STAYS: tuple[tuple[int, int], ...] = ((600, 15), (180, 10), (60, 5))  # seconds, points


Groups = Mapping[str, Mapping[str, Seen]]


def judge(facts: Facts, zone: ZoneInfo) -> Judgement:
    """Judge an event by the rules alone. `zone` is the camera's, for the time of day."""
    groups = _groups(facts)
    candidates = (
        *_presence(groups),
        _confidence(facts),
        _numbers(facts),
        _stay(facts),
        _night(facts, groups, zone),
    )
    factors = [factor for factor in candidates if factor is not None and factor.points != 0]
    total = sum(factor.points for factor in factors)
    if total > 100:
        factors.append(Factor("limit", 100 - total, {"sum": total, "highest": 100}))
    score = min(total, 100)
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
    points = next((points for least, points in _STAYS if seconds >= least), 0)
    return Factor("stays", points, {"seconds": seconds})


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
    text = f"{', '.join(things) or 'nothing'} at {begin:%H:%M:%S}{lasting}"
    return text[0].upper() + text[1:]
