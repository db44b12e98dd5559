"""The detector out of a model, through the real ONNX Runtime, on models made here."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from backend.core.errors import Invalid, Unavailable
from backend.domain.boxes import Box
from backend.services.detection.detector import Pixels, View
from backend.services.detection.family import Feed
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.yolox import YoloX
from backend.tests.fixtures.onnx_models import (
    CELLS,
    SIDE,
    BrokenFamily,
    Shape,
    SlowFamily,
    no_objects,
    no_queries,
    put_object,
    write_constant_model,
    write_model,
    write_shade_model,
)

VIEW = View(1, datetime(2024, 6, 1, tzinfo=UTC), np.zeros((SIDE, SIDE, 3), np.uint8))


def answering(path: Path, *objects: tuple[int, int, float]) -> Path:
    rows = no_objects()
    for cell, class_index, score in objects:
        put_object(rows, cell, class_index, score)
    return write_constant_model(path / "constant.onnx", rows)


@pytest.fixture
def dog_and_chair(tmp_path: Path) -> Iterator[ModelDetector]:
    model = answering(tmp_path, (27, 16, 0.75), (45, 56, 0.9), (0, 0, 0.4))
    detector = load(model, threads=1, confidence=0.5)
    yield detector
    detector.close()


async def test_what_the_model_sees(dog_and_chair: ModelDetector) -> None:
    result = await dog_and_chair.detect(VIEW, None)
    (dog,) = result.detections
    assert (dog.class_name, dog.confidence) == ("dog", 0.75)
    assert (dog.box.x, dog.box.y) == pytest.approx((16 / SIDE, 12 / SIDE))  # column 3, row 3
    assert (dog.box.width, dog.box.height) == pytest.approx((16 / SIDE, 24 / SIDE))
    assert result.dropped == {"class:chair": 1}
    assert result.memory is None


def test_its_name_and_sight(dog_and_chair: ModelDetector) -> None:
    assert dog_and_chair.name == "yolox:constant.onnx"
    assert dog_and_chair.sight == SIDE


async def test_boxes_that_are_none_are_counted(tmp_path: Path) -> None:
    rows = no_objects()
    for cell in range(6):
        put_object(rows, cell, 0, 0.8)
    rows[0, 0, 0] = np.nan
    rows[0, 1, 3] = np.inf
    rows[0, 2, 4] = np.nan
    rows[0, 3, 2] = -np.inf  # no width
    rows[0, 4, 1] = -1000  # far above the picture
    rows[0, 5, 4] = 2
    detector = load(write_constant_model(tmp_path / "m.onnx", rows), threads=1, confidence=0.5)
    result = await detector.detect(VIEW, None)
    detector.close()
    assert result.detections == ()
    assert result.dropped == {"not_finite": 3, "empty": 1, "outside": 1, "score": 1}


async def test_a_size_that_the_file_leaves_open_is_640(tmp_path: Path) -> None:
    rows = np.zeros((1, 8400, 85), np.float32)
    rows[0, 8399, 2:4] = 1.5
    rows[0, 8399, 4:6] = 0.9
    path = write_constant_model(
        tmp_path / "open.onnx",
        rows,
        input_shape=("batch", 3, "height", "width"),
        output_shape=("batch", "cells", 85),
    )
    detector = load(path, threads=1, confidence=0.5)
    result = await detector.detect(VIEW, None)
    detector.close()
    assert detector.sight == 640
    # The last cell of the last grid begins at 608; what reaches beyond the picture is cut.
    (person,) = result.detections
    side = 32 * np.exp(1.5) / 2 / 640 + 32 / 640
    assert person.box.x == pytest.approx(1 - side)
    assert person.box == Box(person.box.x, person.box.x, 1 - person.box.x, 1 - person.box.x)


async def test_the_event_loop_runs_on_meanwhile(dog_and_chair: ModelDetector) -> None:
    slow = SlowFamily()
    detector = ModelDetector(dog_and_chair._network, slow, file="slow.onnx", confidence=0.5)
    looking = asyncio.create_task(detector.detect(VIEW, None))
    # Were the loop held up, neither this thread's end nor `let_go` would ever be seen.
    assert await asyncio.to_thread(slow.asked.wait, timeout=5)
    assert not looking.done()
    slow.let_go.set()
    assert len((await looking).detections) == 1
    detector.close()


async def test_after_close_its_thread_has_ended(tmp_path: Path) -> None:
    detector = load(answering(tmp_path), threads=1, confidence=0.5)
    await detector.detect(VIEW, None)
    threads = set(detector._thread._threads)
    assert [thread.is_alive() for thread in threads] == [True]
    detector.close()
    assert [thread.is_alive() for thread in threads] == [False]


async def test_a_model_that_fails_is_unavailable_and_never_saw_nothing(
    dog_and_chair: ModelDetector,
) -> None:
    wrong = BrokenFamily("images", SIDE, SIDE)
    detector = ModelDetector(dog_and_chair._network, wrong, file="wrong.onnx", confidence=0.5)
    with pytest.raises(Unavailable, match=r"yolox:wrong\.onnx failed") as failure:
        await detector.detect(VIEW, None)
    detector.close()
    assert failure.value.code == "detector.failed"


def refusal(path: Path) -> Invalid:
    with pytest.raises(Invalid) as refused:
        load(path, threads=1, confidence=0.5)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return refused.value


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.onnx").code == "model.missing"
    assert refusal(tmp_path).code == "model.missing"


def test_a_file_that_may_not_be_looked_at(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("x" * 300)).code == "path.unseen"


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100, b"<html>"])
def test_a_broken_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    assert refusal(path).code == "model.broken"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file(tmp_path: Path, share: float) -> None:
    path = answering(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert refusal(path).code == "model.broken"


@pytest.mark.parametrize(
    ("input_shape", "answer_shape"),
    [((1, 3, 352, 352), (1, 85, 22, 22)), ((1, 3, SIDE, SIDE), (1, CELLS, 7))],
)
def test_an_unknown_family_says_what_was_found(
    tmp_path: Path, input_shape: Shape, answer_shape: tuple[int, ...]
) -> None:
    path = write_constant_model(
        tmp_path / "other.onnx", np.zeros(answer_shape, np.float32), input_shape=input_shape
    )
    error = refusal(path)
    assert error.code == "model.unknown_family"
    assert f"images tensor(float) {list(input_shape)}" in str(error)
    assert f"output0 tensor(float) {list(answer_shape)}" in str(error)


def test_classes_that_are_no_list_are_said_with_what_was_found(tmp_path: Path) -> None:
    path = write_model(tmp_path / "other.onnx", no_queries(), names="{0: 'person'}")
    error = refusal(path)
    assert error.code == "model.unknown_family"
    assert "its metadata `names` is no JSON list of names; it takes pixel_values " in str(error)
    assert "pred_boxes tensor(float) [1, 8, 4]" in str(error)


NOTHING_COUNTS = (
    "it names none of the classes that matter: person, bicycle, car, motorcycle, bus, truck, dog, "
    "cat, bird"
)


@pytest.mark.parametrize(
    ("names", "doubt"), [(["hen", "Dog"], None), (["LABEL_0", "LABEL_1"], NOTHING_COUNTS)]
)
def test_a_model_that_can_see_nothing_that_counts_is_doubtful(
    tmp_path: Path, names: list[str], doubt: str | None
) -> None:
    path = write_model(tmp_path / "m.onnx", no_queries(classes=2), names=names, is_blind=False)
    detector = load(path, threads=1, confidence=0.5)
    detector.close()
    assert detector.doubt == doubt


def test_a_file_that_only_looks_like_yolox(tmp_path: Path) -> None:
    path = write_constant_model(
        tmp_path / "alike.onnx", np.zeros((1, 25200, 85), np.float32), output_shape=(1, "n", 85)
    )
    assert refusal(path).code == "model.unknown_family"


def shaded(shade: int) -> tuple[Pixels, float]:
    return np.full((SIDE, SIDE, 3), shade, np.uint8), 0.5


def test_many_in_one_run_each_get_their_own_answer(tmp_path: Path) -> None:
    detector = load(write_shade_model(tmp_path / "m.onnx"), threads=1, confidence=0.5)
    asked = [shaded(shade) for shade in (40, 200, 0)]
    together = detector.look(asked)
    alone = [detector.look([one])[0] for one in asked]
    detector.close()
    assert detector.takes_batches
    assert together == alone
    left = [found.detections[0].box.x for found in together]
    assert left == pytest.approx([40 / 256, 200 / 256, 0], abs=1e-6)


def test_each_at_its_own_confidence(dog_and_chair: ModelDetector) -> None:
    pixels, _ = shaded(0)
    found = dog_and_chair.look([(pixels, 0.3), (pixels, 0.5), (pixels, 0.8)])
    assert not dog_and_chair.takes_batches
    classes = [[one.class_name for one in each.detections] for each in found]
    assert classes == [["dog", "person"], ["dog"], []]


class TwinFamily(YoloX):
    """Feeds each picture twice."""

    def feed(self, pixels: Pixels) -> Feed:
        return {name: np.repeat(planes, 2, axis=0) for name, planes in super().feed(pixels).items()}


def test_another_number_of_answers_than_of_pictures_is_none(tmp_path: Path) -> None:
    network = load(write_shade_model(tmp_path / "m.onnx"), threads=1, confidence=0.5)._network
    twin = TwinFamily("images", SIDE, SIDE)
    detector = ModelDetector(network, twin, file="m.onnx", confidence=0.5)
    with pytest.raises(Unavailable) as caught:
        detector.look([shaded(0), shaded(1)])
    detector.close()
    assert caught.value.code == "detector.failed"
