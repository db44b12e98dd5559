"""Which event takes what, and how it is judged: on the real tables."""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from backend.domain.boxes import Box, Detection
from backend.domain.events import EventRules
from backend.domain.risk import Facts, facts_of, judge
from backend.services.events.stage import EventStage
from backend.services.stores import cameras, detections, events
from backend.services.stores.assessments import factors_as_json
from backend.services.stores.events import EventChange, facts_as_json
from backend.services.topics import Sighting
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import UTC_ZONE, Works

BOX = Box(0.1, 0.2, 0.3, 0.4)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


def person(confidence: float = 0.9) -> Detection:
    return Detection("person", confidence, BOX)


async def sighting(works: Works, camera: int, at: datetime, *things: Detection) -> Sighting:
    return Sighting(await works.ledger.frame(camera, at), at, things or (person(),))


async def attach(
    works: Works,
    camera: int,
    *sightings: Sighting,
    stage: EventStage | None = None,
    detector: str = "scripted",
) -> dict[int, int]:
    """Attach in one transaction, with the camera's row locked."""
    async with works.ledger.database.transaction() as session:
        await cameras.lock(session, camera)
        return await (stage or works.events()).attach(
            session, camera, UTC_ZONE, sightings, detector=detector
        )


async def see(
    works: Works, camera: int, at: datetime, *things: Detection, detector: str = "scripted"
) -> int:
    """Attach one sighting; its event."""
    one = await sighting(works, camera, at, *things)
    return (await attach(works, camera, one, detector=detector))[one.frame_id]


async def spans(ledger: Ledger) -> list[tuple[int, int, int | None]]:
    """Each event's begin and end in seconds after noon, and which it continues, by its begin."""
    rows = await ledger.rows(
        "SELECT e.first_at, e.last_at, b.first_at AS before FROM events e "
        "LEFT JOIN events b ON b.id = e.continues_event_id ORDER BY e.first_at"
    )

    def seconds(at: datetime | None) -> int | None:
        return None if at is None else int((at - NOON).total_seconds())

    return [
        (
            int((row["first_at"] - NOON).total_seconds()),
            int((row["last_at"] - NOON).total_seconds()),
            seconds(row["before"]),
        )
        for row in rows
    ]


async def test_a_first_sighting_opens_an_event_that_is_judged_at_once(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    event = await see(works, camera, NOON, person(), Detection("dog", 0.75, BOX, (("cat", 0.5),)))
    (row,) = await ledger.rows("SELECT * FROM events")
    assert (row["id"], row["state"], row["detector"]) == (event, "open", "scripted")
    assert (row["frames"], row["detections"], row["classes"]) == (1, 2, ["dog", "person"])
    (assessment,) = await ledger.rows("SELECT * FROM assessments")
    assert (assessment["number"], assessment["judged_by"]) == (1, "rules")
    assert (assessment["score"], assessment["summary"]) == (row["score"], row["summary"])
    assert sum(factor["points"] for factor in assessment["factors"]) == row["score"]
    stored = await ledger.rows("SELECT class_name, alternatives FROM detections ORDER BY id")
    assert [tuple(one.values()) for one in stored] == [("person", None), ("dog", {"cat": 0.5})]
    assert await ledger.told() == ["event.opened", "event.assessed"]


async def test_a_near_sighting_widens_and_says_so(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    first = await see(works, camera, NOON)
    works.clock.advance(7)
    assert await see(works, camera, NOON + 30 * SECOND) == first
    assert await spans(ledger) == [(0, 30, None)]
    (row,) = await ledger.rows("SELECT frames, detections, attached_at FROM events")
    assert tuple(row.values()) == (2, 2, NOON + 7 * SECOND)
    told = ["event.opened", "event.assessed", "event.updated", "event.assessed"]
    assert await ledger.told() == told


async def test_a_judgement_of_the_same_score_is_told_with_its_new_factors(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    await see(works, camera, NOON)
    await see(works, camera, NOON + SECOND)
    stored = await ledger.rows("SELECT score, factors, number FROM assessments ORDER BY number")
    told = await ledger.rows(
        "SELECT payload->'assessment' AS it FROM outbox WHERE kind = 'event.assessed' ORDER BY id"
    )
    assert [{name: row["it"][name] for name in stored[0]} for row in told] == stored
    assert stored[0]["score"] == stored[1]["score"]
    assert stored[0]["factors"] != stored[1]["factors"]


async def test_an_event_names_the_detector_that_added_to_it_last(works: Works) -> None:
    camera = await works.ledger.camera()
    event = await see(works, camera, NOON)
    assert await see(works, camera, NOON + SECOND, detector="another") == event
    (row,) = await works.ledger.rows("SELECT detector FROM events")
    assert row["detector"] == "another"


async def test_later_than_the_idle_time_is_another_event(works: Works) -> None:
    camera = await works.ledger.camera()
    first = await see(works, camera, NOON)
    assert await see(works, camera, NOON + 31 * SECOND) != first
    assert await spans(works.ledger) == [(0, 0, None), (31, 31, None)]


async def test_a_late_frame_widens_to_the_front(works: Works) -> None:
    camera = await works.ledger.camera()
    first = await see(works, camera, NOON)
    assert await see(works, camera, NOON - 20 * SECOND) == first
    assert await spans(works.ledger) == [(-20, 0, None)]


async def test_between_two_the_nearer_takes_it_and_on_a_tie_the_earlier(works: Works) -> None:
    camera = await works.ledger.camera()
    first = await see(works, camera, NOON)
    second = await see(works, camera, NOON + 40 * SECOND)
    assert await see(works, camera, NOON + 21 * SECOND) == second
    assert await see(works, camera, NOON + 10 * SECOND) == first
    assert await spans(works.ledger) == [(0, 10, None), (21, 40, None)]  # and two they stay
    assert await see(works, camera, NOON + 15 * SECOND) == first


async def test_a_closed_event_opens_again_and_is_never_announced_twice(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    first = await see(works, camera, NOON, person(0.6))
    await finish_frames(ledger)
    works.clock.advance(31)
    closer = works.closer()
    works.clock.advance(30)
    await closer.close_quiet()
    assert await see(works, camera, NOON + 20 * SECOND, person(0.9)) == first
    (row,) = await ledger.rows("SELECT state, closed_at FROM events")
    assert tuple(row.values()) == ("open", None)
    assert await ledger.told() == [
        "event.opened",
        "event.assessed",
        "event.closed",
        "event.updated",
        "event.assessed",
    ]


async def finish_frames(ledger: Ledger) -> None:
    await ledger.change("UPDATE frames SET state = 'empty', finished_at = now()")


async def test_after_a_quarter_of_an_hour_a_new_event_continues_it_and_names_it(
    works: Works,
) -> None:
    camera = await works.ledger.camera()
    times = [NOON + n * 25 * SECOND for n in range(80)]
    await attach(works, camera, *[await sighting(works, camera, at) for at in times])
    assert await spans(works.ledger) == [(0, 900, None), (925, 1825, 0), (1850, 1975, 925)]
    assert (await works.ledger.told()).count("event.opened") == 3


async def test_the_same_one_by_one(works: Works) -> None:
    camera = await works.ledger.camera()
    for n in range(38):
        await see(works, camera, NOON + n * 25 * SECOND)
    assert await spans(works.ledger) == [(0, 900, None), (925, 925, 0)]


async def test_a_late_frame_before_an_event_that_is_full_is_continued_by_it(works: Works) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    full = [await sighting(works, camera, NOON + n * 30 * SECOND) for n in range(31)]
    await attach(works, camera, *full)
    early = NOON - 10 * SECOND
    # in one batch with a frame that the full event takes
    await attach(
        works,
        camera,
        await sighting(works, camera, early),
        await sighting(works, camera, NOON + 5 * SECOND),
    )
    assert await spans(ledger) == [(-10, -10, None), (0, 900, -10)]


async def test_what_it_continues_is_not_forgotten_when_it_grows(works: Works) -> None:
    camera = await works.ledger.camera()
    times = [NOON + n * 30 * SECOND for n in range(32)]
    await attach(works, camera, *[await sighting(works, camera, at) for at in times])
    await see(works, camera, times[-1] + 5 * SECOND)
    assert await spans(works.ledger) == [(0, 900, None), (930, 935, 0)]


async def test_one_batch_may_be_of_several_events(works: Works) -> None:
    camera = await works.ledger.camera()
    batch = [await sighting(works, camera, NOON + n * MINUTE) for n in range(3)]
    event_of = await attach(works, camera, *batch)
    assert len(set(event_of.values())) == 3
    rows = await works.ledger.rows("SELECT frame_id, event_id FROM detections ORDER BY id")
    assert {row["frame_id"]: row["event_id"] for row in rows} == event_of


async def test_cameras_have_events_of_their_own(works: Works) -> None:
    here, there = await works.ledger.camera(), await works.ledger.camera()
    assert await see(works, here, NOON) != await see(works, there, NOON)


async def test_the_cover_is_the_surest_frame_the_first_of_equals(works: Works) -> None:
    camera = await works.ledger.camera()

    async def cover() -> int:
        (row,) = await works.ledger.rows("SELECT cover_frame_id FROM events")
        return int(row["cover_frame_id"])

    first = await sighting(works, camera, NOON, person(0.7))
    await attach(works, camera, first)
    assert await cover() == first.frame_id
    equal = await sighting(works, camera, NOON + SECOND, person(0.7))
    await attach(works, camera, equal)
    assert await cover() == first.frame_id
    surer = await sighting(works, camera, NOON + 2 * SECOND, person(0.5), person(0.8))
    less = await sighting(works, camera, NOON + 3 * SECOND, person(0.75))
    await attach(works, camera, less, surer)
    assert await cover() == surer.frame_id


async def recompute(ledger: Ledger, event_id: int, upto: int) -> Facts:
    """An event's facts from what is stored, as anybody can make them again."""
    async with ledger.database.transaction() as session:
        rows = await detections.of_event_upto(session, event_id, upto)
    by_frame: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        by_frame.setdefault(row["frame_id"], []).append(row)
    known = [
        facts_of(
            group[0]["captured_at"],
            [Detection(row["class_name"], row["confidence"], BOX) for row in group],
        )
        for group in by_frame.values()
    ]
    facts = known[0]
    for more in known[1:]:
        facts = facts.merged(more)
    return facts


def random_sightings(
    chance: random.Random, number: int
) -> list[tuple[datetime, Sequence[Detection]]]:
    """Within a few minutes, in no order; confidences that single precision cannot hold."""
    classes = ("person", "car", "dog", "motion")
    return [
        (
            NOON + chance.randrange(200) * SECOND,
            [
                Detection(chance.choice(classes), chance.uniform(0.5, 1), BOX)
                for _ in range(chance.randint(1, 3))
            ],
        )
        for _ in range(number)
    ]


@pytest.mark.parametrize("seed", range(4))
async def test_every_score_can_be_made_again_from_what_is_stored(works: Works, seed: int) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    chance = random.Random(seed)  # noqa: S311
    waiting = random_sightings(chance, 18)
    while waiting:
        batch, waiting = waiting[: chance.randint(1, 5)], waiting[5:]
        await attach(works, camera, *[await sighting(works, camera, at, *f) for at, f in batch])
    rows = await ledger.rows(
        "SELECT a.*, e.facts FROM assessments a JOIN events e ON e.id = a.event_id"
    )
    assert len(rows) >= 4
    for row in rows:
        again = judge(await recompute(ledger, row["event_id"], row["upto_detection_id"]), UTC_ZONE)
        assert (row["score"], row["summary"]) == (again.score, again.summary)
        assert row["factors"] == factors_as_json(again)


@pytest.mark.parametrize("seed", range(3))
async def test_an_event_s_facts_are_those_of_all_its_detections(works: Works, seed: int) -> None:
    ledger = works.ledger
    camera = await ledger.camera()
    for at, things in random_sightings(random.Random(seed), 14):  # noqa: S311
        await see(works, camera, at, *things)
    for row in await ledger.rows("SELECT * FROM events"):
        facts = await recompute(ledger, row["id"], 2**62)
        assert row["facts"] == facts_as_json(facts)
        assert (row["first_at"], row["last_at"], row["frames"]) == (
            facts.first,
            facts.last,
            facts.frames,
        )
        (stored,) = await ledger.rows(
            "SELECT count(*) AS n FROM detections WHERE event_id = :id", id=row["id"]
        )
        assert row["detections"] == stored["n"]


async def test_a_confidence_at_the_edge_of_a_point_is_judged_as_it_is_stored(works: Works) -> None:
    """0.85 is less than 0.85 in single precision: round(8.5) or round(8.500000238)."""
    camera = await works.ledger.camera()
    await see(works, camera, NOON, person(0.85))
    (row,) = await works.ledger.rows(
        "SELECT id, event_id, upto_detection_id, score FROM assessments"
    )
    again = judge(
        await recompute(works.ledger, row["event_id"], row["upto_detection_id"]), UTC_ZONE
    )
    assert row["score"] == again.score == 35 + 9


async def test_a_live_visit_and_the_same_as_a_backlog_are_the_same_events(works: Works) -> None:
    one, other = await works.ledger.camera(), await works.ledger.camera()
    visit = [NOON + n * 7 * SECOND for n in (0, 1, 2, 9, 10, 30, 31)]
    for at in visit:
        await see(works, one, at)
    await attach(works, other, *[await sighting(works, other, at) for at in visit])
    rows = await works.ledger.rows(
        "SELECT camera_id, first_at, last_at, frames, score, summary, facts FROM events "
        "ORDER BY camera_id, first_at"
    )
    live, late = (
        [tuple(r.values())[1:] for r in rows if r["camera_id"] == c] for c in (one, other)
    )
    assert live == late
    assert len(live) == 3


async def test_attaches_to_two_cameras_at_once(works: Works) -> None:
    places = [await works.ledger.camera() for _ in range(2)]
    batches = [
        (camera, [await sighting(works, camera, NOON + n * MINUTE) for n in range(4)])
        for camera in places
    ]
    await asyncio.gather(*(attach(works, camera, *batch) for camera, batch in batches))
    assert await spans(works.ledger) == [(n * 60, n * 60, None) for n in (0, 0, 1, 1, 2, 2, 3, 3)]


async def test_attaches_to_one_camera_at_once_make_one_event(works: Works) -> None:
    camera = await works.ledger.camera()
    seen = [await sighting(works, camera, NOON + n * 20 * SECOND) for n in range(6)]
    await asyncio.gather(*(attach(works, camera, one) for one in seen))
    rows = await works.ledger.rows("SELECT frames FROM events")
    assert sum(row["frames"] for row in rows) == 6
    (row,) = await works.ledger.rows("SELECT count(*) AS n FROM assessments")
    assert row["n"] == 6


async def test_no_two_events_of_a_camera_overlap_whoever_tries(works: Works) -> None:
    """Without the lock on the camera, the constraint is what holds."""
    camera, other = await works.ledger.camera(), await works.ledger.camera()

    async def open_one(camera_id: int, first: datetime, last: datetime) -> None:
        change = EventChange(Facts(first, last, 1), 1, 0, "", None, "x")
        async with works.ledger.database.transaction() as session:
            await events.open_event(session, camera_id, change, continues=None, now=NOON)

    await open_one(camera, NOON, NOON + MINUTE)
    for first, last in ((0, 0), (60, 60), (-10, 0), (30, 31), (-10, 90)):
        with pytest.raises(IntegrityError, match="ex_events_one_at_a_time"):
            await open_one(camera, NOON + first * SECOND, NOON + last * SECOND)
    await open_one(other, NOON, NOON + MINUTE)
    await open_one(camera, NOON + MINUTE + timedelta(microseconds=1), NOON + 2 * MINUTE)
    at = NOON + 10 * MINUTE
    outcomes = await asyncio.gather(
        *(open_one(camera, at, at) for _ in range(3)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "IntegrityError",
        "IntegrityError",
        "NoneType",
    ]


async def test_a_batch_of_one_event_takes_few_statements(works: Works) -> None:
    """They do not grow with the number of pictures."""
    from sqlalchemy import event

    camera = await works.ledger.camera()
    statements: list[str] = []
    engine = works.ledger.database._engine.sync_engine
    batches = [
        [await sighting(works, camera, NOON + (n + first) * SECOND) for n in range(number)]
        for first, number in ((0, 1), (20, 16))
    ]

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    counts = []
    for batch in batches:
        statements.clear()
        await attach(works, camera, *batch)
        counts.append(len(statements))
    event.remove(engine, "before_cursor_execute", note)
    assert counts == [7, 7]


async def test_longer_rules_keep_longer_events(works: Works) -> None:
    camera = await works.ledger.camera()
    rules = EventRules(idle=5 * MINUTE, longest=timedelta(hours=1))
    stage = EventStage(rules, works.events()._analyst, works.clock)
    for n in range(4):
        await attach(
            works, camera, await sighting(works, camera, NOON + n * 4 * MINUTE), stage=stage
        )
    assert await spans(works.ledger) == [(0, 720, None)]
