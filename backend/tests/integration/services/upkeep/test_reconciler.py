"""The ledger rings again, whatever became of the bells."""

import asyncio
from datetime import timedelta

import pytest

from backend.core.errors import Unavailable
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient
from backend.domain.frames import Lane
from backend.services.upkeep.reconciler import Reconciler
from backend.tests.fixtures.ledger import NOON, Ledger
from backend.tests.fixtures.redis import clear, redis_prefix
from backend.tests.fixtures.run import Services
from backend.tests.fixtures.stages import Works, asleep

SECOND = timedelta(seconds=1)


@pytest.fixture
def works(ledger: Ledger) -> Works:
    return Works(ledger)


@pytest.fixture
def reconciler(works: Works) -> Reconciler:
    return Reconciler(works.ledger.database, works.bells, works.clock)


async def test_it_rings_once_for_each_camera_and_lane_that_has_work(
    works: Works, reconciler: Reconciler
) -> None:
    ledger = works.ledger
    idle, fresh, old, both, deleted = [await ledger.camera() for _ in range(5)]
    await ledger.frames(fresh, [NOON, NOON + SECOND])
    await ledger.frames(old, [NOON], received_at=NOON - 61 * SECOND)
    await ledger.frames(both, [NOON])
    await ledger.frame(both, found_by="scan")
    await ledger.frame(deleted)
    await ledger.change("UPDATE cameras SET deleted_at = now() WHERE id = :id", id=deleted)
    done = await ledger.frame(idle)
    await ledger.change(
        "UPDATE frames SET state = 'empty', finished_at = now() WHERE id = :id", id=done
    )
    for _ in range(3):
        assert await reconciler.reconcile() == 3
    assert await works.ringing() == [
        (str(fresh), Lane.LIVE),
        (str(both), Lane.LIVE),
        (str(old), Lane.BACKLOG),
        (str(both), Lane.BACKLOG),
    ]


async def test_it_reconciles_at_the_start_and_every_minute(
    works: Works, reconciler: Reconciler
) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera, found_by="scan")
    running = asyncio.create_task(reconciler.run())
    for _ in range(2):
        bell = await works.bells.hear(4)
        assert bell is not None
        assert (bell.name, bell.lane) == (str(camera), Lane.BACKLOG)
        await asleep(works.clock)
        assert await works.ringing() == []
        works.clock.advance(60)
    running.cancel()
    await asyncio.wait([running])


async def test_hastened_it_does_not_wait(works: Works, reconciler: Reconciler) -> None:
    camera = await works.ledger.camera()
    await works.ledger.frame(camera)
    running = asyncio.create_task(reconciler.run())
    for _ in range(3):
        bell = await works.bells.hear(4)
        assert bell is not None
        assert bell.name == str(camera)
        await asleep(works.clock)
        assert await works.ringing() == []
        reconciler.hasten()
    running.cancel()
    await asyncio.wait([running])


async def test_after_a_flush_of_redis_all_the_work_is_done(
    works: Works, real_redis: RedisClient, services: Services
) -> None:
    """Two workers; Redis forgets everything while they are at it."""
    ledger = works.ledger
    bells = [StreamBells(real_redis, list(Lane), hearer=f"worker{n}") for n in range(2)]
    stages = [works.stage(f"worker{n}") for n in range(2)]
    for n, stage in enumerate(stages):
        stage._bells = bells[n]
    cameras = [await ledger.camera() for _ in range(3)]
    times = [NOON + n * SECOND for n in range(20)]
    for camera in cameras:
        await ledger.frames(camera, times)
        await bells[0].ring(str(camera), Lane.LIVE)
    works.detector.go_on.clear()
    running = [asyncio.create_task(stage.run()) for stage in stages]
    await works.detector.looking.wait()
    await clear(services.redis_url, redis_prefix())
    works.detector.go_on.set()

    reconciler = Reconciler(ledger.database, bells[0], works.clock)
    await reconciler.reconcile()
    await ledger.all_final()
    assert set((await ledger.states()).values()) == {"empty"}
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert len(works.detector.views) == 60
    assert set((await ledger.attempts()).values()) == {1}


async def test_without_redis_it_says_so(works: Works) -> None:
    redis = RedisClient("redis://127.0.0.1:1/0", prefix="hsi_test:")
    bells = StreamBells(redis, list(Lane), hearer="worker")
    with pytest.raises(Unavailable, match="no Redis"):
        await Reconciler(works.ledger.database, bells, works.clock).reconcile()
    await redis.close()
