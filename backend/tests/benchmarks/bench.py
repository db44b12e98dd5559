"""Measures P1, P3 and P13 beside their bare floors, and prints the ratios.

    .venv/bin/python -m backend.tests.benchmarks.bench [P1 P3 P13]

Both sides run in one process over the same servers, taking turns; what counts is the ratio.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from backend.core.database import Database
from backend.core.redis import RedisClient
from backend.local.postgres import EmbeddedPostgres
from backend.local.valkey import EmbeddedValkey
from backend.migrations.run import upgrade


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers of a run, and a folder to work in."""

    database_url: str
    redis_url: str
    folder: Path

    @property
    def plain_url(self) -> str:
        """The database's URL, as asyncpg wants it."""
        url = make_url(self.database_url).set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    @asynccontextmanager
    async def services(self) -> AsyncIterator[tuple[Database, RedisClient]]:
        """The product's own clients of both servers."""
        database = Database(self.database_url)
        redis = RedisClient(self.redis_url, prefix="bench:")
        try:
            yield database, redis
        finally:
            await redis.close()
            await database.close()


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of the values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def report(name: str, ours: list[float], floor: list[float], *, goal: str) -> None:
    """Print one row: the ratio of the rounds, with its interval."""
    ratios = [a / b for a, b in zip(ours, floor, strict=True)]
    print(  # noqa: T201 - the program's output
        f"{name:44} ratio {statistics.median(ratios):6.2f}  "
        f"[{min(ratios):.2f} .. {max(ratios):.2f}]  goal {goal}"
    )


Measurement = Callable[[Bench], Awaitable[None]]


async def _run(wanted: list[str], bench: Bench) -> None:
    from backend.tests.benchmarks import arrival, live, pipeline

    measurements: dict[str, Measurement] = {
        "P1": arrival.measure,
        "P3": pipeline.measure,
        "P13": live.measure,
    }
    for name in wanted or measurements:
        await measurements[name](bench)


def main() -> None:
    """Start servers of our own, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="*", help="P1, P3 or P13; all by default")
    wanted = parser.parse_args().wanted
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres")
        valkey = EmbeddedValkey(folder / "valkey")
        try:
            database_url, redis_url = postgres.start(), valkey.start()
            upgrade(database_url)
            asyncio.run(_run(wanted, Bench(database_url, redis_url, folder)))
        finally:
            valkey.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
