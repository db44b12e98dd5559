"""A bare server: Starlette, asyncpg and orjson, by the same uvicorn as the product's API.

    DATABASE_URL=postgresql://… python -m backend.tests.benchmarks.bench.floors.api PORT

`/events` is the first page of the events, `/picture?path=` a file, `/ping` nothing.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

_EVENTS = """
    SELECT e.id, e.camera_id, c.slug AS camera, c.name AS camera_name, e.continues_event_id,
        e.state, e.first_at, e.last_at, e.opened_at, e.attached_at, e.closed_at, e.reviewed_at,
        e.notes, e.score, e.summary, e.classes, e.detections, e.frames, e.detector,
        e.cover_frame_id
    FROM events e JOIN cameras c ON c.id = e.camera_id
    ORDER BY e.first_at DESC, e.id DESC LIMIT $1
"""


async def _events(request: Request) -> Response:
    limit = int(request.query_params["limit"])
    pool: Any = request.app.state.pool
    rows = [dict(row) for row in await pool.fetch(_EVENTS, limit + 1)]
    body = orjson.dumps({"items": rows[:limit], "next_cursor": "more" if rows[limit:] else None})
    return Response(body, media_type="application/json")


async def _picture(request: Request) -> Response:
    return FileResponse(request.query_params["path"])


async def _ping(_request: Request) -> Response:
    return Response(b"{}", media_type="application/json")


@asynccontextmanager
async def _pool(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8) as pool:
        app.state.pool = pool
        yield


application = Starlette(
    routes=[Route("/events", _events), Route("/picture", _picture), Route("/ping", _ping)],
    lifespan=_pool,
)

if __name__ == "__main__":
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
    )
