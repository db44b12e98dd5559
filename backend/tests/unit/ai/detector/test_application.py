"""The service's routes, over a model that a test holds up."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from ai.detector.application import Parts, build
from ai.detector.batcher import Batcher
from ai.detector.eye import Eye, Limits
from ai.detector.health import Health
from ai.detector.metrics import Metrics
from ai.detector.places import Places
from backend.tests.fixtures.scripted_model import BUG, POISON, ShadeModel

JPEG, PNG = {"Content-Type": "image/jpeg"}, {"Content-Type": "image/png"}
KEY = "a-key-that-nobody-knows"
MOST_BYTES, MOST_PIXELS = 20_000, 10_000


def png(shade: int, width: int = 64, height: int = 48) -> bytes:
    pixels = np.full((height, width, 3), shade, np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


class Service:
    """The application in this process, and a client of it; its clock is `ahead` by seconds."""

    def __init__(
        self, *, places: int = 8, key: str | None = None, store: Path | None = None
    ) -> None:
        self.model = ShadeModel()
        self.ahead = 0.0
        self.places = Places(places, self.clock)
        self.batcher = Batcher(
            self.model,
            most=4,
            wait=0.005,
            on_the_way=lambda: self.places.taken,
            clock=self.clock,
        )
        self.health = Health(self.batcher, self.places, self.clock)
        self.metrics = Metrics()
        limits = Limits(MOST_BYTES, MOST_PIXELS)
        count = self.metrics.decoded.inc
        eye = Eye(self.batcher, limits, threads=1, store=store, decoded=count)
        parts = Parts(self.batcher, self.places, eye, self.health, self.metrics, 0.5)
        self.application = build(parts, key)
        # Without an id of its own an answer to a bug would be raised here, too.
        transport = httpx.ASGITransport(self.application)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://service")

    def clock(self) -> float:
        return time.monotonic() + self.ahead

    async def holds(self, pictures: int) -> None:
        """Wait until so many are here."""
        while self.places.taken < pictures:
            await asyncio.sleep(0)

    def detect(self, shade: int, **more: Any) -> "asyncio.Task[httpx.Response]":
        request = self.client.post("/detect", content=png(shade), headers=PNG, **more)
        return asyncio.ensure_future(request)


@asynccontextmanager
async def running(**given: Any) -> AsyncIterator[Service]:
    service = Service(**given)
    async with service.application.router.lifespan_context(service.application):
        yield service
        service.model.go_on.set()
        await service.client.aclose()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with running() as made:
        yield made


def left_edge(answer: Any) -> float:
    """In the shade of which the picture was."""
    (one,) = answer["detections"]
    return float(one["bbox"]["x"] / answer["image_width"] * 512)


async def test_the_answer(service: Service) -> None:
    answer = await service.client.post(
        "/detect", content=png(128), headers={**PNG, "X-Request-ID": "one-7"}
    )
    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] == "one-7"
    body = answer.json()
    assert body.pop("inference_time_ms") >= 0
    assert body == {
        "detections": [
            {
                "class": "person",
                "confidence": 0.9,
                "bbox": {"x": 16.0, "y": 12.0, "width": 16.0, "height": 24.0},
                "alternatives": [],
            }
        ],
        "dropped": {},
        "image_width": 64,
        "image_height": 48,
        "model": "shades",
        "request_id": "one-7",
    }


async def test_an_id_that_is_none_is_replaced(service: Service) -> None:
    answer = await service.client.get("/health", headers={"X-Request-ID": "x\ty"})
    assert answer.headers["X-Request-ID"].isalnum()


async def test_a_picture_in_one_part_or_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(png(50))
    async with running(store=tmp_path) as service:
        whole = await service.client.post("/detect", files={"picture": png(50)})
        named = await service.client.post("/detect", json={"path": "picture"})
        both = await service.client.post("/detect/batch", json={"paths": ["picture", "none"]})
    assert left_edge(whole.json()) == left_edge(named.json()) == pytest.approx(50)
    first, second = both.json()["results"]
    assert left_edge(first) == pytest.approx(50)
    assert second["problem"]["code"] == "store.missing"


async def test_a_model_that_fails_does_not_say_when_it_will_not(service: Service) -> None:
    """Who says when is taken for busy, and asked again."""
    answer = await service.client.post("/detect", content=png(POISON), headers=PNG)
    assert (answer.status_code, answer.json()["code"]) == (503, "detector.failed")
    assert "Retry-After" not in answer.headers


async def test_who_leaves_while_sending_is_counted_as_gone(service: Service) -> None:
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/detect",
        "query_string": b"",
        "state": {},
        "headers": [(b"content-type", b"image/png")],
    }
    came = [{"type": "http.request", "body": b"x", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Any:
        return came.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await service.application(scope, receive, send)
    assert sent[0]["status"] == 499
    assert service.places.taken == 0


async def test_a_batch_is_one_run_and_each_has_its_own_answer(service: Service) -> None:
    shades = [1, 90, POISON, 200]
    files = [("picture", png(shade)) for shade in shades]
    service.model.go_on.clear()
    held = service.detect(7)
    await asyncio.to_thread(service.model.looking.wait, 5)
    asked = asyncio.ensure_future(service.client.post("/detect/batch", files=files))
    while service.batcher.waiting < 4:
        await asyncio.sleep(0)
    service.model.go_on.set()
    answer = (await asked).json()
    await held
    assert service.model.runs[:2] == [1, 4]
    results = answer["results"]
    assert results[2]["problem"]["status"] == 503
    del results[2], shades[2]
    assert [left_edge(one) for one in results] == pytest.approx(shades)


async def test_where_all_places_are_taken_one_is_sent_away_at_once(service: Service) -> None:
    service.model.go_on.clear()
    held = [service.detect(shade) for shade in range(20, 28)]
    await service.holds(8)
    refused = await service.client.post("/detect", content=png(1), headers=PNG)
    too_many = await service.client.post("/detect/batch", files=[("a", png(1)), ("b", png(2))])
    health = await service.client.get("/health")
    ready = await service.client.get("/ready")
    service.model.go_on.set()
    answers = await asyncio.gather(*held)
    for one in (refused, too_many):
        assert one.status_code == 503
        assert one.json()["code"] == "detector.busy"
        assert int(one.headers["Retry-After"]) >= 1
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert health.json()["queue"]["taken"] == 8
    told = [health.json()[name] for name in ("runtime", "device", "precision")]
    assert told == ["shades", "cpu", "f32"]
    assert health.json()["versions"]["shades"] == "1"
    assert ready.status_code == 503
    assert [left_edge(one.json()) for one in answers] == pytest.approx(list(range(20, 28)))
    assert service.places.taken == 0


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", JPEG, 422, "picture.empty"),
        (b"<html>", JPEG, 422, "picture.not_a_picture"),
        (png(1)[:-9], PNG, 422, "picture.truncated"),
        (png(1, 200, 200), PNG, 413, "picture.too_large"),
        (b"x" * 25_000, PNG, 413, "picture.too_large"),
        (b"x" * 20_001, PNG, 413, "picture.too_large"),
        (b"x", {"Content-Type": "text/html"}, 415, "body.type"),
        (b"{", {"Content-Type": "application/json"}, 422, "body.json"),
        (b'{"path": 1}', {"Content-Type": "application/json"}, 422, "body.json"),
        (b'{"path": "x"}', {"Content-Type": "application/json"}, 422, "store.none"),
        (b"", {"Content-Type": "multipart/form-data"}, 422, "body.multipart"),
    ],
)
async def test_what_is_no_picture_is_refused_by_a_problem(
    service: Service, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await service.client.post("/detect", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert service.places.taken == 0


@pytest.mark.parametrize("size", [20_001, 25_000])
async def test_what_a_picture_may_have_is_said_whatever_surrounds_it(
    service: Service, size: int
) -> None:
    answer = await service.client.post("/detect", content=b"x" * size, headers=PNG)
    assert answer.json()["detail"] == "at most 20000 bytes are taken"


async def test_a_body_that_does_not_say_its_length_has_the_same_limit(service: Service) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000

    answer = await service.client.post("/detect", content=endless(), headers=PNG)
    assert answer.status_code == 413


@pytest.mark.parametrize("paths", [[], ["picture"] * 9])
async def test_a_batch_of_none_or_of_too_many(service: Service, paths: list[str]) -> None:
    answer = await service.client.post("/detect/batch", json={"paths": paths})
    assert (answer.status_code, answer.json()["code"]) == (422, "body.number")


async def test_two_parts_are_not_one_picture(service: Service) -> None:
    answer = await service.client.post("/detect", files=[("a", png(1)), ("b", png(2))])
    assert answer.json()["code"] == "body.number"


@pytest.mark.parametrize("confidence", ["-1", "2", "nan", "much", "", "1e999"])
async def test_a_confidence_that_is_none(service: Service, confidence: str) -> None:
    answer = await service.client.post(
        f"/detect?confidence={confidence}", content=png(1), headers=PNG
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


async def test_elsewhere_and_otherwise(service: Service) -> None:
    assert (await service.client.get("/nothing")).json()["code"] == "route.unknown"
    assert (await service.client.get("/detect")).json()["code"] == "method.not_allowed"


async def test_a_bug_is_told_without_its_trace(service: Service) -> None:
    answer = await service.detect(BUG)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "a bug" not in answer.text
    assert left_edge((await service.detect(9)).json()) == pytest.approx(9)


async def test_health_goes_down_with_the_model_and_up_again(service: Service) -> None:
    async def status() -> tuple[int, str]:
        answer = await service.client.get("/health")
        return answer.status_code, answer.json()["status"]

    assert await status() == (200, "healthy")
    await service.detect(POISON)
    assert await status() == (200, "degraded")
    for _ in range(2):
        await service.detect(POISON)
    assert await status() == (503, "unhealthy")
    assert (await service.client.get("/ready")).status_code == 503
    await service.detect(1)
    assert await status() == (200, "healthy")


async def test_health_says_that_the_model_cannot_be_trusted(service: Service) -> None:
    service.model.doubt = "it is blind"
    answer = await service.client.get("/health")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["reason"] == "its model cannot be trusted: it is blind"


async def test_each_answer_says_that_the_model_cannot_be_trusted(service: Service) -> None:
    assert "doubt" not in (await service.detect(9)).json()
    service.model.doubt = "it is blind"
    assert (await service.detect(9)).json()["doubt"] == "it is blind"


async def test_health_says_that_the_model_is_stuck(service: Service) -> None:
    service.model.go_on.clear()
    held = service.detect(1)
    await asyncio.to_thread(service.model.looking.wait, 5)
    service.ahead = 61
    answer = await service.client.get("/health")
    assert answer.status_code == 503
    assert "at one run for" in answer.json()["reason"]
    service.model.go_on.set()
    await held


async def test_without_the_key_nothing_is_told_but_whether_it_is_ready() -> None:
    async with running(key=KEY) as service:
        for path in ("/health", "/metrics", "/nothing"):
            assert (await service.client.get(path)).status_code == 401
        for wrong in ("", "Bearer", f"Bearer {KEY}x", f"Basic {KEY}", "Bearer ü".encode().decode()):
            answer = await service.client.post(
                "/detect", headers={b"Authorization": wrong.encode()}, content=png(1)
            )
            assert (answer.status_code, answer.json()["code"]) == (401, "key.wrong")
            assert KEY not in answer.text
        assert (await service.client.get("/ready")).status_code == 200
        service.client.headers["Authorization"] = f"Bearer {KEY}"
        assert (await service.detect(1)).status_code == 200


async def test_a_web_page_may_not_ask(service: Service) -> None:
    answer = await service.client.get("/health", headers={"Origin": "http://service"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin.foreign")


async def test_what_it_counts(service: Service) -> None:
    for shade in (1, 2):
        await service.detect(shade)
    text = (await service.client.get("/metrics")).text
    assert "ai_detector_decoded_total 2.0" in text
    assert 'ai_detector_answers_total{status="200"} 2.0' in text


async def test_a_turned_picture_has_its_size_as_it_is_seen(service: Service) -> None:
    """EXIF orientation 6: the camera lay on its side."""
    ok, jpeg = cv2.imencode(".jpg", np.full((48, 96, 3), 80, np.uint8))
    assert ok
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    turned = jpeg.tobytes()[:2] + segment + jpeg.tobytes()[2:]
    answer = await service.client.post("/detect", content=turned, headers=JPEG)
    assert (answer.json()["image_width"], answer.json()["image_height"]) == (48, 96)


def test_problems_are_json() -> None:
    from ai.detector.problems import problem

    assert json.loads(bytes(problem(503, "x", "y").body))["title"] == "Service Unavailable"
