"""P23: two workers beside one."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from subprocess import DEVNULL

from backend.core.clock import SystemClock
from backend.core.database import Database
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient
from backend.core.supervisor import Supervisor
from backend.domain.frames import Lane
from backend.local.process import spawn, stop
from backend.services.upkeep.reconciler import Reconciler
from backend.tests.benchmarks.bench.place import Bench, Place, module
from backend.tests.benchmarks.bench.processes import cpu_seconds
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.benchmarks.bench.stages import (
    Finished,
    Unlooking,
    add_cameras,
    detection_of,
    empty,
    receive,
)

_PICTURES, _CAMERAS = 64, 4
_WAIT_SECONDS = 0.05
_TO_END = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 1.0))
_LANES = [Lane.LIVE, Lane.BACKLOG]


async def measure(bench: Bench) -> list[Row]:
    """Pictures per second with a detector that waits; processor time per picture without."""
    # A camera is worked off by one worker at a time: less than a batch for each would show nothing.
    waiting, busy = _PICTURES, bench.some(20 * _PICTURES)
    async with bench.place() as place, place.services() as (database, redis):
        work = _Work(place, database, redis)
        two, one = await bench.in_turns(
            lambda _: work.seconds(2, waiting, wait=_WAIT_SECONDS),
            lambda _: work.seconds(1, waiting, wait=_WAIT_SECONDS),
        )
        two_cpu, one_cpu = await bench.in_turns(
            lambda _: work.processor_time(2, busy), lambda _: work.processor_time(1, busy)
        )
    return [
        row_of(
            "P23",
            "two workers, pictures per second, detector that waits 50 ms",
            f"one worker; {_CAMERAS} cameras",
            ratios(one, two),
            goal=Goal(least=1.8),
        ),
        row_of(
            "P23",
            "two workers, processor time per picture, null detector",
            f"one worker; {_CAMERAS} cameras",
            ratios(two_cpu, one_cpu),
            goal=Goal(most=1.15),
        ),
    ]


class _Work:
    """Rows that wait, and worker processes that work them off."""

    def __init__(self, place: Place, database: Database, redis: RedisClient) -> None:
        self._place = place
        self._database = database
        self._bells = StreamBells(redis, _LANES, hearer="bench")

    async def seconds(self, workers: int, pictures: int, *, wait: float) -> float:
        """From the first bell until all frames are final."""
        async with self._workers(workers, wait):
            return await self._work_off(pictures)

    async def processor_time(self, workers: int, pictures: int) -> float:
        """Seconds of processor time of the workers, once they have started."""
        async with self._workers(workers, 0.0) as pids:
            before = cpu_seconds(pids)
            await self._work_off(pictures)
            return cpu_seconds(pids) - before

    async def _work_off(self, pictures: int) -> float:
        ids = await add_cameras(self._database, _CAMERAS)
        await receive(self._database, None, ids, pictures)
        finished = Finished.of(self._database)
        started = time.perf_counter()
        for camera_id in ids:
            await self._bells.ring(str(camera_id), Lane.LIVE)
        asking = asyncio.create_task(_again_and_again(finished))
        try:
            await finished.wait(pictures)
            return time.perf_counter() - started
        finally:
            asking.cancel()

    @asynccontextmanager
    async def _workers(self, number: int, wait: float) -> AsyncIterator[list[int]]:
        """Processes that hear bells; there once all of them have said so in Redis."""
        await empty(self._database)  # not beside them: it locks all tables
        await self._bells.forget_stale()
        name = "backend.tests.benchmarks.bench.workers"
        environment = self._place.environment(BENCH_WAIT=str(wait))
        processes = [
            spawn(
                module(name),
                when_parent_dies=signal.SIGKILL,
                output=DEVNULL,
                env={**environment, "BENCH_NAME": f"w{i}"},
            )
            for i in range(number)
        ]
        try:
            async with self._place.commands() as commands, asyncio.timeout(30):
                key = self._place.key("ready")
                while await commands.scard(key) < number:
                    await asyncio.sleep(0.01)
                await commands.delete(key)
            yield [process.pid for process in processes]
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                await asyncio.to_thread(stop, process, _TO_END)


async def _again_and_again(finished: Finished) -> None:
    """The workers are other processes, whose commits nobody tells us of."""
    while True:
        finished.told()
        await asyncio.sleep(0.005)


async def _worker() -> None:
    """One worker: the shipped stages, with a detector that waits and does not look."""
    name, clock = os.environ["BENCH_NAME"], SystemClock()
    database = Database(os.environ["DATABASE_URL"])
    redis = RedisClient(os.environ["REDIS_URL"], prefix=os.environ["REDIS__PREFIX"])
    bells = StreamBells(redis, _LANES, hearer=name)
    examiner = Unlooking(float(os.environ["BENCH_WAIT"]))
    stage = detection_of(database, bells, examiner, lambda: None, worker=name)
    await Reconciler(database, bells, clock).reconcile()
    supervisor = Supervisor(clock)
    supervisor.add("detect", stage.run)
    working = asyncio.create_task(supervisor.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.cancel)
    await redis.commands.sadd(redis.key("ready"), name)
    with contextlib.suppress(asyncio.CancelledError):
        await working
    await redis.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(_worker())
