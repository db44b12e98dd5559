"""Each process of a real `hsi up` is killed by -9 while pictures come; it comes back by itself."""

import pytest

from backend.tests.faults.box import Box
from backend.tests.faults.listener import heard_all, listening

ROUNDS = 2


@pytest.mark.parametrize("name", ["worker", "api", "postgres", "valkey"])
async def test_a_process_is_killed(name: str, box: Box) -> None:
    bench = box.bench
    await box.start()
    async with listening(bench.apis["A"].address) as listener:
        for _ in range(ROUNDS):
            bench.drop(60)
            await bench.some_final(len(bench.dropped) - 40)
            former = box.pid(name)
            assert former is not None
            assert box.send(name)
            bench.drop(40)
            await box.replaced(name, former)
        bench.over()
        await bench.recovered(f"kill -9 of {name}", f"{ROUNDS} times while pictures came")
        await heard_all(listener, bench.oracle)


async def test_up_itself_is_killed(box: Box) -> None:
    bench = box.bench
    await box.start()
    bench.drop(60)
    await bench.some_final(20)
    assert box.send("up")
    assert box.process is not None
    box.process.wait(10)
    bench.drop(40)
    bench.over()
    await box.start()
    await bench.recovered("kill -9 of `hsi up` itself", "with all that it had started")
