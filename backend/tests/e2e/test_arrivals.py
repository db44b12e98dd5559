"""However pictures arrive, and whatever dies meanwhile: the same frames, none lost, none twice."""

import random
import signal
import time
from collections.abc import Callable

import pytest

from backend.tests.fixtures.product import (
    SHARED_DATA,
    Drop,
    Product,
    a_while_ago,
    photographs,
    until,
)

MODEL = SHARED_DATA / "models" / "yolox_nano_dyn.onnx"


@pytest.fixture
def drops(product: Product) -> list[Drop]:
    """The photographs as three cameras' pictures, in capture order."""
    product.environment = {**product.environment, "DETECTOR__MODEL": str(MODEL)}
    return photographs(a_while_ago(), folder_of=lambda name: f"Camera {len(name) % 3}")


@pytest.fixture
def shuffled(drops: list[Drop]) -> list[Drop]:
    mixed = list(drops)
    random.Random(7).shuffle(mixed)  # noqa: S311 - always the same disorder
    return mixed


async def live(product: Product, drops: list[Drop]) -> None:
    """Dropped one after the other while the worker watches."""
    product.start_worker()
    product.media_root.mkdir(exist_ok=True)
    for number, one in enumerate(drops, start=1):
        product.drop([one])
        await product.final(number)


async def backlog(product: Product, drops: list[Drop]) -> None:
    """All there before the worker starts."""
    product.drop(drops)
    product.start_worker()
    await product.final(len(drops))


async def killed(product: Product, drops: list[Drop]) -> None:
    """The worker is killed by -9 when it has done a part, twice, and the files come meanwhile."""
    product.drop(drops[:10])
    product.start_worker()
    for done in (1, 8):

        async def some_done(done: int = done) -> bool:
            (row,) = await product.rows("SELECT count(finished_at) AS n FROM frames")
            return bool(row["n"] >= done)

        await until(some_done, f"{done} final frames")
        product.kill_worker()
        product.drop(drops[10:])
        product.start_worker()
    await product.final(len(drops))


Way = Callable[[Product, list[Drop]], object]


async def test_in_capture_order_the_frames_and_the_events_are_the_same(
    product: Product, drops: list[Drop]
) -> None:
    await live(product, drops)
    frames, events = await product.ledger(), await product.events()
    assert len(frames) == len(drops)
    assert len(events) == 3
    assert product.kill_worker(signal.SIGTERM) == 0

    await forget(product)
    await backlog(product, drops)
    assert await product.ledger() == frames
    assert await product.events() == events


@pytest.mark.parametrize("way", [live, backlog, killed])
async def test_in_any_order_and_killed_in_the_middle_the_frames_are_the_same(
    product: Product, drops: list[Drop], shuffled: list[Drop], way: Way
) -> None:
    await backlog(product, drops)
    frames = await product.ledger()
    product.kill_worker(signal.SIGTERM)

    await forget(product)
    await way(product, shuffled)  # type: ignore[misc]
    assert await product.ledger() == frames
    assert len(await product.events()) == 3
    twice = await product.rows(
        "SELECT number FROM outbox WHERE number IS NOT NULL GROUP BY number HAVING count(*) > 1"
    )
    assert twice == []


async def forget(product: Product) -> None:
    """Begin anew: nothing in the ledger, nothing in the media folder."""
    for table in ("outbox", "events", "frames", "cameras"):
        await product.rows(f"DELETE FROM {table} RETURNING 1 AS gone")
    for path in sorted(product.media_root.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


async def test_asked_twice_to_end_it_stores_its_batch_and_counts_no_attempt(
    product: Product, drops: list[Drop]
) -> None:
    product.drop(drops)
    product.start_worker()

    async def begun() -> bool:
        return bool(await product.rows("SELECT 1 FROM frames WHERE attempts > 0"))

    await until(begun, "a claim")
    assert product.process is not None
    product.process.send_signal(signal.SIGTERM)
    asked_at = time.monotonic()
    assert product.kill_worker(signal.SIGTERM) == 0
    assert time.monotonic() - asked_at < 10
    assert "Traceback" not in product.log.read_text()
    left = await product.rows("SELECT id FROM frames WHERE state = 'received' AND attempts > 0")
    assert left == []
