"""A picture is whole or it is not, without decoding it."""

import io
import zlib
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.core.errors import Invalid
from backend.services.ingest.structure import Structure, exif_block, read_structure

NOISE = np.random.default_rng(7).integers(0, 256, (24, 40, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(NOISE).save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return len(content).to_bytes(4) + body + zlib.crc32(body).to_bytes(4)


JPEG = encoded("jpeg", quality=95)
PROGRESSIVE = encoded("jpeg", progressive=True)
RESTARTS = encoded("jpeg", restart_marker_blocks=1)
PNG = encoded("png")
WHOLE = {"baseline": JPEG, "progressive": PROGRESSIVE, "restart marks": RESTARTS, "png": PNG}

PNG_MAGIC = PNG[:8]
IHDR = chunk(b"IHDR", bytes.fromhex("00000028 00000018 08 02 00 00 00"))
BOMB = PNG_MAGIC + chunk(b"IHDR", bytes.fromhex("00003a98 00003a98 08 02 00 00 00"))


def code_of(data: bytes, *, max_pixels: int = 10_000) -> str:
    with pytest.raises(Invalid) as refused:
        read_structure(data, max_pixels=max_pixels)
    return refused.value.code


@pytest.mark.parametrize("name", WHOLE)
def test_whole_picture(name: str) -> None:
    kind: Literal["jpeg", "png"] = "png" if name == "png" else "jpeg"
    assert read_structure(WHOLE[name]) == Structure(kind, 40, 24)


@pytest.mark.parametrize("name", WHOLE)
def test_truncated_at_any_byte(name: str) -> None:
    whole = WHOLE[name]
    assert {code_of(whole[:n]) for n in range(1, len(whole))} == {"picture.truncated"}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("trail", [b"\x00" * 100, b"maker's notes", JPEG])
def test_bytes_after_the_end_are_allowed(name: str, trail: bytes) -> None:
    assert read_structure(WHOLE[name] + trail).width == 40


def test_the_samples_are_what_their_names_say() -> None:
    assert PROGRESSIVE.count(b"\xff\xda") > 3
    assert RESTARTS.count(b"\xff\xd0") > 0
    assert JPEG.count(b"\xff\x00") > 0


def test_fill_bytes_before_any_mark() -> None:
    for mark in (b"\xff\xd0", b"\xff\xda", b"\xff\xd9"):
        assert mark in RESTARTS
        assert read_structure(RESTARTS.replace(mark, b"\xff\xff" + mark)).width == 40


def test_empty() -> None:
    assert code_of(b"") == "picture.empty"


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"hello, world\n", "text"),
        ("Kamera läuft\n".encode(), "text"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html><html><body><svg></svg>", "an HTML page"),
        (b"<script>alert(1)</script>", "an HTML page"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg onload='x()'>", "an SVG drawing"),
        (b"GIF89a\x01\x00\x01\x00/*<script>*/", "a GIF"),
        (encoded("webp"), "a WebP picture"),
        (encoded("bmp"), "a BMP picture"),
        (encoded("tiff"), "a TIFF picture"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "a video"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "an AVIF or HEIC picture"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04\x14\x00", "a ZIP archive"),
        (b"\x00" * 64, "unknown data"),
        (JPEG[1:], "unknown data"),
    ],
)
def test_not_a_picture_says_what_it_looks_like(data: bytes, looks_like: str) -> None:
    with pytest.raises(Invalid, match=f"looks like {looks_like}$") as refused:
        read_structure(data)
    assert refused.value.code == "picture.not_a_picture"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (JPEG[:20] + b"this is not a JPEG, whatever its header says", "no marker"),
        (b"\xff\xd8\xff\xe0\x00\x01", "impossible length"),
        (b"\xff\xd8\xff\xd9", "before any picture data"),
        (JPEG[:-2] + JPEG, "FFD8"),
        (b"\xff\xd8" + JPEG[JPEG.index(b"\xff\xda") :], "before the frame header"),
        (b"\xff\xd8\xff\xc0\x00\x04\x08\x00\xff\xd9", "too short"),
        (PNG_MAGIC + chunk(b"IDAT", b"x") + chunk(b"IEND", b""), "no IHDR"),
        (PNG_MAGIC + IHDR + chunk(b"IEND", b""), "before any picture data"),
        (PNG_MAGIC + chunk(b"IHDR", bytes(13)) + chunk(b"IEND", b""), "0 x 0 pixels"),
        (PNG_MAGIC + IHDR + b"\x00\x00\x00\x04<p>\x00some text that follows", "no chunk"),
    ],
)
def test_corrupt(data: bytes, says: str) -> None:
    with pytest.raises(Invalid, match=says) as refused:
        read_structure(data)
    assert refused.value.code == "picture.corrupt"


def test_any_changed_byte_of_a_png_is_noticed() -> None:
    small = PNG_MAGIC + IHDR + chunk(b"IDAT", zlib.compress(b"pixels")) + chunk(b"IEND", b"")
    for place in range(8, len(small)):
        for bit in range(8):
            changed = bytearray(small)
            changed[place] ^= 1 << bit
            assert code_of(bytes(changed)) in {"picture.corrupt", "picture.truncated"}


def test_too_large_is_told_from_the_header() -> None:
    bomb = BOMB + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    assert code_of(bomb, max_pixels=100_000_000) == "picture.too_large"
    assert code_of(JPEG, max_pixels=40 * 24 - 1) == "picture.too_large"
    assert read_structure(JPEG, max_pixels=40 * 24).height == 24


@given(
    st.sampled_from([b"", b"\xff\xd8\xff", JPEG[:160], PNG_MAGIC, PNG_MAGIC + IHDR]), st.binary()
)
def test_garbage_is_refused_in_our_own_words(head: bytes, tail: bytes) -> None:
    assert code_of(head + tail).startswith("picture.")


SAVED: list[dict[str, Any]] = [
    {"format": "jpeg", "quality": 95},
    {"format": "jpeg", "progressive": True},
    {"format": "jpeg", "restart_marker_blocks": 1},
    {"format": "png"},
]


@given(st.data(), st.sampled_from(SAVED), st.integers(1, 24), st.integers(1, 40), st.binary())
def test_any_picture_is_whole_with_its_end_and_truncated_without(
    data: st.DataObject, saved: dict[str, Any], height: int, width: int, trail: bytes
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(NOISE[:height, :width]).save(buffer, **saved)
    whole = buffer.getvalue()
    assert read_structure(whole + trail) == Structure(saved["format"], width, height)
    end = data.draw(st.integers(1, len(whole) - 1))
    assert code_of(whole[:end]) == "picture.truncated"


def test_the_exif_block_is_found_without_the_rest() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    for kind in ("jpeg", "png"):
        block = exif_block(encoded(kind, exif=exif))
        assert block is not None
        assert b"maker" in block
    assert exif_block(JPEG) is None
    assert exif_block(PNG) is None
    assert exif_block(b"text") is None


def test_a_picture_that_costs_a_pass_for_each_of_its_few_bytes() -> None:
    """A scan more is a pass over all of the picture for who decodes it."""
    start = PROGRESSIVE.rindex(b"\xff\xda")
    scan = PROGRESSIVE[start:-2]
    scans = PROGRESSIVE.count(b"\xff\xda")
    most = PROGRESSIVE[:-2] + scan * (100 - scans) + PROGRESSIVE[-2:]
    assert read_structure(most).format == "jpeg"
    with pytest.raises(Invalid, match="more than 100 scans") as caught:
        read_structure(most[:-2] + scan + most[-2:])
    assert caught.value.code == "picture.corrupt"
