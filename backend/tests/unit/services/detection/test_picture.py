"""One decode at the scale that is needed, and thumbnails that can be read."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.core.errors import Invalid
from backend.domain.boxes import Box, Detection
from backend.services.detection.detector import Pixels
from backend.services.detection.picture import decode, draw_thumbnail
from backend.tests.fixtures.strategies import drawn_classes, flat_boxes


def encoded(
    size: tuple[int, int], kind: str = "jpeg", *, mode: str = "RGB", **options: object
) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, **options)
    return buffer.getvalue()


def half_white(*, orientation: int, kind: str) -> bytes:
    """80 x 40 as stored, the left half white; turned by its EXIF."""
    image = Image.new("RGB", (80, 40))
    image.paste((255, 255, 255), (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    image.save(buffer, kind, exif=exif)
    return buffer.getvalue()


def read_jpeg(data: bytes) -> Pixels:
    return decode(data, longest=None, full_size=(1, 1))


@pytest.mark.parametrize(
    ("size", "longest", "decoded"),
    [
        ((800, 400), None, (800, 400)),
        ((800, 400), 401, (800, 400)),
        ((800, 400), 400, (400, 200)),
        ((800, 400), 200, (200, 100)),
        ((800, 400), 101, (200, 100)),
        ((800, 400), 100, (100, 50)),
        ((800, 400), 1, (100, 50)),
        ((400, 800), 400, (200, 400)),
        ((3, 2), 640, (3, 2)),
    ],
)
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_reduced_but_never_below_what_is_needed(
    kind: str, size: tuple[int, int], longest: int | None, decoded: tuple[int, int]
) -> None:
    pixels = decode(encoded(size, kind), longest=longest, full_size=size)
    assert (pixels.shape[1], pixels.shape[0]) == decoded
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("longest", [80, 40, 10])
def test_pictures_stand_upright_at_every_scale(kind: str, longest: int) -> None:
    # 6: what is stored at the left is at the top.
    pixels = decode(half_white(orientation=6, kind=kind), longest=longest, full_size=(80, 40))
    height, width = pixels.shape[:2]
    assert (height, width) == (longest, longest // 2)
    assert pixels[0, width // 2].mean() > 200
    assert pixels[-1, width // 2].mean() < 50


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_colour(mode: str) -> None:
    assert decode(encoded((6, 4), "png", mode=mode), longest=None, full_size=(6, 4)).shape == (
        4,
        6,
        3,
    )


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_every_kind_of_jpeg_becomes_colour(mode: str) -> None:
    assert decode(encoded((6, 4), mode=mode), longest=None, full_size=(6, 4)).shape == (4, 6, 3)


@pytest.mark.parametrize(
    "data",
    [b"", b"text", encoded((8, 8))[:40], encoded((8, 8), "png")[:30], b"\xff\xd8\xff\xd9"],
)
def test_undecodable(data: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        decode(data, longest=None, full_size=(8, 8))
    assert refused.value.code == "picture.undecodable"


GREY = np.full((180, 320, 3), 128, np.uint8)


def seen(name: str, confidence: float = 0.9) -> Detection:
    return Detection(name, confidence, Box(0.25, 0.3, 0.5, 0.6))


def test_a_thumbnail_shows_the_box() -> None:
    drawn = read_jpeg(draw_thumbnail(GREY, [seen("person")])).astype(int)
    assert drawn.shape == (180, 320, 3)
    changed = np.abs(drawn - 128).max(axis=2) > 50
    # The left edge, and the right and lower ones, three pixels wide; the label is at the top.
    assert changed[60:155, 79:82].any(axis=1).all()
    assert changed[60:155, 239:242].any(axis=1).all()
    assert changed[161:164, 85:235].any(axis=0).all()
    assert not changed[80:150, 100:220].any()  # what is in the box can be seen


def test_classes_differ_by_more_than_colour() -> None:
    # car and bus are drawn in the same colour, so that only the name can differ
    car, bus = (read_jpeg(draw_thumbnail(GREY, [seen(name)])) for name in ("car", "bus"))
    assert (cv2.absdiff(car, bus).max(axis=2) > 100).sum() > 20


def test_the_confidence_is_written() -> None:
    sure, unsure = (draw_thumbnail(GREY, [seen("car", c)]) for c in (0.9, 0.5))
    assert sure != unsure


def test_the_surest_lies_above_the_others() -> None:
    both = draw_thumbnail(GREY, [seen("car", 0.9), seen("car", 0.5)])
    assert both == draw_thumbnail(GREY, [seen("car", 0.9)])


def test_the_pixels_are_left_as_they_are() -> None:
    before = GREY.copy()
    draw_thumbnail(GREY, [seen("person")])
    assert np.array_equal(GREY, before)


@pytest.mark.parametrize(
    ("shape", "thumbnail"),
    [
        ((720, 1280), (180, 320)),
        ((1280, 720), (320, 180)),
        ((4, 8), (160, 320)),
        ((1, 9000), (1, 320)),
    ],
)
def test_the_longer_side_is_the_width(shape: tuple[int, int], thumbnail: tuple[int, int]) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    assert read_jpeg(draw_thumbnail(pixels, [])).shape[:2] == thumbnail


@given(flat_boxes(), st.integers(1, 400), st.integers(1, 400), drawn_classes)
def test_any_box_on_any_picture_can_be_drawn(box: Box, height: int, width: int, name: str) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    assert draw_thumbnail(pixels, [Detection(name, 1.0, box)]).startswith(b"\xff\xd8")
