"""From what a model answered to detections that can be believed; the same for every model."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from backend.domain.boxes import Box, Detection, clip_box, overlap
from backend.domain.classes import GROUPS, INTERCHANGEABLE
from backend.services.detection.detector import Findings

DUPLICATE_OVERLAP = 0.45
"""Intersection over union from which two boxes of a class are one object (YOLOX's own figure)."""

ONE_VEHICLE_OVERLAP = 0.7
"""The same, for a car, a truck and a bus: two vehicles in a row overlap less."""

MAX_CANDIDATES = 300
"""More than a picture can show (COCO counts 100); bounds the comparison of each with each."""


class Candidate(NamedTuple):
    """One answer of a model, unchecked; the corners in fractions of the picture."""

    class_name: str
    score: float
    x1: float
    y1: float
    x2: float
    y2: float


def findings(
    candidates: Iterable[Candidate], *, confidence: float, has_duplicates: bool
) -> Findings:
    """All steps in their order, the surest detection first.

    `confidence` is the least that counts; what is below it is noise, and not counted as dropped.
    `has_duplicates`: the model gives an object several times, and leaves the choice to us.
    """
    detections, dropped = believable(candidates, confidence=confidence)
    if has_duplicates:
        detections = without_duplicates(detections)
    detections, foreign = that_matter(detections)
    kept = tuple(one_per_vehicle(detections))
    remark = None if kept else f"nothing that matters at a confidence of {confidence:g} or more"
    return Findings(kept, dropped + foreign, remark)


def believable(
    candidates: Iterable[Candidate], *, confidence: float
) -> tuple[list[Detection], Counter[str]]:
    """The candidates that are boxes on the picture, clipped to it, the surest first.

    Dropped are, by reason: `not_finite`, `score` (not within 0..1), `empty`, `outside`, and
    `too_many` beyond `MAX_CANDIDATES`.
    """
    detections: list[Detection] = []
    dropped: Counter[str] = Counter()
    for candidate in candidates:
        if candidate.score < confidence:
            continue
        box = clip_box(*candidate[2:])
        if box is not None and 0 <= candidate.score <= 1:
            detections.append(Detection(candidate.class_name, candidate.score, box))
        else:
            dropped[_fault(candidate)] += 1
    detections.sort(key=_surest_first)
    if len(detections) > MAX_CANDIDATES:
        dropped["too_many"] = len(detections) - MAX_CANDIDATES
    return detections[:MAX_CANDIDATES], dropped


def without_duplicates(detections: Iterable[Detection]) -> list[Detection]:
    """Per class, the surest of those that overlap. The surest come first, before and after."""
    kept: list[Detection] = []
    for detection in detections:
        if not any(
            other.class_name == detection.class_name
            and overlap(other.box, detection.box) >= DUPLICATE_OVERLAP
            for other in kept
        ):
            kept.append(detection)
    return kept


def that_matter(detections: Iterable[Detection]) -> tuple[list[Detection], Counter[str]]:
    """Those of our classes; the others are counted as `class:<name>`."""
    kept: list[Detection] = []
    dropped: Counter[str] = Counter()
    for detection in detections:
        if detection.class_name in GROUPS:
            kept.append(detection)
        else:
            dropped[f"class:{detection.class_name}"] += 1
    return kept, dropped


def one_per_vehicle(detections: Iterable[Detection]) -> list[Detection]:
    """Car, truck and bus on one box become one, the surer wins, the others are its alternatives.

    The surest come first, before and after.
    """
    kept: list[Detection] = []
    for detection in detections:
        place = _place_of_same_vehicle(detection, kept)
        if place is None:
            kept.append(detection)
        else:
            kept[place] = _with_alternative(kept[place], detection)
    return kept


def _place_of_same_vehicle(detection: Detection, kept: Sequence[Detection]) -> int | None:
    if detection.class_name not in INTERCHANGEABLE:
        return None
    overlaps = {
        place: overlap(other.box, detection.box)
        for place, other in enumerate(kept)
        if other.class_name in INTERCHANGEABLE
    }
    nearest = max(overlaps, key=overlaps.__getitem__, default=None)
    if nearest is None or overlaps[nearest] < ONE_VEHICLE_OVERLAP:
        return None
    return nearest


def _with_alternative(winner: Detection, other: Detection) -> Detection:
    known = {winner.class_name, *(name for name, _ in winner.alternatives)}
    if other.class_name in known:
        return winner
    return Detection(
        winner.class_name,
        winner.confidence,
        winner.box,
        (*winner.alternatives, (other.class_name, other.confidence)),
    )


def _fault(candidate: Candidate) -> str:
    score, x1, y1, x2, y2 = candidate[1:]
    # A number that is none makes the sum none, and so do infinities.
    if not abs(score + x1 + y1 + x2 + y2) < float("inf"):
        return "not_finite"
    if not 0 <= score <= 1:
        return "score"
    return "empty" if x2 <= x1 or y2 <= y1 else "outside"


def _surest_first(detection: Detection) -> tuple[float, str, float, float, float, float]:
    box: Box = detection.box
    return (-detection.confidence, detection.class_name, box.x, box.y, box.width, box.height)
