"""Sky, trees, bushes and fences."""

from collections.abc import Iterable

import cv2
import numpy as np

from backend.demo.canvas import (
    Canvas,
    Point,
    cloudy,
    dice,
    ellipse,
    fill,
    limb,
    oblong,
)


def draw_sky(canvas: Canvas, horizon: int, seed: int) -> None:
    """A blue sky with white clouds, from the top down to `horizon`.

    It does not count as paint: what is not covered in the end is sky.
    """
    width = canvas.cover.shape[1]
    fill(canvas, oblong(0, 0, width, horizon), (214, 160, 104), (240, 222, 200))
    clouds = cloudy(seed, (width, horizon), (300, 110)).astype(np.float32)
    share = cv2.GaussianBlur(np.clip((clouds - 122) * 4, 0, 215), (0, 0), 3) / np.float32(255)
    white = np.asarray(share, np.float32)[..., np.newaxis]
    sky = canvas.picture[:horizon]
    sky[:] = np.rint(sky * (1 - white) + np.asarray((250, 248, 246), np.float32) * white)
    canvas.cover[:] = 0


def draw_tree(canvas: Canvas, foot: Point, height: float, seed: int) -> None:
    """A broad-leaved tree."""
    x, y = foot
    fill(canvas, limb((x, y), (x, y - height * 0.6), height * 0.05, height * 0.03), (52, 74, 98),
         (40, 56, 76))  # fmt: skip
    _draw_leaves(canvas, (x, y - height * 0.68), (height * 0.42, height * 0.34), seed)


def draw_bush(canvas: Canvas, foot: Point, size: tuple[float, float], seed: int) -> None:
    """A bush that is `size` (half its width, its height) and stands on `foot`."""
    half, height = size
    _draw_leaves(canvas, (foot[0], foot[1] - height * 0.46), (half, height * 0.55), seed)


def _draw_leaves(canvas: Canvas, centre: Point, radius: tuple[float, float], seed: int) -> None:
    """A crown of tufts, dark ones behind and below, light ones in front and above."""
    tufts = dice(seed, (46, 3)).astype(np.float64) / 255
    depth = np.sort(tufts[:, 2])
    for (turn, reach, _), light in zip(tufts, depth, strict=True):
        angle = turn * 2 * np.pi
        x = centre[0] + np.cos(angle) * reach**0.6 * radius[0] * 0.8
        y = centre[1] + (np.sin(angle) * reach**0.6 * 0.75 - (light - 0.5) * 0.45) * radius[1]
        tone = float(np.clip(0.62 + 0.5 * light, 0, 1.1))
        tuft = radius[0] * (0.42 - 0.24 * light), radius[1] * (0.46 - 0.26 * light)
        upper = int(56 * tone), int(136 * tone), int(92 * tone)
        lower = int(40 * tone), int(96 * tone), int(62 * tone)
        fill(canvas, ellipse((x, y), *tuft), upper, lower)


def draw_pickets(canvas: Canvas, lefts: Iterable[int], top: float, bottom: float) -> None:
    """A white fence of pointed boards, each 17 wide, on two rails."""
    lefts = list(lefts)
    for y in (top + 22, bottom - 34):
        fill(canvas, oblong(lefts[0], y, lefts[-1] + 17, y + 11), (206, 212, 214), (170, 176, 180))
    for left in lefts:
        board = [(left, bottom), (left, top + 10), (left + 8.5, top), (left + 17, top + 10),
                 (left + 17, bottom)]  # fmt: skip
        fill(canvas, [(x + 3, y) for x, y in board], (120, 132, 136))
        fill(canvas, board, (240, 244, 246), (204, 210, 214), across=True)
