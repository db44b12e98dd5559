"""When was a picture taken? The rule that chooses among the times which come with it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

CaptureSource = Literal["exif", "mtime", "received"]

EXIF_BEFORE_FILE = timedelta(hours=24)
"""How long a camera may keep a picture before it writes the file."""

EXIF_AFTER_FILE = timedelta(minutes=5)
"""How far a camera's clock may run ahead of the clock that stamped the file."""


@dataclass(frozen=True, slots=True)
class ExifTime:
    """`DateTimeOriginal` as the camera wrote it.

    `local` has no zone; `offset` is `OffsetTimeOriginal`, shorter than a day, where it was written.
    """

    local: datetime
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a picture was taken, in UTC, and which clock says so.

    `clock_suspect`: a time that came with the picture was refused, so that some clock on its
    way here is wrong, or the file is a copy of an old picture.
    """

    at: datetime
    source: CaptureSource
    clock_suspect: bool


def capture_time(
    exif: ExifTime | None,
    *,
    modified_at: datetime,
    received_at: datetime,
    zone: tzinfo,
    tolerance: timedelta = timedelta(0),
) -> CaptureTime:
    """When a picture was taken.

    EXIF, if it lies within 24 h before and 5 min after the file's modification time; else that
    time, if it is not later than `received_at` by more than `tolerance`; else `received_at`. EXIF
    more than 5 min after `received_at` is refused too: a file from the future vouches for nothing.
    `zone` is the camera's, for EXIF without an offset; `modified_at` and `received_at` have a zone.
    """
    file_from_future = modified_at > received_at + tolerance
    told = _told_by(exif, zone, modified_at) if exif else None
    if told is not None and _believable(told, modified_at, received_at):
        return CaptureTime(told, "exif", file_from_future)
    if file_from_future:
        return CaptureTime(received_at.astimezone(UTC), "received", clock_suspect=True)
    return CaptureTime(modified_at.astimezone(UTC), "mtime", clock_suspect=exif is not None)


def _believable(told: datetime, modified_at: datetime, received_at: datetime) -> bool:
    written_too_late = modified_at - told > EXIF_BEFORE_FILE
    from_future = told - min(modified_at, received_at) > EXIF_AFTER_FILE
    return not (written_too_late or from_future)


def _told_by(exif: ExifTime, zone: tzinfo, modified_at: datetime) -> datetime | None:
    """What EXIF says, in UTC; None where that is no time that a calendar can hold.

    In the hour that the end of summer time repeats, the reading nearer to the file's own time.
    """
    try:
        if exif.offset is not None:
            return (exif.local - exif.offset).replace(tzinfo=UTC)
        readings = [exif.local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    except OverflowError:
        return None
    return min(readings, key=lambda reading: abs(reading - modified_at))
