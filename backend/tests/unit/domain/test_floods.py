"""Which pictures of a flood are looked at all the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.floods import passed_over, second_of

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)

times = st.lists(
    st.integers(0, 12_000).map(lambda ms: NOON + timedelta(milliseconds=ms)), max_size=60
)


def at(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=one) for one in seconds]


def test_so_many_as_there_is_room_for_are_looked_at() -> None:
    assert passed_over(at(0, 0.1, 0.2, 0.3), room=3) == [False, False, False, True]


def test_of_the_others_the_first_of_each_second() -> None:
    captured = at(0, 0.9, 1.0, 1.5, 0.95, 2.0)
    assert passed_over(captured, room=0) == [False, True, False, True, True, False]


def test_a_second_of_which_one_was_looked_at_before_has_had_its_own() -> None:
    captured = at(0.5, 1.5)
    assert passed_over(captured, room=0, seconds_taken=at(0)) == [True, False]


@given(times, st.integers(0, 70))
def test_every_second_has_one_that_is_looked_at(captured: list[datetime], room: int) -> None:
    over = passed_over(captured, room=room)
    seen = [at for at, is_over in zip(captured, over, strict=True) if not is_over]
    assert {second_of(at) for at in seen} == {second_of(at) for at in captured}


@given(times, st.integers(0, 70))
def test_beyond_the_room_no_second_has_two(captured: list[datetime], room: int) -> None:
    over = passed_over(captured, room=room)
    assert not any(over[:room])
    beyond = [
        second_of(at)
        for at, is_over in zip(captured[room:], over[room:], strict=True)
        if not is_over
    ]
    assert len(beyond) == len(set(beyond))


@given(times, st.integers(0, 70), st.integers(0, 60))
def test_in_two_batches_it_is_the_same(captured: list[datetime], room: int, cut: int) -> None:
    first = passed_over(captured[:cut], room=room)
    taken = {
        second_of(at) for at, is_over in zip(captured[:cut], first, strict=True) if not is_over
    }
    left = max(0, room - len(captured[:cut]))
    second = passed_over(captured[cut:], room=left, seconds_taken=taken)
    assert first + second == passed_over(captured, room=room)
