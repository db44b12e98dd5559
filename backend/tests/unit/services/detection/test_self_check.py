"""A model that does not see is known before it is believed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backend.services.detection.detector import Pixels
from backend.services.detection.model_detector import load
from backend.services.detection.motion import MotionDetector
from backend.services.detection.postprocess import Candidate
from backend.services.detection.self_check import FEW, Answer, doubt_about
from backend.tests.fixtures.onnx_models import no_queries, put_query, write_model


def model(
    answer: Callable[[Pixels], float], in_nothing: int = 0
) -> Callable[[Pixels], tuple[Answer, list[Candidate]]]:
    """Answers one number, and sees so many things side by side whenever a picture is all alike."""

    def ask(pixels: Pixels) -> tuple[Answer, list[Candidate]]:
        assert pixels.shape == (64, 64, 3)
        is_blank = (pixels == pixels[0, 0]).all()
        found = [
            Candidate("car", 0.9, 0.1 * n, 0.1, 0.1 * n + 0.1, 0.2)
            for n in range(in_nothing if is_blank else 9)
        ]
        return [np.array([answer(pixels)], np.float32)], found

    return ask


def mean(pixels: Pixels) -> float:
    return float(pixels.mean())


@pytest.mark.parametrize(
    ("ask", "doubt"),
    [
        (model(mean), None),
        (model(mean, in_nothing=FEW), None),
        (
            model(mean, in_nothing=FEW + 1),
            "it sees 4 things in a picture on which there is nothing",
        ),
        (
            model(lambda _: 0.5),
            "it gives the same answer to two pictures that have nothing in common",
        ),
        (
            model(lambda pixels: np.nan if pixels[0, 0, 0] == 0 else mean(pixels)),
            "it answers with what is no number",
        ),
    ],
)
def test_what_speaks_against_it(
    ask: Callable[[Pixels], tuple[Answer, list[Candidate]]], doubt: str | None
) -> None:
    assert doubt_about(ask, 64) == doubt


def test_one_thing_that_is_given_often_is_one() -> None:
    def ask(pixels: Pixels) -> tuple[Answer, list[Candidate]]:
        return [np.array([mean(pixels)])], [Candidate("car", 0.9, 0.1, 0.1, 0.2, 0.2)] * 9

    assert doubt_about(ask, 64) is None


@pytest.mark.parametrize(("is_blind", "objects"), [(True, 0), (False, 0), (False, 5)])
def test_through_the_real_runtime(tmp_path: Path, *, is_blind: bool, objects: int) -> None:
    answer = no_queries()
    for number in range(objects):
        put_query(answer, number, number, 0.9)
    path = write_model(tmp_path / "m.onnx", answer, is_blind=is_blind)
    detector = load(path, threads=1, confidence=0.99)
    detector.close()
    expected = {(True, 0): "the same answer", (False, 0): None, (False, 5): "5 things"}
    wanted = expected[is_blind, objects]
    if wanted is None:
        assert detector.doubt is None
    else:
        assert detector.doubt is not None
        assert wanted in detector.doubt


def test_motion_has_no_model_to_doubt() -> None:
    assert MotionDetector().doubt is None
