"""Is a camera silent for longer than is its habit?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.silence import DAY, FEWEST, SAMPLE, SOONEST, Habit, is_silent, patience

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

gaps = st.timedeltas(timedelta(0), timedelta(hours=12))
silences = st.timedeltas(timedelta(days=-1), timedelta(days=60))


def times(between: list[timedelta]) -> list[datetime]:
    captured = [NOON]
    for gap in between:
        captured.append(captured[-1] - gap)
    return captured


def usual(gap: timedelta, number: int = FEWEST) -> Habit:
    return Habit(times([gap] * (number - 1)), NOON)


@pytest.mark.parametrize(
    ("gap", "silence", "silent"),
    [
        (timedelta(seconds=5), 9 * MINUTE, False),
        (timedelta(seconds=5), 11 * MINUTE, True),
        (10 * MINUTE, 30 * MINUTE, False),
        (10 * MINUTE, 31 * MINUTE, True),
        (DAY, 3 * DAY, False),
        (DAY, 3 * DAY + MINUTE, True),
    ],
)
def test_thrice_the_usual_pause_and_ten_minutes(
    gap: timedelta, silence: timedelta, silent: bool
) -> None:
    assert is_silent(usual(gap), NOON + silence) is silent


def test_one_outage_is_no_habit_and_two_are() -> None:
    once = times([MINUTE] * 30 + [DAY] + [MINUTE] * 30)
    assert patience(once) == SOONEST
    assert patience(times([DAY, *[MINUTE] * 30, DAY])) == 3 * DAY


def test_who_slept_yesterday_sleeps_today_but_not_for_a_day() -> None:
    sleeper = Habit(usual(MINUTE).captured, NOON, slept_yesterday=True)
    assert not is_silent(sleeper, NOON + 23 * 60 * MINUTE)
    assert is_silent(sleeper, NOON + DAY)


@given(st.lists(gaps, max_size=FEWEST - 2), silences)
def test_of_few_pictures_nothing_is_concluded(between: list[timedelta], silence: timedelta) -> None:
    assert not is_silent(Habit(times(between), NOON), NOON + silence)


@given(st.lists(gaps, max_size=SAMPLE - 1), silences, st.booleans())
def test_never_before_ten_minutes_nor_before_thrice_a_pause_that_came_twice(
    between: list[timedelta], silence: timedelta, slept: bool
) -> None:
    silent = is_silent(Habit(times(between), NOON, slept), NOON + silence)
    if silent:
        assert silence > SOONEST
        assert sum(3 * gap >= silence for gap in between) <= 1


@given(st.lists(gaps, min_size=FEWEST - 1, max_size=40), silences, st.timedeltas(timedelta(0), DAY))
def test_who_is_silent_stays_so_until_a_picture_comes(
    between: list[timedelta], silence: timedelta, longer: timedelta
) -> None:
    habit = Habit(times(between), NOON)
    if is_silent(habit, NOON + silence):
        assert is_silent(habit, NOON + silence + longer)


@given(st.lists(gaps, min_size=FEWEST - 1, max_size=60), st.timedeltas(-400 * DAY, 400 * DAY))
def test_a_wrong_clock_at_the_camera_changes_nothing(
    between: list[timedelta], wrong: timedelta
) -> None:
    captured = times(between)
    assert patience([time + wrong for time in captured]) == patience(captured)


@given(st.lists(gaps, min_size=FEWEST - 1, max_size=60))
def test_the_order_is_of_no_account(between: list[timedelta]) -> None:
    captured = times(between)
    assert patience(list(reversed(captured))) == patience(captured)
