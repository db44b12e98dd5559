"""OpenVINO as a runtime, beside ONNX Runtime. Needs the extra `openvino`."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from backend.core.errors import Invalid
from backend.services.detection.choice import NOTES, load_chosen
from backend.services.detection.detector import Pixels
from backend.services.detection.family import Tensor
from backend.services.detection.model_detector import load
from backend.services.detection.runtimes.network import NetworkError, takes_batches
from backend.services.detection.runtimes.onnxruntime import OnnxRuntimeNetwork
from backend.services.detection.runtimes.opening import open_network
from backend.tests.fixtures.onnx_models import (
    SIDE,
    no_queries,
    write_dog_model,
    write_model,
    write_shade_model,
)

pytestmark = pytest.mark.skipif(find_spec("openvino") is None, reason="needs the extra `openvino`")


def shaded(shade: int) -> tuple[Pixels, float]:
    return np.full((SIDE, SIDE, 3), shade, np.uint8), 0.5


def for_one(ends: Sequence[Tensor]) -> list[Tensor]:
    """The same, the number of pictures being one."""
    return [end._replace(shape=(1, *end.shape[1:])) for end in ends]


def test_it_says_of_a_file_what_onnx_runtime_says_but_takes_one_picture(tmp_path: Path) -> None:
    files = [
        write_model(tmp_path / "names.onnx", no_queries(2), names=["a", "b"]),
        write_shade_model(tmp_path / "batches.onnx"),
        write_model(
            tmp_path / "decoded.onnx",
            {"labels": np.zeros((1, 8), np.int64), "boxes": np.zeros((1, 8, 4), np.float32)},
            inputs={"images": (1, 3, SIDE, SIDE), "orig_target_sizes": (1, 2)},
        ),
    ]
    for file in files:
        ours = open_network(file, threads=1, runtime="openvino")
        theirs = OnnxRuntimeNetwork(file, threads=1)
        assert list(ours.inputs) == for_one(theirs.inputs)
        assert list(ours.outputs) == for_one(theirs.outputs)
        assert dict(ours.metadata) == dict(theirs.metadata)
        assert not takes_batches(ours)
        assert ours.engine.runtime == "openvino"
        assert ours.engine.precision in {"f32", "bf16"}


def test_each_picture_gets_its_own_answer_together_and_alone(tmp_path: Path) -> None:
    model = write_shade_model(tmp_path / "m.onnx")
    detector = load(model, threads=1, confidence=0.5, runtime="openvino")
    asked = [shaded(shade) for shade in (40, 200, 0)]
    together = detector.look(asked)
    alone = [detector.look([one])[0] for one in asked]
    detector.close()
    for found in (together, alone):
        left = [one.detections[0].box.x for one in found]
        assert left == pytest.approx([40 / 256, 200 / 256, 0], abs=0.01)


@pytest.mark.parametrize(
    "feed",
    [
        {},
        {"pictures": np.zeros((1, 3, SIDE, SIDE), np.float32)},
        {"images": np.zeros((1, 3, 8, 8), np.float32)},
    ],
    ids=["nothing", "another name", "another shape"],
)
def test_a_feed_that_does_not_fit_fails_in_one_line(
    feed: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]], tmp_path: Path
) -> None:
    model = write_dog_model(tmp_path / "m.onnx")
    network = open_network(model, threads=1, runtime="openvino")
    network.run({"images": np.zeros((1, 3, SIDE, SIDE), np.float32)})
    with pytest.raises(NetworkError) as failure:
        network.run(feed)
    assert len(str(failure.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"", b"text", b"\xff" * 100])
def test_a_broken_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        load(path, threads=1, confidence=0.5, runtime="openvino")
    assert refused.value.code == "model.broken"
    assert "\n" not in str(refused.value)


def test_left_open_it_is_measured_once(tmp_path: Path) -> None:
    model = write_shade_model(tmp_path / "m.onnx")
    first = load_chosen(model, threads=1, confidence=0.5)
    first.close()
    notes = tmp_path / NOTES
    (said,) = [line for line in notes.read_text().splitlines() if ":" in line]
    assert said.endswith(f': "{first.engine.runtime}"')
    turned = {"openvino": "onnxruntime", "onnxruntime": "openvino"}[first.engine.runtime]
    notes.write_text(notes.read_text().replace(f'"{first.engine.runtime}"', f'"{turned}"'))
    second = load_chosen(model, threads=1, confidence=0.5)
    second.close()
    assert second.engine.runtime == turned, "what is remembered is not measured again"
    third = load_chosen(model, threads=2, confidence=0.5)
    third.close()
    assert len(notes.read_text().splitlines()) == 4, "another number of threads is another case"
