"""P6 and P7: what a detector adds to its model, in process and as `ai.detector` at loopback."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from statistics import median

import cv2

from backend.core.clock import SystemClock
from backend.local.access import free_port
from backend.services.detection.detector_address import Client, DetectorAddress
from backend.services.detection.detector_answer import Question
from backend.services.detection.detector_http import Connections
from backend.services.detection.detector_service import ServicePlace, open_service
from backend.services.detection.model_detector import ModelDetector
from backend.services.detection.picture import decode
from backend.services.ingest.structure import read_structure
from backend.tests.benchmarks.bench.detector.null import null_detector
from backend.tests.benchmarks.bench.detector.pictures import (
    BATCH,
    HEIGHT,
    WIDTH,
    as_large_as,
    drawn,
    pictures_of,
)
from backend.tests.benchmarks.bench.detector.speed import as_the_worker_does
from backend.tests.benchmarks.bench.http import get, serving
from backend.tests.benchmarks.bench.place import PROJECT, Bench, module
from backend.tests.benchmarks.bench.processes import processor
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.benchmarks.bench.watching import decodes_counted

_SIGHT, _SMALL = 640, 32
_TOGETHER = 8
_PICTURES = 60  # of a round
_CONFIDENCE = 0.5
_PATIENCE = 20.0  # seconds for a picture
_BOUNDARY = "between-pictures"
_WHOLE = "a 1080p picture over HTTP to the service with a null model: all of it"
_BY_CLIENT = "of that, HTTP by the product's client: as many bytes, next to nothing to decode"
_BY_BARE = "of that, HTTP by a bare connection"
_BATCH = f"HTTP of one request with {_TOGETHER} pictures"


async def measure(bench: Bench) -> list[Row]:
    """P6: milliseconds of a picture, of its transport alone, and of a batch's transport."""
    cv2.setNumThreads(1)
    large = drawn(0)
    small, number = as_large_as(large), bench.some(_PICTURES)
    near, near_small = null_detector(_SIGHT), null_detector(_SMALL)
    async with (
        null_service(bench, _SIGHT) as far,
        null_service(bench, _SMALL) as far_small,
        aclosing(_connections()) as client,
        _bare_connection(far_small) as bare,
    ):
        sides = await bench.in_turns(
            _milliseconds(_asking(far, client, (WIDTH, HEIGHT)), large, number),
            _milliseconds(_in_process(near), large, number),
            _milliseconds(_asking(far_small, client, (16, 16)), small, number),
            _milliseconds(bare, _request(small), number),
            _milliseconds(bare, _request_together(small), number // 4 + 1, found=_TOGETHER),
            _milliseconds(_in_process(near_small), small, number),
        )
    near.close()
    near_small.close()
    return _rows(*sides, kilobytes=len(small) / 1000)


def _rows(
    whole: list[float],
    here: list[float],
    by_client: list[float],
    by_bare: list[float],
    together: list[float],
    work: list[float],
    *,
    kilobytes: float,
) -> list[Row]:
    """From milliseconds; `work` is what a picture takes beside its transport."""
    client = [a - b for a, b in zip(by_client, work, strict=True)]
    bare = [a - b for a, b in zip(by_bare, work, strict=True)]
    batch = [a - _TOGETHER * b for a, b in zip(together, work, strict=True)]
    where, size = processor(), f"{kilobytes:.0f} kB"
    nothing = "nothing: decode, preparation, transport and post-processing are all it does"
    taken_off = "the same in process, taken off"
    note = f"{where}; in process {median(here):.3g} ms"
    most = Goal(most=1)
    return [
        row_of("P6", _WHOLE, nothing, whole, unit="ms", goal=Goal(most=9), note=note),
        row_of("P6", _BY_CLIENT, taken_off, client, unit="ms", goal=most, note=f"{where}; {size}"),
        row_of("P6", _BY_BARE, taken_off, bare, unit="ms", goal=most, note=f"{where}; {size}"),
        row_of(
            "P6",
            _BATCH,
            "HTTP of one request with one picture",
            ratios(batch, bare),
            goal=Goal(most=3),
            note=f"{where}; {median(batch):.3g} ms beside {median(bare):.3g} ms",
        ),
    ]


async def measure_decodes(bench: Bench) -> list[Row]:
    """P7 with a detector's service: how often a picture is decoded there, and here."""
    pictures = pictures_of(bench, bench.some(BATCH))
    here, there = [], []
    async with null_service(bench, _SIGHT) as port:
        place = ServicePlace([f"http://127.0.0.1:{port}"], sight=_SIGHT, timeout=_PATIENCE)
        detector = open_service(place, SystemClock(), confidence=_CONFIDENCE)
        look = as_the_worker_does(detector, pictures, bench.folder / "looked at by a service")
        try:
            for number in range(3):
                before = await _decoded(port)
                with decodes_counted() as counted:
                    await look(number)
                here.append(counted[0] / len(pictures))
                there.append((await _decoded(port) - before) / len(pictures))
        finally:
            await detector.aclose()
    return [
        row_of("P7", "decodes per picture here, detector elsewhere", "one", here, goal=ONCE),
        row_of("P7", "decodes per picture in the detector's service", "one", there, goal=ONCE),
    ]


ONCE = Goal(most=1, least=1)


async def _decoded(port: int) -> float:
    _, body = await get(port, "/metrics")
    (line,) = [one for one in body.splitlines() if one.startswith(b"ai_detector_decoded_total")]
    return float(line.split()[1])


@asynccontextmanager
async def null_service(bench: Bench, side: int) -> AsyncIterator[int]:
    """The port of a service that runs no model; it ends with the block."""
    port = free_port()
    command = module(f"{__package__}.null", str(port), str(side))
    bench.say("starting the detector's service")
    async with serving(command, {"PYTHONPATH": str(PROJECT)}, port, "/ready"):
        yield port


Look = Callable[[bytes], Awaitable[int]]
"""Shows a picture, or sends a request; how many persons were found."""


def _connections() -> Connections:
    return Connections(ssl.create_default_context(), timeout=_PATIENCE, api_key=None)


def _asking(port: int, client: Client, size: tuple[int, int]) -> Look:
    """By the product's own client of one address."""
    url = f"http://127.0.0.1:{port}"
    address = DetectorAddress(url, client, SystemClock(), timeout=_PATIENCE, longest_pause=1)

    async def look(picture: bytes) -> int:
        findings = await address.ask(picture, Question("bench", *size, _CONFIDENCE))
        return len(findings.detections)

    return look


@asynccontextmanager
async def _bare_connection(port: int) -> AsyncIterator[Look]:
    """Sends what it is given, a whole request, over one connection that is kept open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)

    async def look(request: bytes) -> int:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        begin = head.index(b"content-length:") + 15
        body = await reader.readexactly(int(head[begin : head.index(b"\r\n", begin)]))
        answer = json.loads(body)
        results = answer.get("results", [answer])
        return sum(len(one["detections"]) for one in results)

    try:
        yield look
    finally:
        writer.close()
        await writer.wait_closed()


def _request(picture: bytes) -> bytes:
    """One picture, as it is."""
    return _posted("/detect", "image/jpeg", picture)


def _request_together(picture: bytes) -> bytes:
    """Several pictures, each a part."""
    head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n".encode()
    body = b"".join(head + picture + b"\r\n" for _ in range(_TOGETHER))
    kind = f"multipart/form-data; boundary={_BOUNDARY}"
    return _posted("/detect/batch", kind, body + f"--{_BOUNDARY}--\r\n".encode())


def _posted(path: str, kind: str, body: bytes) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join((*lines, "", "")).encode() + body


def _in_process(detector: ModelDetector) -> Look:
    """Header, decode, preparation and post-processing, in this thread."""

    async def look(picture: bytes) -> int:
        structure = read_structure(picture)
        size = structure.width, structure.height
        pixels = decode(picture, longest=detector.sight, full_size=size)
        (found,) = detector.look([(pixels, _CONFIDENCE)])
        return len(found.detections)

    return look


def _milliseconds(
    look: Look, given: bytes, number: int, *, found: int = 1
) -> Callable[[int], Awaitable[float]]:
    """The median of so many, one after the other."""

    async def side(_round: int) -> float:
        times: list[float] = []
        for _ in range(number):
            started = time.perf_counter()
            seen = await look(given)
            times.append((time.perf_counter() - started) * 1000)
            if seen != found:
                raise AssertionError(f"{seen} persons found, not {found}")
        return median(times)

    return side
