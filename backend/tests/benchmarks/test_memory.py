"""Memory: what a process has at rest, and what it keeps of the work that it has done."""

import sys
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.services.ingest.scan import slices
from backend.tests.benchmarks.bench.http import get, per_second, product_api
from backend.tests.benchmarks.bench.pages import fill
from backend.tests.benchmarks.bench.pictures import picture
from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.processes import descendants, memory_mb
from backend.tests.fixtures.product import Drop, Product

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel: Linux only")


async def growth(pid: int, work: Callable[[int], Awaitable[None]], *, rounds: int) -> float:
    """MB that a process has more after some rounds than after the first two, which fill caches."""
    for number in range(2):
        await work(number)
    before = memory_mb([pid])
    for number in range(2, 2 + rounds):
        await work(number)
    return memory_mb([pid]) - before


async def test_a_worker_keeps_nothing_of_the_pictures(product: Product) -> None:
    begin = datetime.now(UTC) - timedelta(hours=1)
    pictures = 40

    async def work(number: int) -> None:
        product.drop(
            Drop(
                picture(number * pictures + i, like=0),
                f"Camera {i % 4}",
                f"{number}_{i}.jpg",
                begin + timedelta(seconds=number * pictures + i),
            )
            for i in range(pictures)
        )
        await product.final((number + 1) * pictures, seconds=60)

    product.start_worker()
    assert product.process is not None
    # One picture decoded has 2.8 MB: kept ones would show.
    assert await growth(product.process.pid, work, rounds=5) < 50
    assert memory_mb(descendants(product.process.pid)) < 500


async def test_the_api_keeps_nothing_of_its_answers(bench: Bench) -> None:
    async with bench.place() as place, product_api(place) as api:
        await fill(place, 1000)
        pid, port = api.pid, api.port
        assert (await get(port, "/api/events?limit=200"))[0] == 200

        async def work(_: int) -> None:
            assert await per_second(port, "/api/events?limit=200", 100) > 0

        # 100 answers have 11 MB.
        assert await growth(pid, work, rounds=5) < 25
        assert memory_mb([pid]) < 300


async def test_a_scan_does_not_hold_the_files(tmp_path: Path) -> None:
    async def peak(files: int) -> int:
        root = tmp_path / str(files)
        for i in range(files):
            path = root / f"Camera {i % 20}" / f"{i}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        tracemalloc.start()
        try:
            found = 0
            async for batch in slices(root):
                found += len(batch)
            assert found == files
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = await peak(1000), await peak(10_000)
    # The names of one folder at a time, a tenth of all, and a slice.
    assert many < 8 * few
    assert many < 20_000_000
