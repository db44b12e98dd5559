"""ONNX Runtime behind the interface of runtimes."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from backend.services.detection.family import Tensor
from backend.services.detection.runtimes.network import NetworkError, takes_batches
from backend.services.detection.runtimes.onnxruntime import OnnxRuntimeNetwork
from backend.tests.fixtures.onnx_models import (
    CELLS,
    SIDE,
    no_queries,
    write_dog_model,
    write_model,
    write_shade_model,
)


def test_the_threads_are_those_asked_for(tmp_path: Path) -> None:
    network = OnnxRuntimeNetwork(write_dog_model(tmp_path / "m.onnx"), threads=2)
    options = network._session.get_session_options()
    assert options.intra_op_num_threads == 2
    assert options.inter_op_num_threads == 1


def test_what_it_says_of_itself_and_of_the_file(tmp_path: Path) -> None:
    file = write_model(tmp_path / "m.onnx", no_queries(2), names=["a", "b"])
    network = OnnxRuntimeNetwork(file, threads=1)
    assert str(network.engine) == f"onnxruntime {onnxruntime.__version__} on cpu in f32"
    assert network.inputs == [Tensor("pixel_values", "tensor(float)", (1, 3, SIDE, SIDE))]
    assert [one.name for one in network.outputs] == ["logits", "pred_boxes"]
    assert network.metadata == {"names": '["a", "b"]'}
    assert not takes_batches(network)


def test_what_the_file_leaves_open_is_none(tmp_path: Path) -> None:
    network = OnnxRuntimeNetwork(write_shade_model(tmp_path / "m.onnx"), threads=1)
    assert network.inputs == [Tensor("images", "tensor(float)", (None, 3, SIDE, SIDE))]
    assert network.outputs == [Tensor("output0", "tensor(float)", (None, CELLS, 85))]
    assert takes_batches(network)


def test_weights_in_a_second_file_that_is_left_behind(tmp_path: Path) -> None:
    whole = onnx.load(write_dog_model(tmp_path / "whole.onnx"))
    file = tmp_path / "m.onnx"
    onnx.save(whole, file, save_as_external_data=True, location="m.data", size_threshold=0)
    assert OnnxRuntimeNetwork(file, threads=1).outputs
    (tmp_path / "m.data").unlink()
    with pytest.raises(NetworkError, match="its weights are in a second file, which is not besi"):
        OnnxRuntimeNetwork(file, threads=1)


@pytest.mark.parametrize(
    "feed",
    [
        {},
        {"pictures": np.zeros((1, 3, SIDE, SIDE), np.float32)},
        {"images": np.zeros((1, 3, 8, 8), np.float32)},
        {"images": np.zeros((1, 3, SIDE, SIDE), np.int64)},
    ],
    ids=["nothing", "another name", "another shape", "another kind"],
)
def test_a_feed_that_does_not_fit_fails_in_one_line(
    feed: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]], tmp_path: Path
) -> None:
    network = OnnxRuntimeNetwork(write_dog_model(tmp_path / "m.onnx"), threads=1)
    with pytest.raises(NetworkError) as failure:
        network.run(feed)
    assert len(str(failure.value).splitlines()) == 1
