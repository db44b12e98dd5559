"""Numbers without gaps, in order, whoever writes and however many relay."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from backend.core.redis import RedisClient
from backend.services.live.relay import OutboxRelay
from backend.services.stores import outbox
from backend.services.topics import OUTBOX_CHANNEL, Message
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.detectors import found
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.redis_state import hearers
from backend.tests.fixtures.stages import Works, asleep, live


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def relay(ledger: Ledger, real_redis: RedisClient, clock: ManualClock) -> OutboxRelay:
    return OutboxRelay(ledger.database, real_redis, clock)


@pytest.fixture
async def deaf_redis() -> AsyncIterator[RedisClient]:
    redis = RedisClient("redis://127.0.0.1:1/0", prefix="hsi_test:")
    yield redis
    await redis.close()


def message(event_id: int = 1, kind: Any = "event.updated") -> Message:
    return Message(kind, 1, event_id, {"event": {"id": event_id}})


async def put(ledger: Ledger, *messages: Message, clock: ManualClock | None = None) -> None:
    async with ledger.database.transaction() as session:
        await outbox.put(session, messages, now=clock.now() if clock else NOON)


async def numbers(ledger: Ledger) -> list[int | None]:
    return [row["number"] for row in await ledger.rows("SELECT number FROM outbox ORDER BY id")]


async def last_number(ledger: Ledger) -> int:
    async with ledger.database.transaction() as session:
        return await outbox.last_number(session)


async def test_messages_are_numbered_in_the_order_of_their_writing(
    ledger: Ledger, relay: OutboxRelay
) -> None:
    begin = await last_number(ledger)
    await put(ledger, *[message(n) for n in range(3)])
    assert await relay.relay() == begin + 3
    await put(ledger, message(3))
    assert await relay.relay() == begin + 4
    assert await numbers(ledger) == [begin + n for n in (1, 2, 3, 4)]
    assert await relay.relay() is None


async def test_a_reader_goes_on_after_any_number(ledger: Ledger, relay: OutboxRelay) -> None:
    begin = await last_number(ledger)
    await put(ledger, *[message(n, "event.opened") for n in range(5)])
    async with ledger.database.transaction() as session:
        assert await outbox.after(session, begin, limit=10) == []
    await relay.relay()
    async with ledger.database.transaction() as session:
        rows = await outbox.after(session, begin + 2, limit=2)
    assert [outbox.as_live(row) for row in rows] == [
        {"type": "event.opened", "number": begin + 3, "event": {"id": 2}},
        {"type": "event.opened", "number": begin + 4, "event": {"id": 3}},
    ]


async def test_what_is_not_committed_has_no_number_and_leaves_no_gap(
    ledger: Ledger, relay: OutboxRelay
) -> None:
    begin = await last_number(ledger)
    async with ledger.database.transaction() as slow:
        await outbox.put(slow, [message(1)], now=NOON)
        await put(ledger, message(2))
        await relay.relay()
    await relay.relay()
    rows = await ledger.rows("SELECT event_id, number FROM outbox ORDER BY number")
    assert [tuple(row.values()) for row in rows] == [(2, begin + 1), (1, begin + 2)]


async def test_many_writers_and_two_relays_at_once(
    ledger: Ledger, real_redis: RedisClient, clock: ManualClock
) -> None:
    """A reader that follows sees every number once, none before a lower one."""
    begin = await last_number(ledger)
    relays = [OutboxRelay(ledger.database, real_redis, clock) for _ in range(2)]
    seen: list[int] = []

    async def write(writer: int) -> None:
        for n in range(10):
            await put(ledger, message(writer * 100 + n), message(writer * 100 + n))

    async def go_on_relaying(relay: OutboxRelay) -> None:
        while len(seen) < 60:
            await relay.relay()
            await asyncio.sleep(0)

    async def read() -> None:
        while len(seen) < 60:
            async with ledger.database.transaction() as session:
                after = seen[-1] if seen else begin
                rows = await outbox.after(session, after, limit=7)
            seen.extend(row["number"] for row in rows)

    async with asyncio.timeout(4):
        await asyncio.gather(
            read(), *map(write, range(3)), *(go_on_relaying(relay) for relay in relays)
        )
    assert seen == list(range(begin + 1, begin + 61))
    rows = await ledger.rows("SELECT event_id FROM outbox ORDER BY number")
    for writer in range(3):
        mine = [row["event_id"] for row in rows if row["event_id"] // 100 == writer]
        assert mine == sorted(mine)


async def test_a_relay_waits_for_one_that_is_at_it(ledger: Ledger, relay: OutboxRelay) -> None:
    """Else both would give the same numbers: to the same messages, or to different ones."""
    begin = await last_number(ledger)
    async with ledger.database.transaction() as first:
        async with ledger.database.transaction() as slow:
            await outbox.put(slow, [message(1)], now=NOON)
            await put(ledger, message(2))
            assert await outbox.number_new(first) == range(begin + 1, begin + 2)
        second = asyncio.create_task(relay.relay())
        while (await ledger.rows(_WAITERS))[0]["n"] == 0:
            assert not second.done()
    assert await second == begin + 2
    rows = await ledger.rows("SELECT event_id, number FROM outbox ORDER BY number")
    assert [tuple(row.values()) for row in rows] == [(2, begin + 1), (1, begin + 2)]


async def opened(ledger: Ledger, works: Works) -> int:
    """An event that nobody has been told of; its id."""
    camera = await ledger.camera()
    works.detector.script[NOON] = found("person")
    await ledger.frame(camera)
    await works.stage().handle(live(camera))
    (row,) = await ledger.rows("SELECT max(id) AS id FROM events")
    return int(row["id"])


async def told_at(ledger: Ledger, event: int) -> datetime | None:
    (row,) = await ledger.rows("SELECT told_at FROM events WHERE id = :id", id=event)
    told: datetime | None = row["told_at"]
    return told


async def test_the_first_message_of_an_event_is_remembered(
    ledger: Ledger, relay: OutboxRelay, clock: ManualClock
) -> None:
    event = await opened(ledger, Works(ledger))
    assert await told_at(ledger, event) is None
    clock.advance(3)
    await relay.relay()
    assert await told_at(ledger, event) == NOON + timedelta(seconds=3)
    clock.advance(5)
    await put(ledger, message(event), message(event, "event.opened"))
    await relay.relay()
    assert await told_at(ledger, event) == NOON + timedelta(seconds=3)


async def test_an_event_that_somebody_is_at_is_waited_for_without_the_numbers(
    ledger: Ledger, relay: OutboxRelay
) -> None:
    """Who holds the event may write messages, and must not wait for who waits for it."""
    event = await opened(ledger, Works(ledger))
    async with ledger.database.transaction() as other:
        await other.execute(text("UPDATE events SET notes = 'x'"))
        relaying = asyncio.create_task(relay.relay())
        while (await ledger.rows(_AT_A_LOCK))[0]["n"] == 0:
            assert not relaying.done()
        assert None not in await numbers(ledger)
        async with ledger.database.transaction() as third:
            await put(ledger, message(event))
            assert await outbox.number_new(third) is not None
        assert await told_at(ledger, event) is None
    await relaying
    assert await told_at(ledger, event) == NOON


async def test_an_event_that_was_told_of_when_its_relay_ended_is_noted_by_the_next(
    ledger: Ledger, relay: OutboxRelay, clock: ManualClock
) -> None:
    event = await opened(ledger, Works(ledger))
    async with ledger.database.transaction() as other:
        await other.execute(text("UPDATE events SET notes = 'x'"))
        relaying = asyncio.create_task(relay.relay())
        while (await ledger.rows(_AT_A_LOCK))[0]["n"] == 0:
            assert not relaying.done()
        relaying.cancel()
        await asyncio.wait([relaying])
    assert None not in await numbers(ledger)
    assert await told_at(ledger, event) is None
    clock.advance(2)
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(4):
        while not clock.sleepers:
            await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.wait([running])
    assert await told_at(ledger, event) == NOON + timedelta(seconds=2)


_AT_A_LOCK = (
    "SELECT count(*) AS n FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
_WAITERS = (
    "SELECT count(*) AS n FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE d.datname = current_database() AND NOT l.granted"
)


async def announced(redis: RedisClient, subscription: Any) -> str:
    async with asyncio.timeout(4):
        while (heard := await subscription.get_message(timeout=1)) is None:
            pass
    return str(heard["data"])


async def test_the_last_number_is_announced(
    ledger: Ledger, relay: OutboxRelay, real_redis: RedisClient
) -> None:
    async with real_redis.listening(OUTBOX_CHANNEL) as subscription:
        waiting = asyncio.create_task(announced(real_redis, subscription))
        await hearers(real_redis, OUTBOX_CHANNEL)
        await put(ledger, message(), message())
        last = await relay.relay()
        assert await waiting == str(last)


async def test_without_redis_they_are_numbered_and_announced_later(
    ledger: Ledger, real_redis: RedisClient, deaf_redis: RedisClient, clock: ManualClock
) -> None:
    relay = OutboxRelay(ledger.database, deaf_redis, clock)
    await put(ledger, message())
    last = await relay.relay()
    assert await numbers(ledger) == [last]
    assert await relay.relay() is None

    relay._redis = real_redis  # it is back
    async with real_redis.listening(OUTBOX_CHANNEL) as subscription:
        waiting = asyncio.create_task(announced(real_redis, subscription))
        await hearers(real_redis, OUTBOX_CHANNEL)
        assert await relay.relay() is None  # nothing is new, but nobody was told
        assert await waiting == str(last)


async def test_what_is_a_day_old_is_forgotten_but_not_its_number(
    ledger: Ledger, relay: OutboxRelay, clock: ManualClock
) -> None:
    begin = await last_number(ledger)
    await put(ledger, message(1), clock=clock)
    await relay.relay()
    clock.advance(timedelta(hours=24).total_seconds())
    await put(ledger, message(2), clock=clock)
    await relay._forget_old()
    assert await numbers(ledger) == [begin + 1, None]
    clock.advance(1)
    await relay._forget_old()
    assert await numbers(ledger) == [None]  # what was never sent is kept, however old
    assert await relay.relay() == begin + 2
    async with ledger.database.transaction() as session:
        assert await outbox.first_number(session) == begin + 2


async def test_after_a_clock_was_put_back_nothing_is_forgotten_in_the_middle(
    ledger: Ledger, relay: OutboxRelay, clock: ManualClock
) -> None:
    begin = await last_number(ledger)
    clock.advance(timedelta(hours=2).total_seconds())
    await put(ledger, message(1), clock=clock)
    await relay.relay()
    clock.jump(-timedelta(hours=2))
    await put(ledger, message(2), clock=clock)
    await relay.relay()
    clock.advance(timedelta(hours=25).total_seconds())  # the second one alone is a day old
    await relay._forget_old()
    assert await numbers(ledger) == [begin + 1, begin + 2]


async def test_running_it_relays_when_told_and_finds_what_others_wrote(
    ledger: Ledger, relay: OutboxRelay, clock: ManualClock
) -> None:
    running = asyncio.create_task(relay.run())
    await asleep(clock)
    await put(ledger, message(1))
    relay.told()
    await numbered(ledger)
    await asleep(clock)
    await put(ledger, message(2))  # by another process, or before a crash
    clock.advance(30)
    await numbered(ledger)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert clock.sleepers == 0


async def test_running_it_forgets_what_is_old_once_readers_had_time_to_come_back(
    ledger: Ledger, relay: OutboxRelay, clock: ManualClock
) -> None:
    await put(ledger, message(1))
    await relay.relay()
    begin = await last_number(ledger)
    clock.advance(timedelta(hours=30).total_seconds())
    running = asyncio.create_task(relay.run())
    kept = []
    for _ in range(3):
        await asleep(clock)
        kept.append(begin in await numbers(ledger))
        clock.advance(30)
    running.cancel()
    await asyncio.wait([running])
    assert kept == [True, True, False]


async def numbered(ledger: Ledger) -> None:
    """Wait until every message has its number."""
    async with asyncio.timeout(4):
        while True:
            if None not in await numbers(ledger):
                return
            await asyncio.sleep(0.005)
