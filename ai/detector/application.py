"""The routes: pictures in, detections out."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ai.detector.batcher import Batcher
from ai.detector.body import Picture, one_picture, several_pictures
from ai.detector.eye import Eye, Seen
from ai.detector.gate import Gate, RequestIds
from ai.detector.health import Health
from ai.detector.metrics import Metrics
from ai.detector.places import Places
from ai.detector.problems import Refused, answer_to, document, gone, problem
from backend.core.errors import HsiError, Invalid
from backend.domain.boxes import Detection

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the routes work with."""

    batcher: Batcher
    places: Places
    eye: Eye
    health: Health
    metrics: Metrics
    confidence: float


def build(parts: Parts, key: str | None) -> FastAPI:
    """The application; it looks at pictures while it runs."""
    application = FastAPI(
        openapi_url=None,  # no page describes it to who has no key; the guide does
        lifespan=partial(_running, parts),
        middleware=[Middleware(RequestIds, metrics=parts.metrics), Middleware(Gate, key=key)],
        # Plain ones: FastAPI's own would cost each picture a tenth of a millisecond.
        routes=[*_picture_routes(parts), *_state_routes(parts)],
    )
    for kind in (HsiError, Refused):
        application.add_exception_handler(kind, _expected)
    application.add_exception_handler(HTTPException, _of_the_framework)
    return application


def _picture_routes(parts: Parts) -> list[Route]:
    most_bytes = parts.eye.limits.bytes

    async def detect(request: Request) -> Response:
        least = _least(parts, request)
        with _place(parts):
            picture = await one_picture(request, most_bytes=most_bytes)
            seen = await _while_there(request, parts.eye.see(picture, least))
        return JSONResponse({**_of_picture(seen), **_of_request(parts, request)})

    async def detect_batch(request: Request) -> Response:
        least = _least(parts, request)
        with _place(parts):
            pictures = await several_pictures(
                request, most=parts.places.most, most_bytes=most_bytes
            )
            with _place(parts, len(pictures) - 1):
                seeing = asyncio.gather(*(_result(parts, one, least) for one in pictures))
                results = await _while_there(request, seeing)
        return JSONResponse({"results": results, **_of_request(parts, request)})

    return [
        Route("/detect", detect, methods=["POST"]),
        Route("/detect/batch", detect_batch, methods=["POST"]),
    ]


def _state_routes(parts: Parts) -> list[Route]:
    async def health(_request: Request) -> Response:
        report = parts.health.report()
        return JSONResponse(report, 503 if report["status"] == "unhealthy" else 200)

    async def ready(_request: Request) -> Response:
        is_ready = parts.health.is_ready
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    async def metrics(_request: Request) -> Response:
        parts.metrics.places.set(parts.places.taken)
        return Response(parts.metrics.exposition(), media_type="text/plain; version=0.0.4")

    return [Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)]


@asynccontextmanager
async def _running(parts: Parts, _application: FastAPI) -> AsyncIterator[None]:
    work = asyncio.create_task(parts.batcher.run())
    parts.health.is_running = True

    def ended(_: object) -> None:
        parts.health.is_running = False

    work.add_done_callback(ended)
    yield
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    parts.eye.close()


@contextmanager
def _place(parts: Parts, number: int = 1) -> Iterator[None]:
    """Places for the length of a block; the batcher hears when they are free again."""
    try:
        with parts.places.take(number, seconds_each=parts.batcher.seconds_each):
            yield
    finally:
        parts.batcher.changed()


async def _while_there(request: Request, work: Awaitable[T]) -> T:
    """What comes of the work; given up if the client goes, so that nobody else waits for it."""
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    leaving.add_done_callback(lambda _: task.cancel())
    try:
        return await task
    except asyncio.CancelledError:
        if not leaving.done():  # then it is we who are to end
            raise
        raise gone() from None
    finally:
        task.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _result(parts: Parts, picture: Picture, confidence: float) -> dict[str, Any]:
    """What was seen in one picture of a batch, or the problem that it has."""
    try:
        return _of_picture(await parts.eye.see(picture, confidence))
    except HsiError as error:
        return {"problem": document(error)}


def _least(parts: Parts, request: Request) -> float:
    """The least confidence that counts. Raises `Invalid` (`request.invalid`)."""
    wanted = request.query_params.get("confidence")
    if wanted is None:
        return parts.confidence
    try:
        least = float(wanted)
    except ValueError:
        least = -1
    if not 0 <= least <= 1:  # nor is NaN
        raise Invalid("confidence: a number from 0 to 1 is wanted", code="request.invalid")
    return least


def _of_request(parts: Parts, request: Request) -> dict[str, Any]:
    model = parts.batcher.model
    doubt = {} if model.doubt is None else {"doubt": model.doubt}
    return {"model": model.name, **doubt, "request_id": request.state.request_id}


def _of_picture(seen: Seen) -> dict[str, Any]:
    return {
        "detections": [_detection(one, seen) for one in seen.findings.detections],
        "dropped": dict(seen.findings.dropped),
        "image_width": seen.width,
        "image_height": seen.height,
        "inference_time_ms": round(seen.milliseconds, 3),
    }


def _detection(detection: Detection, seen: Seen) -> dict[str, Any]:
    box = detection.box
    return {
        "class": detection.class_name,
        "confidence": detection.confidence,
        "bbox": {
            "x": box.x * seen.width,
            "y": box.y * seen.height,
            "width": box.width * seen.width,
            "height": box.height * seen.height,
        },
        "alternatives": [
            {"class": name, "confidence": confidence} for name, confidence in detection.alternatives
        ],
    }


async def _expected(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HsiError | Refused)  # noqa: S101 - registered for these
    return answer_to(error)


async def _of_the_framework(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    code = {404: "route.unknown", 405: "method.not_allowed"}.get(error.status_code, "refused")
    return problem(error.status_code, code, str(error.detail), error.headers)
