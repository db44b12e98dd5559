"""RT-DETR: which files are taken for it, and how their answers are read."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn
from numpy.typing import NDArray

from backend.core.errors import Invalid
from backend.domain.boxes import Box
from backend.services.detection.coco import COCO_CLASSES
from backend.services.detection.detector import Findings, View
from backend.services.detection.family import Tensor
from backend.services.detection.model_detector import load
from backend.services.detection.rtdetr import DecodedRtDetr, RtDetr, recognise
from backend.tests.fixtures.onnx_models import (
    QUERIES,
    SIDE,
    no_queries,
    put_query,
    write_model,
)

VIEW = View(1, datetime(2024, 6, 1, tzinfo=UTC), np.zeros((90, 160, 3), np.uint8))
MODEL = RtDetr("pixel_values", SIDE, SIDE, COCO_CLASSES, 0, 1)
FLOAT, INTEGER = "tensor(float)", "tensor(int64)"

Shape = tuple[int | None, ...]


async def seen(path: Path) -> tuple[str, Findings]:
    """The name of the detector in a file, and what it finds."""
    detector = load(path, threads=1, confidence=0.5)
    try:
        return detector.name, await detector.detect(VIEW, None)
    finally:
        detector.close()


async def test_what_transformers_exports(tmp_path: Path) -> None:
    answer = no_queries()
    put_query(answer, 2, 16, 0.75, (0.5, 0.25, 0.5, 0.25))
    put_query(answer, 5, 56, 0.9)
    put_query(answer, 6, 0, 0.4)
    name, findings = await seen(write_model(tmp_path / "small.onnx", answer))
    assert name == "rtdetr:small.onnx"
    (dog,) = findings.detections
    assert (dog.class_name, dog.box) == ("dog", Box(0.25, 0.125, 0.5, 0.25))
    assert dog.confidence == pytest.approx(0.75)
    assert findings.dropped == {"class:chair": 1}


async def test_what_the_authors_export(tmp_path: Path) -> None:
    answers: dict[str, NDArray[Any]] = {
        "labels": np.array([[16, 0]], np.int64),
        "boxes": np.array([[[0.25, 0.125, 0.75, 0.375], [0, 0, 1, 1]]], np.float32),
        "scores": np.array([[0.75, 0.25]], np.float32),
    }
    inputs = {"images": ("N", 3, SIDE, SIDE), "orig_target_sizes": ("N", 2)}
    name, findings = await seen(write_model(tmp_path / "theirs.onnx", answers, inputs=inputs))
    assert name == "rtdetr:theirs.onnx"
    (dog,) = findings.detections
    assert (dog.class_name, dog.confidence) == ("dog", 0.75)
    assert dog.box == Box(0.25, 0.125, 0.5, 0.25)


async def test_the_file_says_what_its_classes_are_called(tmp_path: Path) -> None:
    answer = no_queries(classes=3)
    put_query(answer, 0, 1, 0.75)
    names = {"0": "hen", "1": "motorbike", "2": "dog"}
    _, findings = await seen(write_model(tmp_path / "own.onnx", answer, names=names))
    assert [one.class_name for one in findings.detections] == ["motorcycle"]


@pytest.mark.parametrize("names", ["dog", [], [1, 2, 3], {"1": "dog"}, ["a", "", "c"], ["x" * 61]])
def test_names_that_are_none(tmp_path: Path, names: object) -> None:
    path = write_model(tmp_path / "own.onnx", no_queries(classes=3), names=names)
    with pytest.raises(Invalid, match="no JSON list of names") as refused:
        load(path, threads=1, confidence=0.5)
    assert refused.value.code == "model.unknown_family"


def test_without_names_other_classes_than_coco_s_are_refused(tmp_path: Path) -> None:
    """DETR and YOLOS call their outputs the same, and mean something else by them."""
    path = write_model(tmp_path / "yolos.onnx", no_queries(classes=92))
    with pytest.raises(Invalid, match=r"logits tensor\(float\) \[1, 8, 92\]") as refused:
        load(path, threads=1, confidence=0.5)
    assert refused.value.code == "model.unknown_family"


def test_a_file_that_only_looks_like_it(tmp_path: Path) -> None:
    """It leaves open how many boxes it gives, and gives another number of them than of queries."""
    answer = {**no_queries(), "pred_boxes": np.zeros((1, QUERIES - 1, 4), np.float32)}
    told = {"pred_boxes": (1, "boxes", 4), "logits": (1, "queries", 80)}
    path = write_model(tmp_path / "alike.onnx", answer, told=told)
    with pytest.raises(Invalid, match="looks like rtdetr and does not answer like it") as refused:
        load(path, threads=1, confidence=0.5)
    assert refused.value.code == "model.unknown_family"


def test_the_picture_is_stretched_red_first_from_0_to_1() -> None:
    pixels = np.zeros((90, 160, 3), np.uint8)
    pixels[:, :80] = (255, 0, 51)
    planes = MODEL.feed(pixels)["pixel_values"]
    assert planes.shape == (1, 3, SIDE, SIDE)
    assert planes.dtype == np.dtype(np.float32)
    assert planes[0, :, 0, 0] == pytest.approx([0.2, 0, 1])
    assert planes[0, :, -1, SIDE // 2 - 1] == pytest.approx([0.2, 0, 1])
    assert (planes[0, :, :, SIDE // 2 :] == 0).all()


def test_one_query_may_have_two_classes_and_no_more_are_taken_than_queries() -> None:
    answer = no_queries()
    for class_index in range(QUERIES + 5):
        put_query(answer, 3, class_index, 0.9 - 0.02 * class_index)
    found = MODEL.candidates([answer["logits"], answer["pred_boxes"]], (160, 90), 0.5)
    assert {one.class_name for one in found} == set(COCO_CLASSES[:QUERIES])
    assert {one[2:] for one in found} == {(0.375, 0.25, 0.625, 0.75)}


LETTERS = tuple("abcde")


@st.composite
def answers(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits, no two alike, and boxes."""
    queries = draw(st.integers(1, 6))
    numbers = st.floats(-8, 8, width=32)
    shape = (1, queries, len(LETTERS))
    logits = draw(drawn.arrays(np.float32, shape, elements=numbers, unique=True))
    boxes = draw(drawn.arrays(np.float32, (1, queries, 4), elements=st.floats(0, 1, width=32)))
    return logits, boxes


@given(answers(), st.floats(0.01, 0.99))
def test_it_reads_what_the_definition_reads(
    answer: tuple[NDArray[np.float32], NDArray[np.float32]], confidence: float
) -> None:
    """All pairs of query and class by their scores, as many as queries, those that are sure."""
    logits, boxes = answer
    pairs = [
        (1 / (1 + math.exp(-float(logit))), query, label)
        for query, row in enumerate(logits[0])
        for label, logit in enumerate(row)
    ]
    wanted = []
    for score, query, label in sorted(pairs, reverse=True)[: logits.shape[1]]:
        x, y, width, height = map(float, boxes[0, query])
        box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        if score >= confidence:
            wanted.append((LETTERS[label], score, *box))
    found = RtDetr("x", SIDE, SIDE, LETTERS, 0, 1).candidates([logits, boxes], (9, 9), confidence)
    for one, other in zip(sorted(found), sorted(wanted), strict=True):
        assert one[0] == other[0]
        assert one[1:] == pytest.approx(other[1:], abs=1e-9)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(4))
def test_no_number_is_lost_silently(place: int, value: float) -> None:
    answer = no_queries()
    put_query(answer, 0, 0, 0.8)
    answer["pred_boxes"][0, 0, place] = value
    (candidate,) = MODEL.candidates([answer["logits"], answer["pred_boxes"]], (64, 64), 0.5)
    assert not np.isfinite(candidate[1:]).all()


def test_a_score_that_is_none_is_among_the_surest() -> None:
    answer = no_queries()
    answer["logits"][0, :, :5] = 9
    answer["logits"][0, 7, 79] = np.nan
    found = MODEL.candidates([answer["logits"], answer["pred_boxes"]], (64, 64), 0.5)
    assert len(found) == QUERIES
    assert sum(np.isnan(one.score) for one in found) == 1


@pytest.mark.parametrize(
    ("logits", "boxes"),
    [((1, 8, 79), (1, 8, 4)), ((1, 8, 80), (1, 7, 4)), ((2, 8, 80), (2, 8, 4)), ((80,), (4,))],
)
def test_an_answer_of_another_shape(logits: tuple[int, ...], boxes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected"):
        MODEL.candidates([np.zeros(logits), np.zeros(boxes)], (64, 64), 0.5)


@pytest.mark.parametrize(
    ("label", "boxes", "scores"),
    [(80, (1, 1, 4), (1, 1)), (-1, (1, 1, 4), (1, 1)), (0, (1, 1, 3), (1, 1)), (0, (4,), ())],
)
def test_a_decoded_answer_that_is_none(
    label: int, boxes: tuple[int, ...], scores: tuple[int, ...]
) -> None:
    model = DecodedRtDetr("images", "sizes", SIDE, SIDE, COCO_CLASSES, 0, 1, 2)
    answer = [np.full(scores, label), np.zeros(boxes), np.full(scores, 0.9)]
    with pytest.raises(ValueError, match="expected"):
        model.candidates(answer, (64, 64), 0.5)


def test_a_decoded_answer_for_two_pictures() -> None:
    model = DecodedRtDetr("images", "sizes", SIDE, SIDE, COCO_CLASSES, 0, 1, 2)
    answer = [np.zeros((2, 1), np.int64), np.zeros((2, 1, 4)), np.zeros((2, 1))]
    with pytest.raises(ValueError, match="1 picture"):
        model.candidates(answer, (64, 64), 0.5)


def tensors(shapes: dict[str, Shape], kind: str = FLOAT) -> Sequence[Tensor]:
    return [
        Tensor(name, INTEGER if name in {"labels", "sizes"} else kind, shape)
        for name, shape in shapes.items()
    ]


THEIRS: dict[str, Shape] = {"logits": (None, 300, 80), "pred_boxes": (None, 300, 4)}


@pytest.mark.parametrize(
    ("picture", "outputs", "size", "places"),
    [
        ((1, 3, 640, 640), THEIRS, (640, 640), (0, 1)),
        ((None, 3, 320, 480), THEIRS, (480, 320), (0, 1)),
        ((None, None, None, None), THEIRS, (640, 640), (0, 1)),
        ((1, 3, 640, 640), {"pred_boxes": (1, 300, 4), "logits": (1, 300, 80)}, (640, 640), (1, 0)),
        (
            (1, 3, 640, 640),
            {"hidden": (1, 300, 256), "logits": (None, None, None), "pred_boxes": (1, 300, 4)},
            (640, 640),
            (1, 2),
        ),
    ],
)
def test_recognised(
    picture: Shape, outputs: dict[str, Shape], size: tuple[int, int], places: tuple[int, int]
) -> None:
    """The input may have any name, and more may come out than is wanted."""
    found = recognise(tensors({"x": picture}), tensors(outputs), COCO_CLASSES)
    assert found == RtDetr("x", *size, COCO_CLASSES, *places)
    assert found.sight == max(size)


def test_recognised_with_its_answer_decoded() -> None:
    outputs: dict[str, Shape] = {"labels": (None, 300), "boxes": (None, 300, 4), "scores": (1, 300)}
    inputs = tensors({"images": (None, 3, 320, 640), "sizes": (None, 2)})
    found = recognise(inputs, tensors(outputs), COCO_CLASSES)
    assert found == DecodedRtDetr("images", "sizes", 640, 320, COCO_CLASSES, 0, 1, 2)
    assert found.sight == 640
    assert recognise(tensors({"images": (1, 3, 640, 640)}), tensors(outputs), COCO_CLASSES) is None


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        ({}, THEIRS),
        ({"x": (1, 1, 640, 640)}, THEIRS),
        ({"x": (2, 3, 640, 640)}, THEIRS),
        ({"x": (1, 3, 640, 640), "pixel_mask": (1, 640, 640)}, THEIRS),  # DETR
        ({"x": (1, 3, 640, 640)}, {"logits": (1, 300, 80)}),
        ({"x": (1, 3, 640, 640)}, {"logits": (1, 300, 91), "pred_boxes": (1, 300, 4)}),
        ({"x": (1, 3, 640, 640)}, {"logits": (1, 300, 80), "pred_boxes": (1, 300, 5)}),
        ({"x": (1, 3, 640, 640)}, {"logits": (1, 80), "pred_boxes": (1, 4)}),
    ],
)
def test_not_recognised(inputs: dict[str, Shape], outputs: dict[str, Shape]) -> None:
    assert recognise(tensors(inputs), tensors(outputs), COCO_CLASSES) is None


def test_not_recognised_in_half_precision() -> None:
    inputs = tensors({"x": (1, 3, 640, 640)}, "tensor(float16)")
    assert recognise(inputs, tensors(THEIRS), COCO_CLASSES) is None
