"""The structure of a JPEG or PNG: is it whole, and how large is the picture? Nothing is decoded.

JPEG: ITU-T T.81, annex B. PNG: W3C PNG (third edition), section 5.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Literal, NoReturn

from backend.core.errors import Invalid

MAX_PIXELS = 100_000_000
"""Larger than any camera's picture; decoded, it would take 300 MB."""

_MOST_SCANS = 100
"""A progressive JPEG has about ten. Each one is a pass over all of the picture when it is decoded,
however few bytes it has."""

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"

_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
# SOF0..SOF15, without DHT (C4), JPG (C8) and DAC (CC), which stand among them.
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# After FF in entropy-coded data: 00 is a byte of data, D0..D7 restart marks, FF a fill byte.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")

_U16 = Struct(">H")
_FRAME_SIZE = Struct(">xHH")  # precision, height, width
_CHUNK_HEAD = Struct(">I4s")
_U32 = Struct(">I")
_IHDR = Struct(">IIBBBBB")

_LOOKS_LIKE: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), name)
    for pattern, name in (
        (rb"GIF8", "a GIF"),
        (rb"RIFF.{4}WEBP", "a WebP picture"),
        (rb"BM.{4}\x00\x00\x00\x00", "a BMP picture"),
        (rb"II\*\x00|MM\x00\*", "a TIFF picture"),
        (rb".{4}ftyp(avif|heic|heix|mif1)", "an AVIF or HEIC picture"),
        (rb".{4}ftyp", "a video"),
        (rb"%PDF", "a PDF"),
        (rb"PK\x03\x04", "a ZIP archive"),
        (rb"[^<]{0,64}<(!doctype html|html|head|body|script)", "an HTML page"),
        (rb"[^<]{0,64}<(svg|.{0,512}<svg)", "an SVG drawing"),
        (rb"[\t\n\r\x20-\x7e\x80-\xff]+\Z", "text"),
    )
)


@dataclass(frozen=True, slots=True)
class Structure:
    """What the headers of a whole picture say; the size in pixels, before any EXIF rotation."""

    format: Literal["jpeg", "png"]
    width: int
    height: int


def read_structure(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Structure:
    """Walk a picture from its magic to its end mark; bytes after the end mark are allowed.

    Raises `Invalid`: `picture.empty`, `picture.truncated` (more of it may still come),
    `picture.not_a_picture`, `picture.corrupt`, `picture.too_large` (more than `max_pixels`).
    """
    if not data:
        raise Invalid("the file is empty", code="picture.empty")
    if data.startswith(_JPEG):
        structure = _walk_jpeg(data)
    elif data.startswith(_PNG):
        structure = _walk_png(data)
    elif _JPEG.startswith(data) or _PNG.startswith(data):
        _truncated("the file ends within its first bytes")
    else:
        raise Invalid(
            f"neither a JPEG nor a PNG: it looks like {_looks_like(data)}",
            code="picture.not_a_picture",
        )
    if structure.width * structure.height > max_pixels:
        raise Invalid(
            f"the picture has {structure.width} x {structure.height} pixels;"
            f" at most {max_pixels:,} are taken",
            code="picture.too_large",
        )
    return structure


def exif_block(data: bytes) -> bytes | None:
    """The EXIF of a picture, a TIFF structure, from its headers; None if it has none.

    Raises `Invalid`, as `read_structure` does, where the headers are damaged before that place.
    """
    if data.startswith(_JPEG):
        prefix = b"Exif\x00\x00"
        for marker, start, end in _jpeg_segments(data):
            if marker == _APP1 and data.startswith(prefix, start, end):
                return data[start + len(prefix) : end]
            if marker == _START_OF_SCAN:
                return None
    elif data.startswith(_PNG):
        for kind, start, end in _png_chunks(data):
            if kind == b"eXIf":
                return data[start:end]
    return None


def _walk_jpeg(data: bytes) -> Structure:
    size: tuple[int, int] | None = None
    scans = 0
    for marker, start, end in _jpeg_segments(data):
        if marker in _FRAME_HEADERS and size is None:
            if end - start < _FRAME_SIZE.size:
                _corrupt("its frame header is too short")
            height, width = _FRAME_SIZE.unpack_from(data, start)
            size = _positive(width, height)
        elif marker == _START_OF_SCAN:
            if size is None:
                _corrupt("its data begin before the frame header")
            scans += 1
            if scans > _MOST_SCANS:
                _corrupt(f"it has more than {_MOST_SCANS} scans")
    if size is None or scans == 0:
        _corrupt("it ends before any picture data")
    return Structure("jpeg", *size)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The segments up to the end mark: marker, where the content starts, where it ends."""
    at = 2
    while True:
        marker, at = _marker_at(data, at)
        if marker == _END_OF_IMAGE:
            return
        if len(data) < at + 2:
            _truncated("the file ends within a segment")
        (length,) = _U16.unpack_from(data, at)
        if length < 2:
            _corrupt(f"a segment has the impossible length {length}")
        end = at + length
        if len(data) < end:
            _truncated("the file ends within a segment")
        yield marker, at + 2, end
        if marker == _START_OF_SCAN:
            found = _NEXT_MARKER.search(data, end)
            if found is None:
                _truncated("the file ends before the picture does")
            end = found.start()
        at = end


def _marker_at(data: bytes, at: int) -> tuple[int, int]:
    """The marker that stands at `at`, behind any fill bytes, and where it ends."""
    if data[at : at + 1] not in {b"\xff", b""}:
        _corrupt(f"no marker where one must stand, at byte {at}")
    while data[at : at + 1] == b"\xff":
        at += 1
    if at >= len(data):
        _truncated("the file ends before the picture does")
    marker = data[at]
    # 01..BF are reserved, D0..D7 stand only within data, and a second start of image means
    # that another picture was written over the end of this one.
    if marker < min(_FRAME_HEADERS) or 0xD0 <= marker <= _START_OF_IMAGE:
        _corrupt(f"marker FF{marker:02X} at byte {at - 1}, where none such can stand")
    return marker, at + 1


def _walk_png(data: bytes) -> Structure:
    size: tuple[int, int] | None = None
    has_pixels = False
    for kind, start, end in _png_chunks(data):
        if size is None:
            if kind != b"IHDR" or end - start != _IHDR.size:
                _corrupt("its first chunk is no IHDR")
            width, height, *_ = _IHDR.unpack_from(data, start)
            size = _positive(width, height)
        has_pixels |= kind == b"IDAT"
    if size is None or not has_pixels:
        _corrupt("it ends before any picture data")
    return Structure("png", *size)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks before IEND: kind, where the content starts, where it ends; checksums hold."""
    view = memoryview(data)
    at = len(_PNG)
    while True:
        if len(data) < at + _CHUNK_HEAD.size:
            _truncated("the file ends between two chunks")
        length, kind = _CHUNK_HEAD.unpack_from(data, at)
        # A name that is none says that the length before it cannot be believed either.
        if not kind.isalpha() or length > 0x7FFFFFFF:
            _corrupt(f"no chunk where one must stand, at byte {at}")
        start = at + _CHUNK_HEAD.size
        end = start + length
        if len(data) < end + _U32.size:
            _truncated("the file ends within a chunk")
        (checksum,) = _U32.unpack_from(data, end)
        if zlib.crc32(view[at + 4 : end]) != checksum:
            _corrupt(f"the checksum of its chunk {kind.decode('ascii')} is wrong")
        if kind == b"IEND":
            return
        yield kind, start, end
        at = end + _U32.size


def _positive(width: int, height: int) -> tuple[int, int]:
    # A JPEG may leave its height to a DNL segment after the first scan; no camera does, and no
    # decoder in use reads it.
    if width == 0 or height == 0:
        _corrupt(f"its header says {width} x {height} pixels")
    return width, height


def _looks_like(data: bytes) -> str:
    start = data[:1024]
    return next((name for pattern, name in _LOOKS_LIKE if pattern.match(start)), "unknown data")


def _truncated(what: str) -> NoReturn:
    raise Invalid(f"the picture is not complete: {what}", code="picture.truncated")


def _corrupt(what: str) -> NoReturn:
    raise Invalid(f"the picture is damaged: {what}", code="picture.corrupt")
