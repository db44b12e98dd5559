"""The time that a camera wrote into its picture (Exif 2.32, section 4.6).

Read by hand: Pillow decodes a whole PNG to reach its EXIF, and warns about what is damaged.
"""

import re
import struct
from datetime import datetime, timedelta

from backend.core.errors import Invalid
from backend.domain.captured import ExifTime
from backend.services.ingest.structure import exif_block

_EXIF_DIRECTORY = 0x8769
_DATE_TIME_ORIGINAL = 0x9003
_OFFSET_TIME_ORIGINAL = 0x9011
_SUBSEC_TIME_ORIGINAL = 0x9291
_ASCII, _LONG = 2, 4
_BYTE_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}

# The colons within the date are the standard's; several makers write ISO 8601 instead.
_TIME = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)", re.ASCII)


def read_exif_time(data: bytes) -> ExifTime | None:
    """`DateTimeOriginal` with its fraction of a second, and its offset from UTC if there is one.

    `data` is a JPEG or PNG, of which only the headers are looked at. None without EXIF, without
    that tag, and for anything that is damaged or no time.
    """
    try:
        block = exif_block(data)
        tags = _original_tags(block) if block else {}
    except (Invalid, struct.error):
        return None
    time = _TIME.fullmatch(tags.get(_DATE_TIME_ORIGINAL, ""))
    if time is None:
        return None
    fraction = tags.get(_SUBSEC_TIME_ORIGINAL, "")
    microsecond = int(f"{fraction:0<6.6}") if re.fullmatch(r"[0-9]+", fraction) else 0
    try:
        local = datetime.fromisoformat("{}-{}-{}T{}:{}:{}".format(*time.groups()))
    except ValueError:  # cameras whose clock was never set write 0000:00:00
        return None
    return ExifTime(
        local.replace(microsecond=microsecond), _offset(tags.get(_OFFSET_TIME_ORIGINAL, ""))
    )


def _offset(text: str) -> timedelta | None:
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 23:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return -offset if found[1] == "-" else offset


def _original_tags(block: bytes) -> dict[int, str]:
    """The text tags of the EXIF directory. Raises `struct.error` where the block ends too early."""
    order = _BYTE_ORDERS.get(block[:4])
    if order is None:
        return {}
    (first,) = struct.unpack_from(f"{order}I", block, 4)
    places = [
        struct.unpack(f"{order}I", value)[0]
        for tag, kind, _, value in _entries(block, first, order)
        if tag == _EXIF_DIRECTORY and kind == _LONG
    ]
    return {
        tag: _text(block, count, value, order)
        for place in places[:1]
        for tag, kind, count, value in _entries(block, place, order)
        if kind == _ASCII
    }


def _entries(block: bytes, at: int, order: str) -> list[tuple[int, int, int, bytes]]:
    """A directory's entries: tag, kind, count, and four bytes that are the value or its place."""
    (number,) = struct.unpack_from(f"{order}H", block, at)
    entry = struct.Struct(f"{order}HHI4s")
    return [entry.unpack_from(block, at + 2 + n * entry.size) for n in range(number)]


def _text(block: bytes, count: int, value: bytes, order: str) -> str:
    if count > len(value):
        (place,) = struct.unpack(f"{order}I", value)
        value = block[place : place + min(count, 64)]  # no tag that we read is longer
    return value[:count].split(b"\x00")[0].decode("latin-1").strip()
