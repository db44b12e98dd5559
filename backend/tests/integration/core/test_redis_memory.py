"""A Redis whose memory is full, or that would rather forget: on a server of the test's own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from backend.core.database import get_database
from backend.core.errors import Invalid, Unavailable
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient, refuse_forgetting
from backend.domain.frames import Lane
from backend.local.valkey import EmbeddedValkey
from backend.services.detection.stage import DetectionStage
from backend.services.ingest.stage import FoundFile, Ingest, Intake
from backend.services.upkeep.reconciler import Reconciler
from backend.services.upkeep.redis_watch import RedisWatch
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.ingest import LIMITS
from backend.tests.fixtures.ledger import NOON, Ledger, jpeg
from backend.tests.fixtures.run import ROOT
from backend.tests.fixtures.stages import Works

pytestmark = pytest.mark.slow


@pytest.fixture
def own_redis(server_folder: Path) -> Iterator[str]:
    """The URL of a server that nobody else uses."""
    server = EmbeddedValkey(server_folder / "valkey", durable=False)
    yield server.start()
    server.stop()


@pytest.fixture
async def redis(own_redis: str) -> AsyncIterator[RedisClient]:
    client = RedisClient(own_redis, prefix="hsi:")
    yield client
    await client.close()


async def fill(redis: RedisClient) -> None:
    await redis.commands.config_set("maxmemory", "1")


async def free(redis: RedisClient) -> None:
    await redis.commands.config_set("maxmemory", "0")


async def test_one_that_is_full_is_not_healthy_and_says_why(redis: RedisClient) -> None:
    assert await redis.health_check() == {"status": "healthy"}
    await fill(redis)
    health = await redis.health_check()
    assert health["status"] == "unhealthy"
    assert "its memory is full" in health["error"]
    with pytest.raises(Unavailable) as raised:
        await redis.keep("worker:a", "1", seconds=5)
    assert raised.value.code == "redis.full"
    await free(redis)
    assert await redis.health_check() == {"status": "healthy"}


async def test_looking_leaves_nothing_behind(redis: RedisClient) -> None:
    await redis.health_check()
    await redis.run_id()
    assert await redis.commands.dbsize() == 0


async def test_what_is_kept_is_found_without_a_look_at_what_others_have(redis: RedisClient) -> None:
    await redis.commands.mset({f"others:{number}": "" for number in range(1000)})
    await redis.keep("worker:a", "1", seconds=60)
    assert await redis.kept("worker:") == {"worker:a": "1"}
    asked = await redis.commands.info("commandstats")
    assert {"cmdstat_scan", "cmdstat_keys"}.isdisjoint(asked)
    assert asked["cmdstat_mget"]["calls"] == 1


async def test_it_is_said_once_that_there_is_room_again(redis: RedisClient) -> None:
    back: list[int] = []
    watch = RedisWatch(redis, ManualClock(), lambda: back.append(1))
    seen = []
    for change in (None, fill, None, free, None):
        if change is not None:
            await change(redis)
        await watch.look()
        seen.append((watch.answers, len(back)))
    assert seen == [(True, 0), (False, 0), (False, 0), (True, 1), (True, 1)]


class Pipeline:
    """Ingest and detection over one ledger, with bells in a Redis of their own."""

    def __init__(self, works: Works, redis: RedisClient) -> None:
        self.works = works
        self.ledger = works.ledger
        self.root = works.ledger.folder / "cameras"
        self.bells = StreamBells(redis, list(Lane), hearer="test")
        intake = Intake(self.root, works.ledger.pictures, LIMITS, ZoneInfo("UTC"))
        self.ingest = Ingest(intake, works.ledger.database, self.bells, works.clock)
        self.reconciler = Reconciler(works.ledger.database, self.bells, works.clock)

    def stage(self) -> DetectionStage:
        """As after a restart of the part."""
        return replace(self.works, bells=self.bells).stage()  # type: ignore[arg-type]

    async def take_in(self, number: int, *, first: int = 0) -> None:
        found = []
        (self.root / "gate").mkdir(parents=True, exist_ok=True)
        for n in range(first, first + number):
            path = self.root / "gate" / f"{n:03}.jpg"
            path.write_bytes(jpeg(n))
            os.utime(path, (NOON.timestamp() - 60 + n, NOON.timestamp() - 60 + n))
            found.append(FoundFile(f"gate/{path.name}", "watch"))
        await self.ingest.handle(found)

    async def hear_one(self) -> bool:
        bell = await self.bells.hear(0.01)
        if bell is not None:
            await self.stage().handle(bell)
        return bell is not None

    async def waiting(self) -> int:
        return list((await self.ledger.states()).values()).count("received")


@pytest.fixture
def pipeline(integration_db: str, tmp_path: Path, redis: RedisClient) -> Pipeline:
    return Pipeline(Works(Ledger(get_database(), tmp_path)), redis)


async def test_while_it_is_full_the_ledger_holds_the_work(
    pipeline: Pipeline, redis: RedisClient
) -> None:
    await pipeline.bells.forget_stale()
    await pipeline.take_in(20)
    await fill(redis)
    await pipeline.take_in(20, first=20)
    assert await pipeline.waiting() == 40
    # The bell that rang before is heard; what it was rung for is done, and no other rings.
    with pytest.raises(Unavailable):
        await pipeline.hear_one()
    assert await pipeline.waiting() == 24
    with pytest.raises(Unavailable):
        await pipeline.reconciler.reconcile()
    assert not await pipeline.hear_one()
    await free(redis)
    assert await pipeline.reconciler.reconcile() == 1
    while await pipeline.hear_one():
        pass
    assert await pipeline.waiting() == 0
    assert len(pipeline.works.detector.views) == 40, "each was looked at once"


async def policy(redis: RedisClient, name: str) -> None:
    await redis.commands.config_set("maxmemory-policy", name)


@pytest.mark.parametrize("name", ["allkeys-lru", "volatile-ttl"])
async def test_one_that_forgets_is_refused_in_one_line(
    redis: RedisClient, own_redis: str, name: str
) -> None:
    await policy(redis, name)
    with pytest.raises(Invalid, match=f"is {name}.*set maxmemory-policy to noeviction") as raised:
        await refuse_forgetting(own_redis)
    assert "\n" not in str(raised.value)
    assert raised.value.code == "redis.evicts"
    health = await redis.health_check()
    assert (health["status"], health["error"]) == ("unhealthy", str(raised.value))
    await policy(redis, "noeviction")
    await refuse_forgetting(own_redis)
    assert await redis.health_check() == {"status": "healthy"}


async def test_one_that_may_not_be_asked_is_taken_at_its_word(
    redis: RedisClient, own_redis: str
) -> None:
    await policy(redis, "allkeys-lru")
    await redis.commands.acl_setuser(
        "app",
        enabled=True,
        passwords=["+word"],
        keys=["*"],
        categories=["+@all"],
        commands=["-info", "-config"],
    )
    place = own_redis.rpartition("@")[2]
    await refuse_forgetting(f"redis://app:word@{place}")
    with pytest.raises(Invalid):
        await refuse_forgetting(own_redis)


async def test_one_that_is_away_may_come_later() -> None:
    async with asyncio.timeout(4):
        await refuse_forgetting("redis://127.0.0.1:1/0")


@pytest.mark.parametrize("process", ["main", "worker"])
async def test_no_process_starts_with_one_that_forgets(
    redis: RedisClient, own_redis: str, integration_db: str, process: str, tmp_path: Path
) -> None:
    await policy(redis, "allkeys-lfu")
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "HSI_DATA": str(tmp_path),
        "DATABASE_URL": integration_db,
        "REDIS_URL": own_redis,
    }
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-P", "-m", f"backend.{process}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    name = "api" if process == "main" else process
    assert line.startswith(f"hsi {name}: this Redis forgets bells when its memory is full")
