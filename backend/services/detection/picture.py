"""From a picture's bytes to pixels, once, and from the pixels to a thumbnail."""

from collections.abc import Sequence

import cv2
import numpy as np

from backend.core.errors import Invalid
from backend.domain.boxes import Detection
from backend.domain.classes import GROUPS
from backend.services.detection.detector import Pixels

THUMBNAIL_WIDTH = 320

# A JPEG can be decoded at a half, a quarter and an eighth of its size for a fraction of the work.
_REDUCED = (
    (8, cv2.IMREAD_REDUCED_COLOR_8),
    (4, cv2.IMREAD_REDUCED_COLOR_4),
    (2, cv2.IMREAD_REDUCED_COLOR_2),
)

# Blue, green, red. The name stands beside every box, so that the colour only helps.
_COLOURS = {
    "person": (60, 76, 231),
    "vehicle": (219, 152, 52),
    "pet": (96, 174, 39),
    "bird": (182, 89, 155),
    "motion": (18, 156, 243),
}
_DARK, _WHITE = (32, 32, 32), (255, 255, 255)
_FONT, _FONT_SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.4


def decode(data: bytes, *, longest: int | None, full_size: tuple[int, int]) -> Pixels:
    """The picture, upright, at the smallest of 1/1, 1/2, 1/4, 1/8 whose longer side has `longest`.

    `full_size` is width and height, in pixels, as the header has them; `longest` None decodes all.
    EXIF orientation is applied, as every browser applies it to the picture itself, so that boxes
    fit both. Damage that the decoder can bridge is not told: libjpeg fills it with grey.

    Raises `Invalid`: `picture.undecodable`.
    """
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), _flag(longest, max(full_size)))
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:  # says nothing about the picture
            raise MemoryError("no memory to decode a picture") from error
        raise _undecodable() from error
    if pixels is None:
        raise _undecodable()
    return pixels.astype(np.uint8, copy=False)


def draw_thumbnail(
    pixels: Pixels, detections: Sequence[Detection], *, width: int = THUMBNAIL_WIDTH
) -> bytes:
    """A JPEG whose longer side is `width`, with each detection's box, class and confidence.

    `pixels` are left as they are.
    """
    scale = width / max(pixels.shape[:2])
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    shrinks = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas = np.ascontiguousarray(cv2.resize(pixels, size, interpolation=shrinks), np.uint8)
    # The surest is drawn last, above the others.
    for detection in reversed(detections):
        _draw(canvas, detection)
    _, jpeg = cv2.imencode(".jpg", canvas, (cv2.IMWRITE_JPEG_QUALITY, 80))
    return jpeg.tobytes()


def _flag(longest: int | None, longer_side: int) -> int:
    if longest is not None:
        for divisor, flag in _REDUCED:
            if longer_side >= longest * divisor:
                return flag
    return cv2.IMREAD_COLOR


def _undecodable() -> Invalid:
    return Invalid("the picture cannot be decoded", code="picture.undecodable")


def _draw(canvas: Pixels, detection: Detection) -> None:
    height, width = canvas.shape[:2]
    box = detection.box
    left, top = int(box.x * width), int(box.y * height)
    right = min(width - 1, int((box.x + box.width) * width))
    bottom = min(height - 1, int((box.y + box.height) * height))
    colour = _COLOURS[GROUPS.get(detection.class_name, "motion")]
    # A dark edge below the colour, so that the box is seen on any ground.
    cv2.rectangle(canvas, (left, top), (right, bottom), _DARK, 3)
    cv2.rectangle(canvas, (left, top), (right, bottom), colour, 1)

    label = f"{detection.class_name} {detection.confidence:.0%}"
    (text_width, text_height), below = cv2.getTextSize(label, _FONT, _FONT_SCALE, 1)
    x = max(0, min(left, width - text_width - 4))
    over_box = top - text_height - below - 2
    y = over_box if over_box >= 0 else top  # no room above: inside
    corner = (x + text_width + 4, y + text_height + below + 2)
    cv2.rectangle(canvas, (x, y), corner, _DARK, cv2.FILLED)
    cv2.rectangle(canvas, (x, y), (x + 1, corner[1]), colour, cv2.FILLED)
    at = (x + 3, y + text_height + 1)
    cv2.putText(canvas, label, at, _FONT, _FONT_SCALE, _WHITE, 1, cv2.LINE_AA)
