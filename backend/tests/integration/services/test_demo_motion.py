"""Motion is found in the demo's pictures where something came, and nowhere else."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backend.services.detection.detector import Findings, View
from backend.services.detection.motion import (
    LEARNING,
    LIGHT_CHANGED,
    NO_MOTION,
    MotionDetector,
)
from backend.services.detection.picture import decode

KEPT = Path(__file__).parents[2] / "fixtures" / "images" / "pipeline_test"
START = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)


async def watch(pictures: list[dict[str, Any]]) -> dict[str, Findings]:
    """What is found in each picture, when one camera's pictures come in order."""
    detector, memory, found = MotionDetector(), None, {}
    for picture in pictures:
        jpeg = (KEPT / picture["file"]).read_bytes()
        pixels = decode(jpeg, longest=detector.sight, full_size=(1280, 720))
        view = View(1, START + timedelta(seconds=picture["seconds"]), pixels)
        found[picture["file"]] = await detector.detect(view, memory)
        memory = found[picture["file"]].memory
    return found


async def test_motion_is_found_exactly_where_the_manifest_says() -> None:
    pictures = json.loads((KEPT / "manifest.json").read_text(encoding="utf-8"))["pictures"]
    found: dict[str, Findings] = {}
    for camera in {picture["camera"] for picture in pictures}:
        found |= await watch([picture for picture in pictures if picture["camera"] == camera])
    # one visitor is one detection, not a handful of its parts
    assert {name: len(findings.detections) for name, findings in found.items()} == {
        picture["file"]: int(picture["motion"]) for picture in pictures
    }
    assert [found[picture["file"]].remark for picture in pictures if not picture["motion"]] == [
        LEARNING,
        LEARNING,
        NO_MOTION,
        *[LIGHT_CHANGED] * 4,
    ]
