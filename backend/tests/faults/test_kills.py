"""A worker is killed by -9 at each step of its work, in the middle of a burst."""

import pytest

from backend.services.detection.claims import BATCH
from backend.tests.faults.bench import FaultBench
from backend.tests.faults.worker import POINTS

FAULT = "kill -9 of a worker"
BURST = 120
AT_A_CLAIM = {
    "frames claimed",
    "pictures looked at",
    "detections written, not committed",
    "states written, not committed",
    "lease given back, not committed",
}
CLAIMS = BATCH + 4


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(point: str, bench: FaultBench) -> None:
    bench.drop(BURST // 2)
    bench.start(end_at=point)
    await bench.killed_itself()
    bench.drop(BURST // 2)
    bench.over()
    bench.start()
    await bench.recovered(FAULT, f"at the step: {point}")


@pytest.mark.parametrize(
    "pictures", [1000, pytest.param(10_000, marks=pytest.mark.long)], ids=lambda n: f"{n} pictures"
)
async def test_killed_at_every_step_of_one_burst(pictures: int, bench: FaultBench) -> None:
    bench.drop(pictures)
    for point in POINTS:
        # Of a picture that sees its process die three times the product would rightly say that it
        # kills it: those of the last claim, taken one by one, are to be done before the next.
        bench.start(end_at=point, times=CLAIMS if point in AT_A_CLAIM else 1)
        await bench.killed_itself()
    bench.over()
    bench.start()
    await bench.recovered(FAULT, "in one burst, at every step once", seconds=pictures / 10)


async def test_killed_again_and_again_while_pictures_come(bench: FaultBench) -> None:
    for done in range(0, BURST, 20):
        bench.start()
        bench.drop(20)
        await bench.some_final(done + 5)
        bench.end()
    bench.over()
    bench.start()
    await bench.recovered(FAULT, "six times, each time when a few pictures were done")
