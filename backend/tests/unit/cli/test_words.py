"""Times, sizes and moments as people write them."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from backend.cli.words import (
    counted,
    duration,
    file_size,
    local_time,
    moment,
    pairs,
    place,
    seconds_between,
)
from backend.core.errors import Invalid

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("text", "exact", "shown"),
    [
        ("2026-03-01T12:00:00Z", False, "2026-03-01 13:00:00"),
        ("2026-07-01T12:00:00.123456+00:00", False, "2026-07-01 14:00:00"),
        ("2026-07-01T12:00:00.123456Z", True, "2026-07-01 14:00:00.123"),
        (None, False, "-"),
    ],
)
def test_times_are_local(text: str | None, exact: bool, shown: str) -> None:
    assert local_time(text, exact=exact) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.0424, "42 ms"),
        (1, "1.0 s"),
        (59.96, "60.0 s"),
        (60, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (5400, "1 h 30 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_seconds_between_two_times() -> None:
    assert seconds_between("2026-03-01T12:00:00Z", "2026-03-01T13:00:01.5+01:00") == 1.5


@pytest.mark.parametrize(
    ("size", "shown"), [(0, "0 B"), (999, "999 B"), (89_326, "89 kB"), (5_250_000, "5.2 MB")]
)
def test_a_size_has_a_unit(size: int, shown: str) -> None:
    assert file_size(size) == shown


def test_things_are_counted_in_words() -> None:
    assert [counted(number, "frame") for number in (0, 1, 2)] == ["0 frames", "1 frame", "2 frames"]


def test_a_box_is_told_in_percents_of_the_picture() -> None:
    assert place({"x": 0.414, "y": 0.2, "width": 0.1, "height": 0.456}) == "41% 20% 10% 46%"


def test_evidence_is_a_list_of_pairs() -> None:
    assert pairs({"frames": 3, "best": 0.9}) == "frames 3, best 0.9"
    assert pairs({}) == pairs(None) == ""


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("90s", "2026-03-01T11:58:30+00:00"),
        ("30m", "2026-03-01T11:30:00+00:00"),
        ("2h", "2026-03-01T10:00:00+00:00"),
        ("3d", "2026-02-26T12:00:00+00:00"),
        ("2026-03-01", "2026-03-01T00:00:00+01:00"),
        ("2026-03-01T18:30", "2026-03-01T18:30:00+01:00"),
        ("2026-03-01T18:30:00Z", "2026-03-01T19:30:00+01:00"),
    ],
)
def test_a_moment_may_be_said_in_several_ways(text: str, meant: str) -> None:
    assert moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2", "h", "-2h", "2026-13-01", "0001-01-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="--since"):
        moment(text, NOW)


def test_too_long_ago_is_refused() -> None:
    with pytest.raises(Invalid, match="--since"):
        moment("999999d", NOW)
