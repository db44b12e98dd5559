"""Redis or PostgreSQL is away, starved, restarted, flushed, or breaks connections."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import make_url

from backend.tests.faults.bench import FaultBench, lasts
from backend.tests.faults.proxy import Proxy, proxy_to
from backend.tests.faults.servers import OwnPostgres, OwnRedis
from backend.tests.fixtures.product import until
from backend.tests.fixtures.redis import clear, redis_prefix
from backend.tests.fixtures.run import Services

OUTAGES = [5.0, pytest.param(60.0, marks=pytest.mark.long)]
WHILE_PICTURES_CAME = "while pictures came"


@pytest.mark.parametrize("seconds", OUTAGES)
async def test_redis_is_stopped(bench: FaultBench, own_redis: OwnRedis, seconds: float) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(5)
    own_redis.stop()
    bench.drop(30)
    await bench.says("redis")
    await lasts(seconds)
    bench.drop(30)
    own_redis.start()
    bench.over()
    bench.drop(30)
    await bench.recovered("Redis stopped", f"for {seconds:g} s, {WHILE_PICTURES_CAME}")


@pytest.mark.parametrize("seconds", OUTAGES)
async def test_postgres_is_stopped(
    bench: FaultBench, own_postgres: OwnPostgres, seconds: float
) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(5)
    own_postgres.stop()
    bench.drop(30)
    await bench.says("database")
    await lasts(seconds)
    bench.drop(30)
    own_postgres.start()
    bench.over()
    bench.drop(30)
    await bench.recovered("PostgreSQL stopped", f"for {seconds:g} s, {WHILE_PICTURES_CAME}")


async def test_postgres_is_back_after_a_second(bench: FaultBench, postgres_proxy: Proxy) -> None:
    """What was accepted goes on at once, not with the next minute."""
    bench.drop(300, cameras=1)
    bench.start()
    await bench.some_final(10)
    await postgres_proxy.refuse()
    await lasts(1)
    await postgres_proxy.listen()
    bench.over()
    await bench.recovered("PostgreSQL stopped", "for 1 s, in the middle of a burst", seconds=20)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_postgres_is_killed_in_the_middle_of_a_commit(
    bench: FaultBench, own_postgres: OwnPostgres, when: str
) -> None:
    """The worker does not learn whether its commit came to pass."""
    url = make_url(own_postgres.url)
    async with proxy_to(url.host or "", url.port or 0) as proxy:
        behind = url.set(port=proxy.port)
        bench.environment["DATABASE_URL"] = behind.render_as_string(hide_password=False)
        bench.start()
        for _ in range(4):
            await killed_at_a_commit(bench, proxy, own_postgres, when)
        bench.over()
        await bench.recovered(
            "PostgreSQL restarted in the middle of a commit",
            f"killed four times, {when} the commit reached it",
        )
        await bench.end_all()


async def killed_at_a_commit(
    bench: FaultBench, proxy: Proxy, postgres: OwnPostgres, when: str
) -> None:
    killed = asyncio.Event()

    async def kill() -> None:
        proxy.before_commit = proxy.after_commit = None
        postgres.kill()  # in one go: the end of its connections ends this, too
        killed.set()

    if when == "before":
        proxy.before_commit = kill
    else:
        proxy.after_commit = kill
    bench.drop(20)
    await asyncio.wait_for(killed.wait(), 35)
    postgres.start()


async def test_redis_is_flushed_while_it_runs(bench: FaultBench, services: Services) -> None:
    bench.start()
    for _ in range(5):
        bench.drop(30)
        await clear(services.redis_url, redis_prefix())
        await bench.some_final(len(bench.dropped) - 20)
    bench.over()
    await bench.recovered("Redis flushed while running", f"five times, {WHILE_PICTURES_CAME}")


@pytest.mark.parametrize("seconds", OUTAGES)
async def test_redis_is_out_of_memory(
    bench: FaultBench, own_redis: OwnRedis, seconds: float
) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(5)
    own_redis.limit_memory(1)
    bench.drop(30)
    await bench.received(60)
    assert "takes nothing" in await bench.says("workers", seconds=40)
    assert await bench.rungs() == ["redis_full"], "workers are not gone for it"
    await lasts(seconds)
    own_redis.limit_memory(0)
    bench.over()
    bench.drop(30)
    await bench.recovered("Redis out of memory", f"for {seconds:g} s, {WHILE_PICTURES_CAME}")


async def test_connections_to_postgres_break_all_the_time(
    bench: FaultBench, postgres_proxy: Proxy
) -> None:
    bench.start()
    bench.drop(10)
    await bench.some_final(1)
    for _ in range(15):
        bench.drop(10)
        await lasts(0.3)
        postgres_proxy.reset()
    bench.over()
    await bench.recovered("connections broken", "worker and PostgreSQL, every 0.3 s")
    assert postgres_proxy.harm >= 15


async def cut(proxy: Proxy, harm: int) -> bool:
    return proxy.harm > harm


async def test_answers_of_postgres_are_cut_in_the_middle(
    bench: FaultBench, postgres_proxy: Proxy
) -> None:
    bench.start()
    for size in (500, 1500, 3000, 6000, 9000):
        bench.drop(20)
        happened = partial(cut, postgres_proxy, postgres_proxy.harm)
        postgres_proxy.answer_bytes = size
        await until(happened, f"a cut after {size} bytes")
        postgres_proxy.answer_bytes = None
    bench.over()
    await bench.recovered("half answers", "worker and PostgreSQL, cut after 500 to 9,000 bytes")
