"""P25: the detector's service on a GPU, JPEG in and boxes out, beside the same network bare."""

import asyncio
import time
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from backend.tests.benchmarks.bench.place import Bench
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.fixtures.product import PROJECT

_ABOUT = "service, RT-DETRv2-S at random weights: pictures per second, JPEG in, boxes out"
_BATCHES = (1, 4, 8, 16, 32)
_PICTURES = 512  # a round
_WARM_RUNS = 10
_COMPILING = 900.0  # seconds


async def measure(bench: Bench) -> list[Row]:
    """P25: pictures per second of the service and of the network, at the network's best batch."""
    if reason := _missing():
        return [Row("P25", _ABOUT, "", note=f"not measured: {reason}")]
    from backend.tests.fixtures.checkpoints import S, write_checkpoint
    from backend.tests.fixtures.detector_service import running

    checkpoint = write_checkpoint(bench.folder / "rtdetrv2-s", S)
    bare = _Bare(checkpoint, bench.some(_PICTURES))
    settings: dict[str, Any] = {
        "batch": bare.batch,
        "queue": 4 * bare.batch,
        "decode_threads": 8,
        "batch_wait_ms": 2,
    }
    with running(checkpoint, bench.folder, within=_COMPILING, **settings) as service:
        asked = _Asked(service.url, bench.some(_PICTURES), clients=3 * bare.batch)
        ours, floor = await bench.in_turns(asked.per_second, bare.per_second)
    return [
        row_of(
            "P25",
            _ABOUT,
            f"the network alone, {bare.batch} pictures a run, {bare.engine}",
            ratios(ours, floor),
            goal=Goal(least=0.9),
            note=f"bare: {float(np.median(floor)):.0f} pictures per second",
        )
    ]


def _missing() -> str:
    """Why there is nothing to measure."""
    if not all(map(find_spec, ("torch", "transformers"))):
        return "no torch and transformers (the extra `export`)"
    import torch

    return "" if torch.cuda.is_available() else "no CUDA"


class _Bare:
    """The same network in this process: its input is ready, its output is not read."""

    def __init__(self, checkpoint: Path, pictures: int) -> None:
        from backend.services.detection.runtimes.torch import TorchNetwork

        self._network = TorchNetwork(checkpoint, threads=1)
        self.engine = self._network.engine
        self._pictures = pictures
        self.batch = max(_BATCHES, key=lambda size: size * _WARM_RUNS / self._seconds(size))

    def _seconds(self, batch: int, runs: int = _WARM_RUNS) -> float:
        planes = np.random.default_rng(1).random((batch, 3, 640, 640), np.float32)
        self._network.run({"pixel_values": planes})
        started = time.perf_counter()
        for _ in range(runs):
            self._network.run({"pixel_values": planes})
        return time.perf_counter() - started

    async def per_second(self, _number: int) -> float:
        """Pictures per second at the best batch."""
        runs = max(1, self._pictures // self.batch)
        return runs * self.batch / await asyncio.to_thread(self._seconds, self.batch, runs)


class _Asked:
    """So many clients, each of which asks again as soon as it was answered."""

    def __init__(self, url: str, pictures: int, *, clients: int) -> None:
        folder = PROJECT / "backend/tests/fixtures/images/pipeline_test"
        jpegs = [path.read_bytes() for path in sorted(folder.glob("*.jpg"))]
        self._jpegs = list(islice(cycle(jpegs), pictures))
        self._url = url
        self._clients = clients

    async def per_second(self, _number: int) -> float:
        """Pictures per second, all answered."""
        limits = httpx.Limits(max_connections=self._clients)
        left = iter(self._jpegs)
        answered = 0
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:

            async def ask() -> None:
                nonlocal answered
                for jpeg in left:
                    headers = {"Content-Type": "image/jpeg"}
                    answer = await client.post(f"{self._url}/detect", content=jpeg, headers=headers)
                    answer.raise_for_status()
                    answered += 1

            started = time.perf_counter()
            await asyncio.gather(*(ask() for _ in range(self._clients)))
            seconds = time.perf_counter() - started
        assert answered == len(self._jpegs)
        return answered / seconds
