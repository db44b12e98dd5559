"""A detector out of an ONNX file, run in this process by ONNX Runtime on the processor."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as native

from backend.core.errors import Invalid, Unavailable
from backend.services.detection import rtdetr, yolox
from backend.services.detection.coco import classes_of
from backend.services.detection.detector import Findings, Pixels, View
from backend.services.detection.family import Family, Recognise, Tensor
from backend.services.detection.postprocess import Candidate, findings
from backend.services.detection.self_check import SURE, doubt_about

FAMILIES: tuple[Recognise, ...] = (yolox.recognise, rtdetr.recognise)
"""The first that recognises a file reads it."""

Asked = tuple[Pixels, float]
"""A picture, and the least confidence that a detection in it needs."""

# ONNX Runtime has no common class for its errors.
_RUNTIME_ERRORS = (
    native.EPFail,
    native.Fail,
    native.InvalidArgument,
    native.InvalidGraph,
    native.InvalidProtobuf,
    native.NoModel,
    native.NoSuchFile,
    native.NotImplemented,
    native.RuntimeException,
)
_ERRORS_ONLY = 3


class OnnxDetector:
    """Runs one model in a thread of its own, one picture at a time. Remembers nothing.

    `doubt` says why the model cannot be trusted, where it cannot.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        family: Family,
        *,
        file: str,
        confidence: float,
        doubt: str | None = None,
    ) -> None:
        self.name = f"{family.name}:{file}"
        self.sight = family.sight
        self.doubt = doubt
        self._session = session
        self._family = family
        self._confidence = confidence
        ends = [*session.get_inputs(), *session.get_outputs()]
        self.takes_batches = all(end.shape and not isinstance(end.shape[0], int) for end in ends)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="detector")

    async def detect(self, view: View, memory: bytes | None) -> Findings:  # noqa: ARG002
        """What the model sees. Raises `Unavailable` (`detector.failed`) if it fails to answer."""
        loop = asyncio.get_running_loop()
        asked = [(view.pixels, self._confidence)]
        (found,) = await loop.run_in_executor(self._thread, self.look, asked)
        return found

    def close(self) -> None:
        """End the thread, after the picture that it is at."""
        self._thread.shutdown(cancel_futures=True)

    def look(self, asked: Sequence[Asked]) -> list[Findings]:
        """What the model sees in each picture, in the caller's thread; not in two at a time.

        All in one run where the file leaves the number of pictures open, else one after the other.
        Raises `Unavailable` (`detector.failed`), whichever picture it was that the model failed at.
        """
        try:
            if self.takes_batches and len(asked) > 1:
                candidates = _ask_together(self._session, self._family, asked)
            else:
                candidates = [_ask(self._session, self._family, *one) for one in asked]
        except (*_RUNTIME_ERRORS, ValueError) as error:
            raise Unavailable(
                f"the model {self.name} failed: {_first_line(error)}", code="detector.failed"
            ) from error
        return [
            findings(of_one, confidence=confidence, has_duplicates=self._family.has_duplicates)
            for of_one, (_, confidence) in zip(candidates, asked, strict=True)
        ]


def load(path: Path, *, threads: int, confidence: float) -> OnnxDetector:
    """The detector in the file `path`; it has answered to three pictures when it returns.

    `threads` is the number of cores that one picture may use; `confidence`, 0..1, the least that
    a detection needs. Takes some seconds for a large model.

    Raises `Invalid`: `model.missing`, `model.broken` (no ONNX that runs here),
    `model.unknown_family` (it runs, but nothing here knows how to read it).
    """
    if not path.is_file():
        raise Invalid(f"there is no model file {path}", code="model.missing")
    try:
        session = _open_session(path, threads)
    except _RUNTIME_ERRORS as error:
        raise Invalid(
            f"the model file {path} cannot be loaded: {_first_line(error)}", code="model.broken"
        ) from error
    family = _family_of(session, path)
    try:
        doubt = doubt_about(partial(_examine, session, family), family.sight)
    except ValueError as error:
        raise Invalid(
            f"the model file {path} looks like {family.name} and does not answer like it: {error}",
            code="model.unknown_family",
        ) from error
    except _RUNTIME_ERRORS as error:
        raise Invalid(
            f"the model file {path} cannot be run: {_first_line(error)}", code="model.broken"
        ) from error
    return OnnxDetector(session, family, file=path.name, confidence=confidence, doubt=doubt)


def _ask(
    session: onnxruntime.InferenceSession, family: Family, pixels: Pixels, confidence: float
) -> list[Candidate]:
    answer: list[NDArray[Any]] = session.run(None, family.feed(pixels))
    height, width = pixels.shape[:2]
    return family.candidates(answer, (width, height), confidence)


def _ask_together(
    session: onnxruntime.InferenceSession, family: Family, asked: Sequence[Asked]
) -> list[list[Candidate]]:
    feeds = [family.feed(pixels) for pixels, _ in asked]
    together = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
    answer: list[NDArray[Any]] = session.run(None, together)
    if any(len(rows) != len(asked) for rows in answer):
        raise ValueError(f"{len(asked)} pictures were given, and {len(answer[0])} answers came")
    return [
        family.candidates(
            [rows[place : place + 1] for rows in answer],
            (pixels.shape[1], pixels.shape[0]),
            confidence,
        )
        for place, (pixels, confidence) in enumerate(asked)
    ]


def _examine(
    session: onnxruntime.InferenceSession, family: Family, pixels: Pixels
) -> tuple[list[NDArray[Any]], list[Candidate]]:
    answer: list[NDArray[Any]] = session.run(None, family.feed(pixels))
    height, width = pixels.shape[:2]
    return answer, family.candidates(answer, (width, height), SURE)


def _open_session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    # Threads that wait by spinning would burn a core between two pictures.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _family_of(session: onnxruntime.InferenceSession, path: Path) -> Family:
    inputs = _tensors(session.get_inputs())
    outputs = _tensors(session.get_outputs())
    try:
        classes = classes_of(session.get_modelmeta().custom_metadata_map)
    except ValueError as error:
        raise Invalid(
            f"the model file {path} cannot be read: {error}", code="model.unknown_family"
        ) from error
    for recognise in FAMILIES:
        family = recognise(inputs, outputs, classes)
        if family is not None:
            return family
    raise Invalid(
        f"the model file {path} is of no family that is known here (YOLOX, RT-DETR) with"
        f" {len(classes)} classes: it takes {'; '.join(map(str, inputs))}"
        f" and gives {'; '.join(map(str, outputs))}",
        code="model.unknown_family",
    )


def _tensors(found: Sequence[Any]) -> list[Tensor]:
    return [
        Tensor(
            each.name,
            each.type,
            tuple(size if isinstance(size, int) else None for size in each.shape),
        )
        for each in found
    ]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
