"""From a model's raw answers to detections."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box
from backend.domain.classes import GROUPS
from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.detector import Findings
from backend.services.detection.postprocess import (
    MAX_CANDIDATES,
    Candidate,
    believable,
    findings,
    one_per_vehicle,
    that_matter,
    without_duplicates,
)
from backend.tests.fixtures.strategies import candidates

NAN, INF = math.nan, math.inf
HERE = (0.1, 0.1, 0.3, 0.3)
# Moved to the right by a share s of its width, a box of this size overlaps by (1 - s) / (1 + s).
NEARLY = (0.12, 0.1, 0.32, 0.3)  # 0.82
PARTLY = (0.16, 0.1, 0.36, 0.3)  # 0.54
HARDLY = (0.2, 0.1, 0.4, 0.3)  # 0.33


def found(*candidates: Candidate, confidence: float = 0.5, has_duplicates: bool = True) -> Findings:
    return findings(candidates, confidence=confidence, has_duplicates=has_duplicates)


def names(result: Findings) -> list[str]:
    return [detection.class_name for detection in result.detections]


def test_a_plain_detection() -> None:
    result = found(Candidate("person", 0.9, 0.25, 0.5, 0.75, 1.0))
    (detection,) = result.detections
    assert (detection.class_name, detection.confidence) == ("person", 0.9)
    assert detection.box == Box(0.25, 0.5, 0.5, 0.5)
    assert result.dropped == {}


@pytest.mark.parametrize(
    ("score", "corners", "reason"),
    [
        (0.9, (NAN, 0.1, 0.3, 0.3), "not_finite"),
        (0.9, (0.1, 0.1, 0.3, INF), "not_finite"),
        (0.9, (-INF, 0.1, INF, 0.3), "not_finite"),
        (NAN, HERE, "not_finite"),
        (INF, HERE, "not_finite"),
        (1.5, HERE, "score"),
        (0.9, (0.3, 0.1, 0.3, 0.3), "empty"),
        (0.9, (0.3, 0.3, 0.1, 0.1), "empty"),
        (0.9, (1.1, 0.1, 1.3, 0.3), "outside"),
        (0.9, (0.1, -0.3, 0.3, -0.1), "outside"),
        (0.9, (0.1, -0.3, 0.3, 0.0), "outside"),
    ],
)
def test_what_is_no_box_is_dropped_and_counted(
    score: float, corners: tuple[float, ...], reason: str
) -> None:
    result = found(Candidate("car", score, *corners), Candidate("dog", 0.8, *HERE))
    assert names(result) == ["dog"]
    assert result.dropped == {reason: 1}


def test_what_reaches_over_the_edge_is_cut() -> None:
    result = found(Candidate("car", 0.9, -0.5, 0.5, 0.5, 1.5))
    assert result.detections[0].box == Box(0, 0.5, 0.5, 0.5)


def test_the_threshold_itself_counts_and_what_is_below_is_only_noise() -> None:
    result = found(Candidate("cat", 0.5, *HERE), Candidate("dog", 0.4999, *HERE))
    assert names(result) == ["cat"]
    assert result.dropped == {}


def test_a_foreign_class_is_counted_once_for_each_object() -> None:
    chair = Candidate("chair", 0.9, *HERE)
    result = found(chair, chair._replace(score=0.8), Candidate("chair", 0.7, 0.6, 0.6, 0.9, 0.9))
    assert result.detections == ()
    assert result.dropped == {"class:chair": 2}


@pytest.mark.parametrize(("other", "kept"), [(NEARLY, 1), (PARTLY, 1), (HARDLY, 2)])
def test_duplicates_of_a_class(other: tuple[float, ...], kept: int) -> None:
    result = found(Candidate("person", 0.6, *HERE), Candidate("person", 0.9, *other))
    assert [detection.confidence for detection in result.detections] == [0.9, 0.6][:kept]


def test_a_model_that_gives_each_object_once_keeps_two_that_overlap() -> None:
    pair = Candidate("person", 0.6, *HERE), Candidate("person", 0.9, *PARTLY)
    assert len(found(*pair, has_duplicates=False).detections) == 2


def test_one_vehicle_under_three_names() -> None:
    result = found(
        Candidate("car", 0.7, *HERE),
        Candidate("truck", 0.8, *NEARLY),
        Candidate("bus", 0.55, *HERE),
    )
    (vehicle,) = result.detections
    assert (vehicle.class_name, vehicle.confidence) == ("truck", 0.8)
    assert vehicle.alternatives == (("car", 0.7), ("bus", 0.55))


def test_two_vehicles_that_overlap_less_stay_two() -> None:
    result = found(Candidate("car", 0.7, *HERE), Candidate("truck", 0.8, *PARTLY))
    assert names(result) == ["truck", "car"]


@pytest.mark.parametrize("other", ["bicycle", "motorcycle", "person"])
def test_what_stands_before_a_car_stays(other: str) -> None:
    result = found(Candidate("car", 0.9, *HERE), Candidate(other, 0.6, *HERE))
    assert names(result) == ["car", other]
    assert all(detection.alternatives == () for detection in result.detections)


def test_an_alternative_goes_to_the_vehicle_that_it_fits_best() -> None:
    result = found(
        Candidate("car", 0.9, 0.10, 0.1, 0.30, 0.3),
        Candidate("truck", 0.8, 0.14, 0.1, 0.34, 0.3),
        Candidate("bus", 0.7, 0.135, 0.1, 0.335, 0.3),
        Candidate("car", 0.75, 0.6, 0.6, 0.9, 0.9),
        has_duplicates=False,
    )
    assert [(d.class_name, d.alternatives) for d in result.detections] == [
        ("car", ()),
        ("truck", (("bus", 0.7),)),
        ("car", ()),
    ]


def test_a_vehicle_given_twice_is_no_alternative_to_itself() -> None:
    twice = Candidate("car", 0.9, *HERE), Candidate("car", 0.8, *HERE)
    (vehicle,) = found(*twice, has_duplicates=False).detections
    assert vehicle.alternatives == ()


def test_a_flood_is_bounded_and_the_surest_are_kept() -> None:
    flood = [Candidate("person", 0.5 + n / 10_000, *HERE) for n in range(MAX_CANDIDATES + 50)]
    kept, dropped = believable(flood, confidence=0.5)
    assert len(kept) == MAX_CANDIDATES
    assert kept[0].confidence == flood[-1].score
    assert dropped == {"too_many": 50}


def test_the_steps_can_be_used_one_by_one() -> None:
    detections, _ = believable([Candidate("zebra", 0.9, *HERE)] * 2, confidence=0.5)
    (zebra,) = without_duplicates(detections)
    assert one_per_vehicle([zebra]) == [zebra]
    assert that_matter([zebra]) == ([], {"class:zebra": 1})


@given(candidates, st.booleans(), st.randoms())
def test_whatever_a_model_answers(
    candidates: list[Candidate], has_duplicates: bool, random: Random
) -> None:
    result = found(*candidates, confidence=0.3, has_duplicates=has_duplicates)
    for detection in result.detections:
        box = detection.box
        assert 0.3 <= detection.confidence <= 1
        assert detection.class_name in GROUPS
        assert 0 <= box.x < box.x + box.width <= 1 + 1e-9
        assert 0 <= box.y < box.y + box.height <= 1 + 1e-9
    scores = [detection.confidence for detection in result.detections]
    assert scores == sorted(scores, reverse=True)

    random.shuffle(candidates)
    assert found(*candidates, confidence=0.3, has_duplicates=has_duplicates) == result


def test_the_classes_are_numbered_as_models_do() -> None:
    assert len(set(COCO_CLASSES)) == 80
    numbers = {0: "person", 1: "bicycle", 2: "car", 3: "motorcycle", 5: "bus", 7: "truck"}
    numbers |= {14: "bird", 15: "cat", 16: "dog", 11: "stop sign", 79: "toothbrush"}
    assert {number: COCO_CLASSES[number] for number in numbers} == numbers
    assert set(GROUPS) - {"motion"} <= set(COCO_CLASSES)
