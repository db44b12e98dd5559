"""Real photographs and a real video, through the very functions that the pipeline uses."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from backend.core.errors import Invalid
from backend.domain.boxes import Box, Detection, overlap
from backend.domain.classes import GROUPS
from backend.services.detection.detector import Findings, View
from backend.services.detection.model_detector import ModelDetector, load
from backend.services.detection.motion import MotionDetector, find_motion
from backend.services.detection.picture import decode, draw_thumbnail
from backend.services.ingest.exif import read_exif_time
from backend.services.ingest.structure import Structure, read_structure

DATA = Path(__file__).parents[5] / "shared" / "data"
START = datetime(2024, 6, 1, tzinfo=UTC)
CONFIDENCE = 0.5  # what the product ships with

pytestmark = pytest.mark.skipif(
    not (DATA / "labels.json").exists(), reason=f"no real photographs in {DATA}"
)

Label = Mapping[str, Any]


@cache
def labels() -> dict[str, Label]:
    if not (DATA / "labels.json").exists():
        return {}
    images = json.loads((DATA / "labels.json").read_text(encoding="utf-8"))["images"]
    return {Path(image["file"]).name: image for image in images}


def read(name: str) -> bytes:
    return (DATA / "images" / name).read_bytes()


@pytest.fixture(scope="module")
def detector() -> Iterator[ModelDetector]:
    model = DATA / "models" / "yolox_nano_dyn.onnx"
    detector = load(model, threads=1, confidence=CONFIDENCE)
    yield detector
    detector.close()


async def look(detector: ModelDetector, name: str) -> Findings:
    label = labels()[name]
    size = label["width"], label["height"]
    pixels = decode(read(name), longest=detector.sight, full_size=size)
    return await detector.detect(View(1, START, pixels), None)


def box_of(thing: Label, label: Label) -> Box:
    x1, y1, x2, y2 = thing["box"]
    width, height = label["width"], label["height"]
    return Box(x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height)


def unmatched(things: list[Label], label: Label, detections: tuple[Detection, ...]) -> list[Label]:
    """The labelled things that no detection of their group is left for, the best fit first."""
    fits = sorted(
        (
            (overlap(box_of(thing, label), detection.box), t, d)
            for t, thing in enumerate(things)
            for d, detection in enumerate(detections)
            if GROUPS[detection.class_name] == thing["group"]
        ),
        reverse=True,
    )
    matched: dict[int, int] = {}
    for fit, t, d in fits:
        if fit >= 0.5 and t not in matched and d not in matched.values():
            matched[t] = d
    return [thing for t, thing in enumerate(things) if t not in matched]


@pytest.mark.parametrize("name", labels())
async def test_every_clear_object_is_found(detector: ModelDetector, name: str) -> None:
    label = labels()[name]
    clear = [thing for thing in label["objects"] if thing["visibility"] == "clear"]
    findings = await look(detector, name)
    assert unmatched(clear, label, findings.detections) == []


# Where there is nothing to be found, the model is known to be wrong about one animal.
KNOWN_WRONG = {"trailcam_snow_cougar.jpg": [("person", 0.59)]}


@pytest.mark.parametrize("name", [name for name, label in labels().items() if not label["objects"]])
async def test_nothing_is_found_where_there_is_nothing(detector: ModelDetector, name: str) -> None:
    findings = await look(detector, name)
    seen = [(each.class_name, round(each.confidence, 2)) for each in findings.detections]
    assert seen == KNOWN_WRONG.get(name, [])


@pytest.mark.parametrize(
    ("name", "class_name", "confidence"),
    [
        ("trailcam_snow_cougar.jpg", "person", 0.59),
        ("two_girls_goats.jpg", "dog", 0.72),
        ("school_bus.jpg", "bus", 0.947),
        ("doorbell_person_parcel.jpg", "person", 0.875),
    ],
)
async def test_confidences_are_those_of_the_model(
    detector: ModelDetector, name: str, class_name: str, confidence: float
) -> None:
    """Red and blue exchanged would still find the objects, by other figures."""
    findings = await look(detector, name)
    surest = next(each for each in findings.detections if each.class_name == class_name)
    assert surest.confidence == pytest.approx(confidence, abs=0.005)


async def test_a_pickup_is_one_vehicle(detector: ModelDetector) -> None:
    findings = await look(detector, "porch_dog_bicycle_truck.jpg")
    assert [each.class_name for each in findings.detections] == ["dog", "bicycle", "truck"]
    assert [name for name, _ in findings.detections[2].alternatives] == ["car"]


async def test_the_unchanged_file_of_a_fixed_size_works() -> None:
    detector = load(DATA / "models" / "yolox_nano.onnx", threads=1, confidence=CONFIDENCE)
    findings = await look(detector, "school_bus.jpg")
    detector.close()
    assert (detector.name, detector.sight) == ("yolox:yolox_nano.onnx", 416)
    assert detector.doubt is None
    assert [each.class_name for each in findings.detections] == ["bus"]


def test_a_model_of_another_family_is_refused() -> None:
    with pytest.raises(Invalid, match=r"input\.1 .*\[1, 3, 352, 352\]") as refused:
        load(DATA / "models" / "FastestDet.onnx", threads=1, confidence=CONFIDENCE)
    assert refused.value.code == "model.unknown_family"


async def test_a_large_picture_is_seen_as_well_at_its_reduced_size(detector: ModelDetector) -> None:
    """Eight megapixels, decoded at a quarter: the same objects as in the original."""
    name = "group_of_persons.jpg"
    original = decode(read(name), longest=None, full_size=(640, 480))
    large = cv2.resize(original, (3200, 2400))
    data = cv2.imencode(".jpg", large)[1].tobytes()
    pixels = decode(data, longest=detector.sight, full_size=(3200, 2400))
    assert pixels.shape == (600, 800, 3)
    reduced = await detector.detect(View(1, START, pixels), None)
    clear = [each for each in labels()[name]["objects"] if each["visibility"] == "clear"]
    assert unmatched(clear, labels()[name], reduced.detections) == []


@pytest.mark.parametrize("name", labels())
def test_its_structure(name: str) -> None:
    label = labels()[name]
    assert read_structure(read(name)) == Structure("jpeg", label["width"], label["height"])


@pytest.mark.parametrize("name", labels())
def test_truncated_anywhere(name: str) -> None:
    data = read(name)
    for end in np.random.default_rng(len(data)).integers(1, len(data) - 1, 200):
        with pytest.raises(Invalid) as refused:
            read_structure(data[:end])
        assert refused.value.code == "picture.truncated"


def test_the_times_that_cameras_wrote() -> None:
    times = {name: read_exif_time(read(name)) for name in labels()}
    written = {name: str(time.local) for name, time in times.items() if time is not None}
    assert written == {
        "porch_dog_bicycle_truck.jpg": "2014-09-19 16:08:30",
        "trailcam_night_fox.jpg": "2014-11-23 20:26:22",
        "trailcam_snow_cougar.jpg": "2016-01-28 15:14:45",
    }


async def test_a_thumbnail_of_a_real_scene(detector: ModelDetector) -> None:
    name = "plaza_trucks_persons.jpg"
    pixels = decode(read(name), longest=detector.sight, full_size=(640, 480))
    findings = await detector.detect(View(1, START, pixels), None)
    thumbnail = draw_thumbnail(pixels, findings.detections)
    assert len(findings.detections) > 10
    assert read_structure(thumbnail) == Structure("jpeg", 320, 240)
    assert len(thumbnail) < 40_000


@pytest.mark.slow
def test_motion_sees_every_visit_of_the_video_and_nothing_between() -> None:
    """A picture a second. Within half a second of a visit's edge, a foot may be seen or not."""
    video = json.loads((DATA / "videos.json").read_text(encoding="utf-8"))["videos"][0]
    visits = [(visit["start_s"], visit["end_s"]) for visit in video["visits"]]
    wrong, memory = [], None
    capture = cv2.VideoCapture(str(DATA / video["file"]))
    for n in range(video["frames"]):
        assert capture.grab()
        second, part = divmod(n, video["fps"])
        if part:
            continue
        _, frame = capture.retrieve()
        pixels = cv2.resize(frame, None, fx=0.5, fy=0.5).astype(np.uint8)
        findings = find_motion(View(1, START + timedelta(seconds=second), pixels), memory)
        memory = findings.memory
        is_certain = all(abs(second - edge) >= 0.5 for visit in visits for edge in visit)
        is_visit = any(start <= second <= end for start, end in visits)
        if is_certain and is_visit != bool(findings.detections):
            wrong.append((second, findings.remark))
    capture.release()
    assert wrong == []


async def test_motion_finds_no_motion_in_a_photograph_that_comes_again() -> None:
    detector = MotionDetector()
    for name in labels():
        label = labels()[name]
        size = label["width"], label["height"]
        pixels = decode(read(name), longest=detector.sight, full_size=size)
        brighter = cv2.convertScaleAbs(pixels, alpha=1.06, beta=2).astype(np.uint8)
        first = await detector.detect(View(1, START, pixels), None)
        again = View(1, START + timedelta(seconds=1), brighter)
        second = await detector.detect(again, first.memory)
        assert (name, second.remark) == (name, "no motion")
