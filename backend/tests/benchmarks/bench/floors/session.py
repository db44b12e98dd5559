"""A bare session: a JPEG in, boxes out; decoded, prepared, run and read one after the other.

The runtime has the product's options, and the decoder's reduced sizes are used: whoever writes
thirty lines for one model writes these.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Run = Callable[[NDArray[Any]], Sequence[NDArray[Any]]]
"""From one prepared picture to the model's outputs."""
Boxes = list[tuple[int, float, list[float]]]
"""Class, score, and corners in fractions of the picture."""


class Unreadable(Exception):  # noqa: N818 - a model that is beyond this floor
    """It reads YOLOX, and RT-DETR with `logits` and `pred_boxes`, and no other model."""


def open_onnxruntime(file: Path, threads: int) -> tuple[Run, Sequence[int], list[str]]:
    """How to run a file, the shape of its input, the names of its outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    taken, *more = session.get_inputs()
    if more:
        raise Unreadable(f"the floor cannot read a model with {len(more) + 1} inputs")
    given = session.get_outputs()
    return (
        lambda planes: session.run(None, {taken.name: planes}),
        taken.shape,
        [one.name for one in given],
    )


def open_openvino(file: Path, threads: int) -> tuple[Run, Sequence[int], list[str]]:
    """The same, by OpenVINO."""
    import openvino

    core = openvino.Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    options = {
        "INFERENCE_PRECISION_HINT": "bf16" if has_bf16 else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    model = core.read_model(file)
    taken = model.input()
    model.reshape({taken: [1, *list(taken.partial_shape)[1:]]})
    request = core.compile_model(model, "CPU", options).create_infer_request()
    shape = [-1 if size.is_dynamic else size.get_length() for size in model.input().partial_shape]
    names = [one.any_name for one in model.outputs]
    return (lambda planes: list(request.infer([planes]).values()), shape, names)


OPENERS: Mapping[str, Callable[[Path, int], tuple[Run, Sequence[int], list[str]]]] = {
    "onnxruntime": open_onnxruntime,
    "openvino": open_openvino,
}


class BareSession:
    """YOLOX, or RT-DETR with `logits` and `pred_boxes`. Raises `Unreadable` for another model."""

    def __init__(self, runtime: str, file: Path, threads: int, *, confidence: float) -> None:
        self._run, shape, names = OPENERS[runtime](file, threads)
        height, width = shape[2:]
        self._size = width, height
        self._confidence = confidence
        if {"logits", "pred_boxes"} <= set(names):
            self._at = names.index("logits"), names.index("pred_boxes")
            self._look = self._rtdetr
        elif len(names) == 1:
            self._look = self._yolox
        else:
            raise Unreadable(f"the floor cannot read {', '.join(names)}")

    def boxes(self, jpeg: bytes, *, full_width: int) -> Boxes:
        """What is found in a picture that is so many pixels wide."""
        halved = full_width >= 2 * self._size[0]
        how = cv2.IMREAD_REDUCED_COLOR_2 if halved else cv2.IMREAD_COLOR
        pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), how)
        if pixels is None:
            raise ValueError("the picture cannot be decoded")
        return self._look(pixels)

    def _rtdetr(self, pixels: NDArray[Any]) -> Boxes:
        planes = cv2.dnn.blobFromImage(pixels, 1 / 255, self._size, swapRB=True)
        answer = self._run(planes)
        scores = 1 / (1 + np.exp(-answer[self._at[0]][0]))
        boxes = answer[self._at[1]][0]
        return [
            (int(label), float(scores[query, label]), _corners(*boxes[query]))
            for query, label in np.argwhere(scores >= self._confidence)
        ]

    def _yolox(self, pixels: NDArray[Any]) -> Boxes:
        width, height = self._size
        scale = min(width / pixels.shape[1], height / pixels.shape[0])
        inner = cv2.resize(pixels, (int(pixels.shape[1] * scale), int(pixels.shape[0] * scale)))
        canvas = np.full((height, width, 3), 114, np.uint8)
        canvas[: inner.shape[0], : inner.shape[1]] = inner
        rows = self._run(cv2.dnn.blobFromImage(canvas))[0][0]
        scores = rows[:, 4:5] * rows[:, 5:]
        cells, labels = np.nonzero(scores >= self._confidence)
        x, y, stride = _grid(width, height)[cells].T
        centre = (rows[cells, :2] + np.stack([x, y], 1)) * stride[:, None]
        size = np.exp(rows[cells, 2:4]) * stride[:, None]
        unit = scale * np.array([pixels.shape[1], pixels.shape[0]] * 2)
        corners = np.concatenate([centre - size / 2, centre + size / 2], 1) / unit
        sizes = np.concatenate([centre - size / 2, size], 1)
        kept = cv2.dnn.NMSBoxesBatched(
            sizes.tolist(), scores[cells, labels].tolist(), labels.tolist(), self._confidence, 0.45
        )
        return [
            (int(labels[i]), float(scores[cells[i], labels[i]]), corners[i].tolist()) for i in kept
        ]


def _corners(x: float, y: float, width: float, height: float) -> list[float]:
    return [float(v) for v in (x - width / 2, y - height / 2, x + width / 2, y + height / 2)]


def _grid(width: int, height: int) -> NDArray[np.float64]:
    """Column, row and stride of each cell."""
    return np.array(
        [
            (x, y, stride)
            for stride in (8, 16, 32)
            for y in range(height // stride)
            for x in range(width // stride)
        ],
        np.float64,
    )
