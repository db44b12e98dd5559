"""Which pictures of a flood are looked at all the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.floods import second_of, which_to_skip
from backend.domain.frames import Arrival, FileMark

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)

times = st.lists(
    st.integers(0, 12_000).map(lambda ms: NOON + timedelta(milliseconds=ms)), max_size=60
)


def at(*seconds: float) -> list[datetime]:
    return [NOON + timedelta(seconds=one) for one in seconds]


def test_so_many_as_there_is_room_for_are_looked_at() -> None:
    assert which_to_skip(at(0, 0.1, 0.2, 0.3), room=3) == [False, False, False, True]


def test_of_the_others_the_first_of_each_second() -> None:
    came = at(0, 0.9, 1.0, 1.5, 0.95, 2.0)
    assert which_to_skip(came, room=0) == [False, True, False, True, True, False]


def test_a_second_of_which_one_was_looked_at_before_has_had_its_own() -> None:
    came = at(0.5, 1.5)
    assert which_to_skip(came, room=0, seconds_taken=at(0)) == [True, False]


@given(times, st.integers(0, 70))
def test_every_second_has_one_that_is_looked_at(came: list[datetime], room: int) -> None:
    over = which_to_skip(came, room=room)
    seen = [at for at, is_over in zip(came, over, strict=True) if not is_over]
    assert {second_of(at) for at in seen} == {second_of(at) for at in came}


@given(times, st.integers(0, 70))
def test_beyond_the_room_no_second_has_two(came: list[datetime], room: int) -> None:
    over = which_to_skip(came, room=room)
    assert not any(over[:room])
    beyond = [
        second_of(at) for at, is_over in zip(came[room:], over[room:], strict=True) if not is_over
    ]
    assert len(beyond) == len(set(beyond))


@given(times, st.integers(0, 70), st.integers(0, 60))
def test_in_two_batches_it_is_the_same(came: list[datetime], room: int, cut: int) -> None:
    first = which_to_skip(came[:cut], room=room)
    taken = {second_of(at) for at, is_over in zip(came[:cut], first, strict=True) if not is_over}
    left = max(0, room - len(came[:cut]))
    second = which_to_skip(came[cut:], room=left, seconds_taken=taken)
    assert first + second == which_to_skip(came, room=room)


def arrival(completed_at: datetime | None, received_at: datetime) -> Arrival:
    """A picture of a camera whose clock stands still."""
    return Arrival(
        camera_id=1,
        path="a.jpg",
        mark=FileMark(1, 1, 1),
        content_hash=bytes(32),
        width=8,
        height=8,
        received_at=received_at,
        captured_at=datetime(2000, 1, 1, tzinfo=UTC),
        captured_from="exif",
        clock_suspect=True,
        found_by="watch",
        completed_at=completed_at,
    )


@given(times)
def test_a_clock_that_stands_still_takes_no_look_away(moments: list[datetime]) -> None:
    """However late they are taken in, all at once: it counts when they came."""
    late = NOON + timedelta(hours=1)
    arrivals = [arrival(moment, late) for moment in moments]
    over = which_to_skip([one.came_at for one in arrivals], room=0)
    seen = [at for at, is_over in zip(moments, over, strict=True) if not is_over]
    assert [second_of(at) for at in seen] == list(dict.fromkeys(map(second_of, moments)))


def test_where_nobody_knows_when_it_came_it_is_when_it_was_taken_in() -> None:
    assert arrival(None, NOON).came_at == NOON
