"""OpenVINO, on the processor: an ONNX file in bf16 where the processor reckons in it, else in f32.

bf16 has the range of 32 bits, and 8 significant bits: it rounds by up to 0.2 % at each step.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from numpy.typing import NDArray

from backend.services.detection.family import Feed, Tensor
from backend.services.detection.runtimes.network import Engine, NetworkError, refuse_missing

_DEVICE = "CPU"
_METADATA = "framework"  # where it keeps what an ONNX file says of itself
_KINDS = {"f32": "float", "f16": "float16", "i64": "int64", "i32": "int32", "u8": "uint8"}
"""What ONNX calls its types."""


class OpenVinoNetwork:
    """An ONNX file that OpenVINO runs with so many threads, one picture at a time.

    Raises `Invalid` (`model.missing`), or `NetworkError` for what is none.
    """

    def __init__(self, path: Path, *, threads: int) -> None:
        refuse_missing(path)
        core = openvino.Core()
        has_bf16 = "BF16" in core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
        precision = "bf16" if has_bf16 else "f32"
        self.engine = Engine("openvino", _version(), "cpu", precision)
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            # Which core is free is the system's to say: other work runs beside it.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            model = core.read_model(path)
            _fix_number_of_pictures(model)
            self._request = core.compile_model(model, _DEVICE, options).create_infer_request()
        except RuntimeError as error:
            raise NetworkError(_reason(error)) from error
        self.inputs: Sequence[Tensor] = [_tensor(one) for one in model.inputs]
        self.outputs: Sequence[Tensor] = [_tensor(one) for one in model.outputs]
        has_metadata = model.has_rt_info([_METADATA])
        self.metadata: Mapping[str, str] = (
            dict(model.get_rt_info([_METADATA]).value) if has_metadata else {}
        )

    def run(self, feed: Feed) -> list[NDArray[Any]]:
        """Its outputs, copied out of where the next run writes. Raises `NetworkError`."""
        if feed.keys() != {one.name for one in self.inputs}:  # it would take those of the last run
            raise NetworkError(f"it takes {', '.join(one.name for one in self.inputs)}")
        try:
            answer = self._request.infer(feed)
        except RuntimeError as error:
            raise NetworkError(_reason(error)) from error
        return [np.array(one) for one in answer.values()]


def _fix_number_of_pictures(model: openvino.Model) -> None:
    """One, where it is open: all other sizes are then reckoned while it is loaded.

    Several in one run take longer on a processor than one after the other.
    """
    shapes = {end: end.partial_shape for end in model.inputs}
    fixed = {
        end: openvino.PartialShape([1, *list(shape)[1:]])
        for end, shape in shapes.items()
        if shape.rank.is_static and len(shape) and shape[0].is_dynamic
    }
    model.reshape(fixed)


def _tensor(end: openvino.Output) -> Tensor:
    kind = end.element_type.get_type_name()
    shape = tuple(None if size.is_dynamic else size.get_length() for size in end.partial_shape)
    return Tensor(end.any_name, f"tensor({_KINDS.get(kind, kind)})", shape)


def _version() -> str:
    """The release, without its build."""
    return str(openvino.__version__).partition("-")[0]


def _reason(error: RuntimeError) -> str:
    """The first line that says something: those before name places in its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not re.match(r"Exception from|Check '", line)]
    return next(iter(telling or lines), type(error).__name__)
