"""How the product is: each part with its reason, in words for an owner."""

import asyncio
import shutil
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from backend.core.clock import Clock
from backend.core.database import Database
from backend.core.errors import Unavailable
from backend.core.redis import RedisClient
from backend.services.stores import frames
from backend.services.stores.rows import Record
from backend.services.upkeep.heartbeat import heard
from backend.services.upkeep.redis_watch import RedisWatch

Status = Literal["healthy", "degraded", "unhealthy"]
Answer = TypeVar("Answer")

LEAST_FREE_BYTES = 1_000_000_000
_CHECK_SECONDS = 1.0
_LOOK_EVERY_SECONDS = 10
_LONG_WAIT = timedelta(minutes=1)
_FRESH_SECONDS = 0.5
_SHOWN = 5  # names in one sentence
_WORST_FIRST: tuple[Status, ...] = ("unhealthy", "degraded", "healthy")


@dataclass(frozen=True, slots=True)
class Finding:
    """How a part is now; `since`, where that is known better than by having looked before."""

    name: str
    status: Status
    reason: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class PartHealth:
    """How a part is, and since when, as this process has seen it."""

    name: str
    status: Status
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """How all parts are. `ready`: the API can do its work."""

    status: Status
    ready: bool
    checked_at: datetime
    parts: tuple[PartHealth, ...]


class Health:
    """Looks at every part at once, each look with a bound in time.

    A report is made when asked for, at most every half second, and every 10 s anyway, so that
    `since` is right when nobody asks; Redis, which may be away for a second, is asked more often.
    Only a database that does not answer makes it unhealthy: without anything else the API still
    shows what there is.
    """

    def __init__(self, database: Database, redis: RedisClient, clock: Clock, folder: Path) -> None:
        self._database = database
        self._redis = redis
        self._redis_watch = RedisWatch(redis, clock)
        self._clock = clock
        self._folder = folder
        self._since: dict[str, tuple[Status, datetime]] = {}
        self._latest: tuple[float, Report] | None = None
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Look every 10 s, and at Redis every second."""
        while True:
            await self.report()
            for _ in range(_LOOK_EVERY_SECONDS):
                await self._redis_watch.look()
                await self._clock.sleep(1)

    async def report(self) -> Report:
        """How everything is; never older than half a second."""
        async with self._looking:
            if self._latest is not None:
                made_at, report = self._latest
                if self._clock.monotonic() - made_at < _FRESH_SECONDS:
                    return report
            report = self._reported(await self._look())
            self._latest = (self._clock.monotonic(), report)
            return report

    async def _look(self) -> list[Finding]:
        database, redis, pictures, disk, words = await asyncio.gather(
            _bounded(self._look_at_database(), Finding("database", "unhealthy", _NO_ANSWER)),
            _bounded(self._look_at_redis(), Finding("redis", "degraded", _NO_ANSWER)),
            _bounded(self._look_at_pictures(), Finding("pictures", "degraded", _NO_ANSWER)),
            _bounded(
                asyncio.to_thread(look_at_disk, self._folder),
                Finding("disk", "degraded", _NO_ANSWER),
            ),
            _bounded(self._listen(), None),
        )
        if words is None:
            unknown = "not known while Redis does not answer"
            parts = [Finding(name, "degraded", unknown) for name in _OF_WORKERS]
        else:
            parts = [look_at_workers(words), look_at_ingest(words), look_at_detectors(words)]
        return [database, redis, *parts, pictures, disk]

    async def _look_at_database(self) -> Finding:
        try:
            await self._database.ping()
        except Unavailable as error:
            return Finding("database", "unhealthy", str(error))
        return Finding("database", "healthy", "it answers")

    async def _look_at_redis(self) -> Finding:
        answer = await self._redis.health_check()
        if answer["status"] == "healthy":
            since = self._redis_watch.since if self._redis_watch.answers else None
            return Finding("redis", "healthy", "it answers", since)
        return Finding("redis", "degraded", f"{answer['error']}; news come late")

    async def _look_at_pictures(self) -> Finding:
        try:
            async with self._database.transaction() as session:
                oldest = await frames.longest_waiting(session)
        except Unavailable:
            unknown = "not known while the database does not answer"
            return Finding("pictures", "degraded", unknown)
        return look_at_pictures(oldest, self._clock.now())

    async def _listen(self) -> Sequence[dict[str, Any]] | None:
        try:
            return await heard(self._redis)
        except Unavailable:
            return None

    def _reported(self, findings: Sequence[Finding]) -> Report:
        now = self._clock.now()
        parts = []
        for found in findings:
            status, since = self._since.get(found.name, (None, now))
            since = max(since, found.since or since) if status == found.status else now
            self._since[found.name] = (found.status, since)
            parts.append(PartHealth(found.name, found.status, found.reason, since))
        statuses = {found.status for found in findings}
        worst = next(status for status in _WORST_FIRST if status in statuses)
        ready = all(f.status == "healthy" for f in findings if f.name == "database")
        return Report(worst, ready, now, tuple(parts))


_OF_WORKERS = ("workers", "ingest", "detector")
_NO_ANSWER = f"no answer within {_CHECK_SECONDS:.0f} s"
_NO_WORKER = "no worker was heard for 20 s: pictures wait, and none is lost"


async def _bounded(look: Awaitable[Answer], otherwise: Answer) -> Answer:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await look
    except TimeoutError:
        return otherwise


def look_at_workers(words: Sequence[dict[str, Any]]) -> Finding:
    """Whether there are workers, and all their parts run."""
    if not words:
        return Finding("workers", "degraded", _NO_WORKER)
    faults = [
        f"{word['worker']}: {name} does not run: {part['reason']}"
        for word in words
        for name, part in word["parts"].items()
        if not part["running"]
    ]
    if faults:
        return Finding("workers", "degraded", "; ".join(faults))
    many = f"{len(words)} workers are" if len(words) > 1 else "1 worker is"
    return Finding("workers", "healthy", f"{many} at work: {_names(words, 'worker')}")


def look_at_ingest(words: Sequence[dict[str, Any]]) -> Finding:
    """Whether new pictures are seen at once."""
    if not words:
        return Finding("ingest", "degraded", _NO_WORKER)
    roots = _names(words, "media_root")
    unseen = {folder: why for word in words for folder, why in word["unseen_folders"].items()}
    faults = [
        f"no pictures are seen in {_some(folders)} below {roots}: {why}"
        for why, folders in _by_value(unseen).items()
    ]
    polled = sorted({folder for word in words for folder in word["polled_folders"]} - set(unseen))
    if polled:
        faults.append(
            f"{len(polled)} folders below {roots} cannot be watched and are only looked at from "
            f"time to time, {polled[0]} among them: the kernel's limit of watches is reached "
            "(raise fs.inotify.max_user_watches), or we may not read them"
        )
    if faults:
        return Finding("ingest", "degraded", "; ".join(faults))
    watched = sum(word["watched_folders"] for word in words)
    folders = "1 folder is" if watched == 1 else f"{watched} folders are"
    how = f"{folders} watched" if watched else "folders are looked at in turn"
    return Finding("ingest", "healthy", f"below {roots} {how}")


def look_at_detectors(words: Sequence[dict[str, Any]]) -> Finding:
    """What looks at the pictures."""
    if not words:
        return Finding("detector", "degraded", _NO_WORKER)
    names = _names(words, "detector")
    if names == "motion":
        return Finding(
            "detector",
            "healthy",
            "motion only: no model is installed, so it sees that something moves, and not what",
        )
    return Finding("detector", "healthy", f"{names} looks at the pictures")


def look_at_pictures(oldest: Record | None, now: datetime) -> Finding:
    """Whether pictures are looked at as they come; `oldest` is the one that waits longest."""
    waited = now - oldest["received_at"] if oldest else timedelta(0)
    if oldest is None or waited < _LONG_WAIT:
        return Finding("pictures", "healthy", "none waits for longer than a minute")
    return Finding(
        "pictures", "degraded", f"one of {oldest['camera']} has waited for {_lasting(waited)}"
    )


def look_at_disk(folder: Path) -> Finding:
    """Whether there is room for pictures and the database."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return Finding("disk", "degraded", f"{folder}: {error.strerror}")
    free = f"{usage.free / 1e9:.1f} GB of {usage.total / 1e9:.1f} GB free for {folder}"
    if usage.free < LEAST_FREE_BYTES:
        return Finding("disk", "degraded", f"only {free}: pictures may soon have to wait")
    return Finding("disk", "healthy", free)


def _lasting(time: timedelta) -> str:
    """A length of time in its largest unit, of which there are at least two."""
    seconds = int(time.total_seconds())
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _by_value(given: Mapping[str, str]) -> dict[str, list[str]]:
    """The keys of each value, sorted."""
    keys: dict[str, list[str]] = {}
    for key, value in sorted(given.items()):
        keys.setdefault(value, []).append(key)
    return keys


def _some(names: Sequence[str]) -> str:
    """A few of the names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _names(words: Sequence[dict[str, Any]], key: str) -> str:
    return ", ".join(sorted({str(word[key]) for word in words}))
