"""Redis or PostgreSQL is away, or bad, while pictures come."""

import asyncio
from functools import partial

import pytest

from backend.tests.faults.bench import FaultBench
from backend.tests.faults.proxy import Proxy
from backend.tests.fixtures.product import until
from backend.tests.fixtures.redis import clear, redis_prefix
from backend.tests.fixtures.run import Services


async def run_through(bench: FaultBench, proxy: Proxy, seconds: float) -> None:
    """Pictures before, during and after an outage."""
    bench.start()
    bench.drop(30)
    await bench.some_final(5)
    await proxy.refuse()
    bench.drop(30)
    await asyncio.sleep(seconds)
    bench.drop(30)
    await proxy.listen()
    bench.drop(30)
    await bench.settled()
    await bench.check()


@pytest.mark.parametrize("outage_seconds", [5.0, pytest.param(60.0, marks=pytest.mark.long)])
async def test_redis_is_away(bench: FaultBench, redis_proxy: Proxy, outage_seconds: float) -> None:
    await run_through(bench, redis_proxy, outage_seconds)


@pytest.mark.parametrize("outage_seconds", [5.0, pytest.param(60.0, marks=pytest.mark.long)])
async def test_postgres_is_away(
    bench: FaultBench, postgres_proxy: Proxy, outage_seconds: float
) -> None:
    await run_through(bench, postgres_proxy, outage_seconds)


async def test_redis_is_flushed_while_it_runs(bench: FaultBench, services: Services) -> None:
    bench.start()
    for _ in range(5):
        bench.drop(30)
        await clear(services.redis_url, redis_prefix())
        await bench.some_final(len(bench.dropped) - 20)
    await bench.settled(seconds=90)
    await bench.check()


async def test_connections_to_postgres_break_all_the_time(
    bench: FaultBench, postgres_proxy: Proxy
) -> None:
    bench.start()
    for _ in range(15):
        bench.drop(10)
        await asyncio.sleep(0.3)
        postgres_proxy.reset()
    await bench.settled(seconds=90)
    await bench.check()
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
    await bench.settled(seconds=90)
    await bench.check()


async def test_redis_is_slow(bench: FaultBench, redis_proxy: Proxy) -> None:
    redis_proxy.delay = 0.1
    bench.start()
    bench.drop(60)
    await bench.settled(seconds=90)
    await bench.check()
    assert redis_proxy.harm > 20
