"""Cursors: what goes in comes out, and nothing else is taken."""

import base64
import string
from datetime import datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.api.cursors import MAX_ID, decode_id, decode_moment_and_id, encode
from backend.core.errors import Invalid
from backend.tests.fixtures.strategies import forged_cursors, ids, moments


@given(ids)
def test_an_id_comes_back(number: int) -> None:
    assert decode_id("cameras", encode("cameras", [number])) == number


@given(moments, ids)
def test_a_moment_and_an_id_come_back(at: datetime, number: int) -> None:
    assert decode_moment_and_id("events", encode("events", [at, number])) == (at, number)


@given(forged_cursors)
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


@given(ids, st.just(1) | st.integers(1, 30))
def test_one_that_was_changed_is_refused_or_is_that_of_another_place(
    number: int, from_end: int
) -> None:
    whole = encode("events", [number])
    at = max(0, len(whole) - from_end)
    for character in string.ascii_letters + string.digits + "-_+/= ":
        changed = whole[:at] + character + whole[at + 1 :]
        try:
            other = decode_id("events", changed)
        except Invalid:
            assert changed != whole
        else:
            assert changed == encode("events", [other])


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
