"""What a worker and its model's process hand each other comes out as it went in."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid, Unavailable
from backend.domain.boxes import Box, Detection
from backend.services.detection.detector import Findings, Pixels
from backend.services.detection.process.handover import (
    TAKEN,
    Asked,
    Failure,
    Introduction,
    SharedPixels,
    line_of,
    read_line,
)

SHARES = st.floats(0, 1)
NAMES = st.text(min_size=1, max_size=20)
DETECTIONS = st.builds(
    Detection,
    NAMES,
    SHARES,
    st.builds(Box, SHARES, SHARES, SHARES, SHARES),
    st.lists(st.tuples(NAMES, SHARES), max_size=3).map(tuple),
)


@given(
    found=st.lists(DETECTIONS, max_size=4).map(tuple),
    dropped=st.dictionaries(NAMES, st.integers(1, 300), max_size=3),
    remark=st.none() | st.text(max_size=40),
)
def test_findings_lose_nothing(
    found: tuple[Detection, ...], dropped: dict[str, int], remark: str | None
) -> None:
    findings = Findings(found, dropped, remark)
    line = line_of(findings)
    assert line.count(b"\n") == 1
    assert read_line(line) == findings


@pytest.mark.parametrize(
    "said",
    [
        Introduction("yolox:a.onnx", 416, "onnxruntime 1 on cpu in f32", None),
        Introduction("yolox:a.onnx", 416, "onnxruntime 1 on cpu in f32", "it is blind"),
        Asked(480, 640),
        Failure(is_invalid=True, code="model.missing", message="there is no model file"),
    ],
)
def test_a_message(said: Introduction | Asked | Failure) -> None:
    assert read_line(line_of(said)) == said
    assert read_line(TAKEN) is None


@pytest.mark.parametrize("error", [Invalid("no", code="a.b"), Unavailable("later", code="c.d")])
def test_an_error_is_the_same_one_on_the_other_side(error: Invalid | Unavailable) -> None:
    again = Failure.of(error).as_error()
    assert (type(again), str(again), again.code) == (type(error), str(error), error.code)


def picture(height: int, width: int) -> Pixels:
    return np.arange(height * width * 3, dtype=np.uint32).astype(np.uint8).reshape(height, width, 3)


def test_pictures_of_any_size_are_seen_on_the_other_side() -> None:
    ours = SharedPixels.make()
    theirs = SharedPixels(os.dup(ours.descriptor))
    beyond = np.full((1, (32 << 20) // 3 + 7, 3), 9, np.uint8)
    for pixels in (picture(4, 6), picture(6, 4)[::2], beyond, picture(1, 1)):
        ours.put(pixels)
        there = theirs.get(Asked(*pixels.shape[:2]))
        assert np.array_equal(there, pixels)
        assert not there.flags.writeable
    assert os.fstat(ours.descriptor).st_size == 32 << 20, "what was beyond it is given back"
    ours.close()
    theirs.close()


def test_after_the_close_nothing_is_put_anywhere() -> None:
    ours = SharedPixels.make()
    ours.close()
    ours.put(picture(1, 1))
