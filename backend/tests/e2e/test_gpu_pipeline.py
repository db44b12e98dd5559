"""Real photographs through the real processes and a real model: what must be found is found.

On the processor for now: there is no detector yet that uses a GPU.
"""

import json
from typing import Any

import pytest

from backend.domain.boxes import Box, overlap
from backend.domain.classes import GROUPS
from backend.tests.fixtures.product import SHARED_DATA, Drop, Product, a_while_ago, photographs

MODEL = SHARED_DATA / "models" / "yolox_nano_dyn.onnx"
# The model's known wrong answers: a cougar that it takes for a person.
KNOWN_WRONG = {"trailcam_snow_cougar.jpg"}


def labels() -> dict[str, dict[str, Any]]:
    found = json.loads((SHARED_DATA / "labels.json").read_text())["images"]
    return {image["file"].removeprefix("images/"): image for image in found}


def camera_of(name: str) -> str:
    """Four cameras: the empty scenes, the trail cameras, and two for all others."""
    if name.startswith("trailcam"):
        return "Trail"
    if labels()[name]["objects"]:
        return "Street" if name < "m" else "Garden"
    return "Empty"


@pytest.fixture
def dropped(product: Product) -> list[Drop]:
    """The photographs in their folders, with fresh times, and the model in the settings."""
    drops = photographs(a_while_ago(), folder_of=camera_of)
    product.environment = {**product.environment, "DETECTOR__MODEL": str(MODEL)}
    product.drop(drops)
    return drops


async def test_every_clear_object_is_found_and_each_camera_has_one_event(
    product: Product, dropped: list[Drop]
) -> None:
    product.start_worker()
    await product.final(len(dropped))

    found = await detections(product)
    missed = [
        (name, thing["class"])
        for name, image in labels().items()
        for thing in image["objects"]
        if thing["visibility"] == "clear" and thing.get("group") in set(GROUPS.values())
        if not any(shows(d, thing, image) for d in found.get(name, []))
    ]
    assert missed == []

    surprises = {
        name
        for name, image in labels().items()
        if not image["objects"] and name not in KNOWN_WRONG and name in found
    }
    assert surprises == set()
    events = await product.rows(
        "SELECT c.slug, count(*) AS n FROM events e JOIN cameras c ON c.id = e.camera_id GROUP BY 1"
    )
    assert {e["slug"]: e["n"] for e in events} == {"garden": 1, "street": 1, "trail": 1}
    assert {e["detector"] for e in await product.rows("SELECT detector FROM events")} == {
        "yolox:yolox_nano_dyn.onnx"
    }


async def detections(product: Product) -> dict[str, list[dict[str, Any]]]:
    rows = await product.rows(
        "SELECT f.path, d.* FROM detections d JOIN frames f ON f.id = frame_id"
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["path"], []).append(row)
    return found


def shows(detection: dict[str, Any], thing: dict[str, Any], image: dict[str, Any]) -> bool:
    """Whether a detection is of this thing's group and place."""
    x1, y1, x2, y2 = thing["box"]
    width, height = image["width"], image["height"]
    truth = Box(x1 / width, y1 / height, (x2 - x1) / width, (y2 - y1) / height)
    box = Box(detection["x"], detection["y"], detection["width"], detection["height"])
    same_group = GROUPS[detection["class_name"]] == thing["group"]
    return bool(same_group and overlap(box, truth) >= 0.5)


async def test_old_exif_times_do_not_beat_a_fresh_file(
    product: Product, dropped: list[Drop]
) -> None:
    product.start_worker()
    await product.final(len(dropped))
    rows = await product.rows("SELECT path, captured_at, captured_from, clock_suspect FROM frames")
    assert {r["path"]: r["captured_at"] for r in rows} == {d.name: d.taken_at for d in dropped}
    assert {r["captured_from"] for r in rows} == {"mtime"}
    assert sum(r["clock_suspect"] for r in rows) == 3
