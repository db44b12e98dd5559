"""What people mean by a time."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from backend.domain.clock_words import moment_said

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("03:10", "2026-03-01T02:10:00"),
        ("3:10", "2026-03-01T02:10:00"),
        (" 03:10:30 ", "2026-03-01T02:10:30"),
        ("13:00", "2026-03-01T12:00:00"),
        ("13:01", "2026-02-28T12:01:00"),
        ("2026-02-27T23:30", "2026-02-27T22:30:00"),
        ("2026-02-27 23:30:15", "2026-02-27T22:30:15"),
        ("2026-02-27", "2026-02-26T23:00:00"),
        ("2026-02-27T23:30Z", "2026-02-27T23:30:00"),
        ("2026-02-27T23:30-05:00", "2026-02-28T04:30:00"),
        ("2025-07-01T03:10", "2025-07-01T01:10:00"),
    ],
)
def test_a_time_is_that_of_the_camera_s_clock(said: str, meant: str) -> None:
    assert moment_said(said, BERLIN, NOW) == datetime.fromisoformat(f"{meant}+00:00")


def test_the_last_time_may_be_of_a_day_with_another_offset() -> None:
    after_the_change = datetime(2026, 3, 29, 3, 0, tzinfo=UTC)
    assert moment_said("23:10", BERLIN, after_the_change) == datetime(
        2026, 3, 28, 22, 10, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("now", "meant"),
    [
        ("2026-10-25T00:29", "2026-10-24T00:30"),
        ("2026-10-25T00:30", "2026-10-25T00:30"),
        ("2026-10-25T01:29", "2026-10-25T00:30"),
        ("2026-10-25T01:30", "2026-10-25T01:30"),
        ("2026-10-25T12:00", "2026-10-25T01:30"),
        ("2026-10-26T01:00", "2026-10-25T01:30"),
    ],
)
def test_in_the_night_that_has_it_twice_the_last_one_is_meant(now: str, meant: str) -> None:
    at = datetime.fromisoformat(f"{now}+00:00")
    assert moment_said("02:30", BERLIN, at) == datetime.fromisoformat(f"{meant}+00:00")


def test_in_the_night_that_leaves_it_out_it_is_that_of_the_day_before() -> None:
    at = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
    assert moment_said("02:30", BERLIN, at) == datetime(2026, 3, 28, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "said", ["", "soon", "24:00", "3", "03:60", "2026-02-30", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no time: "):
        moment_said(said, BERLIN, NOW)
