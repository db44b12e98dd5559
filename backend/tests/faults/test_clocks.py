"""Clocks jump, cameras have wrong ones, and pictures come late or in disorder."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from backend.tests.faults.bench import FaultBench, lasts
from backend.tests.faults.clocks import WrongClock
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.product import Drop, a_while_ago, until

YEAR = timedelta(days=365)
IDLE_SECONDS = 20


@pytest.mark.parametrize("days", [1, -1])
async def test_the_clock_jumps_by_a_day_and_back(
    days: int, bench: FaultBench, wrong_clock: WrongClock
) -> None:
    bench.environment |= wrong_clock.environment
    bench.environment["BATCH_IDLE_TIMEOUT_SECONDS"] = str(IDLE_SECONDS)
    bench.api_environment |= wrong_clock.environment
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(30)
    await lasts(IDLE_SECONDS / 2)  # whoever closes looks at the clock soon after the jump then
    wrong_clock.put(days)
    await lasts(0.75 * IDLE_SECONDS)
    assert await bench.oracle.count("SELECT count(*) FROM events WHERE state <> 'open'") == 0
    for offset in (days, 0):
        wrong_clock.put(offset)
        bench.drop(30)
        await bench.some_final(len(bench.dropped))
        assert await days_ahead(bench) == offset
    bench.over()
    await bench.recovered("clocks jump", f"by {days:+d} day and back, of worker and API")


async def days_ahead(bench: FaultBench) -> int:
    """By how many days the worker's clock was ahead when it took in the newest picture."""
    (row,) = await bench.rows("SELECT received_at FROM frames ORDER BY id DESC LIMIT 1")
    ahead: timedelta = row["received_at"] - datetime.now(UTC)
    return round(ahead / timedelta(days=1))


@pytest.mark.parametrize("wrong", [YEAR, -YEAR], ids=["a year ahead", "a year behind"])
async def test_a_camera_has_a_wrong_clock(wrong: timedelta, bench: FaultBench) -> None:
    bench.start()
    bench.drop(30, folder="Wrong", cameras=1, begin=datetime.now(UTC) + wrong)
    bench.drop(30, folder="Right", cameras=1)
    bench.over()
    await bench.recovered("a camera's clock is wrong", f"by {wrong.days} days")
    suspects = await bench.rows(
        "SELECT DISTINCT c.folder FROM frames f JOIN cameras c ON c.id = f.camera_id "
        "WHERE f.clock_suspect"
    )
    assert [row["folder"] for row in suspects] == (["Wrong"] if wrong > timedelta(0) else [])


async def test_pictures_come_late_and_in_disorder(bench: FaultBench) -> None:
    """In any order they are events that do not overlap, with all that was seen in them."""
    begin = a_while_ago() - timedelta(hours=1)
    drops = [
        Drop(jpeg(n), f"Camera {n % 2}", f"{n}.jpg", begin + timedelta(seconds=20 * (n // 2)))
        for n in range(120)
    ]
    random.Random(7).shuffle(drops)  # noqa: S311 - a disorder that is the same each time
    bench.start()
    for start in range(0, len(drops), 30):
        bench.drop_these(drops[start : start + 30])
        await bench.some_final(start + 20)
    bench.over()
    await bench.recovered("pictures late and in disorder", "20 minutes of two cameras, shuffled")
    overlapping = await bench.oracle.count(
        "SELECT count(*) FROM events a JOIN events b ON a.camera_id = b.camera_id AND a.id < b.id "
        "AND tstzrange(a.first_at, a.last_at, '[]') && tstzrange(b.first_at, b.last_at, '[]')"
    )
    assert overlapping == 0


async def test_pictures_of_an_hour_ago_come_after_new_ones(bench: FaultBench) -> None:
    bench.start()
    bench.drop(30)
    await bench.some_final(30)
    bench.drop(30, begin=a_while_ago() - timedelta(hours=1))

    async def all_there() -> bool:
        return await bench.oracle.count("SELECT count(*) FROM frames") == 60

    await until(all_there, "all frames")
    bench.over()
    await bench.recovered("pictures late and in disorder", "an hour late, after newer ones")
