"""What the detection stage needs of a detector."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.domain.boxes import Detection

Pixels = NDArray[np.uint8]
"""A decoded picture: height x width x 3, blue, green, red, 0..255."""


@dataclass(frozen=True, slots=True)
class View:
    """One picture of one camera at a time, as a detector gets it.

    `pixels` may have been decoded at a reduced scale; a detector answers in fractions of the
    picture, so that the scale does not matter.
    """

    camera_id: int
    captured_at: datetime
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Findings:
    """What a detector found in one view, the surest first.

    `dropped` counts by reason what was found and not kept (a class that does not matter, a box that
    is none). `remark` says in a few words why nothing was found, where the detector knows.
    `source` is who found it, where the detector is several, or what it runs may change.
    `memory` is what it wants to be given back with this camera's next view.
    """

    detections: tuple[Detection, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    remark: str | None = None
    memory: bytes | None = None
    source: str | None = None


class Detector(Protocol):
    """Finds objects in a picture.

    `name` goes onto every event that it finds. A detector that learns about a camera keeps nothing
    itself: it gives its `memory` with the findings and gets it back with the camera's next view, so
    that what it learnt is stored together with what it found, or not at all.
    """

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def sight(self) -> int:
        """The longer side, in pixels, that it makes use of; pictures are decoded no larger."""
        ...

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """The findings in one view; never blocks the event loop.

        Raises `Invalid` for a picture that it can never handle, `Unavailable` while it cannot work.
        """
        ...


class OpenDetector(Detector, Protocol):
    """A detector that a worker has opened, and closes in the end."""

    @property
    def doubt(self) -> str | None:
        """Why it cannot be trusted, in a few words; None where nothing speaks against it."""
        ...

    async def aclose(self) -> None:
        """End what it has opened; it is at no picture."""
        ...
