"""Daily windows."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.hours import EVERY_DAY, Hours, hours_of
from backend.tests.fixtures.zone_strategies import windows

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Hours(time(22), time(6))
FRIDAY = 4


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("22:00-06:00", NIGHT),
        (" 22:00 - 6:00 ", NIGHT),
        ("mon-fri 08:00-17:30", Hours(time(8), time(17, 30), frozenset(range(5)))),
        ("SAT,sun 00:00-12:00", Hours(time(0), time(12), frozenset({5, 6}))),
        ("fri-mon,wed 18:00-00:00", Hours(time(18), time(0), frozenset({4, 5, 6, 0, 2}))),
        ("mon-sun 22:00-06:00", NIGHT),
    ],
)
def test_hours_are_read(text: str, hours: Hours) -> None:
    assert hours_of(text) == hours


@given(windows)
def test_hours_as_text_are_read_as_they_were(hours: Hours) -> None:
    assert hours_of(str(hours)) == hours


WANTED = 'must be a daily window like "22:00-06:00" or "mon-fri 22:00-06:00"'
DAYS = "(mon, tue, wed, thu, fri, sat, sun)"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, WANTED),
        ("", WANTED),
        ("at night", WANTED),
        ("22:00", WANTED),
        ("22-6", WANTED),
        ("22:00-06:00 mon", WANTED),
        ("25:00-06:00", "have a time that is none: 25:00 (00:00 to 23:59)"),
        ("22:00-24:00", "have a time that is none: 24:00 (00:00 to 23:59)"),
        ("22:00-06:60", "have a time that is none: 06:60 (00:00 to 23:59)"),
        ("08:00-8:00", "must not end when they begin: without hours it is the whole day"),
        ("monday 08:00-09:00", f"have a day that is none: monday {DAYS}"),
        ("mon,,tue 08:00-09:00", f"have a day that is none:  {DAYS}"),
        ("mon-x 08:00-09:00", f"have a day that is none: mon-x {DAYS}"),
    ],
)
def test_what_are_no_hours(raw: object, words: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        hours_of(raw)


def test_the_end_does_not_belong_to_the_window() -> None:
    day = Hours(time(8), time(17))
    assert day.include(datetime(2026, 3, 2, 8, 0))  # noqa: DTZ001 - a wall's clock
    assert day.include(datetime(2026, 3, 2, 16, 59, 59, 999999))  # noqa: DTZ001
    assert not day.include(datetime(2026, 3, 2, 17, 0))  # noqa: DTZ001


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    friday_night = Hours(time(22), time(6), frozenset({FRIDAY}))
    friday = datetime(2026, 3, 6, tzinfo=BERLIN)
    assert friday.weekday() == FRIDAY
    assert friday_night.include(friday + timedelta(hours=23))
    assert friday_night.include(friday + timedelta(days=1, hours=5))
    assert not friday_night.include(friday + timedelta(hours=5))
    assert not friday_night.include(friday + timedelta(days=1, hours=23))


@given(
    windows,
    st.datetimes(datetime(2026, 1, 2), datetime(2026, 12, 30)),  # noqa: DTZ001
)
def test_a_window_begins_on_its_days_and_ends_once(hours: Hours, now: datetime) -> None:
    length = datetime.combine(now, hours.end) - datetime.combine(now, hours.start)
    if length <= timedelta(0):
        length += timedelta(days=1)
    begins = [
        datetime.combine(now.date() - timedelta(days=ago), hours.start)
        for ago in (0, 1)
        if (now.weekday() - ago) % 7 in hours.weekdays
    ]
    assert hours.include(now) == any(begin <= now < begin + length for begin in begins)


def minutes_within(hours: Hours, first: datetime, day: timedelta) -> int:
    """How many minutes the window takes of a time that begins at `first`, by Berlin's clock."""
    minutes = range(int(day.total_seconds() // 60))
    return sum(hours.include((first + timedelta(minutes=i)).astimezone(BERLIN)) for i in minutes)


NOON_BEFORE_SUMMER = datetime(2026, 3, 28, 11, tzinfo=UTC)
NOON_BEFORE_WINTER = datetime(2026, 10, 24, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "noon", "minutes"),
    [
        (NIGHT, NOON_BEFORE_SUMMER, 7 * 60),
        (NIGHT, NOON_BEFORE_WINTER, 9 * 60),
        (Hours(time(2), time(3)), NOON_BEFORE_SUMMER, 0),
        (Hours(time(2), time(3)), NOON_BEFORE_WINTER, 120),
        (Hours(time(2, 30), time(4)), NOON_BEFORE_SUMMER, 60),
    ],
)
def test_the_wall_clock_decides_when_summer_begins_and_ends(
    hours: Hours, noon: datetime, minutes: int
) -> None:
    assert hours.weekdays == EVERY_DAY
    assert minutes_within(hours, noon, timedelta(days=1)) == minutes
