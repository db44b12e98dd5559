"""ONNX Runtime, on the processor: an ONNX file in 32 bits. What runs a model if nothing is said."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from backend.services.detection.family import Feed, Tensor
from backend.services.detection.runtimes.network import Engine, NetworkError, refuse_missing

# It has no common class for its errors. A feed that is not even of the right names is a ValueError.
_ERRORS = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
    ValueError,
)
_ERRORS_ONLY = 3


class OnnxRuntimeNetwork:
    """An ONNX file that ONNX Runtime runs with so many threads.

    Raises `Invalid` (`model.missing`), or `NetworkError` for what is none.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        refuse_missing(path)
        self.engine = Engine("onnxruntime", onnxruntime.__version__, "cpu", "f32")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), sess_options=_options(threads), providers=["CPUExecutionProvider"]
            )
        except _ERRORS as error:
            raise _unopened(error) from error
        self.inputs: Sequence[Tensor] = _tensors(self._session.get_inputs())
        self.outputs: Sequence[Tensor] = _tensors(self._session.get_outputs())
        self.metadata: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """Its outputs. Raises `NetworkError`."""
        try:
            answer: list[NDArray[Any]] = self._session.run(None, feed)
        except _ERRORS as error:
            raise NetworkError.of(error) from error
        return answer


def _unopened(error: Exception) -> NetworkError:
    if "External data" in str(error):
        return NetworkError(
            "its weights are in a second file, which is not beside it; save all of it in one"
        )
    return NetworkError.of(error)


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Threads that wait by spinning would burn a core between two pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _tensors(found: Sequence[Any]) -> list[Tensor]:
    return [
        Tensor(
            each.name,
            each.type,
            tuple(size if isinstance(size, int) else None for size in each.shape),
        )
        for each in found
    ]
