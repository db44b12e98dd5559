"""When events are over: by our own clock, on the real tables."""

import asyncio
from datetime import datetime, timedelta

import pytest

from backend.core.errors import Unavailable
from backend.core.supervisor import Supervisor
from backend.domain.boxes import Box, Detection
from backend.services.events.closer import EventCloser
from backend.services.stores import cameras
from backend.services.topics import Sighting
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.stages import UTC_ZONE, Works, asleep

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
PERSON = Detection("person", 0.9, Box(0.1, 0.1, 0.5, 0.5))


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


@pytest.fixture
def closer(works: Works) -> EventCloser:
    return works.closer()


async def see(works: Works, camera: int, at: datetime = NOON) -> int:
    """A frame that shows a person, and is final; its event."""
    frame = await works.ledger.frame(camera, at)
    async with works.ledger.database.transaction() as session:
        await cameras.lock(session, camera)
        event_of = await works.events().attach(
            session, camera, UTC_ZONE, [Sighting(frame, at, (PERSON,))], detector="scripted"
        )
    await works.ledger.change(
        "UPDATE frames SET state = 'attached', finished_at = now(), event_id = :event "
        "WHERE id = :id",
        id=frame,
        event=event_of[frame],
    )
    return event_of[frame]


async def states(ledger: Ledger) -> list[str]:
    return [row["state"] for row in await ledger.rows("SELECT state FROM events ORDER BY id")]


async def test_an_event_is_over_once_it_was_quiet_for_the_idle_time(
    works: Works, closer: EventCloser
) -> None:
    await see(works, await works.ledger.camera())
    works.clock.advance(29)
    assert await closer.close_quiet() == pytest.approx(1)
    assert await states(works.ledger) == ["open"]
    works.clock.advance(1)
    assert await closer.close_quiet() == pytest.approx(30)
    (row,) = await works.ledger.rows("SELECT state, closed_at FROM events")
    assert tuple(row.values()) == ("closed", works.clock.now())
    assert (await works.ledger.told())[-1] == "event.closed"
    (message,) = await works.ledger.rows("SELECT payload FROM outbox WHERE kind = 'event.closed'")
    assert message["payload"]["event"]["state"] == "closed"
    assert works.told == [1]


async def test_what_is_closed_is_not_closed_again(works: Works, closer: EventCloser) -> None:
    await see(works, await works.ledger.camera())
    works.clock.advance(30)
    for _ in range(2):
        await closer.close_quiet()
    assert (await works.ledger.told()).count("event.closed") == 1
    assert works.told == [1]


async def test_camera_time_says_nothing(works: Works, closer: EventCloser) -> None:
    for at in (NOON - 365 * DAY, NOON + 365 * DAY):
        await see(works, await works.ledger.camera(), at)
    await closer.close_quiet()
    assert await states(works.ledger) == ["open", "open"]
    works.clock.advance(30)
    await closer.close_quiet()
    assert await states(works.ledger) == ["closed", "closed"]


async def test_a_further_sighting_keeps_it_open(works: Works, closer: EventCloser) -> None:
    camera = await works.ledger.camera()
    await see(works, camera)
    works.clock.advance(20)
    await see(works, camera, NOON + SECOND)
    works.clock.advance(29)
    await closer.close_quiet()
    assert await states(works.ledger) == ["open"]


async def test_it_stays_open_while_frames_of_its_camera_wait(
    works: Works, closer: EventCloser
) -> None:
    here, there = await works.ledger.camera(), await works.ledger.camera()
    for camera in (here, there):
        await see(works, camera)
    frame = await works.ledger.frame(here)
    works.clock.advance(600)
    assert await closer.close_quiet() <= 1  # it looks again soon, but not all the time
    assert await states(works.ledger) == ["open", "closed"]
    await works.ledger.change(
        "UPDATE frames SET state = 'empty', finished_at = now() WHERE id = :id", id=frame
    )
    await closer.close_quiet()
    assert await states(works.ledger) == ["closed", "closed"]


async def test_a_later_event_ends_the_earlier_at_once(works: Works, closer: EventCloser) -> None:
    camera = await works.ledger.camera()
    await see(works, camera)
    await see(works, camera, NOON + 60 * SECOND)
    await works.ledger.frame(camera)
    await closer.close_quiet()
    assert await states(works.ledger) == ["closed", "open"]


async def test_what_was_attached_a_little_ahead_of_our_clock_is_not_over(
    works: Works, closer: EventCloser
) -> None:
    camera = await works.ledger.camera()
    works.clock.advance(100)
    event = await see(works, camera)
    await works.ledger.change(
        "UPDATE events SET attached_at = attached_at + interval '2 ms' WHERE id = :id", id=event
    )
    await closer.close_quiet()
    assert await states(works.ledger) == ["open"]


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_clock_that_jumps_closes_nothing_and_holds_nothing_open(
    works: Works, closer: EventCloser, jump: timedelta
) -> None:
    camera = await works.ledger.camera()
    await see(works, camera)
    works.clock.advance(10)
    works.clock.jump(jump)
    await closer.close_quiet()
    works.clock.advance(29)
    await closer.close_quiet()
    assert await states(works.ledger) == ["open"]
    works.clock.advance(1)
    await closer.close_quiet()
    assert await states(works.ledger) == ["closed"]


async def test_what_was_open_before_the_start_is_given_the_idle_time(works: Works) -> None:
    """While nobody watched, the clock may have been set."""
    await see(works, await works.ledger.camera())
    works.clock.advance(600)
    closer = works.closer()
    assert await closer.close_quiet() == pytest.approx(30)
    assert await states(works.ledger) == ["open"]
    works.clock.advance(30)
    await closer.close_quiet()
    assert await states(works.ledger) == ["closed"]


async def test_an_event_that_somebody_is_at_is_left_alone(
    works: Works, closer: EventCloser
) -> None:
    """It is about to grow; and the closer waits for nobody."""
    here, there = await works.ledger.camera(), await works.ledger.camera()
    event = await see(works, here)
    await see(works, there)
    works.clock.advance(30)
    sighting = Sighting(await works.ledger.frame(here), NOON, (PERSON,))
    async with works.ledger.database.transaction() as session:
        await cameras.lock(session, here)
        await works.events().attach(session, here, UTC_ZONE, [sighting], detector="scripted")
        async with asyncio.timeout(2):
            await closer.close_quiet()
    assert await states(works.ledger) == ["open", "closed"]
    kinds = await works.ledger.rows("SELECT kind FROM outbox WHERE event_id = :id", id=event)
    assert "event.closed" not in {row["kind"] for row in kinds}


async def test_two_closers_close_once(works: Works) -> None:
    closers = [works.closer() for _ in range(4)]
    for _ in range(5):
        await see(works, await works.ledger.camera())
    works.clock.advance(30)
    await asyncio.gather(*(closer.close_quiet() for closer in closers))
    for closer in closers:
        await closer.close_quiet()
    assert (await works.ledger.told()).count("event.closed") == 5
    assert set(await states(works.ledger)) == {"closed"}


async def test_closing_and_attaching_at_once_never_wait_for_each_other_in_a_circle(
    works: Works, closer: EventCloser
) -> None:
    """Two open events of one camera, closed in one order while they are widened in the other."""
    camera = await works.ledger.camera()
    for n in range(6):
        later, earlier = await see(works, camera, NOON + 35 * SECOND), await see(works, camera)
        assert later != earlier
        both = [
            Sighting(await works.ledger.frame(camera), NOON + seconds * SECOND, (PERSON,))
            for seconds in (0, 35)
        ]

        async def attach(sightings: list[Sighting]) -> None:
            async with works.ledger.database.transaction() as session:
                await cameras.lock(session, camera)
                await works.events().attach(
                    session, camera, UTC_ZONE, sightings, detector="scripted"
                )

        await asyncio.gather(attach(both), closer.close_quiet())
        await works.ledger.change("UPDATE frames SET state = 'empty', finished_at = now()")
        assert n == 0 or (await works.ledger.told()).count("event.opened") == 2


async def test_running_it_closes_at_the_deadline(works: Works, closer: EventCloser) -> None:
    supervisor = Supervisor(works.clock)
    supervisor.add("close", closer.run)
    await see(works, await works.ledger.camera())
    running = asyncio.create_task(supervisor.run())
    async with asyncio.timeout(4):
        for seconds in (29, 1):
            await asleep(works.clock)
            assert await states(works.ledger) == ["open"]
            works.clock.advance(seconds)
        await asleep(works.clock)
        assert await states(works.ledger) == ["closed"]
    running.cancel()
    await asyncio.wait([running])
    assert supervisor.states["close"].running


async def test_without_a_database_it_says_so() -> None:
    from backend.core.database import Database
    from backend.tests.fixtures.clock import ManualClock

    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    closer = EventCloser(database, ManualClock(), 30 * SECOND, lambda: None)
    with pytest.raises(Unavailable):
        await closer.close_quiet()
    await database.close()
