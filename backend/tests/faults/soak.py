"""An hour in the life of a box whose processes are killed all the time."""

import asyncio
import json
import os
import random
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from backend.core.errors import Unavailable
from backend.tests.faults.bench import Temper
from backend.tests.faults.box import Box, valkey_url
from backend.tests.faults.disks import Disk
from backend.tests.fixtures.product import until

PROCESSES = ("worker", "api", "postgres", "valkey", "up")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long it lasts, and how often something happens; all in seconds.

    For so long as it is `unharmed` afterwards pictures come, and nothing else happens.
    """

    lasts: float
    unharmed: float = 0.0
    picture_every: float = 0.5
    kill_every: float = 10.0
    trouble_every: float = 60.0
    trouble_lasts: float = 10.0


async def _every(seconds: float) -> AsyncIterator[None]:
    """Each time that it is due; none is left out, however late we are."""
    due = time.monotonic()
    while True:
        due += seconds
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        yield


@dataclass(slots=True)
class Samples:
    """Memory (KiB) and open descriptors of the processes, as time goes by."""

    taken: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))

    def take(self, box: Box) -> None:
        """Look at all processes that are there."""
        for name in PROCESSES:
            pid = box.pid(name)
            with suppress(OSError, IndexError):
                pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
                self.taken[name].append((pages * 4, descriptors))

    def summary(self) -> dict[str, dict[str, Any]]:
        """The medians of the first and of the last third, and the most there ever was."""
        return {name: _thirds(taken) for name, taken in self.taken.items() if taken}


def _thirds(taken: list[tuple[int, int]]) -> dict[str, Any]:
    part = max(1, len(taken) // 3)
    first, last = taken[:part], taken[-part:]
    return {
        "samples": len(taken),
        "KiB": [median(one[0] for one in side) for side in (first, last)],
        "most KiB": max(one[0] for one in taken),
        "descriptors": [median(one[1] for one in side) for side in (first, last)],
        "most descriptors": max(one[1] for one in taken),
    }


class Soak:
    """Drops pictures, kills, and makes trouble, until the time is over."""

    def __init__(self, box: Box, disk: Disk | None, pace: Pace, seed: int) -> None:
        self._box = box
        self._disk = disk
        self._pace = pace
        self._chance = random.Random(seed)  # noqa: S311 - the same troubles each time
        self._begun = time.monotonic()
        self.killed: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.failed_starts = 0
        self.samples = Samples()
        self.unharmed = Samples()
        """Of processes that lived all the time from the first to the last."""

    async def run(self) -> None:
        """Let it all happen; in the end the box is up, and nobody troubles it."""
        await self._harm()
        if self._pace.unharmed:
            await self._leave_alone()

    async def _leave_alone(self) -> None:
        """What grows slowly shows only in processes that live."""
        await until(self._all_there, "all processes", seconds=60)
        before = self._pids()
        tasks = [
            asyncio.create_task(self._drop()),
            asyncio.create_task(self._sample(self.unharmed, self._pace.unharmed)),
        ]
        done, _ = await asyncio.wait(
            tasks, timeout=self._pace.unharmed, return_when=asyncio.FIRST_EXCEPTION
        )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()
        assert self._pids() == before, "nobody killed a process, and it is another one"

    def _pids(self) -> dict[str, int | None]:
        return {name: self._box.pid(name) for name in PROCESSES}

    async def _all_there(self) -> bool:
        return None not in self._pids().values()

    async def _harm(self) -> None:
        await self._box.start()
        self._begun = time.monotonic()
        over = asyncio.Event()
        keeping = asyncio.create_task(self._keep_up(over))
        sampling = self._sample(self.samples, self._pace.lasts)
        works = [self._drop(), self._kill(), self._trouble(), sampling]
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(
                [keeping, *tasks], timeout=self._pace.lasts, return_when=asyncio.FIRST_EXCEPTION
            )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._box.bench.temper("")
            over.set()
            await keeping
        for task in done:
            task.result()

    async def _drop(self) -> None:
        """Two pictures a second, say; none is left out, however late we are."""
        async for _ in _every(self._pace.picture_every):
            self._box.bench.drop(1, begin=datetime.now(UTC))

    async def _kill(self) -> None:
        """By the clock, whether or not what was killed before is there again."""
        async for _ in _every(self._pace.kill_every):
            names = self._chance.sample(PROCESSES, len(PROCESSES))
            name = next((name for name in names if self._box.send(name)), None)
            if name is not None:
                self.killed[name] += 1

    async def _keep_up(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._revive()
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 0.1)
        await asyncio.sleep(1)  # what was killed last may still be dying of it
        await self._revive()

    async def _revive(self) -> None:
        """Bring the box up again if `up` has ended, as an owner or systemd would."""
        while self._box.process is None or self._box.process.poll() is not None:
            try:
                await self._box.start()
            except AssertionError:  # something that it needs was killed, or is full
                self.failed_starts += 1
                await asyncio.sleep(1)

    async def _sample(self, samples: Samples, seconds: float) -> None:
        while True:
            samples.take(self._box)
            await asyncio.sleep(min(10.0, seconds / 20))

    async def _trouble(self) -> None:
        waiting: list[str] = []
        async for _ in _every(self._pace.trouble_every):
            troubles = self._troubles()
            if not waiting:
                waiting = sorted(troubles)
                self._chance.shuffle(waiting)
            name = waiting.pop()
            self.troubles[name] += 1
            # What is to be troubled may just have been killed.
            with suppress(RedisError, Unavailable, OSError):
                await troubles[name]()

    def _troubles(self) -> dict[str, Callable[[], Awaitable[None]]]:
        tempers: tuple[Temper, ...] = ("slow", "failing", "away", "silent", "nonsense")
        found: dict[str, Callable[[], Awaitable[None]]] = {
            f"detector {temper}": lambda temper=temper: self._detector(temper)  # type: ignore[misc]
            for temper in tempers
        }
        for name in ("worker", "api", "valkey"):
            found[f"{name} stands still"] = lambda name=name: self._stand_still(name)  # type: ignore[misc]
        found["Redis flushed"] = self._flush
        found["Redis out of memory"] = self._starve
        found["connections to PostgreSQL ended"] = self._end_connections
        found["thumbnails deleted"] = self._delete_thumbnails
        found["a burst of 200 pictures"] = self._burst
        if self._disk is not None:
            found["disk of the pictures full"] = self._fill_disk
        return found

    async def _last(self) -> None:
        await asyncio.sleep(self._pace.trouble_lasts)

    async def _detector(self, temper: Temper) -> None:
        self._box.bench.temper(temper)
        try:
            await self._last()
        finally:
            self._box.bench.temper("")

    async def _stand_still(self, name: str) -> None:
        pid = self._box.pid(name)
        if pid is None:
            return
        os.kill(pid, signal.SIGSTOP)
        try:
            await self._last()
        finally:
            os.kill(pid, signal.SIGCONT)

    def _redis(self) -> "Redis":
        return Redis.from_url(valkey_url(self._box.data / "valkey"), socket_timeout=2)

    async def _flush(self) -> None:
        with self._redis() as commands:
            commands.flushall()

    async def _starve(self) -> None:
        with self._redis() as commands:
            commands.config_set("maxmemory", 1)
            try:
                await self._last()
            finally:
                commands.config_set("maxmemory", 0)

    async def _end_connections(self) -> None:
        await self._box.bench.rows(
            "SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity "
            "WHERE usename = current_user AND pid <> pg_backend_pid()"
        )

    async def _delete_thumbnails(self) -> None:
        thumbnails = self._box.data / "thumbnails"
        thumbnails.rename(gone := thumbnails.with_name(f"gone-{time.monotonic_ns()}"))
        shutil.rmtree(gone, ignore_errors=True)

    async def _burst(self) -> None:
        self._box.bench.drop(200, cameras=5, begin=datetime.now(UTC))

    async def _fill_disk(self) -> None:
        assert self._disk is not None
        self._disk.fill()
        try:
            await self._last()
        finally:
            self._disk.free()

    async def figures(self) -> dict[str, Any]:
        """What happened, and how it went, for a note."""
        (late,) = await self._box.bench.rows(
            "SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY "
            "extract(epoch FROM finished_at - captured_at)) AS seconds FROM frames"
        )
        return {
            "minutes": round((time.monotonic() - self._begun) / 60, 1),
            "pictures": len(self._box.bench.dropped),
            "killed": dict(self.killed),
            "troubles": dict(self.troubles),
            "starts of up that failed": self.failed_starts,
            "seconds from file to final, p50 p95 p99 max": [round(s, 2) for s in late["seconds"]],
            "processes": self.samples.summary(),
            "processes that lived": self.unharmed.summary(),
        }


def keep_figures(figures: dict[str, Any], path: str | None) -> None:
    """Write them to a file, if somebody wants them."""
    if path is not None:
        Path(path).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
