"""What one thing did within an event."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backend.domain.boxes import Box, Detection
from backend.domain.courses import Sight, course_of
from backend.domain.signs import Crossed, InZone, Signs
from backend.domain.tracks import MAX_PATH, Heading, dwell, heading, speed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOME = Crossed("Gate", "inwards", "coming home")


def sight(
    second: int, x: float = 0.1, name: str = "person", sure: float = 0.9, **signs: object
) -> Sight:
    at = NOON + timedelta(seconds=second)
    return at, Detection(name, sure, Box(x, 0.4, 0.1, 0.4), signs=Signs(**signs))  # type: ignore[arg-type]


def test_who_was_seen_once_went_nowhere() -> None:
    course = course_of([sight(0)])
    assert (dwell(course.track), heading(course.track), speed(course.track)) == (
        timedelta(0), None, 0,
    )  # fmt: skip
    assert (course.stays, course.crossed, course.still) == ((), (), 0)
    assert (course.arrived_at, course.departed_at) == (None, None)


def test_a_course_is_told_from_the_sights() -> None:
    porch = (InZone("Porch", 20),)
    course = course_of(
        [
            sight(0),
            sight(2, 0.2, zones=porch, crossed=(HOME,)),
            sight(4, 0.3, zones=porch, still=7.5, arrived=True),
            sight(6, 0.4, departed=True, still=2.0),
        ]
    )
    assert heading(course.track) is Heading.RIGHT
    assert course.track.sightings == 4
    (stay,) = course.stays
    assert (stay.zone, stay.dwell, stay.came_in) == ("Porch", timedelta(seconds=2), True)
    assert stay.left_at == NOON + timedelta(seconds=6)
    assert course.crossed == ((NOON + timedelta(seconds=2), HOME),)
    assert course.still == 7.5
    assert course.arrived_at == NOON + timedelta(seconds=4)
    assert course.departed_at == NOON + timedelta(seconds=6)


def test_what_was_taken_for_two_in_a_frame_is_one_in_one_place() -> None:
    both = [
        sight(0, 0.1, "car", 0.6, crossed=(HOME,)),
        sight(0, 0.12, "truck", 0.8, crossed=(HOME,)),
    ]
    course = course_of([*both, sight(1, 0.12, "car", 0.7)])
    assert course.track.class_name == "car"  # by the sum of both
    assert [round(point.x, 2) for point in course.track.path] == [0.17, 0.17]
    assert course.track.sightings == 2
    assert len(course.crossed) == 1


@given(
    st.lists(st.tuples(st.integers(0, 99), st.floats(0, 0.8)), min_size=1, unique_by=lambda s: s[0])
)
def test_the_order_in_which_it_is_told_does_not_matter(steps: list[tuple[int, float]]) -> None:
    sights = [sight(second, x) for second, x in steps]
    course = course_of(sights)
    assert course_of(reversed(sights)) == course
    assert len(course.track.path) <= MAX_PATH
    times = [at for at, _ in sights]
    assert dwell(course.track) == max(times) - min(times)
