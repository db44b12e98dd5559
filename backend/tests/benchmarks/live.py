"""P13: a file is closed -> a message at a WebSocket client, with the null detector."""

import asyncio
import hashlib
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import orjson
from asyncinotify import Inotify, Mask
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from backend.core.clock import SystemClock
from backend.core.database import Database
from backend.core.queue import StreamBells
from backend.core.redis import RedisClient
from backend.domain.frames import Lane
from backend.local.process import spawn, stop
from backend.services.ingest.folder_watcher import FolderWatcher
from backend.services.live.relay import OutboxRelay
from backend.tests.benchmarks.bench import Bench, percentile, report
from backend.tests.benchmarks.pipeline import IMAGES, empty, null_pipeline

ROUNDS, FILES = 7, 40


async def measure(bench: Bench) -> None:
    """Rounds of the product and of the bare chain in turn; the ratio of their p50 and p99."""
    data = min(IMAGES.glob("*.jpg")).read_bytes()
    ours, floor = [], []
    async with (
        bench.services() as (database, redis),
        _product(bench, database, redis) as product,
        _bare_chain(bench) as bare,
    ):
        for number in range(ROUNDS + 1):
            ours_now = await _round(product[0], product[1], data, number)
            floor_now = await _round(bare[0], bare[1], data, number)
            if number:  # the first round warms up
                ours.append(ours_now)
                floor.append(floor_now)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        report(
            f"P13 file closed -> WebSocket message, {name}",
            [percentile(one, share) for one in ours],
            [percentile(one, share) for one in floor],
            goal="p99 <= 5",
        )


async def _round(folder: Path, client: ClientConnection, data: bytes, number: int) -> list[float]:
    """Files one after the other, a minute apart in capture time: each opens an event."""
    begin = datetime.now(UTC) - timedelta(hours=12) + timedelta(hours=number)
    took = []
    for i in range(FILES):
        path = folder / f"{number}_{i}.jpg"
        with path.open("wb") as file:
            file.write(data + b"%d_%d" % (number, i))
            file.flush()
            os.utime(file.fileno(), ((begin + timedelta(minutes=i)).timestamp(),) * 2)
        closed = time.perf_counter()
        while orjson.loads(await client.recv())["type"] != "event.opened":
            pass
        took.append(time.perf_counter() - closed)
    return took


@asynccontextmanager
async def _product(
    bench: Bench, database: Database, redis: RedisClient
) -> AsyncIterator[tuple[Path, ClientConnection]]:
    """The shipped stages here, the API as the process that it is, and a client of it."""
    await empty(database)
    media, clock = bench.folder / "live", SystemClock()
    bells = StreamBells(redis, [Lane.LIVE, Lane.BACKLOG], hearer="live")
    relay = OutboxRelay(database, redis, clock)
    ingest, stage = null_pipeline(media, database, bells, bench.folder / "kept", relay.told)
    watcher = FolderWatcher(media, clock, polling=False, poll_seconds=10)
    running = [
        asyncio.create_task(work) for work in (ingest.run(watcher), stage.run(), relay.run())
    ]
    await watcher.watching.wait()
    (media / "Camera").mkdir()
    port = _free_port()
    api = spawn(
        [sys.executable, "-m", "backend.main"],
        when_parent_dies=signal.SIGKILL,
        env=os.environ
        | {
            "DATABASE_URL": bench.database_url,
            "REDIS_URL": bench.redis_url,
            "REDIS__PREFIX": "bench:",
            "HSI_DATA": str(bench.folder / "data"),
            "API__PORT": str(port),
        },
    )
    try:
        await _answering(f"http://127.0.0.1:{port}/api/health")
        async with connect(f"ws://127.0.0.1:{port}/ws/events") as client:
            await client.send('{"type": "subscribe"}')
            await client.recv()
            yield media / "Camera", client
    finally:
        stop(api, [(signal.SIGTERM, 5)])
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@dataclass(slots=True)
class BareChain:
    """Inotify, hash, XADD, XREADGROUP, insert, publish, broadcast: nothing but that."""

    folder: Path
    connection: asyncpg.Connection
    commands: Redis
    clients: set[ServerConnection] = field(default_factory=set)

    async def serve_one(self, client: ServerConnection) -> None:
        self.clients.add(client)
        await client.wait_closed()

    async def take_in(self) -> None:
        with Inotify() as inotify:
            inotify.add_watch(self.folder, Mask.CLOSE_WRITE)
            while True:
                path = (await inotify.get()).path
                assert path is not None
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                await self.commands.xadd("chain", {"path": str(path), "hash": digest})

    async def work(self) -> None:
        while True:
            answer: Any = await self.commands.xreadgroup(
                "g", "me", {"chain": ">"}, count=1, block=1000
            )
            for ticket, fields in [one for _, messages in answer or [] for one in messages]:
                await self.connection.execute(
                    "INSERT INTO chain VALUES ($1, $2)",
                    fields["path"],
                    bytes.fromhex(fields["hash"]),
                )
                await self.commands.publish("chain", fields["path"])
                await self.commands.xack("chain", "g", ticket)

    async def tell(self) -> None:
        async with self.commands.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe("chain")
            async for message in subscription.listen():
                text = orjson.dumps({"type": "event.opened", "path": message["data"]})
                broadcast(self.clients, text)


@asynccontextmanager
async def _bare_chain(bench: Bench) -> AsyncIterator[tuple[Path, ClientConnection]]:
    folder = bench.folder / "bare"
    folder.mkdir()
    connection = await asyncpg.connect(bench.plain_url)
    await connection.execute("CREATE TABLE chain (path text, hash bytea)")
    commands = Redis.from_url(bench.redis_url, decode_responses=True, protocol=2)
    await commands.xgroup_create("chain", "g", id="0", mkstream=True)
    chain = BareChain(folder, connection, commands)
    running = [asyncio.create_task(one) for one in (chain.take_in(), chain.work(), chain.tell())]
    port = _free_port()
    try:
        async with (
            serve(chain.serve_one, "127.0.0.1", port),
            connect(f"ws://127.0.0.1:{port}/") as client,
        ):
            yield folder, client
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await commands.aclose()
        await connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answering(url: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(200):
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise TimeoutError(f"no answer at {url}")
