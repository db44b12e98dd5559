"""Real workers and APIs over a test's own ledger, pictures for them, and what came of it all."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from backend.core.errors import Unavailable
from backend.local.access import free_port
from backend.local.process import spawn
from backend.tests.faults.oracle import Oracle
from backend.tests.faults.records import Keep, Recovery
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.model_processes import stands_still
from backend.tests.fixtures.product import Drop, Product, a_while_ago, client_at, until

_END_SECONDS = 15

Temper = Literal["", "slow", "failing", "away", "silent", "nonsense"]
"""How the bench's detector does its work; see `worker.BenchDetector`."""


@dataclass(slots=True)
class Api:
    """A process of the API, and where clients reach it, be it through a proxy."""

    process: subprocess.Popen[bytes]
    port: int
    address: str


@dataclass(slots=True)
class FaultBench:
    """Workers and APIs by name, and every picture that was ever dropped.

    The environment of the one may differ from that of the other: each has its own proxies.
    """

    product: Product
    oracle: Oracle
    keep: Keep
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    apis: dict[str, Api] = field(default_factory=dict)
    dropped: list[Drop] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    api_environment: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _over_at: float | None = None

    def start(
        self,
        name: str = "A",
        *,
        end_at: str | None = None,
        stop_at: str | None = None,
        times: int = 1,
        lease: float | None = None,
        patience: float | None = None,
        ahead: float | None = None,
        own_model: bool = False,
    ) -> None:
        """Start a worker, which may end or stop itself at a point (`worker.POINTS`).

        `lease` is for how many seconds it takes leases, if not for its usual ones; `patience` how
        many it waits for a disk, `ahead` by how many its wall clock is wrong. With its `own_model`
        it looks with the product's own detector.
        """
        options = {
            "--end-at": end_at,
            "--stop-at": stop_at,
            "--lease": lease,
            "--patience": patience,
            "--ahead": ahead,
        }
        words = ["--name", name, "--times", str(times)]
        for option, value in options.items():
            words += [] if value is None else [option, str(value)]
        words += ["--own-model"] if own_model else []
        with self.product.log.open("ab") as output:
            self.workers[name] = spawn(
                [sys.executable, "-m", "backend.tests.faults.worker", *words],
                when_parent_dies=signal.SIGKILL,
                output=output,
                env={**self.product.environment, **self.environment},
            )

    async def start_api(self, name: str = "A") -> str:
        """Start an API, and wait until it answers; the address that its clients go to.

        Started again, it is where it was, and so is the proxy before it.
        """
        known = self.apis.get(name)
        port = known.port if known else free_port()
        with self.product.log.with_name("api.log").open("ab") as output:
            process = spawn(
                [sys.executable, "-m", "backend.main"],
                when_parent_dies=signal.SIGKILL,
                output=output,
                env={**self.product.environment, **self.api_environment, "API__PORT": str(port)},
            )
        address = known.address if known else f"http://127.0.0.1:{port}"
        self.apis[name] = Api(process, port, address)

        async def answers() -> bool:
            return await self.status(name) in {200, 503}

        await until(answers, f"API {name}")
        return address

    def send(self, number: signal.Signals, name: str = "A") -> None:
        """Send a worker a signal."""
        self.workers[name].send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL, name: str = "A") -> int:
        """Send a worker a signal, and wait for its end; its exit status."""
        return _ended(self.workers.pop(name), number)

    async def end_api(self, number: signal.Signals = signal.SIGKILL, name: str = "A") -> int:
        """Send an API a signal, and wait for its end; its exit status.

        In a thread: this process is the proxy through which it takes leave of its servers.
        """
        return await asyncio.to_thread(_ended, self.apis[name].process, number)

    async def end_all(self) -> None:
        """End what still runs."""
        for name in list(self.workers):
            self.end(name=name)
        for name in self.apis:
            # Not by -9: what it knows of its coverage is written at the end.
            await self.end_api(signal.SIGTERM, name)

    async def killed_itself(self, name: str = "A") -> None:
        """Wait until a worker has come to its point."""
        process = self.workers[name]

        async def ended() -> bool:
            return process.poll() is not None

        await until(ended, f"{name} to come to its point")
        del self.workers[name]
        assert process.returncode == -signal.SIGKILL, self.product.log.read_text()[-3000:]

    async def stopped_itself(self, name: str = "A") -> None:
        """Wait until a worker stands still at its point."""
        pid = self.workers[name].pid

        async def stopped() -> bool:
            return stands_still(pid)

        await until(stopped, f"{name} to stand still")

    def drop(
        self, pictures: int, *, cameras: int = 3, begin: datetime | None = None, folder: str = ""
    ) -> list[Drop]:
        """Drop new pictures, each with a person in it for this bench's detector.

        They are taken one a second at each camera, from `begin` on, or from a while ago.
        """
        begin = begin or a_while_ago()
        numbers = [next(self._numbers) for _ in range(pictures)]
        fresh = [
            Drop(
                jpeg(number),
                folder or f"Camera {number % cameras}",
                f"{number}.jpg",
                begin + timedelta(seconds=place // cameras),
            )
            for place, number in enumerate(numbers)
        ]
        self.drop_these(fresh)
        return fresh

    def drop_these(self, drops: list[Drop]) -> None:
        """Drop pictures of the test's own."""
        self.product.drop(drops)
        self.dropped += drops

    async def drop_one_where_few_wait(self) -> None:
        """Drop another picture, unless more than one waits to be looked at."""
        if await self._count("SELECT count(finished_at) FROM frames") >= len(self.dropped) - 1:
            self.drop(1)

    def temper(self, temper: Temper) -> None:
        """Change how the detectors of all workers do their work, from the next picture on."""
        fresh = self.data / "temper.new"
        fresh.write_text(temper)
        fresh.replace(self.data / "temper")

    @property
    def data(self) -> Path:
        """The product's data folder."""
        return Path(self.product.environment["HSI_DATA"])

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """What the database answers."""
        return await self.oracle.rows(query)

    async def some_final(self, frames: int) -> None:
        """Wait until so many frames are final, or more."""

        async def enough() -> bool:
            return await self._count("SELECT count(finished_at) FROM frames") >= frames

        await until(enough, f"{frames} final frames")

    async def received(self, frames: int) -> None:
        """Wait until the ledger has so many frames, or more."""

        async def enough() -> bool:
            return await self._count("SELECT count(*) FROM frames") >= frames

        await until(enough, f"{frames} frames")

    async def settled(self, *, seconds: float = 60.0) -> float:
        """Wait until nothing is left to do; how many seconds that took."""
        begun = time.monotonic()

        async def quiet() -> bool:
            final = await self._count("SELECT count(finished_at) FROM frames")
            untold = await self._count("SELECT count(*) FROM outbox WHERE number IS NULL")
            return final >= len(self.dropped) and untold == 0

        await until(quiet, f"{len(self.dropped)} final frames, and all told", seconds=seconds)
        return time.monotonic() - begun

    async def _count(self, query: str) -> int:
        try:
            return await self.oracle.count(query)
        except Unavailable:  # it is down, or just back
            return -1

    async def status(self, name: str = "A", path: str = "/api/health") -> int | None:
        """What an API answers; None where it does not."""
        try:
            async with self._client(name) as client:
                return (await client.get(path)).status_code
        except httpx.TransportError:
            return None

    async def rungs(self, name: str = "A") -> list[str]:
        """On which rungs of the ladder an API says that the product stands."""
        return [rung["name"] for rung in (await self._report(name))["rungs"]]

    async def _report(self, name: str) -> Mapping[str, Any]:
        try:
            async with self._client(name) as client:
                report: Mapping[str, Any] = (await client.get("/api/system/health")).json()
        except (httpx.TransportError, ValueError):
            return {}
        return report

    async def health(self, name: str = "A") -> Mapping[str, Any]:
        """What an API says of the product and its parts; nothing where it does not answer."""
        report = await self._report(name)
        if not report:
            return {}
        return {"status": report["status"], **{part["name"]: part for part in report["parts"]}}

    def _client(self, name: str) -> httpx.AsyncClient:
        return client_at(self.apis[name].address)

    async def says(self, part: str, *, seconds: float = 30.0) -> str:
        """Wait until health says that a part is not well; the reason that it gives."""
        found: list[str] = []

        async def is_said() -> bool:
            said = (await self.health()).get(part, {"status": "healthy"})
            if said["status"] != "healthy":
                found.append(said["reason"])
            return bool(found)

        await until(is_said, f"health to say that {part} is not well", seconds=seconds)
        self.said.append(f"{part}: {found[0]}")
        return found[0]

    async def healthy(self, *, seconds: float = 60.0, still: Set[str] = frozenset()) -> None:
        """Wait until every API says that all is well, but for the parts named `still`."""
        for name in self.apis:
            last: dict[str, Any] = {}

            async def is_well(name: str = name, last: dict[str, Any] = last) -> bool:
                last.clear()
                last.update(await self.health(name))
                parts = {k: part for k, part in last.items() if k != "status"}
                ill = {k for k, part in parts.items() if part["status"] != "healthy"}
                return bool(parts) and ill <= still

            try:
                await until(is_well, f"API {name} to be healthy", seconds=seconds)
            except pytest.fail.Exception as error:
                pytest.fail(f"{error}; it says {last}")

    def over(self) -> None:
        """The fault ends now; from here on the time of the recovery is taken."""
        self._over_at = time.monotonic()

    async def recovered(
        self,
        fault: str,
        done: str,
        *,
        seconds: float = 60.0,
        still: Set[str] = frozenset(),
        may_skip: bool = False,
        anew: Set[str] = frozenset(),
    ) -> None:
        """Wait until all is well again, let the oracle look, and keep what came of the fault.

        But for the parts named `still`. `may_skip` and `anew` are the oracle's.
        """
        begun = time.monotonic() if self._over_at is None else self._over_at
        await self.settled(seconds=seconds)
        await self.healthy(seconds=seconds, still=still)
        took, self._over_at = time.monotonic() - begun, None
        verdict = await self.oracle.judge(self.dropped, may_skip=may_skip, anew=anew)
        said, self.said = "; ".join(self.said).replace(str(self.data), "$HSI_DATA"), []
        kept = (verdict.pictures, len(verdict.lost), len(verdict.twice))
        self.keep(Recovery(fault, done, *kept, took, said))
        assert verdict.is_good, verdict.in_words

    async def check(self) -> None:
        """Let the oracle look."""
        verdict = await self.oracle.judge(self.dropped)
        assert verdict.is_good, verdict.in_words


async def lasts(seconds: float) -> None:
    """Let a fault last."""
    await asyncio.sleep(seconds)


def _ended(process: subprocess.Popen[bytes], number: signal.Signals) -> int:
    process.send_signal(number)
    process.send_signal(signal.SIGCONT)
    try:
        return process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
