"""A detector out of a model, run in this process by one of the `runtimes`."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.core.errors import Invalid, Unavailable
from backend.domain.classes import GROUPS, MOTION
from backend.services.detection import rtdetr, yolox
from backend.services.detection.coco import classes_of
from backend.services.detection.detector import Findings, Pixels, View
from backend.services.detection.family import Classes, Family, Recognise
from backend.services.detection.postprocess import Candidate, findings
from backend.services.detection.runtimes.network import Network, NetworkError, takes_batches
from backend.services.detection.runtimes.opening import DEFAULT, open_network
from backend.services.detection.self_check import SURE, doubt_about

FAMILIES: tuple[Recognise, ...] = (yolox.recognise, rtdetr.recognise)
"""The first that recognises a model reads it."""

Asked = tuple[Pixels, float]
"""A picture, and the least confidence that a detection in it needs."""


class ModelDetector:
    """Runs one model in a thread of its own, one picture at a time. Remembers nothing.

    `doubt` says why the model cannot be trusted, where it cannot; `engine`, what runs it.
    """

    def __init__(
        self,
        network: Network,
        family: Family,
        *,
        file: str,
        confidence: float,
        doubt: str | None = None,
    ) -> None:
        self.name = f"{family.name}:{file}"
        self.sight = family.sight
        self.doubt = doubt
        self.engine = network.engine
        self.takes_batches = takes_batches(network)
        self._network = network
        self._family = family
        self._confidence = confidence
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

    def answer(self, pixels: Pixels) -> list[NDArray[Any]]:
        """The model's own answer to a picture, in the caller's thread. Raises `NetworkError`."""
        return self._network.run(self._family.feed(pixels))

    def look(self, asked: Sequence[Asked]) -> list[Findings]:
        """What the model sees in each picture, in the caller's thread; not in two at a time.

        All in one run where the model leaves the number of pictures open, else one after the other.
        Raises `Unavailable` (`detector.failed`), whichever picture it was that the model failed at.
        """
        try:
            if self.takes_batches and len(asked) > 1:
                candidates = _ask_together(self._network, self._family, asked)
            else:
                candidates = [_ask(self._network, self._family, *one)[1] for one in asked]
        except (NetworkError, ValueError) as error:
            raise Unavailable(
                f"the model {self.name} failed: {error}", code="detector.failed"
            ) from error
        return [
            findings(of_one, confidence=confidence, has_duplicates=self._family.has_duplicates)
            for of_one, (_, confidence) in zip(candidates, asked, strict=True)
        ]


def load(path: Path, *, threads: int, confidence: float, runtime: str = DEFAULT) -> ModelDetector:
    """The detector in the file `path`; it has answered to three pictures when it returns.

    `threads` is the number of cores that one picture may use; `confidence`, 0..1, the least that
    a detection needs. Takes some seconds for a large model.

    Raises `Invalid`: `model.missing`, `model.broken` (nothing that this runtime runs),
    `model.unknown_family` (it runs, but nothing here knows how to read it), `runtime.missing`.
    """
    try:
        network = open_network(path, threads=threads, runtime=runtime)
    except NetworkError as error:
        raise Invalid(
            f"the model file {path} cannot be loaded: {error}", code="model.broken"
        ) from error
    classes = _classes_of(network, path)
    family = _family_of(network, path, classes)
    try:
        doubt = doubt_about(partial(_ask, network, family, confidence=SURE), family.sight)
    except ValueError as error:
        raise Invalid(
            f"the model file {path} looks like {family.name} and does not answer like it: {error}",
            code="model.unknown_family",
        ) from error
    except NetworkError as error:
        raise Invalid(
            f"the model file {path} cannot be run: {error}", code="model.broken"
        ) from error
    doubt = doubt or _doubt_about_classes(classes)
    return ModelDetector(network, family, file=path.name, confidence=confidence, doubt=doubt)


def _doubt_about_classes(classes: Classes) -> str | None:
    """A model that sees, and sees nothing that counts, would report a quiet house too."""
    ours = [name for name in GROUPS if name != MOTION]
    if set(ours).isdisjoint(classes):
        return f"it names none of the classes that matter: {', '.join(ours)}"
    return None


def _ask(
    network: Network, family: Family, pixels: Pixels, confidence: float
) -> tuple[list[NDArray[Any]], list[Candidate]]:
    """The answer to one picture, and what is read of it."""
    answer = network.run(family.feed(pixels))
    height, width = pixels.shape[:2]
    return answer, family.candidates(answer, (width, height), confidence)


def _ask_together(
    network: Network, family: Family, asked: Sequence[Asked]
) -> list[list[Candidate]]:
    feeds = [family.feed(pixels) for pixels, _ in asked]
    together = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
    answer = network.run(together)
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


def _classes_of(network: Network, path: Path) -> Classes:
    try:
        return classes_of(network.metadata)
    except ValueError as error:
        raise Invalid(
            f"the model file {path} cannot be read: {error}; {_ends_of(network)}",
            code="model.unknown_family",
        ) from error


def _family_of(network: Network, path: Path, classes: Classes) -> Family:
    for recognise in FAMILIES:
        family = recognise(network.inputs, network.outputs, classes)
        if family is not None:
            return family
    raise Invalid(
        f"the model file {path} is of no family that is known here (YOLOX, RT-DETR) with"
        f" {len(classes)} classes: {_ends_of(network)}",
        code="model.unknown_family",
    )


def _ends_of(network: Network) -> str:
    """In words, what it takes and gives."""
    takes, gives = ("; ".join(map(str, ends)) for ends in (network.inputs, network.outputs))
    return f"it takes {takes} and gives {gives}"
