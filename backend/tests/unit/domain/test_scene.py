"""What belongs to the scene, and when does it stop?"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from backend.domain.boxes import Box
from backend.domain.following import Seen, follow
from backend.domain.scene import Settled, settle
from backend.domain.tracks import TrackState
from backend.services.detection.assignment import assign
from backend.tests.fixtures.tracking_strategies import Frame, at, seen, track_of

BOX = Box(0.4, 0.4, 0.2, 0.15)
LOOK, OTHER_LOOK = bytes(range(64)), bytes(reversed(range(64)))

Show = Callable[[float], Iterable[Seen]]


def every(seconds: float, begin: float, end: float, show: Show) -> list[Frame]:
    count = round((end - begin) / seconds)
    moments = [begin + seconds * i for i in range(count)]
    return [(at(moment), tuple(show(moment))) for moment in moments]


def thing(class_name: str = "car", x: float = 0.0, look: bytes = LOOK) -> Seen:
    return seen(class_name, replace(BOX, x=BOX.x + x), print_=look)


def standing(_: float) -> list[Seen]:
    return [thing()]


def nothing(_: float) -> list[Seen]:
    return []


def news(frames: list[Frame], steps: list[Settled]) -> list[float]:
    """The seconds at which something was seen that does not belong to the scene."""
    return [
        (frame[0] - at(0)).total_seconds()
        for frame, step in zip(frames, steps, strict=True)
        if not all(step.is_scene)
    ]


def test_a_parked_car_is_news_for_half_a_minute() -> None:
    frames = every(5, 0, 900, standing)
    assert max(news(frames, track_of(frames))) == 25


def test_a_car_that_came_is_news_for_five_minutes_and_has_arrived_once() -> None:
    frames = every(1, 0, 10, lambda t: [thing(x=0.04 * t - 0.4)]) + every(5, 10, 600, standing)
    steps = track_of(frames)
    assert 300 <= max(news(frames, steps)) <= 315
    (arrival,) = [frame[0] for frame, step in zip(frames, steps, strict=True) if step.arrived]
    assert at(20) <= arrival <= at(30)
    assert len(steps[-1].tracks) == 1


@pytest.mark.parametrize("per_frame", [0.03, 0.08, 0.15])
def test_a_car_that_leaves_is_news_and_has_departed_once(per_frame: float) -> None:
    """Slowly, as cars back out, and so fast that the next frame shows it elsewhere."""

    def leaving(t: float) -> list[Seen]:
        x = BOX.x + per_frame * (t - 600) * 2
        return [seen("car", replace(BOX, x=x), print_=LOOK)] if x < 0.8 else []

    frames = every(10, 0, 600, standing) + every(0.5, 600, 620, leaving)
    frames += every(10, 620, 1500, nothing)
    steps = track_of(frames)
    assert any(600 <= moment < 620 for moment in news(frames, steps))
    assert sum(len(step.departed) for step in steps) == 1


@pytest.mark.parametrize("seconds", [31, 60, 600])
def test_a_parked_car_that_is_seldom_seen_is_news_once(seconds: float) -> None:
    """Each further sight would else open an event, since the one before is over by then."""
    frames = every(seconds, 0, 20 * seconds, standing)
    assert news(frames, track_of(frames)) == [0]


def test_a_car_that_comes_while_it_is_seldom_seen_is_news_until_it_stands() -> None:
    places = [-0.4, -0.2, 0.0]
    frames = every(60, 0, 1200, lambda t: [thing(x=places[min(int(t / 60), 2)])])
    assert news(frames, track_of(frames)) == [0, 60, 120]


def test_what_lives_and_is_seldom_seen_is_news_each_time() -> None:
    frames = every(60, 0, 240, lambda _: [thing("person")])
    assert len(news(frames, track_of(frames))) == 4


def test_a_person_who_stops_for_ten_minutes_is_never_scene() -> None:
    def visit(t: float) -> list[Seen]:
        x = min(t, 10) * 0.03 - 0.3 if t < 610 else (t - 610) * 0.03
        return [seen("person", Box(0.4 + x, 0.3, 0.1, 0.4), print_=LOOK)]

    frames = every(1, 0, 10, visit) + every(5, 10, 610, visit) + every(1, 610, 620, visit)
    steps = track_of(frames)
    assert len(news(frames, steps)) == len(frames)
    assert len(steps[-1].tracks) == 1


@pytest.mark.parametrize(("class_name", "is_scene"), [("person", True), ("motion", False)])
def test_what_was_never_seen_moving(class_name: str, is_scene: bool) -> None:
    """A coat on its hanger is scene after half an hour; motion never is."""
    frames = every(20, 0, 2000, lambda _: [thing(class_name)])
    steps = track_of(frames)
    assert steps[90 - 1].is_scene == (False,)
    assert steps[-1].is_scene == (is_scene,)


def test_something_new_beside_the_scene_is_news() -> None:
    def visited(t: float) -> list[Seen]:
        visitor = seen("person", Box((t - 600) * 0.02, 0.35, 0.08, 0.3), print_=OTHER_LOOK)
        return [thing(), visitor] if 600 <= t < 640 else [thing()]

    frames = every(10, 0, 600, visited) + every(1, 600, 640, visited) + every(10, 640, 900, visited)
    steps = track_of(frames)
    late = [moment for moment in news(frames, steps) if moment > 60]
    assert (min(late), max(late)) == (600, 639)
    assert [step for step in steps if step.departed or step.arrived] == []


def test_the_scene_stays_through_missed_sights_shakes_and_cut_boxes() -> None:
    def night(t: float) -> list[Seen]:
        shake = 0.004 * (-1) ** int(t / 5)
        if 1000 <= t < 1400:  # rain
            return []
        if t % 70 < 10:  # somebody in front of it
            return [seen("car", Box(0.4, 0.4, 0.1, 0.15), print_=LOOK)]
        if t % 50 < 5:  # taken together with what stands beside it
            return [seen("truck", Box(0.39, 0.39, 0.33, 0.17), print_=LOOK)]
        return [thing(x=shake)]

    frames = every(5, 0, 2400, night)
    steps = track_of(frames)
    assert max(news(frames, steps)) < 60
    assert len(steps[-1].tracks) == 1


BUS = Box(0.3, 0.4, 0.4, 0.2)


@pytest.mark.parametrize(
    ("boxes", "is_news"),
    [
        pytest.param([BUS, Box(0.55, 0.41, 0.15, 0.18)], False, id="the whole, and its end"),
        pytest.param(
            [Box(0.3, 0.4, 0.12, 0.2), Box(0.52, 0.4, 0.18, 0.2)], False, id="both of its ends"
        ),
        pytest.param([BUS, Box(0.42, 0.5, 0.14, 0.1)], True, id="a car before it"),
        pytest.param([BUS, Box(0.56, 0.5, 0.14, 0.1)], True, id="a low car before its end"),
        pytest.param([BUS, Box(0.6, 0.4, 0.3, 0.2)], True, id="another behind it"),
    ],
)
def test_what_somebody_leaves_of_a_bus_is_the_bus(boxes: list[Box], is_news: bool) -> None:
    looks = [LOOK, OTHER_LOOK]  # a part looks unlike the whole
    frames = every(5, 0, 300, lambda _: [seen("bus", BUS, print_=LOOK)])
    parts = [seen("bus", box, print_=look) for box, look in zip(boxes, looks, strict=True)]
    frames.append((at(305), tuple(parts)))
    step = track_of(frames)[-1]
    assert (False in step.is_scene) is is_news
    assert len(step.tracks) == (2 if is_news else 1)


def test_what_is_found_only_now_and_then_is_soon_no_news() -> None:
    """Every ten minutes once, near the least confidence."""
    frames = every(60, 0, 8 * 3600, lambda t: [thing()] if t % 600 == 0 else [])
    steps = track_of(frames)
    assert news(frames, steps) == [0]
    assert len(steps[-1].tracks) == 1
    assert not any(step.departed for step in steps)


def test_what_was_missed_for_long_has_left_and_is_news_when_it_is_back() -> None:
    frames = every(5, 0, 300, standing) + every(5, 300, 1200, nothing)
    frames += every(5, 1200, 1500, standing)
    steps = track_of(frames)
    assert [i * 5 for i, step in enumerate(steps) if step.departed] == [895]
    assert [i * 5 for i, step in enumerate(steps) if step.arrived] == [1200]
    assert steps[-1].is_scene == (True,)
    # Missed for so long once, it has to be missed for twice as long to have left again.
    again = [(moment + (at(1500) - at(0)), things) for moment, things in frames[60:]]
    more = track_of(again, steps[-1].tracks)
    assert not any(step.departed for step in more)


def test_another_one_in_its_place_is_news() -> None:
    frames = every(5, 0, 300, standing) + every(5, 300, 1200, nothing)
    frames += every(5, 1200, 1210, lambda _: [thing(look=OTHER_LOOK)])
    steps = track_of(frames)
    assert len(steps[-1].tracks) == 2
    assert steps[-1].is_scene == (False,)


def test_the_scene_is_forgotten_after_a_day() -> None:
    tracks = track_of(every(5, 0, 100, standing))[-1].tracks
    day = 24 * 3600
    assert follow(tracks, at(day), [], assign).tracks[0].state is TrackState.SCENE
    assert follow(tracks, at(day + 100), [], assign).tracks[0].state is TrackState.ENDED


def test_what_is_watched_is_never_scene() -> None:
    first = track_of(every(5, 0, 100, standing))[-1].tracks[0]
    watched = replace(first, watched=True, state=TrackState.LIVE)
    frames = every(5, 100, 1000, standing)
    assert len(news(frames, track_of(frames, [watched]))) == len(frames)


def test_an_old_frame_from_before_it_stood_there_is_news() -> None:
    came = every(1, 0, 10, lambda t: [thing(x=0.04 * t - 0.4)]) + every(5, 10, 600, standing)
    tracks = track_of(came)[-1].tracks
    assert tracks[0].state is TrackState.SCENE
    for second, is_scene in ((5, False), (500, True)):
        x = min(0.04 * second - 0.4, 0)
        followed = follow(tracks, at(second), [thing(x=x)], assign)
        assert followed.places == (0,)
        assert settle(tracks, followed, at(second)).is_scene == (is_scene,)


def test_old_frames_go_on_with_what_a_newer_one_has_ended() -> None:
    """A backlog of days ago, and a live picture after every few of it: one parked car."""
    old = every(10, 0, 3200, standing)
    day = 24 * 3600
    frames: list[Frame] = []
    for number, frame in enumerate(old):
        frames.append(frame)
        if number % 8 == 7:
            frames.append((at(3 * day + number), ()))
    steps = track_of(frames)
    assert max(news(frames, steps)) <= 40
    assert len(steps[-1].tracks) == 1


def test_one_frame_that_is_ahead_does_not_make_a_parked_car_news_for_ever() -> None:
    came = every(1, 0, 10, lambda t: [thing(x=0.04 * t - 0.4)]) + every(5, 10, 900, standing)
    frames = [*came[:20], (at(3600), ()), *came[20:]]
    steps = track_of(frames)
    assert max(moment for moment in news(frames, steps) if moment < 3600) <= 330


@pytest.mark.parametrize("pose", [LOOK, OTHER_LOOK], ids=["the same look", "another look"])
def test_who_was_lost_on_the_way_and_stands_somewhere_is_no_statue(pose: bytes) -> None:
    """A picture every three seconds, another pose where the person stops: a track of its own."""
    walk = [
        (at(3 * i), (seen("person", Box(0.1 + 0.06 * i, 0.3, 0.1, 0.4), print_=LOOK),))
        for i in range(4)
    ]
    stop = seen("person", Box(0.6, 0.45, 0.25, 0.15), print_=pose)  # fallen
    frames = walk + every(40, 12, 3000, lambda _: [stop])
    assert len(news(frames, track_of(frames))) == len(frames)


def test_who_comes_in_over_the_edge_and_stops_there_is_no_statue() -> None:
    def visit(t: float) -> list[Seen]:
        height = min(0.1 + 0.05 * t, 0.45)
        return [seen("person", Box(0.4, 1 - height, 0.15, height), print_=LOOK)]

    frames = every(2, 0, 20, visit) + every(40, 20, 3000, visit)
    assert len(news(frames, track_of(frames))) == len(frames)


def test_who_stands_before_a_statue_is_news() -> None:
    statue = seen("person", BOX, print_=LOOK)
    frames = every(20, 0, 2400, lambda _: [statue])
    assert track_of(frames)[-1].is_scene == (True,)
    before_it = every(10, 2400, 2500, lambda _: [seen("person", BOX, print_=OTHER_LOOK)])
    steps = track_of(before_it, track_of(frames)[-1].tracks)
    assert len(news(before_it, steps)) == len(before_it)


def test_another_car_in_a_place_that_was_empty_for_a_while_is_news() -> None:
    frames = every(5, 0, 300, standing) + every(5, 300, 400, nothing)
    frames += every(5, 400, 410, lambda _: [thing(look=OTHER_LOOK)])
    steps = track_of(frames)
    assert steps[-1].is_scene == (False,)
