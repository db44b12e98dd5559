"""A picture that kills whoever looks at it: buried after three times, and the rest goes on."""

import signal
import sys
import time
from datetime import timedelta

import httpx

from backend.local.process import spawn
from backend.tests.faults.bench import FaultBench
from backend.tests.faults.poisoned import WHITE
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.product import Drop, a_while_ago, until

FAULT = "a picture that kills the process"
OTHERS = 40
BEGINS_SECONDS = 1.0


def start_poisoned(bench: FaultBench) -> None:
    with bench.product.log.open("ab") as output:
        bench.workers["A"] = spawn(
            [sys.executable, "-m", "backend.tests.faults.poisoned", "--name", "A"],
            when_parent_dies=signal.SIGKILL,
            output=output,
            env={**bench.product.environment, **bench.environment},
        )


def poison(bench: FaultBench) -> Drop:
    """Among the pictures of the first camera, in their midst."""
    taken_at = a_while_ago() + timedelta(seconds=3, milliseconds=500)
    drop = Drop(jpeg(WHITE), "Camera 0", "white.jpg", taken_at)
    bench.drop_these([drop])
    return drop


async def test_a_picture_that_kills_is_buried_replayed_and_the_rest_goes_on(
    bench: FaultBench,
) -> None:
    address = await bench.start_api()
    bench.drop(OTHERS)
    poison(bench)
    for _ in range(3):
        start_poisoned(bench)
        await bench.killed_itself()
    start_poisoned(bench)
    await bench.some_final(OTHERS + 1)
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        (letter,) = (await client.get("/api/dlq")).json()["items"]
        assert (letter["path"], letter["state"], letter["tries"]) == ("white.jpg", "dead", 3)
        assert letter["reason"] == "given up after 3 attempts: each time its process ended"
        states = await bench.rows("SELECT state, count(*) AS n FROM frames GROUP BY 1 ORDER BY 1")
        assert [tuple(row.values()) for row in states] == [("attached", OTHERS), ("buried", 1)]

        # Replayed to the same worker it fails again, three times.
        assert (await client.post(f"/api/dlq/{letter['id']}/replay")).status_code == 200
        await bench.killed_itself()
        for _ in range(2):
            start_poisoned(bench)
            await bench.killed_itself()
        start_poisoned(bench)
        await bench.some_final(OTHERS + 1)
        again = (await client.get(f"/api/dlq/{letter['id']}")).json()
        assert (again["state"], again["tries"], again["replays"]) == ("dead", 6, 1)

        # A worker that can stand it begins at once.
        bench.end(signal.SIGTERM)
        bench.over()
        bench.start()
        bench.drop(1)
        await bench.some_final(OTHERS + 2)
        said = await bench.says("dead letters")
        assert said.startswith("1 picture was given up")
        begun = time.monotonic()
        assert (await client.post("/api/dlq/replay")).json()["letters"] == 1

        async def is_claimed() -> bool:
            (row,) = await bench.rows("SELECT claimed_at FROM frames WHERE path = 'white.jpg'")
            return row["claimed_at"] is not None

        await until(is_claimed, "the replay to begin", seconds=BEGINS_SECONDS)
        bench.said.append(f"the replay began after {time.monotonic() - begun:.1f} s")
    await bench.recovered(FAULT, "three times, replayed, three times again, then replayed")
