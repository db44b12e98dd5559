"""One camera sends far more than can be looked at; the others do not wait behind it."""

import asyncio
import time
from datetime import UTC, datetime

from backend.tests.faults.bench import FaultBench
from backend.tests.faults.test_backlogs import LATE_SECONDS, live_picture_seconds

FLOOD_SECONDS = 8.0
BURST = 60


async def test_one_camera_floods(bench: FaultBench) -> None:
    """What is skipped is kept, and counted; nothing of the others is."""
    bench.environment["INGEST__FLOOD_AFTER"] = "100"
    bench.start()
    await bench.start_api()
    bench.temper("slow")
    flooding = asyncio.create_task(flood(bench))
    await bench.received(3 * BURST)
    waits = []
    while not flooding.done():
        waits.append(await live_picture_seconds(bench))
        await asyncio.sleep(1)
    await flooding
    await bench.says("flood")
    bench.temper("")
    bench.over()
    assert max(waits) < LATE_SECONDS, waits
    bench.said.append(f"the other camera's pictures were done in {max(waits):.1f} s or less")
    sent = len(bench.dropped)
    await bench.recovered(
        "one camera floods",
        f"with {sent - len(waits)} pictures",
        still={"flood"},
        may_skip=True,
    )
    skipped = await bench.rows(
        "SELECT c.folder, c.skipped_frames AS counted, count(f.id) AS skipped FROM cameras c "
        "JOIN frames f ON f.camera_id = c.id AND f.state = 'skipped' GROUP BY c.id"
    )
    (row,) = skipped
    assert row["folder"] == "Flood"
    assert row["counted"] == row["skipped"] > BURST


async def flood(bench: FaultBench) -> None:
    """Many pictures in every second, all taken now."""
    end = time.monotonic() + FLOOD_SECONDS
    while time.monotonic() < end:
        bench.drop(BURST, cameras=BURST, folder="Flood", begin=datetime.now(UTC))
        await asyncio.sleep(0.3)
