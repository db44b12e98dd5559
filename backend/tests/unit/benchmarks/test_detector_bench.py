"""What the figures of the detector are made of: models, pictures, the floor, the null model."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from backend.core.errors import Invalid, NotFound, Unavailable
from backend.services.detection.detector import Findings
from backend.services.detection.model_detector import load
from backend.services.detection.models.folder import Kept, ModelFolder
from backend.services.ingest.structure import read_structure
from backend.tests.benchmarks.bench.__main__ import main
from backend.tests.benchmarks.bench.detector.null import null_detector
from backend.tests.benchmarks.bench.detector.pictures import as_large_as, encoded, pictures_of
from backend.tests.benchmarks.bench.detector.speed import as_the_worker_does, measure
from backend.tests.benchmarks.bench.detector.subjects import models_of
from backend.tests.benchmarks.bench.floors.session import BareSession
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.fixtures.onnx_models import (
    SIDE,
    no_queries,
    put_query,
    write_dog_model,
    write_model,
)

JPEG = encoded(np.full((SIDE, SIDE, 3), 200, np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    """One with a model that is called `mine`."""
    made = ModelFolder(tmp_path / "models")
    with made.changing():
        made.part("mine").write_bytes(b"onnx")
        made.keep("mine", Kept("0" * 64, 4, "yolox", "here", "2026-03-01"))
    return made


def bench_of(folder: Path, **more: Any) -> Bench:
    return Bench("", "", "", folder, share=0.1, rounds=2, **more)


def test_all_models_that_are_here_are_measured(folder: ModelFolder) -> None:
    assert models_of([], folder) == (folder.file("mine"),)


def test_a_model_is_asked_for_by_name_or_path(folder: ModelFolder, tmp_path: Path) -> None:
    other = write_dog_model(tmp_path / "dog.onnx")
    assert models_of(["mine", str(other)], folder) == (folder.file("mine"), other)


def test_what_is_neither_is_refused_by_name(folder: ModelFolder) -> None:
    with pytest.raises(NotFound, match="yours is neither"):
        models_of(["yours"], folder)


def test_a_picture_of_as_many_bytes_is_whole_and_small() -> None:
    wanted = bytes(200_003)
    made = as_large_as(wanted)
    assert abs(len(made) - len(wanted)) <= 4
    assert (read_structure(made).width, read_structure(made).height) == (16, 16)
    pixels = cv2.imdecode(np.frombuffer(made, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (16, 16, 3)


def test_the_owners_pictures_are_taken_in_turn(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.jpeg", "notes.txt"):
        (tmp_path / name).write_bytes(JPEG + name.encode())
    found = pictures_of(bench_of(tmp_path, pictures=tmp_path), 3)
    assert found == [JPEG + b"a.jpeg", JPEG + b"b.JPG", JPEG + b"a.jpeg"]


@pytest.mark.parametrize("content", [b"a letter", JPEG[:-10], None])
def test_a_bad_one_is_named_before_anything_is_measured(
    tmp_path: Path, content: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    bad = tmp_path / "b.jpg"
    if content is None:
        bad.mkdir()
    else:
        bad.write_bytes(content)
    with pytest.raises(SystemExit):
        main(["detector", "--pictures", str(tmp_path), "--data", str(tmp_path)])
    out, said = capsys.readouterr()
    assert out == ""
    assert f"{bad} is no picture to measure with: " in said
    assert "starting PostgreSQL" not in said


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no JPEG"):
        pictures_of(bench_of(tmp_path, pictures=tmp_path), 3)


def test_the_floor_reads_yolox_as_the_product_does(tmp_path: Path) -> None:
    path = write_dog_model(tmp_path / "dog.onnx")
    floor = BareSession("onnxruntime", path, 1, confidence=0.5)
    inner = load(path, threads=1, confidence=0.5)
    (found,) = inner.look([(np.zeros((SIDE, SIDE, 3), np.uint8), 0.5)])
    inner.close()
    boxes = floor.boxes(JPEG, full_width=SIDE)
    assert [label for label, *_ in boxes] == [56, 16, 0]  # a chair, a dog, a person
    dog = boxes[1]
    assert found.detections[0].class_name == "dog"
    box = found.detections[0].box
    assert dog[1] == pytest.approx(found.detections[0].confidence)
    assert dog[2] == pytest.approx([box.x, box.y, box.x + box.width, box.y + box.height])


def test_the_floor_reads_rtdetr(tmp_path: Path) -> None:
    answer = no_queries()
    put_query(answer, 0, 16, 0.75, (0.5, 0.5, 0.5, 0.25))
    path = write_model(tmp_path / "rtdetr.onnx", answer)
    ((label, score, corners),) = BareSession("onnxruntime", path, 1, confidence=0.5).boxes(
        JPEG, full_width=SIDE
    )
    assert label == 16
    assert score == pytest.approx(0.75)
    assert corners == pytest.approx([0.25, 0.375, 0.75, 0.625])


def test_the_null_model_sees_one_person_in_each_picture() -> None:
    detector = null_detector(32)
    pixels = np.zeros((16, 16, 3), np.uint8)
    for found in detector.look([(pixels, 0.5), (pixels, 0.5)]):
        (person,) = found.detections
        assert person.class_name == "person"
        assert (person.box.x, person.box.width) == pytest.approx((0.25, 0.5))
    detector.close()


class _Failing:
    name, sight = "failing", SIDE

    async def detect(self, view: object, memory: bytes | None) -> Findings:
        raise Unavailable("it fails", code="detector.failed")


async def test_pictures_that_were_not_looked_at_are_no_speed(tmp_path: Path) -> None:
    look = as_the_worker_does(_Failing(), [JPEG], tmp_path)
    with pytest.raises(AssertionError, match="0 of 1 pictures"):
        await look(0)


async def test_without_a_model_and_torch_the_rows_say_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "backend.tests.benchmarks.bench.detector.subjects.find_spec", lambda _: None
    )
    rows = await measure(bench_of(tmp_path))
    assert [(row.id, row.ratio) for row in rows] == [("P4", None), ("P5", None)]
    assert all("hsi models pull" in row.note for row in rows)
