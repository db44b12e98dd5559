"""A worker is killed by -9 at each step of its work, in the middle of a burst."""

import pytest

from backend.tests.faults.bench import FaultBench
from backend.tests.faults.worker import POINTS

BURST = 120


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(point: str, bench: FaultBench) -> None:
    for _ in range(2):
        bench.drop(BURST // 2)
        bench.start(end_at=point)
        await bench.killed_itself()
    bench.start()
    await bench.settled()
    await bench.check()


@pytest.mark.parametrize("point", ["pictures looked at", "results committed"])
async def test_killed_in_the_middle_of_a_burst(point: str, bench: FaultBench) -> None:
    bench.drop(BURST)
    bench.start(end_at=point, times=4)
    await bench.killed_itself()
    bench.start()
    await bench.settled()
    await bench.check()


async def test_killed_again_and_again_while_pictures_come(bench: FaultBench) -> None:
    for done in range(0, BURST, 20):
        bench.start()
        bench.drop(20)
        await bench.some_final(done + 5)
        bench.end()
    bench.start()
    await bench.settled()
    await bench.check()
