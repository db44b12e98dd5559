"""Which runtime is taken, and what is remembered of it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.core.errors import Invalid
from backend.services.detection.choice import NOTES, Notes, agree, load_chosen
from backend.services.detection.runtimes.opening import is_installed
from backend.tests.fixtures.networks import scripted_detector
from backend.tests.fixtures.onnx_models import no_queries, put_query, write_dog_model

Answer = Mapping[str, NDArray[np.float32]]


def seen(*scores: float, x: float = 0.5) -> Answer:
    """People, one after the other, of which the first is at `x`."""
    answer = no_queries()
    for query, score in enumerate(scores):
        put_query(answer, query, 0, score, (x if query == 0 else 0.5, 0.5, 0.25, 0.5))
    return answer


def they_agree(ours: Answer, theirs: Answer, precision: str) -> bool:
    usual = scripted_detector(ours, runtime="onnxruntime")
    return agree(usual, scripted_detector(theirs, precision=precision))


@pytest.mark.parametrize(
    ("precision", "off", "alike"),
    [
        ("f32", 0.0005, True),
        ("f32", 0.01, False),
        ("bf16", 0.03, True),
        ("bf16", 0.07, False),
        ("bf16", -0.9, False),
    ],
)
def test_an_answer_may_be_off_by_the_rounding_of_its_precision(
    precision: str, off: float, alike: bool
) -> None:
    answer = seen(0.8, 0.3)
    moved = {name: one * np.float32(1 + off) for name, one in answer.items()}
    assert they_agree(answer, moved, precision) is alike


def test_which_of_two_places_comes_first_does_not_matter() -> None:
    answer = seen(0.8, 0.3, x=0.1)
    turned = {name: one[:, ::-1] for name, one in answer.items()}
    assert they_agree(answer, turned, "f32")


def test_another_class_and_another_corner_are_another_answer() -> None:
    dog = no_queries()
    put_query(dog, 0, 16, 0.8)
    assert not they_agree(seen(0.8), dog, "bf16")
    assert not they_agree(seen(0.8), seen(0.8, x=0.9), "bf16")


def test_other_shapes_are_another_answer() -> None:
    assert not they_agree(seen(0.8), {k: v[:, :4] for k, v in seen(0.8).items()}, "bf16")


def test_what_is_no_number_agrees_with_nothing() -> None:
    none = seen(0.8)
    none["logits"][0, 3, 3] = np.nan
    assert not they_agree(seen(0.8), none, "bf16")
    assert not they_agree(none, none, "bf16")


def test_nothing_agrees_with_nothing_alone() -> None:
    zeros = {name: np.zeros_like(one) for name, one in no_queries().items()}
    assert they_agree(zeros, zeros, "f32")
    assert not they_agree(zeros, no_queries(), "bf16")


def test_one_that_is_doubted_does_not_agree_with_one_that_is_not() -> None:
    usual = scripted_detector(seen(0.8), runtime="onnxruntime")
    assert not agree(usual, scripted_detector(seen(0.8), doubt="it is blind"))


def test_what_was_measured_is_remembered_beside_what_was_before(tmp_path: Path) -> None:
    notes = Notes(tmp_path / NOTES)
    assert notes.recall("a") is None
    notes.remember("a", "openvino")
    notes.remember("b", "onnxruntime")
    again = Notes(tmp_path / NOTES)
    assert [again.recall(case) for case in "abc"] == ["openvino", "onnxruntime", None]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xff", b"[]", b"null", b'{"a": 3}', b'{"a": "torch"}']
)
def test_a_damaged_file_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / NOTES).write_bytes(content)
    notes = Notes(tmp_path / NOTES)
    assert notes.recall("a") is None
    notes.remember("a", "openvino")
    assert notes.recall("a") == "openvino"


def test_a_file_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    notes = Notes(tmp_path / "no such folder" / NOTES)
    notes.remember("a", "openvino")
    assert notes.recall("a") is None


def test_left_open_a_missing_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refused:
        load_chosen(tmp_path / "none.onnx", threads=1, confidence=0.5)
    assert refused.value.code == "model.missing"


def test_one_that_is_asked_for_is_not_measured(tmp_path: Path) -> None:
    model = write_dog_model(tmp_path / "m.onnx")
    detector = load_chosen(model, threads=1, confidence=0.5, runtime="onnxruntime")
    detector.close()
    assert detector.engine.runtime == "onnxruntime"
    assert not (tmp_path / NOTES).exists()


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_one_that_is_not_installed_says_what_to_install(runtime: str, tmp_path: Path) -> None:
    if is_installed(runtime):
        pytest.skip(f"{runtime} is installed")
    model = write_dog_model(tmp_path / "m.onnx")
    with pytest.raises(Invalid, match=f"pip install {runtime}") as refused:
        load_chosen(model, threads=1, confidence=0.5, runtime=runtime)
    assert refused.value.code == "runtime.missing"
