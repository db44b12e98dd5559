"""The light of an hour, and what the camera's sensor makes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from backend.demo.canvas import Colour, Picture, Point, Tones, blank, dice, fill, oblong, stencil_of

JPEG_QUALITY = 80


class Light(StrEnum):
    """The light that a picture is taken in; at night the camera sees by its own infrared lamp."""

    DAY = "day"
    CLOUD = "cloud"
    DUSK = "dusk"
    NIGHT = "night"


SENSOR_NOISE = {Light.DAY: 1.6, Light.CLOUD: 2.0, Light.DUSK: 2.6, Light.NIGHT: 3.4}
"""Standard deviation of a pixel's brightness, of 255."""


@dataclass(frozen=True)
class Glow:
    """A light in the picture; it reaches about twice `radius` pixels."""

    at: Point
    radius: float
    colour: Colour


@dataclass(frozen=True)
class Beam:
    """The infrared light of the camera: brightest `at` a point, it fades over `radius` pixels.

    The radius is one across and one down; `strength` is of 255.
    """

    at: Point
    radius: tuple[float, float]
    strength: int


@dataclass(frozen=True)
class Lighting:
    """What shines in a scene: its windows, its lamp, the camera's beam; `sky` is 255 in the sky."""

    sky: Tones
    windows: Sequence[Sequence[Point]]
    lamp: Point
    beam: Beam


def lit(picture: Picture, lighting: Lighting, light: Light) -> Picture:
    """A scene that was painted by day, in another light."""
    match light:
        case Light.DAY:
            return picture
        case Light.CLOUD:
            return _times(picture, (0.74, 0.7, 0.68))
        case Light.DUSK:
            return _at_dusk(picture, lighting)
        case Light.NIGHT:
            return _at_night(picture, lighting)


def _at_dusk(picture: Picture, lighting: Lighting) -> Picture:
    dim = _times(picture, (0.44, 0.36, 0.4))
    width, height = _size(picture)
    sunset = blank((width, height))
    fill(sunset, oblong(0, 0, width, height * 0.4), (128, 76, 70), (104, 148, 226))
    _blend(dim, sunset.picture, lighting.sky, 0.55)
    for window in lighting.windows:
        _blend(dim, _plain(picture, (96, 190, 246)), stencil_of(window, _size(picture)), 0.6)
    return with_glows(dim, [Glow(lighting.lamp, 62, (90, 170, 220))])


def _at_night(picture: Picture, lighting: Lighting) -> Picture:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    dark = np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)
    _blend(dark, _plain(picture, (26, 26, 26)), lighting.sky, 0.94)
    for window in lighting.windows:
        _blend(dark, _plain(picture, (60, 60, 60)), stencil_of(window, _size(picture)), 0.6)
    beam = lighting.beam
    spot = _spot(_size(picture), beam.at, beam.radius, beam.strength)
    reach = cv2.cvtColor(cv2.add(spot, np.full_like(spot, 38)), cv2.COLOR_GRAY2BGR)
    seen = np.asarray(cv2.multiply(dark, reach, scale=1 / 215), np.uint8)
    return with_glows(seen, [Glow(lighting.lamp, 34, (150, 150, 150))])


def with_glows(picture: Picture, glows: Sequence[Glow]) -> Picture:
    """`picture` with lights that dazzle the camera a little."""
    shining = picture.copy()
    for glow in glows:
        spot = _spot(_size(picture), glow.at, (glow.radius, glow.radius), 255)
        left, top, width, height = cv2.boundingRect(spot)
        reached = slice(top, top + height), slice(left, left + width)
        spread = np.asarray(cv2.cvtColor(spot[reached], cv2.COLOR_GRAY2BGR), np.uint8)
        tinted = cv2.multiply(spread, _plain(spread, glow.colour).copy(), scale=1 / 255)
        shining[reached] = cv2.add(shining[reached], tinted)
    return shining


def with_shadow(picture: Picture, cover: Tones, foot: Point, light: Light) -> Picture:
    """`picture` with the shadow of what covers it and stands on `foot`.

    The sun stands in front on the left; without sun there is but a dim spot below.
    """
    lean, length, strength = (0.5, 0.2, 0.5) if light is Light.DAY else (0.0, 0.05, 0.3)
    y = foot[1]
    to_ground = np.array([[1, -lean, lean * y], [0, length, y - length * y]], np.float64)
    fallen = cv2.warpAffine(cover, to_ground, _size(picture))
    soft = cv2.GaussianBlur(fallen, (0, 0), 4)
    kept = cv2.cvtColor(cv2.convertScaleAbs(soft, alpha=-strength, beta=255), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.multiply(picture, kept, scale=1 / 255), np.uint8)


def photographed(picture: Picture, light: Light, seed: int) -> bytes:
    """The JPEG that a camera makes of it: a little soft, with the noise of its sensor."""
    soft = cv2.GaussianBlur(picture, (0, 0), 0.7)
    # the sum of four even bytes is close to a bell curve, with a deviation of 147.8
    bell = dice(seed, (4, *picture.shape[:2])).sum(axis=0, dtype=np.int16) - 510
    noise = (bell * np.float32(SENSOR_NOISE[light] / 147.8)).round().astype(np.int16)
    noisy = np.clip(soft + noise[..., np.newaxis], 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return jpeg.tobytes()


def _times(picture: Picture, shares: tuple[float, float, float]) -> Picture:
    return np.rint(picture * np.asarray(shares, np.float32)).astype(np.uint8)


def _blend(picture: Picture, other: Picture, where: Tones, share: float) -> None:
    left, top, width, height = cv2.boundingRect(where)
    reached = slice(top, top + height), slice(left, left + width)
    weight = (where[reached] * np.float32(share / 255))[..., np.newaxis]
    picture[reached] = np.rint(picture[reached] * (1 - weight) + other[reached] * weight)


def _spot(size: tuple[int, int], at: Point, radius: tuple[float, float], peak: int) -> Tones:
    """A bell of light, computed coarsely: it is smooth."""
    width, height = size[0] // 8, size[1] // 8
    x = (np.arange(width)[np.newaxis] * 8 - at[0]) / radius[0]
    y = (np.arange(height)[:, np.newaxis] * 8 - at[1]) / radius[1]
    bell = peak * np.exp(-(x**2 + y**2) / 2)
    return np.asarray(cv2.resize(bell.astype(np.float32), size).round(), np.uint8)


def _size(picture: Picture) -> tuple[int, int]:
    return picture.shape[1], picture.shape[0]


def _plain(picture: Picture, colour: Colour) -> Picture:
    return np.broadcast_to(np.asarray(colour, np.uint8), picture.shape)
