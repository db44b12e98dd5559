"""The pauses between tries."""

from hypothesis import given
from hypothesis import strategies as st

from backend.core.retry import FIRST_PAUSE, LONGEST_PAUSE, SOUND_AFTER, Pauses

chances = st.floats(0, 1)


def test_each_is_twice_as_long_up_to_the_longest() -> None:
    pauses = Pauses(chance=lambda: 0.0)
    assert [pauses.after() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_what_succeeded_begins_anew_and_so_does_what_ran_for_long() -> None:
    pauses = Pauses(chance=lambda: 0.0)
    assert [pauses.after(), pauses.after()] == [1, 2]
    pauses.begin_anew()
    assert [pauses.after(), pauses.after(SOUND_AFTER), pauses.after(SOUND_AFTER + 1)] == [1, 2, 1]


@given(st.lists(chances, min_size=1, max_size=20), st.floats(FIRST_PAUSE, 100))
def test_chance_shortens_by_a_fifth_at_most_and_never_lengthens(
    drawn: list[float], longest: float
) -> None:
    chance = iter(drawn)
    pauses, plain = (
        Pauses(longest=longest, chance=lambda: next(chance)),
        Pauses(longest=longest, chance=lambda: 0.0),
    )
    for _ in drawn:
        pause, full = pauses.after(), plain.after()
        assert 0.8 * full * (1 - 1e-9) <= pause <= full <= longest


def test_those_who_failed_together_do_not_come_back_together() -> None:
    pauses = [Pauses().after() for _ in range(50)]
    assert len(set(pauses)) > 40
    assert max(pauses) <= LONGEST_PAUSE
