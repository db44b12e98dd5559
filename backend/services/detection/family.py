"""What a family of models needs to know beside its file: how pictures go in, and answers come out.

One file per family (`yolox.py`), each with a `recognise`; `model_detector.py` lists them.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from backend.services.detection.detector import Pixels
from backend.services.detection.postprocess import Candidate

Feed = dict[str, NDArray[np.generic]]

Classes = tuple[str, ...]
"""The names of a model's classes, as it numbers them."""


class Tensor(NamedTuple):
    """An input or output of a model's file; a dimension that the file leaves open is None."""

    name: str
    kind: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """For example `images tensor(float) [?, 3, 640, 640]`."""
        shape = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {self.kind} [{shape}]"


class Family(Protocol):
    """One model's way in and out. Both functions run in the detector's own thread."""

    @property
    def name(self) -> str:
        """The family, in one lower-case word."""

    @property
    def sight(self) -> int:
        """The longer side of the model's input, in pixels."""

    @property
    def has_duplicates(self) -> bool:
        """Whether the model gives one object several times."""

    def feed(self, pixels: Pixels) -> Feed:
        """The model's inputs for one picture."""

    def candidates(
        self, answer: Sequence[NDArray[Any]], size: tuple[int, int], confidence: float
    ) -> list[Candidate]:
        """What the model's outputs say about a picture of `size` (width, height).

        What is surely below `confidence` may be left out; what is no number may not.
        Raises `ValueError` for an answer of another shape than the family's.
        """


class Recognise(Protocol):
    """Looks at a file's inputs and outputs, given its classes."""

    def __call__(
        self, inputs: Sequence[Tensor], outputs: Sequence[Tensor], classes: Classes
    ) -> Family | None:
        """The family's reading of the model; None if the model is not of this family."""
