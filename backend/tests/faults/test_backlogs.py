"""Thousands of pictures wait at the start; live ones do not wait behind them."""

import time
from datetime import UTC, datetime

import pytest

from backend.tests.faults.bench import FaultBench
from backend.tests.fixtures.product import until

LIVE = 8
LATE_SECONDS = 10.0


@pytest.mark.parametrize("pictures", [2000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_a_backlog_at_the_start(pictures: int, bench: FaultBench) -> None:
    bench.drop(pictures, cameras=10)
    bench.start()
    await bench.some_final(50)
    waits = [await live_picture_seconds(bench) for _ in range(LIVE)]
    assert await bench.oracle.count("SELECT count(finished_at) FROM frames") < pictures
    assert max(waits) < LATE_SECONDS, waits
    bench.over()
    bench.said.append(f"live pictures meanwhile were done in {max(waits):.1f} s or less")
    await bench.recovered(
        "a backlog at the start", f"{pictures:,} files of 10 cameras", seconds=pictures / 20
    )


async def live_picture_seconds(bench: FaultBench) -> float:
    """How long a picture takes that comes now, from the file to the final frame."""
    (one,) = bench.drop(1, cameras=1, folder="Live", begin=datetime.now(UTC))
    begun = time.monotonic()

    async def is_done() -> bool:
        rows = await bench.rows(
            "SELECT f.finished_at FROM frames f JOIN cameras c ON c.id = f.camera_id "
            f"WHERE c.folder = 'Live' AND f.path = '{one.name}' AND f.finished_at IS NOT NULL"
        )
        return bool(rows)

    await until(is_done, "a live picture", seconds=60)
    return time.monotonic() - begun
