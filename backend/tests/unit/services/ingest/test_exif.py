"""The time in a picture's EXIF, and nothing where it cannot be believed."""

import io
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.domain.captured import ExifTime
from backend.services.ingest.exif import read_exif_time
from backend.tests.fixtures.strategies import offsets

DATE, SUBSEC, OFFSET = 0x9003, 0x9291, 0x9011
FULL = {DATE: "2024:06:01 14:30:15", SUBSEC: "25", OFFSET: "+02:00"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def picture(
    tags: Mapping[int, object], *, kind: str = "jpeg", endian: str = "<", **options: object
) -> bytes:
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "a maker"
    exif.get_ifd(0x8769).update(tags)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind, exif=exif, **options)
    return buffer.getvalue()


def with_block(block: bytes) -> bytes:
    """A JPEG around any bytes that pretend to be EXIF."""
    whole = picture({})
    content = b"Exif\x00\x00" + block
    return whole[:2] + b"\xff\xe1" + (len(content) + 2).to_bytes(2) + content + whole[2:]


def block_of(data: bytes) -> bytes:
    start = data.index(b"Exif\x00\x00")
    return data[start + 6 : start - 2 + int.from_bytes(data[start - 2 : start])]


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("endian", ["<", ">"])
def test_time_fraction_and_offset(kind: str, endian: str) -> None:
    found = read_exif_time(picture(FULL, kind=kind, endian=endian))
    assert found == ExifTime(at("2024-06-01T14:30:15.250000"), timedelta(hours=2))


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ({}, None),
        ({SUBSEC: "5", OFFSET: "+02:00"}, None),
        ({DATE: "2024:06:01 14:30:15"}, ExifTime(at("2024-06-01T14:30:15"))),
        ({DATE: "2024-06-01T14:30:15"}, ExifTime(at("2024-06-01T14:30:15"))),
        ({DATE: "0000:00:00 00:00:00"}, None),
        ({DATE: "2024:02:30 12:00:00"}, None),
        ({DATE: "    :  :     :  :  "}, None),
        ({DATE: "yesterday"}, None),
        ({DATE: "2024:06:01 14:30:15; drop"}, None),
        ({DATE: "x" * 5000}, None),
        ({DATE: 17}, None),
        (
            FULL | {SUBSEC: "123456789"},
            ExifTime(at("2024-06-01T14:30:15.123456"), timedelta(hours=2)),
        ),
        (FULL | {SUBSEC: "  "}, ExifTime(at("2024-06-01T14:30:15"), timedelta(hours=2))),
        (FULL | {SUBSEC: "-1"}, ExifTime(at("2024-06-01T14:30:15"), timedelta(hours=2))),
        (FULL | {OFFSET: "-09:30"}, ExifTime(at("2024-06-01T14:30:15.25"), -timedelta(hours=9.5))),
        (FULL | {OFFSET: "+24:00"}, ExifTime(at("2024-06-01T14:30:15.25"))),
        (FULL | {OFFSET: "   :  "}, ExifTime(at("2024-06-01T14:30:15.25"))),
    ],
)
def test_what_cameras_write(tags: Mapping[int, object], found: ExifTime | None) -> None:
    assert read_exif_time(picture(tags)) == found


def test_a_picture_without_exif() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "jpeg")
    assert read_exif_time(buffer.getvalue()) is None


def test_other_notes_before_the_exif_are_passed_over() -> None:
    whole = picture(FULL)
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta/>"
    data = whole[:2] + b"\xff\xe1" + (len(xmp) + 2).to_bytes(2) + xmp + whole[2:]
    assert read_exif_time(data) is not None


def test_exif_that_ends_anywhere() -> None:
    block = block_of(picture(FULL))
    assert read_exif_time(with_block(block)) == read_exif_time(picture(FULL))
    for end in range(len(block)):
        found = read_exif_time(with_block(block[:end]))
        # What is cut last is the text of the values themselves.
        assert found is None or found.local >= at("2024-06-01T14:30:15")


@given(st.datetimes(), st.none() | offsets, st.sampled_from(["jpeg", "png"]), st.sampled_from("<>"))
def test_what_a_camera_wrote_is_read(
    taken: datetime, offset: timedelta | None, kind: str, endian: str
) -> None:
    tags: dict[int, object] = {
        DATE: f"{taken.year:04}:{taken:%m:%d %H:%M:%S}",
        SUBSEC: f"{taken.microsecond:06}".rstrip("0") or "0",
    }
    if offset is not None:
        minutes = abs(offset) // timedelta(minutes=1)
        sign = "-" if offset < timedelta(0) else "+"
        tags[OFFSET] = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    found = read_exif_time(picture(tags, kind=kind, endian=endian))
    assert found == ExifTime(taken, offset)


@given(st.sampled_from([b"", b"II*\x00", b"MM\x00*", b"II*\x00\x08\x00\x00\x00"]), st.binary())
def test_garbage_is_no_time(head: bytes, tail: bytes) -> None:
    assert read_exif_time(with_block(head + tail)) is None


@given(st.data())
def test_damaged_exif_never_raises(data: st.DataObject) -> None:
    block = bytearray(block_of(picture(FULL)))
    for place in data.draw(st.lists(st.integers(0, len(block) - 1), max_size=4)):
        block[place] = data.draw(st.integers(0, 255))
    found = read_exif_time(with_block(bytes(block)))
    assert found is None or found.local.tzinfo is None
    assert read_exif_time(bytes(block)) is None
