"""Pictures of 1080p for detectors: the owner's own, or those that the demo has drawn."""

from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np

from backend.core.errors import Invalid
from backend.services.ingest.structure import read_structure
from backend.tests.benchmarks.bench.pictures import picture
from backend.tests.benchmarks.bench.place import Bench

WIDTH, HEIGHT = 1920, 1080
_QUALITY = 90
_DRAWN = 14
BATCH = 16
"""So many pictures a worker looks at in one batch."""


def pictures_of(bench: Bench, number: int) -> list[bytes]:
    """So many JPEGs: of the folder that was named, again and again, or drawn ones.

    Raises `Invalid` as `jpegs_in` does.
    """
    if bench.pictures is None:
        return list(islice(cycle([drawn(i) for i in range(min(number, _DRAWN))]), number))
    return list(islice(cycle(jpegs_in(bench.pictures)), number))


def jpegs_in(folder: Path) -> list[bytes]:
    """The first of its JPEGs, as many as one round takes.

    Raises `Invalid` (`pictures.none`, `pictures.bad`) where there are none, or one that is none.
    """
    files = sorted(path for path in folder.glob("*") if path.suffix.lower() in {".jpg", ".jpeg"})
    if not files:
        raise Invalid(f"there is no JPEG in {folder}", code="pictures.none")
    return [_jpeg(path) for path in files[:BATCH]]


def _jpeg(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        read_structure(data)
    except (OSError, Invalid) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Invalid(
            f"{path} is no picture to measure with: {why}", code="pictures.bad"
        ) from error
    return data


def drawn(number: int) -> bytes:
    """One of the fourteen drawn pictures, as a camera of 1080p would give it."""
    pixels = cv2.imdecode(np.frombuffer(picture(number), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    large = cv2.resize(pixels, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return encoded(large)


def encoded(pixels: np.ndarray) -> bytes:
    """Pixels as a JPEG."""
    _, jpeg = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return jpeg.tobytes()


def as_large_as(data: bytes) -> bytes:
    """A JPEG of as many bytes that has next to nothing to decode: 16 x 16 pixels, and padding.

    The padding is comments (T.81, B.2.4.5) behind the mark at the beginning.
    """
    small = encoded(np.full((16, 16, 3), 114, np.uint8))
    left, padding = len(data) - len(small), bytearray()
    while left > _COMMENT_HEAD:
        length = min(left, _LONGEST_COMMENT)
        padding += b"\xff\xfe" + (length - 2).to_bytes(2) + bytes(length - _COMMENT_HEAD)
        left -= length
    return small[:2] + bytes(padding) + small[2:]


_COMMENT_HEAD, _LONGEST_COMMENT = 4, 65_000
