"""Painting: smooth outlines, filled with fading colours, and textures that never change.

Points are (x, y) in pixels from the top left corner, sizes are (width, height).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
"""Blue, green, red, 0..255."""
Point = tuple[float, float]
Picture = NDArray[np.uint8]
"""Height x width x 3, blue, green, red."""
Tones = NDArray[np.uint8]
"""Height x width: how much of something, 0..255."""

_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class Canvas:
    """A picture in the making, and where it is covered with paint so far."""

    picture: Picture
    cover: Tones


def blank(size: tuple[int, int]) -> Canvas:
    """A black canvas with no paint on it."""
    width, height = size
    return Canvas(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8))


def fill(
    canvas: Canvas,
    outline: Sequence[Point],
    colour: Colour,
    fade: Colour | None = None,
    *,
    across: bool = False,
) -> None:
    """Paint inside `outline`; with `fade`, from `colour` at the top to `fade` at the bottom.

    `across` turns the fading to run from the left to the right.
    """
    height, width = canvas.cover.shape
    points = np.asarray(outline, np.float64)
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
    right = min(int(points[:, 0].max()) + 2, width)
    bottom = min(int(points[:, 1].max()) + 2, height)
    if right <= left or bottom <= top:
        return
    stencil = _stencil(points - (left, top), (right - left, bottom - top))
    paint = _paint(colour, fade or colour, (right - left, bottom - top), across=across)
    _lay(canvas.picture[top:bottom, left:right], paint, stencil)
    cover = canvas.cover[top:bottom, left:right]
    np.maximum(cover, stencil, out=cover)


def stencil_of(outline: Sequence[Point], size: tuple[int, int]) -> Tones:
    """255 inside `outline`, 0 outside, something between on its edge."""
    return _stencil(np.asarray(outline, np.float64), size)


def _stencil(points: NDArray[np.float64], size: tuple[int, int]) -> Tones:
    stencil = np.zeros((size[1], size[0]), np.uint8)
    fixed = np.round(points * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(stencil, [fixed], (255,), cv2.LINE_AA, _SUBPIXEL_BITS)
    return stencil


def _paint(start: Colour, end: Colour, size: tuple[int, int], *, across: bool) -> NDArray[np.int32]:
    steps = size[0] if across else size[1]
    ramp = np.linspace(start, end, steps).round().astype(np.int32)
    return ramp[np.newaxis, :] if across else ramp[:, np.newaxis]


def _lay(under: Picture, paint: NDArray[np.int32], stencil: Tones) -> None:
    share = stencil.astype(np.int32)[..., np.newaxis]
    under[:] = (under * (255 - share) + paint * share + 127) // 255


def oblong(left: float, top: float, right: float, bottom: float) -> list[Point]:
    """The outline of an upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def ellipse(centre: Point, radius_x: float, radius_y: float, turn: float = 0.0) -> list[Point]:
    """The outline of an ellipse, turned clockwise by `turn` degrees."""
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    xs, ys = radius_x * np.cos(angles), radius_y * np.sin(angles)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    turned = np.column_stack((xs * cos - ys * sin, xs * sin + ys * cos)) + centre
    return _listed(turned)


def smooth(corners: Sequence[Point]) -> list[Point]:
    """A closed curve through `corners` (a Catmull-Rom spline)."""
    p1 = np.asarray(corners, np.float64)
    p0, p2, p3 = np.roll(p1, 1, 0), np.roll(p1, -1, 0), np.roll(p1, -2, 0)
    t = np.linspace(0, 1, 8, endpoint=False)[:, np.newaxis, np.newaxis]
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return _listed(curve.transpose(1, 0, 2).reshape(-1, 2))


def limb(start: Point, end: Point, start_radius: float, end_radius: float) -> list[Point]:
    """A rounded stick that tapers from one radius to the other."""
    ends = ellipse(start, start_radius, start_radius) + ellipse(end, end_radius, end_radius)
    hull = cv2.convexHull(np.asarray(ends, np.float32))
    return _listed(hull.reshape(-1, 2).astype(np.float64))


def _listed(points: NDArray[np.float64]) -> list[Point]:
    return [(float(x), float(y)) for x, y in points]


def placed(outline: Iterable[Point], at: Point, scale: Point) -> list[Point]:
    """`outline` scaled (a negative scale mirrors) and moved to `at`."""
    return [(at[0] + x * scale[0], at[1] + y * scale[1]) for x, y in outline]


def dice(seed: int, shape: tuple[int, ...]) -> Tones:
    """Bytes that look random, the same for ever: the raw stream of PCG64 is promised to be stable.

    The distributions that numpy makes of it are not.
    """
    count = int(np.prod(shape))
    words = np.random.PCG64(seed).random_raw(count // 8 + 1)
    return words.astype("<u8").view(np.uint8)[:count].reshape(shape)


def cloudy(seed: int, size: tuple[int, int], cell: tuple[int, int]) -> Tones:
    """Soft blotches around 128, each about as large as `cell`, with finer ones within."""
    field = np.zeros((size[1], size[0]), np.float32)
    for octave, weight in enumerate((0.57, 0.29, 0.14)):
        columns = max(size[0] * 2**octave // cell[0], 2)
        rows = max(size[1] * 2**octave // cell[1], 2)
        coarse = dice(seed + octave, (rows, columns)).astype(np.float32)
        field += weight * cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)
    return np.clip(field, 0, 255).astype(np.uint8)


def roughen(canvas: Canvas, outline: Sequence[Point], texture: Tones, strength: float) -> None:
    """Brighten and darken the paint inside `outline` by `texture`, at most by 128 x `strength`."""
    height, width = canvas.cover.shape
    xs, ys = zip(*outline, strict=True)
    left, right = max(int(min(xs)), 0), min(int(max(xs)) + 1, width)
    top, bottom = max(int(min(ys)), 0), min(int(max(ys)) + 1, height)
    stencil = stencil_of([(x - left, y - top) for x, y in outline], (right - left, bottom - top))
    change = (texture[top:bottom, left:right].astype(np.float32) - 128) * (strength / 255) * stencil
    area = canvas.picture[top:bottom, left:right]
    area[:] = np.clip(area + np.round(change)[..., np.newaxis], 0, 255).astype(np.uint8)
