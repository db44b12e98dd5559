"""P13: a file is closed -> a message at a WebSocket client, with the null detector."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from asyncinotify import Inotify, Mask
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from backend.core.clock import SystemClock
from backend.core.queue import StreamBells
from backend.domain.frames import Lane
from backend.local.access import free_port
from backend.services.ingest.folder_watcher import FolderWatcher
from backend.services.live.relay import OutboxRelay
from backend.tests.benchmarks.bench.http import product_api
from backend.tests.benchmarks.bench.pictures import picture, put
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.rows import Goal, Row, percentile, ratios, row_of
from backend.tests.benchmarks.bench.stages import detection_of, ingest_of, looking

_FILES = 40

Side = tuple[Path, ClientConnection]
"""The folder of a camera, and a client that is told of its events."""


async def measure(bench: Bench) -> list[Row]:
    """Rounds of the product and of the bare chain in turn; the ratios of their p50 and p99."""
    files = bench.some(_FILES)
    took: dict[str, list[list[float]]] = {"ours": [], "floor": []}
    async with bench.place() as place, _product(place) as product, _bare(place) as bare:
        sides = {"ours": product, "floor": bare}

        async def one_round(side: str, number: int) -> float:
            seconds = await _drop_and_hear(*sides[side], number, files)
            if number:
                took[side].append(seconds)
            return sum(seconds)

        await bench.in_turns(lambda n: one_round("ours", n), lambda n: one_round("floor", n))
    return [
        row_of(
            "P13",
            f"file closed -> message at a WebSocket client, {name}",
            f"inotify, hash, stream, insert, publish, broadcast, {name}",
            ratios(*([percentile(one, share) for one in took[side]] for side in sides)),
            goal=goal,
        )
        for name, share, goal in (("p99", 0.99, Goal(most=5)), ("p50", 0.5, None))
    ]


async def _drop_and_hear(
    folder: Path, client: ClientConnection, number: int, files: int
) -> list[float]:
    """Files one after the other, a minute apart in capture time: each opens an event."""
    begin = datetime.now(UTC) - timedelta(hours=23) + timedelta(hours=number)
    took = []
    for i in range(files):
        data = picture(number * files + i, like=0)
        put(folder / f"{number}_{i}.jpg", data, taken_at=begin + timedelta(minutes=i))
        closed = time.perf_counter()
        async with asyncio.timeout(20):
            while orjson.loads(await client.recv())["type"] != "event.opened":
                pass
        took.append(time.perf_counter() - closed)
    return took


@asynccontextmanager
async def _product(place: Place) -> AsyncIterator[Side]:
    """The shipped stages here, the API as the process that it is, and a client of it."""
    media, clock = place.folder / "live", SystemClock()
    (media / "Camera").mkdir(parents=True)
    async with place.services() as (database, redis), product_api(place) as api:
        bells = StreamBells(redis, [Lane.LIVE, Lane.BACKLOG], hearer="live")
        relay = OutboxRelay(database, redis, clock)
        kept = place.folder / "kept"
        ingest = ingest_of(media, database, bells, kept)
        detection = detection_of(database, bells, looking(kept), relay.told)
        watcher = FolderWatcher(media, clock, polling=False, poll_seconds=10)
        working = [
            asyncio.create_task(work)
            for work in (ingest.run(watcher), detection.run(), relay.run())
        ]
        try:
            await watcher.watching.wait()
            async with connect(f"ws://127.0.0.1:{api.port}/ws/events") as client:
                await client.send('{"type": "subscribe"}')
                await client.recv()
                yield media / "Camera", client
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)


@dataclass(slots=True)
class _BareChain:
    """Inotify, hash, XADD, XREADGROUP, insert, publish, broadcast: nothing but that."""

    folder: Path
    name: str
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
                if path is not None:
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    await self.commands.xadd(self.name, {"path": str(path), "hash": digest})

    async def work(self) -> None:
        while True:
            answer: Any = await self.commands.xreadgroup(
                "g", "me", {self.name: ">"}, count=1, block=1000
            )
            for ticket, fields in [one for _, messages in answer or [] for one in messages]:
                await self.connection.execute(
                    "INSERT INTO chain VALUES ($1, $2)",
                    fields["path"],
                    bytes.fromhex(fields["hash"]),
                )
                await self.commands.publish(self.name, fields["path"])
                await self.commands.xack(self.name, "g", ticket)

    async def tell(self) -> None:
        async with self.commands.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(self.name)
            async for message in subscription.listen():
                text = orjson.dumps({"type": "event.opened", "path": message["data"]})
                broadcast(self.clients, text)


@asynccontextmanager
async def _bare(place: Place) -> AsyncIterator[Side]:
    folder, name = place.folder / "bare", place.key("chain")
    folder.mkdir()
    async with place.connection() as connection, place.commands() as commands:
        await connection.execute("CREATE TABLE chain (path text, hash bytea)")
        await commands.xgroup_create(name, "g", id="0", mkstream=True)
        chain = _BareChain(folder, name, connection, commands)
        working = [
            asyncio.create_task(one) for one in (chain.take_in(), chain.work(), chain.tell())
        ]
        port = free_port()
        try:
            async with (
                serve(chain.serve_one, "127.0.0.1", port),
                connect(f"ws://127.0.0.1:{port}/") as client,
            ):
                yield folder, client
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
