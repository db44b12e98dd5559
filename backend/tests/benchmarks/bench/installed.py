"""P16, P17, P18: `hsi up` as it stands on somebody's box: its memory, its start, its rest."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from backend.local.access import free_port
from backend.local.process import spawn
from backend.tests.benchmarks.bench.http import get, product_api, serving
from backend.tests.benchmarks.bench.pictures import picture, put
from backend.tests.benchmarks.bench.place import PROJECT, Bench, module
from backend.tests.benchmarks.bench.processes import cpu_seconds, descendants, memory_mb
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of

_CAMERAS = 8
_SETTLE_SECONDS = 5.0
_IDLE_SECONDS = 20.0
# Of the fourteen pictures, those of the front door by day: empty, then somebody comes.
_VISIT = (0, 2, 3)


@dataclass(frozen=True, slots=True)
class _Installed:
    """A running `hsi up`, and how long it took to become ready."""

    pid: int
    port: int
    seconds: float
    """From its start to the first event, of a picture that lay there before."""


async def measure_rest(bench: Bench) -> list[Row]:
    """P16 and P18: memory and processor time of all processes, while eight cameras are silent."""
    memory, share = [], []
    seconds = max(2.0, _IDLE_SECONDS * bench.share)
    async with _up(bench, "rest") as installed:
        bench.say("waiting for it to come to rest")
        await asyncio.sleep(_SETTLE_SECONDS * min(1.0, bench.share))
        for number in range(3):
            bench.say(f"{seconds:.0f} s at rest, {number + 1} of 3")
            pids = descendants(installed.pid)
            before, started = cpu_seconds(pids), time.monotonic()
            await asyncio.sleep(seconds)
            used = cpu_seconds(pids) - before
            share.append(100 * used / (time.monotonic() - started))
            memory.append(memory_mb(pids))
        torch = [pid for pid in pids if _has_torch(pid)]
    return [
        row_of(
            "P16",
            f"memory at rest of all {len(pids)} processes of hsi up, motion detector",
            "none: proportional set sizes, so that what is shared counts once",
            memory,
            unit="MB",
            goal=Goal(most=350),
            note="its growth in a day is not measured here",
        ),
        row_of(
            "P17",
            "processes of hsi up with torch in them",
            "none: their mapped files",
            [len(torch)],
            unit="processes",
            goal=Goal(most=0),
        ),
        row_of(
            "P18",
            f"processor time at rest, {_CAMERAS} silent cameras, all processes of hsi up",
            "one core, which is 100",
            share,
            unit="%",
            goal=Goal(most=1),
        ),
    ]


async def measure_start(bench: Bench) -> list[Row]:
    """P17: until the API answers, and until a picture that lay there before is an event."""
    bare = module("backend.tests.benchmarks.bench.floors.start")
    async with bench.place() as place:

        async def api(_: int) -> float:
            started = time.perf_counter()
            async with product_api(place):
                return time.perf_counter() - started

        async def floor(_: int) -> float:
            environment = place.environment(DATABASE_URL=place.plain_url)
            started = time.perf_counter()
            process = spawn(bare, when_parent_dies=signal.SIGKILL, env=environment)
            status = await asyncio.to_thread(process.wait)
            if status:
                raise AssertionError(f"the bare start ended with {status}")
            return time.perf_counter() - started

        ours, floors = await bench.in_turns(api, floor)
    to_event = []
    for number in range(3):
        bench.say(f"hsi up, {number + 1} of 3")
        async with _up(bench, f"start{number}") as installed:
            to_event.append(installed.seconds)
    return [
        row_of(
            "P17",
            "the API's start to its first answer, servers running",
            "none",
            ours,
            unit="s",
            goal=Goal(most=2),
        ),
        row_of(
            "P17",
            "the API's start to its first answer, servers running",
            "importing the same libraries, and connecting",
            ratios(ours, floors),
        ),
        row_of(
            "P17",
            "hsi up on a new folder, to the event of a picture that lay there before",
            "none: making the database is in it",
            to_event,
            unit="s",
            goal=Goal(most=5),
        ),
    ]


@asynccontextmanager
async def _up(bench: Bench, name: str) -> AsyncIterator[_Installed]:
    """`hsi up` in a folder of its own, once the first event is there."""
    data, port = bench.folder / name, free_port()
    visit = datetime.now(UTC) - timedelta(minutes=10)
    for i, like in enumerate(_VISIT):
        path = data / "cameras" / "Camera 0" / f"{i}.jpg"
        put(path, picture(i, like=like), taken_at=visit + timedelta(seconds=5 * i))
    for i in range(1, _CAMERAS):
        put(data / "cameras" / f"Camera {i}" / "0.jpg", picture(i, like=0), taken_at=visit)
    started = time.perf_counter()
    command = module("backend.cli", "up", "--data", str(data), "--port", str(port))
    async with serving(
        command, _clean_environment(), port, "/api/health", parent_dies=signal.SIGTERM
    ) as process:
        async with asyncio.timeout(60):
            while not orjson.loads((await get(port, "/api/events"))[1])["items"]:
                await asyncio.sleep(0.02)
        yield _Installed(process.pid, port, time.perf_counter() - started)


def _clean_environment() -> dict[str, str]:
    """Ours, without the settings of a product that may be installed here."""
    ours = re.compile(r"HSI_.*|[A-Z]+__[A-Z_]+|DATABASE_URL|REDIS_URL|FOSCAM_BASE_PATH")
    kept = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    return kept | {"PYTHONPATH": str(PROJECT)}


def _has_torch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
