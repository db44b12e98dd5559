"""The rule for `captured_at`, as a table, and what holds for every picture."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis.strategies import none

from backend.domain.captured import (
    EXIF_AFTER_FILE,
    EXIF_BEFORE_FILE,
    CaptureSource,
    CaptureTime,
    ExifTime,
    capture_time,
)
from backend.tests.fixtures.strategies import clock_errors, clock_times, exif_times, offsets, zones

BERLIN = ZoneInfo("Europe/Berlin")  # UTC+2 on the day of the table
RECEIVED = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def wall(text: str) -> datetime:
    """What a clock on the wall shows: no zone."""
    return datetime.fromisoformat(text)


def exif_at(at: datetime) -> ExifTime:
    """EXIF of a camera in Berlin whose clock shows `at`."""
    return ExifTime(at.astimezone(BERLIN).replace(tzinfo=None))


# the EXIF time, the file's modification time (both from RECEIVED), what is chosen, suspect?
TABLE: dict[str, tuple[timedelta | None, timedelta, timedelta, CaptureSource, bool]] = {
    "no EXIF": (None, -HOUR, -HOUR, "mtime", False),
    "no EXIF, a file of this moment": (None, 0 * HOUR, 0 * HOUR, "mtime", False),
    "no EXIF, an old file": (None, -9000 * HOUR, -9000 * HOUR, "mtime", False),
    "no EXIF, a file from the future": (None, SECOND, 0 * HOUR, "received", True),
    "both agree": (-HOUR, -HOUR, -HOUR, "exif", False),
    "written a while after": (-3 * HOUR, -HOUR, -3 * HOUR, "exif", False),
    "just 24 h before the file": (-25 * HOUR, -HOUR, -25 * HOUR, "exif", False),
    "more than 24 h before it": (-25 * HOUR - SECOND, -HOUR, -HOUR, "mtime", True),
    "an old picture, copied today": (-87000 * HOUR, -HOUR, -HOUR, "mtime", True),
    "just 5 min after the file": (-HOUR / 2, -HOUR / 2 - 300 * SECOND, -HOUR / 2, "exif", False),
    "more than 5 min after it": (-HOUR / 2, -HOUR, -HOUR, "mtime", True),
    "a camera's clock 5 min ahead": (300 * SECOND, 0 * HOUR, 300 * SECOND, "exif", False),
    "a camera's clock 6 min ahead": (360 * SECOND, 0 * HOUR, 0 * HOUR, "mtime", True),
    "a camera's clock in another zone": (2 * HOUR, 0 * HOUR, 0 * HOUR, "mtime", True),
    "only the file from the future": (-SECOND, HOUR, -SECOND, "exif", True),
    "file from the future, EXIF old": (-48 * HOUR, HOUR, 0 * HOUR, "received", True),
    "both from the future": (9000 * HOUR, 9000 * HOUR, 0 * HOUR, "received", True),
}


@pytest.mark.parametrize("case", TABLE)
def test_table(case: str) -> None:
    exif, modified, chosen, source, suspect = TABLE[case]
    assert capture_time(
        None if exif is None else exif_at(RECEIVED + exif),
        modified_at=RECEIVED + modified,
        received_at=RECEIVED,
        zone=BERLIN,
    ) == CaptureTime(RECEIVED + chosen, source, suspect)


@pytest.mark.parametrize(
    ("exif", "at"),
    [
        # the offset that was written wins over the camera's zone
        (ExifTime(wall("2024-06-01T11:00"), timedelta(0)), RECEIVED - HOUR),
        (ExifTime(wall("2024-06-01T02:00"), -9 * HOUR), RECEIVED - HOUR),
        (ExifTime(wall("2024-06-01T13:00")), RECEIVED - HOUR),
    ],
)
def test_zone_of_exif(exif: ExifTime, at: datetime) -> None:
    chosen = capture_time(exif, modified_at=RECEIVED, received_at=RECEIVED, zone=BERLIN)
    assert chosen == CaptureTime(at, "exif", clock_suspect=False)


@pytest.mark.parametrize("utc_hour", [0, 1])
def test_the_hour_that_is_there_twice_is_read_as_the_file_says(utc_hour: int) -> None:
    twice = ExifTime(wall("2024-10-27T02:30"))
    written = datetime(2024, 10, 27, utc_hour, 30, 2, tzinfo=UTC)
    chosen = capture_time(twice, modified_at=written, received_at=written, zone=BERLIN)
    assert chosen == CaptureTime(written - 2 * SECOND, "exif", clock_suspect=False)


@pytest.mark.parametrize("offset", [None, 14 * HOUR])
def test_a_time_before_the_calendar_is_refused(offset: timedelta | None) -> None:
    chosen = capture_time(
        ExifTime(datetime.min, offset),  # noqa: DTZ901 - EXIF has no zone
        modified_at=RECEIVED,
        received_at=RECEIVED,
        zone=BERLIN,
    )
    assert chosen == CaptureTime(RECEIVED, "mtime", clock_suspect=True)


@pytest.mark.parametrize(
    ("ahead", "source"), [(2 * SECOND, "mtime"), (2.000001 * SECOND, "received")]
)
def test_a_file_may_be_ahead_by_the_tolerance(ahead: timedelta, source: CaptureSource) -> None:
    chosen = capture_time(
        None,
        modified_at=RECEIVED + ahead,
        received_at=RECEIVED,
        zone=UTC,
        tolerance=2 * SECOND,
    )
    assert (chosen.source, chosen.clock_suspect) == (source, source == "received")


@given(none() | exif_times, clock_times, clock_times, zones)
def test_every_picture_gets_a_time_in_utc_that_one_of_its_clocks_told(
    exif: ExifTime | None, modified: datetime, received: datetime, zone: ZoneInfo
) -> None:
    chosen = capture_time(exif, modified_at=modified, received_at=received, zone=zone)
    assert chosen.at.tzinfo is UTC
    assert chosen.at <= received.astimezone(UTC) + EXIF_AFTER_FILE
    match chosen.source:
        case "exif":
            assert exif is not None
            assert -EXIF_AFTER_FILE <= modified - chosen.at <= EXIF_BEFORE_FILE
        case "mtime":
            assert chosen.at == modified.astimezone(UTC)
            assert chosen.clock_suspect == (exif is not None)
        case "received":
            assert chosen.at == received.astimezone(UTC)
            assert modified > received
            assert chosen.clock_suspect


@given(clock_times, offsets, clock_errors)
def test_a_clock_that_is_right_enough_is_believed(
    written: datetime, offset: timedelta, error: timedelta
) -> None:
    taken = written.astimezone(UTC) + error
    exif = ExifTime((taken + offset).replace(tzinfo=None), offset)
    chosen = capture_time(exif, modified_at=written, received_at=written, zone=UTC)
    if -EXIF_BEFORE_FILE <= error <= EXIF_AFTER_FILE:
        assert chosen == CaptureTime(taken, "exif", clock_suspect=False)
    else:
        # In UTC: a moment of the hour that comes twice in autumn equals none of another zone.
        assert chosen == CaptureTime(written.astimezone(UTC), "mtime", clock_suspect=True)


@given(clock_times, clock_times, zones)
def test_without_exif_the_zone_of_the_camera_says_nothing(
    modified: datetime, received: datetime, zone: ZoneInfo
) -> None:
    chosen = capture_time(None, modified_at=modified, received_at=received, zone=zone)
    assert chosen == capture_time(None, modified_at=modified, received_at=received, zone=UTC)
