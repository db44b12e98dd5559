"""The fourteen pictures are those that the tests keep, and tell the story they should."""

import json
from itertools import groupby, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from backend.demo.canvas import Picture
from backend.demo.draw import MANIFEST, manifest_text
from backend.demo.scenes import SCENES, Scene, draw_scene, scenery

KEPT = Path(__file__).parents[2] / "fixtures" / "images" / "pipeline_test"
CAMERAS = ("Front Door", "Driveway")
BY_CAMERA = {name: [scene for scene in SCENES if scene.camera == name] for name in CAMERAS}


@pytest.fixture(scope="module", autouse=True)
def painted_scenery() -> None:
    """The empty scenes take a moment; they are painted once."""
    for camera in CAMERAS:
        scenery(camera)


def pixels_of(jpeg: bytes) -> Picture:
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.file)
def test_a_drawn_picture_is_the_kept_one(scene: Scene) -> None:
    jpeg = draw_scene(scene)
    drawn, kept = pixels_of(jpeg), pixels_of((KEPT / scene.file).read_bytes())
    assert drawn.shape == (720, 1280, 3)
    assert len(jpeg) < 150_000
    # another libjpeg or another processor rounds a few pixels in another way
    assert float(cv2.absdiff(drawn, kept).mean()) < 0.5


def test_a_picture_is_the_same_to_the_byte() -> None:
    assert draw_scene(SCENES[0]) == draw_scene(SCENES[0])


def test_pictures_without_a_visitor_differ_by_noise() -> None:
    assert SCENES[0].file != SCENES[6].file
    assert draw_scene(SCENES[0]) != draw_scene(SCENES[6])


def test_the_kept_folder_holds_these_pictures_and_the_manifest() -> None:
    assert {path.name for path in KEPT.iterdir()} == {scene.file for scene in SCENES} | {MANIFEST}
    assert (KEPT / MANIFEST).read_text(encoding="utf-8") == manifest_text()


def test_the_manifest_tells_what_each_picture_is() -> None:
    pictures = json.loads(manifest_text())["pictures"]
    assert len(pictures) == 14
    assert pictures[2] == {
        "file": "03_front_door_person_day.jpg",
        "camera": "Front Door",
        "seconds": 40,
        "shown": "person",
        "light": "day",
        "motion": True,
    }
    assert [picture["motion"] for picture in pictures[:3]] == [False, False, True]


def test_pictures_come_in_the_order_in_which_they_were_taken() -> None:
    assert [scene.seconds for scene in SCENES] == sorted({scene.seconds for scene in SCENES})
    assert [scene.file for scene in SCENES] == sorted(scene.file for scene in SCENES)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_camera_first_learns_its_empty_scene(camera: str) -> None:
    assert BY_CAMERA[camera][0].shown == "empty"


@pytest.mark.parametrize(
    ("camera", "visits"),
    [("Front Door", ["person", "pet", "person"]), ("Driveway", ["vehicle", "vehicle"])],
)
def test_a_visit_is_one_event(camera: str, visits: list[str]) -> None:
    """Pictures of one visit lie within 30 s, two visits more than 40 s apart."""
    runs = groupby(BY_CAMERA[camera], key=lambda scene: scene.has_motion)
    found = [list(run) for moving, run in runs if moving]
    assert [visit[0].shown for visit in found] == visits
    assert all(visit[-1].seconds - visit[0].seconds < 30 for visit in found)
    assert all(after[0].seconds - before[-1].seconds > 40 for before, after in pairwise(found))


def test_there_is_day_and_night_and_a_mere_change_of_light() -> None:
    assert {scene.shown for scene in SCENES} == {"empty", "person", "pet", "vehicle", "light"}
    assert {scene.light.value for scene in SCENES if scene.has_motion} == {"day", "night"}
