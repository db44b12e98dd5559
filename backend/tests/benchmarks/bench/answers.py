"""P9 and P21: a list of events, and pictures, as the API serves them."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import orjson

from backend.core.content_store import ContentStore
from backend.core.queue import MemoryBells
from backend.domain.frames import Lane
from backend.domain.thumbnails import thumbnail_path
from backend.services.ingest.scan import slices
from backend.tests.benchmarks.bench.http import floor_api, get, per_second, product_api
from backend.tests.benchmarks.bench.pictures import put_many
from backend.tests.benchmarks.bench.place import Bench, Place
from backend.tests.benchmarks.bench.rows import Goal, Row, ratios, row_of
from backend.tests.benchmarks.bench.stages import (
    Finished,
    Unlooking,
    add_cameras,
    detection_of,
    ingest_of,
    looking,
    receive,
    running,
)

_REQUESTS = 600
_PAGE = 50


@dataclass(frozen=True, slots=True)
class _Asking:
    """Asks one server for one thing."""

    port: int
    path: str
    requests: int

    async def __call__(self, _number: int) -> float:
        return await per_second(self.port, self.path, self.requests)


async def measure_list(bench: Bench) -> list[Row]:
    """P9: answers per second with a page of 50 events."""
    requests = bench.some(_REQUESTS)
    async with bench.place() as place:
        await _make_events(place, 3 * _PAGE)
        async with product_api(place) as ours, floor_api(place) as floor:
            path, floor_path = f"/api/events?limit={_PAGE}", f"/events?limit={_PAGE}"
            _same_events(await get(ours.port, path), await get(floor.port, floor_path))
            product, bare = await bench.in_turns(
                _Asking(ours.port, path, requests), _Asking(floor.port, floor_path, requests)
            )
    return [
        row_of(
            "P9",
            f"GET /api/events?limit={_PAGE}, answers per second",
            "Starlette, asyncpg, orjson: the same statement and fields",
            ratios(product, bare),
            goal=Goal(least=0.6),
            note="without login: there is none yet",
        ),
        Row("P9", "a 304 of the same list", "a ping", note="lists have no ETags yet"),
    ]


async def measure_media(bench: Bench) -> list[Row]:
    """P21: pictures and thumbnails per second."""
    requests = bench.some(_REQUESTS)
    async with bench.place() as place:
        frame, content_hash = await _make_picture(place)
        data = place.folder / "data"
        files = {
            "picture": ContentStore(data / "pictures").path(content_hash),
            "thumbnail": thumbnail_path(data / "thumbnails", frame),
        }
        rows = []
        async with product_api(place) as ours, floor_api(place) as floor:
            for kind, file in files.items():
                path, floor_path = (
                    f"/api/frames/{frame}/{kind}",
                    f"/picture?path={quote(str(file))}",
                )
                expected = (200, file.read_bytes())
                for answer in (await get(ours.port, path), await get(floor.port, floor_path)):
                    if answer != expected:
                        raise AssertionError(f"{kind}: another answer, of status {answer[0]}")
                product, bare = await bench.in_turns(
                    _Asking(ours.port, path, requests), _Asking(floor.port, floor_path, requests)
                )
                row = row_of(
                    "P21",
                    f"GET a {kind} of {len(expected[1]) / 1000:.0f} kB, answers per second",
                    "Starlette's FileResponse of the same file",
                    ratios(product, bare),
                    goal=Goal(least=0.8),
                    note="without login: there is none yet",
                )
                rows.append(row)
    return rows


def _same_events(ours: tuple[int, bytes], floor: tuple[int, bytes]) -> None:
    """Both answer with the same page; ours says the level too."""
    (status, body), (_, floor_body) = ours, floor
    items = orjson.loads(body)["items"]
    floor_ids = [item["id"] for item in orjson.loads(floor_body)["items"]]
    if status != 200 or len(items) != _PAGE or [item["id"] for item in items] != floor_ids:
        raise AssertionError("the product and the floor answer with different events")


async def _make_events(place: Place, number: int) -> None:
    """Events of one frame each, by the shipped stages."""
    async with place.services() as (database, _):
        ids = await add_cameras(database, 4)
        bells = MemoryBells([Lane.LIVE, Lane.BACKLOG])
        finished = Finished.of(database)
        async with running(detection_of(database, bells, Unlooking(), finished.told)):
            await receive(database, bells, ids, number, apart=timedelta(minutes=2))
            await finished.wait(number)
    async with place.connection() as connection:
        made = await connection.fetchval("SELECT count(*) FROM events")
    if made != number:
        raise AssertionError(f"{made} events of {number}")


async def _make_picture(place: Place) -> tuple[int, bytes]:
    """One real picture with its thumbnail; its frame's id, and its hash."""
    root, data = place.folder / "media", place.folder / "data"
    put_many(root, 1, first=0)
    async with place.services() as (database, _):
        bells = MemoryBells([Lane.LIVE, Lane.BACKLOG])
        finished = Finished.of(database)
        async with running(detection_of(database, bells, looking(data), finished.told)):
            async for batch in slices(root):
                await ingest_of(root, database, bells, data).handle(batch)
            await finished.wait(1)
    async with place.connection() as connection:
        row = await connection.fetchrow("SELECT id, content_hash FROM frames")
    return int(row["id"]), bytes(row["content_hash"])
