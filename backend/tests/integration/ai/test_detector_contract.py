"""The detector as a service keeps to what every detector keeps to; its client and its process."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from backend.core.clock import SystemClock
from backend.core.errors import Unavailable
from backend.domain.boxes import overlap
from backend.local.access import free_port
from backend.services.detection.detector import View
from backend.services.detection.detector_service import ServiceDetector, ServicePlace, open_service
from backend.services.detection.model_detector import load
from backend.services.detection.picture import decode
from backend.services.ingest.structure import read_structure
from backend.tests.fixtures.certificates import self_signed
from backend.tests.fixtures.detector_contract import EMPTY, VISITED, DetectorContract
from backend.tests.fixtures.detector_service import DetectorService, running
from backend.tests.fixtures.ledger import NOON
from backend.tests.fixtures.onnx_models import SIDE, write_dog_model, write_shade_model
from backend.tests.fixtures.product import SHARED_DATA, photographs, until


def client_of(*services: str) -> ServiceDetector:
    return open_service(
        ServicePlace(services, sight=SIDE, timeout=20), SystemClock(), confidence=0.5
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[DetectorService]:
    with running(write_dog_model(folder / "dog.onnx"), folder) as made:
        yield made


@pytest.fixture
async def detector(service: DetectorService) -> AsyncIterator[ServiceDetector]:
    made = client_of(service.url)
    yield made
    await made.aclose()


class TestServiceDetector(DetectorContract):
    """Over a real process."""


async def test_it_finds_what_the_same_model_finds_in_process(
    detector: ServiceDetector, folder: Path
) -> None:
    inner = load(write_dog_model(folder / "dog.onnx"), threads=1, confidence=0.5)
    for view in (EMPTY, VISITED):
        near, far = await inner.detect(view, None), await detector.detect(view, None)
        assert far.dropped == near.dropped == {"class:chair": 1}
        for one, other in zip(near.detections, far.detections, strict=True):
            assert (one.class_name, one.confidence) == (other.class_name, other.confidence)
            assert (one.box.x, one.box.width) == pytest.approx((other.box.x, other.box.width))
    inner.close()


@pytest.mark.slow
async def test_of_real_photographs_it_finds_what_the_model_finds_in_process(folder: Path) -> None:
    """What the JPEG on the way costs: nothing that is sure."""
    path = SHARED_DATA / "models" / "yolox_nano.onnx"
    shown = photographs(NOON, folder_of=lambda name: name)
    inner = load(path, threads=1, confidence=0.5)
    total = 0
    with running(path, folder) as service:
        detector = open_service(
            ServicePlace([service.url], sight=inner.sight, timeout=20),
            SystemClock(),
            confidence=0.4,
        )
        for one in shown:
            structure = read_structure(one.data)
            size = structure.width, structure.height
            pixels = decode(one.data, longest=inner.sight, full_size=size)
            view = replace(EMPTY, pixels=pixels)
            near, far = await inner.detect(view, None), await detector.detect(view, None)
            for thing in near.detections:
                total += 1
                assert any(
                    other.class_name == thing.class_name
                    and overlap(other.box, thing.box) > 0.9
                    and abs(other.confidence - thing.confidence) < 0.1
                    for other in far.detections
                ), (one.name, thing)
        await detector.aclose()
    inner.close()
    assert total > 10


async def test_each_picture_is_decoded_there_once(
    detector: ServiceDetector, service: DetectorService
) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def decoded() -> float:
            text = (await client.get(f"{service.url}/metrics")).text
            (line,) = [one for one in text.splitlines() if one.startswith("ai_detector_decoded_t")]
            return float(line.split()[1])

        before = await decoded()
        for _ in range(3):
            await detector.detect(VISITED, None)
        assert await decoded() == before + 3


async def test_without_it_the_error_is_an_expected_one() -> None:
    detector = client_of(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable):
        await detector.detect(EMPTY, None)
    await detector.aclose()


@pytest.mark.slow
async def test_only_a_service_whose_certificate_is_trusted_gets_a_picture(
    folder: Path, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    secret = "a-key-of-this-test-alone"
    given: dict[str, Any] = {"api_key": secret, "tls_certificate": certificate, "tls_key": key}
    with running(write_dog_model(folder / "dog.onnx"), tmp_path, verify=False, **given) as service:
        place = ServicePlace([service.url], sight=SIDE, timeout=20, api_key=secret)
        trusting = open_service(replace(place, ca_file=certificate), SystemClock(), confidence=0.5)
        assert (await trusting.detect(VISITED, None)).detections
        await trusting.aclose()
        by_another_name = service.url.replace("127.0.0.1", "localhost")
        for refused in (place, replace(place, urls=[by_another_name], ca_file=certificate)):
            stranger = open_service(refused, SystemClock(), confidence=0.5)
            with pytest.raises(Unavailable) as caught:
                await stranger.detect(VISITED, None)
            assert "certificate verify failed" in str(caught.value)
            assert secret not in str(caught.value)
            await stranger.aclose()


# --- Two processes, of which one is killed in the middle.


def shaded(shade: int) -> View:
    return replace(EMPTY, captured_at=NOON, pixels=np.full((SIDE, SIDE, 3), shade, np.uint8))


async def has_pictures(service: DetectorService, number: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:

        async def are_there() -> bool:
            health = (await client.get(f"{service.url}/health")).json()
            return bool(health["queue"]["taken"] >= number)

        await until(are_there, f"{number} pictures to be at work on")


@pytest.mark.slow
async def test_one_of_two_is_killed_at_work_and_every_picture_has_its_answer_once(
    folder: Path,
) -> None:
    model = write_shade_model(folder / "slow.onnx", work=5)
    with ExitStack() as stack:
        first, second = (stack.enter_context(running(model, folder, batch=4)) for _ in range(2))
        detector = client_of(first.url, second.url)
        asked = [asyncio.ensure_future(detector.detect(shaded(n), None)) for n in range(64)]
        await has_pictures(first, 8)  # more than one run of its model
        first.end(signal.SIGKILL)
        found = await asyncio.gather(*asked)
        await detector.aclose()
    left = [one.detections[0].box.x * 256 for one in found]
    assert left == pytest.approx(list(range(64)), abs=1e-3)
