"""A server dies and comes back; what was accepted goes on at once, not with the next minute."""

import asyncio

from backend.tests.faults.bench import FaultBench
from backend.tests.faults.proxy import Proxy


async def test_postgres_is_back_after_a_second(bench: FaultBench, postgres_proxy: Proxy) -> None:
    bench.drop(300, cameras=1)
    bench.start()
    await bench.some_final(10)
    await postgres_proxy.refuse()
    await asyncio.sleep(1)
    await postgres_proxy.listen()
    assert await bench.settled() < 20
    await bench.check()
