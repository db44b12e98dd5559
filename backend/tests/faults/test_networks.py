"""The network between any two parts is slow, breaks, is a black hole, or cuts answers short."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from backend.tests.faults.bench import FaultBench, lasts
from backend.tests.faults.conftest import Network
from backend.tests.faults.listener import heard_all, listening
from backend.tests.faults.proxy import Proxy

SECONDS = 2.0


async def slow(proxy: Proxy) -> None:
    proxy.delay = 0.1
    await lasts(SECONDS)
    proxy.delay = 0.0


async def broken(proxy: Proxy) -> None:
    for _ in range(8):
        await lasts(SECONDS / 8)
        proxy.reset()


async def a_black_hole(proxy: Proxy) -> None:
    proxy.hold()
    await lasts(SECONDS)
    proxy.let_go()


async def cut_short(proxy: Proxy) -> None:
    for size in (20, 200, 2000, 5000):
        proxy.answer_bytes = size
        await lasts(SECONDS / 4)
    proxy.answer_bytes = None


async def refused(proxy: Proxy) -> None:
    await proxy.refuse()
    await lasts(SECONDS)
    await proxy.listen()


async def a_black_hole_of_a_minute(proxy: Proxy) -> None:
    proxy.hold()
    await lasts(65)
    proxy.let_go()


async def mute(proxy: Proxy) -> None:
    """Answers are lost for good; nobody is told."""
    proxy.is_silent = True
    await lasts(65)
    proxy.is_silent = False


Ill = Callable[[Proxy], Awaitable[None]]
ILLS: list[Ill] = [slow, broken, a_black_hole, cut_short, refused]
LONG: list[Ill] = [a_black_hole_of_a_minute, mute]


@pytest.mark.parametrize(
    "ill",
    [*ILLS, *(pytest.param(one, marks=pytest.mark.long) for one in LONG)],
    ids=lambda ill: ill.__name__.replace("_", " "),
)
async def test_the_network_is(ill: Ill, bench: FaultBench, network: Network) -> None:
    answers: Counter[int | None] = Counter()
    visits = asyncio.create_task(visit(bench, answers))
    words = ill.__name__.replace("_", " ")
    async with listening(bench.apis["A"].address) as listener:
        for pair, proxy in network.between.items():
            harm = proxy.harm
            bench.drop(10)
            await asyncio.gather(ill(proxy), come(bench))
            bench.over()
            # A lost bell is found in seconds, and not by the reconciler's minute.
            seconds = 30 if "Redis" in pair else 90
            await bench.recovered(f"network {words}", f"between {pair}", seconds=seconds)
            assert proxy.harm > harm, f"nothing happened between {pair}"
        await heard_all(listener, bench.oracle)
    visits.cancel()
    with suppress(asyncio.CancelledError):
        await visits
    assert answers.keys() <= {200, 503, None}, answers
    assert answers[200] > 0


async def test_processes_end_while_their_servers_are_silent(
    bench: FaultBench, network: Network
) -> None:
    """Within 10 s of SIGTERM; a busy machine may take longer."""
    bench.drop(20)
    await bench.some_final(10)
    for proxy in network.between.values():
        proxy.hold()
    bench.drop(10)
    await lasts(1)
    begun = time.monotonic()
    await asyncio.gather(
        bench.end_api(signal.SIGTERM), asyncio.to_thread(bench.end, signal.SIGTERM)
    )
    assert time.monotonic() - begun < 15
    for proxy in network.between.values():
        proxy.let_go()
    bench.over()
    bench.start()
    await bench.start_api()
    await bench.recovered("processes ended while their servers are silent", "by SIGTERM")


async def come(bench: FaultBench) -> None:
    """Pictures, while it lasts."""
    for _ in range(4):
        bench.drop(5)
        await asyncio.sleep(SECONDS / 5)


async def visit(bench: FaultBench, answers: "Counter[int | None]") -> None:
    """Look at the events again and again, and count what is answered."""
    while True:
        answers[await bench.status(path="/api/events?limit=5")] += 1
        await asyncio.sleep(0.1)
