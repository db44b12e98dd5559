"""How the product is: each part with its reason, and on which rungs of the ladder it stands."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from backend.core.clock import Clock
from backend.core.database import Database
from backend.core.disk_threads import DiskThreads
from backend.core.errors import Conflict, Unavailable
from backend.core.pace import Pace
from backend.core.redis import RedisClient
from backend.services.stores import cameras, dead_letters, frames
from backend.services.upkeep import part_findings
from backend.services.upkeep.fitness import Fitness
from backend.services.upkeep.heartbeat import Word, heard
from backend.services.upkeep.ladder import LADDER, rung_of
from backend.services.upkeep.part_findings import Finding, Status
from backend.services.upkeep.redis_watch import RedisWatch
from backend.services.upkeep.silent_cameras import silent_cameras

Answer = TypeVar("Answer")

_CHECK_SECONDS = 1.0
_DISK_GONE_SECONDS = 30.0  # as long as a worker waits for it
_LOOK_EVERY_SECONDS = 10
_FRESH_SECONDS = 0.5
_WORST_FIRST: tuple[Status, ...] = ("unhealthy", "degraded", "healthy")


@dataclass(frozen=True, slots=True)
class PartHealth:
    """How a part is, and since when.

    Unless `since_known`, `since` is only when this process first looked: it may be so for longer.
    `rung` is the one of `LADDER` that it stands for.
    """

    name: str
    status: Status
    reason: str
    since: datetime
    since_known: bool
    rung: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A rung of `LADDER` that the product stands on, and since when; as of a part."""

    name: str
    title: str
    works: str
    waits: str
    advice: str
    since: datetime
    since_known: bool


@dataclass(frozen=True, slots=True)
class Report:
    """How all parts are, and on which rungs it stands for it, the lowest first.

    `ready`: the API can do its work.
    """

    status: Status
    ready: bool
    checked_at: datetime
    rungs: tuple[Standing, ...]
    parts: tuple[PartHealth, ...]


class Health:
    """Looks at every part at once, each look with a bound in time.

    A report is made when asked for, at most every half second, and every 10 s anyway, so that
    `since` is right when nobody asks; Redis, which may be away for a second, is asked more often.
    Only a database that does not answer makes it unhealthy: without anything else the API still
    shows what there is. `folders` are those whose disks are measured; the first has to be there.
    """

    def __init__(
        self,
        database: Database,
        redis: RedisClient,
        clock: Clock,
        folders: Sequence[Path],
        fitness: Fitness,
    ) -> None:
        self._database = database
        self._redis = redis
        self._redis_watch = RedisWatch(redis, clock)
        self._clock = clock
        self._folders = folders
        self._fitness = fitness
        self._disk = DiskThreads(
            "pictures",
            "the disk of the data folder",
            Pace(clock, limit=_CHECK_SECONDS),
            patience=_CHECK_SECONDS,
            most=1,
        )
        self._disk.back = self._disk_answered
        self._disk_silent_since: float | None = None
        self._seen: dict[str, PartHealth] = {}
        self._latest: tuple[float, Report] | None = None
        self._looking = asyncio.Lock()
        self._took: dict[str, float] = {}

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

    async def words(self) -> Sequence[Word]:
        """What the workers have said lately. Raises `Unavailable` where nobody can hear them."""
        said = await _bounded(self._listen(), None)
        if said is None:
            raise Unavailable(_REDIS_AWAY, code="redis.unavailable")
        return said

    async def _look(self) -> list[Finding]:
        # A group, not `gather`: whoever is cancelled meanwhile leaves none of them running.
        async with asyncio.TaskGroup() as looks:
            database = looks.create_task(
                _bounded(self._look_at_database(), _no_database(_NO_ANSWER))
            )
            redis = looks.create_task(_bounded(self._look_at_redis(), _no_redis(_NO_ANSWER)))
            ledger = looks.create_task(_bounded(self._look_into_ledger(), _no_ledger()))
            disk = looks.create_task(self._look_at_disks())  # which has a bound of its own
            words = looks.create_task(_bounded(self._listen(), None))
        servers = [self._or_newer(database.result()), redis.result()]
        of_ledger, nothing_waits = ledger.result()
        of_words = _look_at_words(words.result(), servers, nothing_waits=nothing_waits)
        return [*servers, *of_words, *of_ledger, disk.result()]

    async def _look_at_database(self) -> Finding:
        asked_at = self._clock.monotonic()
        try:
            await self._database.ping()
        except Unavailable as error:
            return _no_database(str(error))
        return self._answered("database", self._clock.monotonic() - asked_at)

    def _or_newer(self, database: Finding) -> Finding:
        newer = self._fitness.newer
        if newer is None or database.status == "unhealthy":
            return database
        return Finding("database", "unhealthy", str(newer), rung=rung_of(newer.code))

    async def _look_at_redis(self) -> Finding:
        asked_at = self._clock.monotonic()
        answer = await self._redis.health_check()
        if answer["status"] != "healthy":
            return _no_redis(f"{answer['error']}; news come late", answer.get("code"))
        since = self._redis_watch.changed_at if self._redis_watch.answers else None
        return self._answered("redis", self._clock.monotonic() - asked_at, since)

    async def _look_at_disks(self) -> Finding:
        try:
            found = await self._disk.run(part_findings.look_at_disks, self._folders)
        except Unavailable as error:
            return self._silent_disk(error)
        self._disk_answered()
        return found

    def _silent_disk(self, error: Unavailable) -> Finding:
        """One that begins to spin, or is busy, is slow: workers wait for it, and so do we."""
        now = self._clock.monotonic()
        if self._disk_silent_since is None:
            self._disk_silent_since = now
        silent = now - self._disk_silent_since
        since = self._clock.now() - timedelta(seconds=silent)
        if silent < _DISK_GONE_SECONDS:
            return Finding("disk", "degraded", _NO_ANSWER, since, "pictures_slow")
        return Finding("disk", "degraded", str(error), since, "pictures")

    def _disk_answered(self) -> None:
        self._disk_silent_since = None

    def _answered(self, name: str, took: float, since: datetime | None = None) -> Finding:
        # One slow answer may be that of a new connection, or of this process: two in a row count.
        before, self._took[name] = self._took.get(name, 0.0), took
        return part_findings.look_at_answer(name, min(before, took), since)

    async def _look_into_ledger(self) -> tuple[list[Finding], bool]:
        """What it says, and whether it is known that nothing waits."""
        now = self._clock.now()
        try:
            async with self._database.transaction() as session:
                await self._fitness.check_schema(session)
                oldest = await frames.longest_waiting(session)
                found = [
                    part_findings.look_at_pictures(oldest, now),
                    part_findings.look_at_flood(
                        await cameras.skipped_since(session, now - part_findings.SKIPPED_LATELY),
                        now,
                    ),
                    part_findings.look_at_cameras(await silent_cameras(session, now=now), now),
                    part_findings.look_at_dead_letters(await dead_letters.count(session)),
                ]
                return found, oldest is None
        except (Unavailable, Conflict):
            return _no_ledger()

    async def _listen(self) -> Sequence[Word] | None:
        try:
            return await heard(self._redis)
        except Unavailable:
            return None

    def _reported(self, found: Sequence[Finding]) -> Report:
        now = self._clock.now()
        parts = tuple(self._part(finding, now) for finding in found)
        self._seen = {part.name: part for part in parts}
        statuses = {part.status for part in parts}
        worst = next(status for status in _WORST_FIRST if status in statuses)
        ready = all(part.status != "unhealthy" for part in parts if part.name == "database")
        return Report(worst, ready, now, standings(parts), parts)

    def _part(self, found: Finding, now: datetime) -> PartHealth:
        before = self._seen.get(found.name)
        if found.since is not None:
            since, known = min(found.since, now), True
        elif before is None:
            since, known = now, False
        elif (before.status, before.rung) == (found.status, found.rung):
            since, known = before.since, before.since_known
        else:
            since, known = now, True
        return PartHealth(found.name, found.status, found.reason, since, known, found.rung)


def standings(parts: Sequence[PartHealth]) -> tuple[Standing, ...]:
    """The rungs that these parts stand on, the lowest first, each since the first of its parts."""
    found = []
    for rung in LADDER:
        on_it = [part for part in parts if part.rung == rung.name]
        if on_it:
            first = min(on_it, key=lambda part: part.since)
            words = (rung.name, rung.title, rung.works, rung.waits, rung.advice)
            found.append(Standing(*words, first.since, first.since_known))
    return tuple(found)


_OF_WORKERS = ("workers", "ingest", "detector")
_OF_LEDGER = ("pictures", "flood", "cameras", "dead letters")
_NO_ANSWER = f"no answer within {_CHECK_SECONDS:.0f} s"


def _no_database(reason: str) -> Finding:
    return Finding("database", "unhealthy", reason, rung="database")


def _no_redis(reason: str, code: str | None = None) -> Finding:
    return Finding("redis", "degraded", reason, rung=rung_of(code or "redis"))


def _unknown(names: Sequence[str], reason: str) -> list[Finding]:
    return [Finding(name, "degraded", reason) for name in names]


def _no_ledger() -> tuple[list[Finding], bool]:
    return _unknown(_OF_LEDGER, "not known while the database does not answer"), False


_REDIS_AWAY = "not known while Redis does not answer"
_UNHEARD = f"not known: Redis did not say within {_CHECK_SECONDS:.0f} s what workers told it"
_NO_WORDS = {
    "redis_full": "not known while Redis takes nothing: workers cannot say how they are",
    "redis_forgets": "workers do not work with this Redis",
    "schema": "workers do not work with this database",
}
"""Why workers may be at work, and not be heard, or cannot be: the rungs of their servers."""


def _look_at_words(
    words: Sequence[Word] | None, servers: Sequence[Finding], *, nothing_waits: bool
) -> list[Finding]:
    if words is None:
        away = any(server.name == "redis" and server.status != "healthy" for server in servers)
        return _unknown(_OF_WORKERS, _REDIS_AWAY if away else _UNHEARD)
    for server in servers:
        if server.rung in _NO_WORDS and (not words or server.rung == "redis_full"):
            return _unknown(_OF_WORKERS, _NO_WORDS[server.rung])
    return [
        part_findings.look_at_workers(words),
        part_findings.look_at_ingest(words),
        part_findings.look_at_detectors(words, nothing_waits=nothing_waits),
    ]


async def _bounded(look: Awaitable[Answer], otherwise: Answer) -> Answer:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            return await look
    except TimeoutError:
        return otherwise
