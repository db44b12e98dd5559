"""Cursors: what goes in comes out, and nothing else is taken."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.cursors import MAX_ID, decode_id, decode_moment_and_id, encode
from backend.core.errors import Invalid

ids = st.integers(0, MAX_ID)
moments = st.datetimes(
    min_value=datetime(2, 1, 1),  # noqa: DTZ001 - the zone is given beside
    max_value=datetime(9998, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=30))),
)


@given(ids)
def test_an_id_comes_back(number: int) -> None:
    assert decode_id("cameras", encode("cameras", [number])) == number


@given(moments, ids)
def test_a_moment_and_an_id_come_back(at: datetime, number: int) -> None:
    assert decode_moment_and_id("events", encode("events", [at, number])) == (at, number)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda b: base64.b64encode(b).decode()))
def test_what_is_forged_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_id("events", text)
    assert caught.value.code == "cursor.invalid"
    with pytest.raises(Invalid):
        decode_moment_and_id("events", text)


@given(moments, ids, st.data())
def test_a_truncated_one_is_refused_or_names_no_other_place(
    at: datetime, number: int, data: st.DataObject
) -> None:
    whole = encode("events", [at, number])
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(Invalid):
        decode_moment_and_id("events", cut)


def forged(*parts: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "cursor",
    [
        encode("frames", [5]),
        forged("events"),
        forged("events", -1),
        forged("events", MAX_ID + 1),
        forged("events", True),
        forged("events", 1.5),
        forged("events", "5"),
        forged("events", 5, 6),
        forged("events", [5]),
        forged(),
        forged(["events"], 5),
        base64.urlsafe_b64encode(b'{"events": 5}').decode(),
        encode("events", [5]) + "=",
        " " + encode("events", [5]),
    ],
)
def test_other_lists_and_other_keys_are_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        decode_id("events", cursor)


@pytest.mark.parametrize(
    "at", ["2026-03-01T12:00:00", "yesterday", 5, None, "0001-01-01T00:00:00+14:00"]
)
def test_a_moment_needs_a_zone_and_a_calendar(at: object) -> None:
    with pytest.raises(Invalid):
        decode_moment_and_id("events", forged("events", at, 1))


def test_an_id_beyond_the_column_is_refused() -> None:
    with pytest.raises(Invalid):
        decode_id("cameras", encode("cameras", [2**31]), highest=2**31 - 1)
