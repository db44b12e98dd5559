"""Where a figure is measured: servers, a fresh database, a folder."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Any

import asyncpg
from redis.asyncio import Redis
from sqlalchemy import make_url

from backend.core.database import Database
from backend.core.redis import RedisClient
from backend.tests.benchmarks.bench.processes import cores

PROJECT = Path(__file__).parents[4]

_numbers = count(1)


def plain(url: str, *, database: str | None = None) -> str:
    """A database's URL as asyncpg wants it; `database` names another one of that server."""
    parsed = make_url(url).set(drivername="postgresql")
    if database is not None:
        parsed = parsed.set(database=database)
    return parsed.render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A migrated and empty database, a part of a Redis, and a folder, for one figure alone."""

    database_url: str
    redis_url: str
    redis_prefix: str
    folder: Path

    @property
    def plain_url(self) -> str:
        """The database's URL, as asyncpg wants it."""
        return plain(self.database_url)

    @asynccontextmanager
    async def services(self) -> AsyncIterator[tuple[Database, RedisClient]]:
        """The product's own clients of both servers."""
        database = Database(self.database_url)
        redis = RedisClient(self.redis_url, prefix=self.redis_prefix)
        try:
            yield database, redis
        finally:
            await redis.close()
            await database.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A bare connection to the database."""
        connection = await asyncpg.connect(self.plain_url)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def commands(self) -> AsyncIterator["Redis"]:
        """A bare connection to Redis."""
        async with Redis.from_url(self.redis_url, decode_responses=True, protocol=2) as commands:
            yield commands

    def key(self, name: str) -> str:
        """A key of Redis for this figure alone."""
        return f"{self.redis_prefix}{name}"

    def environment(self, **more: str) -> Mapping[str, str]:
        """What a process of the product, or a bare one, is given."""
        return os.environ | {
            "PYTHONPATH": str(PROJECT),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REDIS__PREFIX": self.redis_prefix,
            "HSI_DATA": str(self.folder / "data"),
            **more,
        }


def _silent(_line: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers of a run, and how much is measured.

    `template` is a migrated database of the server at `server_url`. `share` scales the work of a
    round (1 is the published amount), `rows` is the larger table of P10. `models` are files and
    checkpoints for P4 and P5, `pictures` a folder of JPEGs for them (None: drawn ones), and
    `threads` how many each side has: all cores, as transformers' pipeline takes them.
    """

    server_url: str
    template: str
    redis_url: str
    folder: Path
    names: str = "hsi_bench_"
    redis_prefix: str = "bench:"
    rounds: int = 7
    share: float = 1.0
    rows: int = 100_000
    models: tuple[Path, ...] = ()
    pictures: Path | None = None
    threads: int = field(default_factory=cores)
    say: Callable[[str], None] = field(default=_silent)

    def some(self, number: int) -> int:
        """So many pieces of work, as the run is scaled; never fewer than 8."""
        return max(8, int(number * self.share))

    async def in_turns(
        self, *sides: Callable[[int], Awaitable[float]], rounds: int | None = None
    ) -> list[list[float]]:
        """One value a round of each side, measured in turn: A B A B. The first round warms up."""
        values: list[list[float]] = [[] for _ in sides]
        wanted = rounds or self.rounds
        for number in range(wanted + 1):
            self.say(f"round {number} of {wanted}")
            for side, kept in zip(sides, values, strict=True):
                value = await side(number)
                if number:
                    kept.append(value)
        return values

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """A place of its own; afterwards it is gone."""
        number = next(_numbers)
        name = f"{self.names}{number}"
        prefix = f"{self.redis_prefix}{number}:"
        folder = self.folder / f"place{number}"
        folder.mkdir()
        await self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"')
        url = make_url(self.server_url).set(database=name)
        try:
            yield Place(url.render_as_string(hide_password=False), self.redis_url, prefix, folder)
        finally:
            await self._admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            async with Redis.from_url(self.redis_url) as commands:
                keys: list[Any] = [key async for key in commands.scan_iter(match=f"{prefix}*")]
                if keys:
                    await commands.unlink(*keys)
            rmtree(folder, ignore_errors=True)

    async def _admin(self, statement: str) -> None:
        connection = await asyncpg.connect(plain(self.server_url, database="postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of the project."""
    return [sys.executable, "-P", "-m", name, *arguments]
