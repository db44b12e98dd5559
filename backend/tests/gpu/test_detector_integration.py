"""The detector's service with PyTorch over RT-DETRv2-S at random weights; on a GPU if there is one.

Nothing is known of what random weights should see. But they must see the same in a picture, whether
it comes alone or among others.
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.domain.classes import GROUPS
from backend.tests.fixtures.checkpoints import S, write_checkpoint
from backend.tests.fixtures.detector_service import DetectorService, running
from backend.tests.fixtures.product import PROJECT

IS_THERE = all(map(find_spec, ("torch", "transformers")))
PICTURES = sorted((PROJECT / "backend/tests/fixtures/images/pipeline_test").glob("*.jpg"))
BATCH = 4
FIRST = 100  # of what is seen, the surest
LEAST = 0.02  # random weights are sure of nothing
COMPILING = 900.0  # seconds; on a GPU the model is compiled at the start

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not IS_THERE, reason="needs torch and transformers (the extra `export`)"),
    pytest.mark.filterwarnings("ignore"),  # what they deprecate is not ours to mend
]


@cache
def has_cuda() -> bool:
    if not IS_THERE:
        return False
    import torch

    return bool(torch.cuda.is_available())


needs_cuda = pytest.mark.skipif(not has_cuda(), reason="needs a GPU with CUDA, and torch for it")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DetectorService]:
    folder = tmp_path_factory.mktemp("gpu")
    model = write_checkpoint(folder / "rtdetrv2-s", S, sorted(GROUPS))
    settings: dict[str, Any] = {
        "batch": BATCH,
        "batch_wait_ms": 200,
        "threads": 2,
        "confidence": LEAST,
    }
    with running(model, folder, within=COMPILING, **settings) as made:
        yield made


@pytest.fixture
async def client(service: DetectorService) -> Any:
    async with httpx.AsyncClient(base_url=service.url, trust_env=False, timeout=120) as made:
        yield made


async def look(client: httpx.AsyncClient, path: Path) -> dict[str, Any]:
    headers = {"Content-Type": "image/jpeg"}
    content = await asyncio.to_thread(path.read_bytes)
    answer = await client.post("/detect", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def apart(body: dict[str, Any], other: dict[str, Any]) -> float:
    """How far two answers are apart: by their confidences, whatever place each was found at."""
    ours, theirs = (
        np.sort([found["confidence"] for found in one["detections"]])[::-1][:FIRST]
        for one in (body, other)
    )
    assert len(ours) == len(theirs) == FIRST
    return float(np.abs(ours - theirs).max())


async def test_health_says_what_runs_the_model(client: httpx.AsyncClient) -> None:
    health = (await client.get("/health")).json()
    assert health["status"] == "healthy", health["reason"]
    assert health["model"] == "rtdetr:rtdetrv2-s"
    assert health["runtime"] == "torch"
    assert health["takes_batches"]
    assert health["versions"]["torch"]
    if not has_cuda():
        assert (health["device"], health["precision"]) == ("cpu", "f32")


@needs_cuda
async def test_on_a_gpu_it_reckons_in_half_precision(client: httpx.AsyncClient) -> None:
    import torch

    health = (await client.get("/health")).json()
    assert health["device"] == torch.cuda.get_device_name()
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    assert health["precision"] == ("bf16" if has_bf16 else "f32")


@pytest.mark.parametrize("path", PICTURES[:4], ids=lambda path: path.stem)
async def test_an_answer_is_about_the_picture(client: httpx.AsyncClient, path: Path) -> None:
    body = await look(client, path)
    assert body["model"] == "rtdetr:rtdetrv2-s"
    assert body["inference_time_ms"] > 0
    assert body["detections"]
    for one in body["detections"]:
        box = one["bbox"]
        assert LEAST <= one["confidence"] <= 1
        assert 0 <= box["x"] <= box["x"] + box["width"] <= body["image_width"] + 1e-6
        assert 0 <= box["y"] <= box["y"] + box["height"] <= body["image_height"] + 1e-6


async def test_pictures_that_come_together_share_a_run_and_are_not_mixed_up(
    client: httpx.AsyncClient,
) -> None:
    alone = [await look(client, path) for path in PICTURES[:BATCH]]
    before = await figures(client)
    together = await asyncio.gather(*(look(client, path) for path in PICTURES[:BATCH]))
    after = await figures(client)
    for place, body in enumerate(together):
        distances = [apart(body, other) for other in alone]
        assert int(np.argmin(distances)) == place
    assert after["pictures_sum"] - before["pictures_sum"] == BATCH
    assert after["pictures_count"] - before["pictures_count"] < BATCH


async def test_many_pictures_all_are_answered(client: httpx.AsyncClient) -> None:
    """Its pace is in the figures of the service; how good that is, `./hsi bench P25` says."""
    before = await figures(client)
    bodies = await asyncio.gather(*(look(client, path) for path in PICTURES))
    after = await figures(client)
    assert len({body["request_id"] for body in bodies}) == len(PICTURES)
    assert after["pictures_sum"] - before["pictures_sum"] == len(PICTURES)
    assert (await client.get("/health")).json()["queue"]["seconds_each"] > 0


async def test_what_is_no_picture_is_refused_and_the_next_one_is_answered(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Content-Type": "image/jpeg"}
    refused = await client.post("/detect", content=b"no picture", headers=headers)
    assert refused.status_code == 422
    await look(client, PICTURES[0])


async def figures(client: httpx.AsyncClient) -> dict[str, float]:
    """How many runs there were, and of how many pictures."""
    text = (await client.get("/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    return {
        name: float(lines[f"ai_detector_run_{name}"]) for name in ("pictures_sum", "pictures_count")
    }
