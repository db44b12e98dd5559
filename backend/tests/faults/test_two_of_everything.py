"""Several workers and APIs share the work; any of them may be killed, or stand still."""

import signal
import time
from contextlib import AsyncExitStack

import pytest

from backend.tests.faults.bench import FaultBench, lasts
from backend.tests.faults.listener import heard_all, listening
from backend.tests.fixtures.product import until

FAULT = "two of everything"


async def test_two_workers_and_two_apis_of_which_any_is_killed(bench: FaultBench) -> None:
    async with AsyncExitStack() as stack:
        listeners = []
        for name in ("A", "B"):
            bench.start(name)
            address = await bench.start_api(name)
            listeners.append(await stack.enter_async_context(listening(address)))
        for name in ("A", "B"):
            bench.drop(60, cameras=6)
            await bench.some_final(len(bench.dropped) - 50)
            bench.end(name=name)
            await bench.end_api(name=name)
            bench.drop(30, cameras=6)
            bench.start(name)
            await bench.start_api(name)
        bench.over()
        await bench.recovered(FAULT, "a worker and an API killed, by turns")
        for listener in listeners:
            await heard_all(listener, bench.oracle)


@pytest.mark.parametrize("ahead", [90.0, 86_400.0])
async def test_two_workers_whose_clocks_differ(ahead: float, bench: FaultBench) -> None:
    """Each takes the lease of the other for one that is over, and neither buries a picture."""
    bench.temper("slow")
    bench.start("A")
    bench.start("B", ahead=ahead)
    for _ in range(25):
        bench.drop(2, cameras=1)
        await lasts(0.4)
    bench.temper("")
    bench.over()
    await bench.recovered(FAULT, f"two workers, whose clocks are {ahead:.0f} s apart")
    assert "lease lost" in bench.product.log.read_text()
    assert await bench.rows("SELECT id FROM frames WHERE state = 'buried'") == []


STOPS = ["frames claimed", "pictures looked at", "states written, not committed"]


@pytest.mark.parametrize("point", STOPS)
async def test_a_worker_stands_still_until_its_lease_is_over(point: str, bench: FaultBench) -> None:
    """Woken again, it cannot write with its old lease."""
    await stood_still(bench, point, lease=2.0, seconds=3.0)


@pytest.mark.long
@pytest.mark.parametrize("point", STOPS)
async def test_a_worker_stands_still_for_longer_than_a_minute(
    point: str, bench: FaultBench
) -> None:
    await stood_still(bench, point, lease=None, seconds=65.0)


async def stood_still(
    bench: FaultBench, point: str, *, lease: float | None, seconds: float
) -> None:
    bench.drop(10, cameras=1)
    bench.start("A", stop_at=point, lease=lease)
    await bench.stopped_itself("A")
    begun = time.monotonic()
    bench.start("B", lease=lease)
    await lasts(seconds)
    # A transaction that stands still holds its locks, and its camera waits with it, but no other.
    waits = "not committed" in point
    bench.drop(10, cameras=2)  # their bells bring the other worker to the camera
    await bench.received(20)
    await bench.some_final(5 if waits else 20)
    stood = time.monotonic() - begun
    bench.over()
    bench.send(signal.SIGCONT, "A")
    await bench.recovered(
        "a worker stands still", f"for {stood:.0f} s, longer than its lease, at: {point}"
    )
    if not waits:
        said = bench.product.log.read_text()

        async def lost() -> bool:
            return "lease lost" in bench.product.log.read_text()

        await until(lost, f"a lost lease in the log:\n{said[-2000:]}")
