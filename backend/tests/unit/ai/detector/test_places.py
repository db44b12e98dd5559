"""The bound of the queue."""

import pytest

from ai.detector.places import Busy, Places


def test_no_more_than_there_are() -> None:
    places = Places(2, lambda: 3.0)
    with places.take(1, seconds_each=0), places.take(1, seconds_each=0):
        with pytest.raises(Busy), places.take(1, seconds_each=0):
            pass
        assert (places.taken, places.full_at) == (2, 3.0)
    assert places.taken == 0


@pytest.mark.parametrize(("seconds_each", "later"), [(0.0, 1), (0.2, 2), (0.4, 4), (100.0, 60)])
def test_when_to_come_again_follows_from_what_waits(seconds_each: float, later: int) -> None:
    places = Places(10, lambda: 0.0)
    with (
        places.take(10, seconds_each=seconds_each),
        pytest.raises(Busy) as caught,
        places.take(1, seconds_each=seconds_each),
    ):
        pass
    assert caught.value.retry_after == later
