"""Motion: what differs from the scene as it was. Needs no model, and knows no classes.

Per camera there is a background, a small grey picture of the scene, and a picture is compared with
it cell by cell. A change of the light that brightens or darkens everything alike (the camera's own
exposure, a cloud) is fitted as one straight line from the background to the picture, and taken out
before the comparison; noise is measured in the picture, and only what is well above it counts.

The background follows unchanged cells at once and changed ones slowly, by capture time, however
many pictures come: a visitor of a minute leaves no trace in it, a parked car becomes a part of the
scene within some minutes. It cannot tell a shadow or a waving branch from a visitor.
"""

import asyncio
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.boxes import Box, Detection
from backend.domain.classes import MOTION
from backend.services.detection.detector import Findings, Pixels, View

LEARNING = "learning the scene"
LIGHT_CHANGED = "the light changed"
NO_MOTION = "no motion"

GRID = 160
"""Cells along the longer side: a figure a tenth of the picture high is still twelve of them."""

LIGHT_SHARE = 0.6
"""If more of the picture changed than this, the light did, and not the scene."""

ABSORB_EVERY = timedelta(seconds=10)
"""In this time the background goes one of 255 grey levels towards what stands before it. A car
that differs by 60 levels is motion for seven minutes, all one event."""

MAX_BOXES = 10

_MOST_ABSORBED_AT_ONCE = 4  # levels; where pictures are rare, one visitor must not become the scene
_FOLLOW = 0.25  # of the difference, for cells that did not change
_LEAST_CHANGE, _MOST_CHANGE = 18.0, 40.0  # grey levels
_LEAST_SHARE = 0.0012  # of the picture: 17 cells of 160 x 90; less is a leaf, or noise
_MODEST_SHIFT = 30.0  # grey levels: about what automatic exposure does when a visitor comes near
_JOIN = np.ones((5, 5), np.uint8)  # parts of one figure that are two cells apart belong together

Grey = NDArray[np.uint8]
Cells = NDArray[np.float32]
Mask = NDArray[np.bool_]


class MotionDetector:
    """Finds motion by a camera's background, which travels as its memory.

    The confidence of a detection is the share of its box that changed, 0..1.
    """

    name: str = MOTION
    # Twice the grid, so that the noise of the picture is averaged out.
    sight: int = 2 * GRID
    doubt: str | None = None  # it has no model that could be blind

    async def detect(self, view: View, memory: bytes | None) -> Findings:
        """What differs from the scene in `memory`; without one, the scene is learnt.

        A picture that is not later than the last one learnt from is compared and teaches nothing.
        """
        return await asyncio.to_thread(find_motion, view, memory)

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class Background:
    """A camera's scene: what was last learnt, and when its changed cells last absorbed anything."""

    cells: Grey
    learnt_at: datetime
    absorbed_at: datetime

    _HEAD = struct.Struct(">4sqqHH")
    _MAGIC = b"MOT1"

    def pack(self) -> bytes:
        """`MOT1`, two times (int64, microseconds since 1970), height, width (uint16), big-endian;

        then the cells, a byte each, row by row, compressed by zlib. About 10 kB.
        """
        height, width = self.cells.shape
        times = (_microseconds(self.learnt_at), _microseconds(self.absorbed_at))
        head = self._HEAD.pack(self._MAGIC, *times, height, width)
        return head + zlib.compress(self.cells.tobytes(), level=1)

    @classmethod
    def unpack(cls, memory: bytes) -> "Background | None":
        """What `pack` gave; None for anything else."""
        try:
            magic, learnt, absorbed, height, width = cls._HEAD.unpack_from(memory)
            if magic != cls._MAGIC or max(height, width) > GRID:
                return None
            unzip = zlib.decompressobj()
            raw = unzip.decompress(memory[cls._HEAD.size :], height * width + 1)
            cells = np.frombuffer(raw, np.uint8).reshape(height, width)
            return cls(cells, _from_microseconds(learnt), _from_microseconds(absorbed))
        except (struct.error, zlib.error, ValueError, OverflowError):
            return None


def find_motion(view: View, memory: bytes | None) -> Findings:
    """What `MotionDetector.detect` answers."""
    now = _grid_of(view.pixels)
    background = Background.unpack(memory) if memory is not None else None
    if background is None:
        return _learn_anew(now, view.captured_at, LEARNING)
    is_late = view.captured_at <= background.learnt_at
    if background.cells.shape != now.shape:
        if is_late:
            return Findings((), remark=LEARNING, memory=memory)
        return _learn_anew(now, view.captured_at, LEARNING)

    expected = _under_this_light(background.cells, now)
    if expected is None or _is_far(background.cells, now, expected):
        if is_late:
            return Findings((), remark=LIGHT_CHANGED, memory=memory)
        return _learn_anew(now, view.captured_at, LIGHT_CHANGED)

    changed = _changed(expected, now)
    joined = cv2.dilate(changed.astype(np.uint8), _JOIN).astype(bool)
    detections, dropped = _boxes(changed, joined)
    if not is_late:
        memory = _taught(background, now, expected, joined, view.captured_at).pack()
    return Findings(detections, dropped, remark=None if detections else NO_MOTION, memory=memory)


def _learn_anew(now: Grey, at: datetime, remark: str) -> Findings:
    return Findings((), remark=remark, memory=Background(now, at, at).pack())


def _grid_of(pixels: Pixels) -> Grey:
    """The picture in grey, its longer side `GRID` cells, each the mean of its pixels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, GRID / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)


def _under_this_light(background: Grey, now: Grey) -> Cells | None:
    """The background as it would look under the light of `now`.

    The straight line is fitted to the cells that lie near it, starting from a mere shift. None if
    more cells than `LIGHT_SHARE` lie off the line: one side is lit anew, or all of it is.
    """
    before, after = background.astype(np.float32), now.astype(np.float32)
    gain, shift = 1.0, float(np.median(after - before))
    for _ in range(4):
        near = np.abs(after - (gain * before + shift)) <= _LEAST_CHANGE
        if near.mean() < 1 - LIGHT_SHARE:
            return None
        gain, shift = _line(before[near], after[near])
    expected: Cells = np.clip(gain * before + shift, 0, 255).astype(np.float32)
    return expected


def _is_far(background: Grey, now: Grey, expected: Cells) -> bool:
    """Whether the light went so far that a line cannot be trusted with the rest of the picture."""
    before = background.astype(np.float32)
    shift = abs(float((expected - before).mean()))
    changed = float((np.abs(now - before) > _LEAST_CHANGE).mean())
    return shift > _MODEST_SHIFT and changed > LIGHT_SHARE


def _line(before: Cells, after: Cells) -> tuple[float, float]:
    """Least squares, held near a mere shift where the scene has too little contrast to tell."""
    spread = before - before.mean()
    # One level of noise in every cell is assumed beside what is seen.
    gain = float(((spread * (after - after.mean())).mean() + 1) / ((spread**2).mean() + 1))
    return gain, float(after.mean() - gain * before.mean())


def _changed(expected: Cells, now: Grey) -> Mask:
    """The cells that differ by far more than the noise."""
    difference = np.abs(now - expected)
    noise = 1.4826 * float(np.median(difference))  # the standard deviation, if it is Gaussian
    mask: Mask = difference > min(max(5 * noise, _LEAST_CHANGE), _MOST_CHANGE)
    return mask


def _boxes(
    changed: Mask, joined: NDArray[np.uint8]
) -> tuple[tuple[Detection, ...], dict[str, int]]:
    """A detection for each group of changed cells that is large enough, the surest first."""
    height, width = changed.shape
    number, labels = cv2.connectedComponents(joined.astype(np.uint8))
    sizes = np.bincount(labels[changed], minlength=number)
    large = [n for n in range(1, number) if sizes[n] >= max(2, _LEAST_SHARE * changed.size)]
    large.sort(key=lambda n: (-sizes[n], n))
    found = []
    for label in large[:MAX_BOXES]:
        rows, columns = np.nonzero(changed & (labels == label))
        top, bottom = int(rows.min()), int(rows.max()) + 1
        left, right = int(columns.min()), int(columns.max()) + 1
        box = Box(left / width, top / height, (right - left) / width, (bottom - top) / height)
        share = float(changed[top:bottom, left:right].mean())
        found.append(Detection(MOTION, share, box))
    found.sort(key=lambda detection: -detection.confidence)
    beyond = len(large) - len(found)
    return tuple(found), {"too_many": beyond} if beyond else {}


def _taught(
    background: Background, now: Grey, expected: Cells, changed: Mask, at: datetime
) -> Background:
    """The background after a picture: everywhere the light is followed, and what did not change;

    what changed is absorbed by one level for every `ABSORB_EVERY` that has passed.
    """
    before = background.cells.astype(np.float32)
    goal = np.where(changed, np.rint(expected), now)
    steps = goal - before
    # Rounded away from zero, or the last few levels would never be reached.
    cells = before + np.sign(steps) * np.ceil(np.abs(steps) * _FOLLOW)

    passed = (at - background.absorbed_at) // ABSORB_EVERY
    levels = min(passed, _MOST_ABSORBED_AT_ONCE)
    absorbed = np.clip(now - cells, -levels, levels)
    cells = np.where(changed, cells + absorbed, cells).clip(0, 255).astype(np.uint8)
    return Background(cells, at, background.absorbed_at + passed * ABSORB_EVERY)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _from_microseconds(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)
