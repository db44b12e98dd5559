"""Bells over the real Redis, which may lose everything at any moment."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import make_url

from backend.core.errors import Unavailable
from backend.core.queue import Bell, StreamBells
from backend.core.redis import RedisClient
from backend.tests.faults.proxy import Proxy, proxy_to
from backend.tests.fixtures.bells import BACKLOG, LANES, LIVE, BellsContract, heard
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.redis import clear, named, redis_prefix
from backend.tests.fixtures.redis_state import blocked
from backend.tests.fixtures.run import Services


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "later", "camera": "7"},
        {"name": "7", "kind": "later", "urgency": "high"},
        {"kind": "later", "name": "7"},
    ],
)
async def test_a_bell_of_a_later_version_stops_nobody(
    real_redis: RedisClient, said: dict[Any, Any]
) -> None:
    bells = StreamBells(real_redis, LANES, hearer="one")
    await bells.forget_stale()
    await real_redis.commands.xadd(real_redis.key(f"bells:{LIVE}"), said)
    await bells.ring("8", LIVE)
    names = []
    for _ in range(2):
        bell = await bells.hear(0.5)
        assert bell is not None
        names.append(bell.name)
        await bells.done(bell)
    assert names == [said.get("name", ""), "8"]
    await real_redis.commands.xadd(real_redis.key(f"bells:{LIVE}"), said)
    assert await bells.hear(0.5) is not None
    await grow_old(real_redis, LIVE)
    assert await StreamBells(real_redis, LANES, hearer="two").forget_stale() == 1


async def grow_old(redis: RedisClient, lane: str) -> None:
    """Let what is held of a lane look as if it had been so for longer than a minute."""
    stream = redis.key(f"bells:{lane}")
    for pending in await redis.commands.xpending_range(stream, "workers", "-", "+", 100):
        await redis.commands.xclaim(
            stream,
            "workers",
            str(pending["consumer"]),
            min_idle_time=0,
            message_ids=[str(pending["message_id"])],
            idle=61_000,
        )


class TestStreamBells(BellsContract):
    @pytest.fixture
    def bells(self, real_redis: RedisClient) -> StreamBells:
        return StreamBells(real_redis, LANES, hearer="first")

    @pytest.fixture
    def others(self, real_redis: RedisClient) -> StreamBells:
        return StreamBells(real_redis, LANES, hearer="second")

    async def test_they_ring_again_after_a_flush(
        self, bells: StreamBells, services: Services
    ) -> None:
        await bells.ring("1", LIVE)
        await clear(services.redis_url, redis_prefix())
        assert await heard(bells) is None
        await bells.ring("1", LIVE)
        assert await heard(bells) == ("1", LIVE)

    async def test_a_flush_does_not_deafen_who_waits(
        self, bells: StreamBells, others: StreamBells, real_redis: RedisClient, services: Services
    ) -> None:
        assert await bells.hear(0.01) is None  # the groups are made
        waiting = asyncio.create_task(heard(bells, patience=5))
        await blocked(real_redis)
        await clear(services.redis_url, redis_prefix())
        await others.ring("1", BACKLOG)
        assert await waiting == ("1", BACKLOG)

    async def test_a_lost_stream_silences_no_name(
        self, bells: StreamBells, real_redis: RedisClient
    ) -> None:
        await bells.ring("1", LIVE)
        await real_redis.commands.delete(real_redis.key(f"bells:{LIVE}"))
        for name in ("2", "1"):
            await bells.ring(name, LIVE)
        assert {await heard(bells), await heard(bells)} == {("1", LIVE), ("2", LIVE)}

    async def test_a_lost_memory_of_what_rings_costs_one_look(
        self, bells: StreamBells, real_redis: RedisClient
    ) -> None:
        await bells.ring("1", LIVE)
        await real_redis.commands.delete(real_redis.key(f"rung:{LIVE}"))
        await bells.ring("1", LIVE)
        assert [await heard(bells) for _ in range(3)] == [("1", LIVE), ("1", LIVE), None]

    async def test_the_bell_of_a_dead_hearer_is_forgotten_and_rings_again(
        self, bells: StreamBells, others: StreamBells, real_redis: RedisClient
    ) -> None:
        await bells.ring("1", LIVE)
        assert await bells.hear(0.01) is not None
        assert await others.forget_stale() == 0
        await grow_old(real_redis, LIVE)
        assert await others.forget_stale() == 1
        assert await others.hear(0.01) is None
        await others.ring("1", LIVE)
        assert await heard(others) == ("1", LIVE)

    async def test_a_new_hearer_forgets_what_its_former_process_left(
        self, bells: StreamBells, real_redis: RedisClient
    ) -> None:
        await bells.ring("1", LIVE)
        assert await bells.forget_stale() == 0  # the groups are made
        stream = real_redis.key(f"bells:{LIVE}")
        await real_redis.commands.xreadgroup("workers", "first", {stream: ">"})  # and it was killed
        again = StreamBells(real_redis, LANES, hearer="first")
        assert await again.forget_stale() == 1
        await again.ring("1", LIVE)
        assert await heard(again) == ("1", LIVE)
        assert await again.forget_stale() == 0  # what it hears itself is not stale

    async def test_a_hearer_that_died_while_it_heard_silences_no_name(
        self, bells: StreamBells, real_redis: RedisClient
    ) -> None:
        await bells.ring("1", LIVE)
        assert await bells.forget_stale() == 0  # the groups are made
        stream = real_redis.key(f"bells:{LIVE}")
        await real_redis.commands.xreadgroup("workers", "dead", {stream: ">"})
        await bells.ring("1", LIVE)
        assert await heard(bells) is None  # as far as anybody knows, it is being heard
        await grow_old(real_redis, LIVE)
        assert await bells.forget_stale() == 1
        await bells.ring("1", LIVE)
        assert await heard(bells) == ("1", LIVE)

    async def test_done_twice_or_by_somebody_else_does_no_harm(
        self, bells: StreamBells, others: StreamBells, real_redis: RedisClient
    ) -> None:
        await bells.ring("1", LIVE)
        bell = await bells.hear(0.01)
        assert isinstance(bell, Bell)
        await others.done(bell)
        await bells.done(bell)
        assert await real_redis.commands.xlen(real_redis.key(f"bells:{LIVE}")) == 0

    async def test_what_is_done_leaves_nothing_behind(
        self, bells: StreamBells, real_redis: RedisClient
    ) -> None:
        for name in map(str, range(20)):
            await bells.ring(name, BACKLOG)
            assert await heard(bells) == (name, BACKLOG)
        assert await real_redis.commands.xlen(real_redis.key(f"bells:{BACKLOG}")) == 0
        assert await real_redis.commands.exists(real_redis.key(f"rung:{BACKLOG}")) == 0
        pending = await real_redis.commands.xpending(real_redis.key(f"bells:{BACKLOG}"), "workers")
        assert pending["pending"] == 0

    async def test_a_bell_that_was_held_back_is_not_lost_to_the_others(
        self, bells: StreamBells, others: StreamBells
    ) -> None:
        for name, lane in (("1", BACKLOG), ("2", LIVE)):
            await bells.ring(name, lane)
        assert await heard(bells) == ("2", LIVE)
        assert await heard(others) == ("1", BACKLOG)


async def test_a_hearer_that_is_cancelled_ends_whatever_it_is_at(real_redis: RedisClient) -> None:
    """At any turn of the loop, also that in which a command has just been written."""
    for turns in range(60):
        bells = StreamBells(real_redis, [LIVE, BACKLOG], hearer="worker")
        await bells.ring("1", LIVE)
        hearing = asyncio.create_task(_hear_for_ever(bells))
        for _ in range(turns):
            await asyncio.sleep(0)
        hearing.cancel()
        await asyncio.wait([hearing], timeout=2)
        assert hearing.cancelled(), f"cancelled after {turns} turns, it went on"


async def _hear_for_ever(bells: StreamBells) -> None:
    while True:
        bell = await bells.hear(5)
        if bell is not None:
            await bells.done(bell)


async def test_hearers_that_are_long_gone_are_struck_off(
    real_redis: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["gone", "busy", "here"]
    gone, busy, here = (StreamBells(real_redis, LANES, hearer=name) for name in names)
    await here.forget_stale()
    await here.ring("1", LIVE)
    assert await busy.hear(0.01) is not None
    for bells in (gone, here):
        assert await bells.hear(0.01) is None
    monkeypatch.setattr("backend.core.queue._GONE_MS", -1)
    await here.forget_stale()
    left = await real_redis.commands.xinfo_consumers(real_redis.key(f"bells:{LIVE}"), "workers")
    assert [hearer["name"] for hearer in left] == ["busy"], "who holds a bell is left"
    assert await heard(here) is None
    await here.ring("2", LIVE)
    assert await heard(here) == ("2", LIVE), "one that comes back is heard of again"


@pytest.fixture
async def proxy(services: Services) -> AsyncIterator[Proxy]:
    """The network between Redis and a hearer."""
    url = make_url(services.redis_url)
    async with proxy_to(url.host or "127.0.0.1", url.port or 6379) as made:
        yield made


@pytest.fixture
async def behind(proxy: Proxy, services: Services) -> AsyncIterator[RedisClient]:
    """Redis as it is reached through that network."""
    url = make_url(services.redis_url).set(host="127.0.0.1", port=proxy.port)
    address = named(url.render_as_string(hide_password=False), redis_prefix())
    client = RedisClient(address, prefix=redis_prefix())
    yield client
    await client.close()


@pytest.mark.parametrize("answer_bytes", [0, 1, 60, 100])
async def test_a_bell_whose_answer_was_cut_is_heard_again_at_once(
    real_redis: RedisClient, behind: RedisClient, proxy: Proxy, answer_bytes: int
) -> None:
    """Redis has it as heard, so that nobody could ring it anew for a minute."""
    bells = StreamBells(behind, LANES, hearer="one")
    assert await heard(bells) is None
    waiting = asyncio.create_task(bells.hear(5))
    await blocked(real_redis)
    proxy.answer_bytes = answer_bytes
    await StreamBells(real_redis, LANES, hearer="other").ring("1", LIVE)
    with pytest.raises(Unavailable):
        await waiting
    proxy.answer_bytes = None
    assert await heard(bells) == ("1", LIVE)
    assert await heard(bells) is None
    assert await real_redis.commands.xlen(real_redis.key(f"bells:{LIVE}")) == 0


async def test_a_bell_given_to_a_broken_connection_is_found_within_seconds(
    real_redis: RedisClient, behind: RedisClient, proxy: Proxy
) -> None:
    """The server did not know yet that the connection was broken."""
    bells = StreamBells(behind, LANES, hearer="one")
    assert await heard(bells) is None
    await proxy.refuse()
    with pytest.raises(Unavailable):
        await bells.hear(1)
    await proxy.listen()
    waiting = asyncio.create_task(heard(bells, patience=0.1))
    assert await waiting is None
    await StreamBells(real_redis, LANES, hearer="other").ring("1", LIVE)
    stream = real_redis.key(f"bells:{LIVE}")
    await real_redis.commands.xreadgroup("workers", "one", {stream: ">"})  # as that connection did
    assert await heard(bells) == ("1", LIVE)


async def test_whoever_hears_again_late_asks_for_what_was_lost_all_the_same(
    real_redis: RedisClient, behind: RedisClient, proxy: Proxy
) -> None:
    """As after the pause of a part that failed; and having asked so late, it asks no more."""
    clock = ManualClock()
    bells = StreamBells(behind, LANES, hearer="one", now=clock.monotonic)
    assert await heard(bells) is None
    await proxy.refuse()
    with pytest.raises(Unavailable):
        await bells.hear(1)
    await proxy.listen()
    clock.advance(30)
    other, stream = StreamBells(real_redis, LANES, hearer="other"), real_redis.key(f"bells:{LIVE}")
    found = []
    for name in ("1", "2"):
        await other.ring(name, LIVE)
        await real_redis.commands.xreadgroup("workers", "one", {stream: ">"})
        found.append(await heard(bells))
    assert found == [("1", LIVE), None]


@pytest.mark.parametrize("answer_bytes", range(100, 221, 20))
async def test_a_stale_bell_whose_answer_was_cut_is_not_lost_for_another_minute(
    real_redis: RedisClient, behind: RedisClient, proxy: Proxy, answer_bytes: int
) -> None:
    """Wherever the answers are cut, from the first bell's taking over on."""
    bells, other = (
        StreamBells(redis, LANES, hearer=hearer)
        for redis, hearer in ((behind, "one"), (real_redis, "other"))
    )
    assert await bells.forget_stale() == 0
    for name in ("1", "2"):
        await other.ring(name, LIVE)
    stream = real_redis.key(f"bells:{LIVE}")
    await real_redis.commands.xreadgroup("workers", "dead", {stream: ">"})
    await grow_old(real_redis, LIVE)
    proxy.answer_bytes = answer_bytes
    with pytest.raises(Unavailable):
        await bells.forget_stale()
    proxy.answer_bytes = None
    for name in ("1", "2"):
        await other.ring(name, LIVE)
    again = {await heard(bells) for _ in range(4)}
    assert again - {None} == {("1", LIVE), ("2", LIVE)}


async def test_who_rings_and_gets_no_answer_says_so(behind: RedisClient, proxy: Proxy) -> None:
    """Nobody knows whether it rings; the reconciler is to look at once, and not in a minute."""
    said: list[bool] = []
    bells = StreamBells(behind, LANES, hearer="one")
    bells.unsure = lambda: said.append(True)
    await bells.ring("1", LIVE)
    assert said == []
    proxy.answer_bytes = 0
    with pytest.raises(Unavailable):
        await bells.ring("2", LIVE)
    assert said == [True]
