"""A worker is killed by -9 at each step of its work, in the middle of a burst."""

import pytest

from backend.services.detection.claims import BATCH
from backend.tests.faults.bench import FaultBench
from backend.tests.faults.worker import POINTS

FAULT = "kill -9 of a worker"
BURST = 120
AFTER_A_CLAIM_WAS_LOST = {
    "pictures looked at",
    "detections written, not committed",
    "states written, not committed",
    "lease given back, not committed",
}
CLAIMS = BATCH + 4


def _times_at(point: str) -> int:
    """How often a worker comes to a point until it is killed there.

    Of a picture that sees its process die three times the product would rightly say that it kills
    it: those of the last claim, taken one by one, are to be done before the next is lost.
    """
    return CLAIMS if point in AFTER_A_CLAIM_WAS_LOST else 1


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
    bench.drop(pictures // 2)
    for point in POINTS:
        # However fast the worker is, something is left to do when it comes to the last points.
        bench.drop(pictures // 2 // len(POINTS))
        bench.start(end_at=point, times=_times_at(point))
        await bench.killed_itself()
    bench.drop(pictures - len(bench.dropped))
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
