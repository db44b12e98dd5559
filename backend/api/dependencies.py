"""What routes are given: the parts of the process, a transaction, a page's size and place."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Query
from fastapi import Path as PathParameter
from starlette.requests import HTTPConnection, Request

from backend.api import cursors
from backend.api.json_text import parsed
from backend.api.schemas.text import ClassName, Text
from backend.core.clock import Clock
from backend.core.database import Database
from backend.core.disk_threads import InThread
from backend.core.errors import Invalid, NotFound
from backend.core.queue import Bells
from backend.services.detection.shown import ShownPictures
from backend.services.live.fan_out import FanOut
from backend.services.stores import cameras
from backend.services.stores.cameras import KnownCamera
from backend.services.stores.rows import Record, Session
from backend.services.upkeep.fitness import Fitness
from backend.services.upkeep.health import Health

_SHOWN = 20  # slugs in one sentence


@dataclass(frozen=True, slots=True)
class Places:
    """The folders that the API reads and, for a new camera, writes; and in what threads."""

    media_root: Path
    pictures: Path
    thumbnails: Path
    in_media_thread: InThread = asyncio.to_thread
    in_data_thread: InThread = asyncio.to_thread


@dataclass(frozen=True, slots=True)
class Parts:
    """What the process has made at its start.

    `told` is to be called once something was committed to the outbox. `zone` is that of cameras
    which have none of their own. `bells` are only rung here. `pictures` makes those that are not
    shown as they are; `originals_for_owner`: what masks cover may be fetched.
    """

    database: Database
    clock: Clock
    places: Places
    fan_out: FanOut
    health: Health
    fitness: Fitness
    told: Callable[[], None]
    bells: Bells
    zone: ZoneInfo
    pictures: ShownPictures
    originals_for_owner: bool = False

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """As the database has it. Raises `Unavailable` also where the schema is newer than we."""
        self.fitness.refuse_work()
        async with self.database.transaction() as session:
            yield session


async def get_parts(connection: HTTPConnection) -> Parts:
    """The parts, as `main` put them into the application's state."""
    parts: Parts = connection.app.state.parts
    return parts


# All dependencies are coroutines: the framework would run others in a thread each.
PartsDep = Annotated[Parts, Depends(get_parts)]


async def get_session(parts: PartsDep) -> AsyncIterator[Session]:
    """One request, one transaction."""
    async with parts.transaction() as session:
        yield session


# scope="function": committed before the answer leaves, so that a commit that fails is no 200.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]

CameraId = Annotated[
    int, PathParameter(ge=1, le=2**31 - 1, description="The camera's id.", examples=[1])
]
"""A path parameter that PostgreSQL's `integer` holds."""


async def get_known_camera(session: SessionDep, camera_id: CameraId) -> KnownCamera:
    """The camera that the path names, deleted or not. Raises `NotFound`."""
    camera = await cameras.by_id(session, camera_id)
    if camera is None:
        raise NotFound(f"there is no camera {camera_id}", code="camera.unknown")
    return camera


CameraDep = Annotated[KnownCamera, Depends(get_known_camera)]

LongId = Annotated[int, PathParameter(ge=1, le=cursors.MAX_ID, description="Its id.", examples=[1])]
"""A path parameter that PostgreSQL's `bigint` holds."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How many items, and after which one."""

    limit: int
    cursor: str | None

    @property
    def fetch(self) -> int:
        """One more than is shown, to see whether there is more."""
        return self.limit + 1

    def after_id(self, list_name: str, *, highest: int = cursors.MAX_ID) -> int | None:
        """The place in a list that is ordered by one number."""
        if self.cursor is None:
            return None
        return cursors.decode_id(list_name, self.cursor, highest=highest)

    def after_moment(self, list_name: str) -> tuple[Any, int] | None:
        """The place in a list that is ordered by a moment, then by id."""
        if self.cursor is None:
            return None
        return cursors.decode_moment_and_id(list_name, self.cursor)

    def page(self, list_name: str, rows: Sequence[Record], *key: str) -> dict[str, Any]:
        """A page of what was fetched; `key` are the columns by which the list is ordered."""
        items = rows[: self.limit]
        more = len(rows) > self.limit
        place = [items[-1][column] for column in key] if more else []
        return {"items": items, "next_cursor": cursors.encode(list_name, place) if more else None}


async def get_paging(
    limit: Annotated[int, Query(ge=1, le=200, description="Items on a page.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=300, description="`next_cursor` of the page before.")
    ] = None,
) -> Paging:
    """The page that is asked for."""
    return Paging(limit, cursor)


PagingDep = Annotated[Paging, Depends(get_paging)]


async def get_camera_filter(
    session: SessionDep,
    camera: Annotated[Text | None, Query(description="A camera's slug.")] = None,
) -> str | None:
    """The slug of the camera whose things are asked for. Raises `NotFound` for one of no camera."""
    if camera is None:
        return None
    known = await cameras.slugs(session)
    if camera not in known:
        some = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
        raise NotFound(
            f"camera: there is no {camera}; known: {some or 'none yet'}", code="camera.unknown"
        )
    return camera


CameraFilter = Annotated[str | None, Depends(get_camera_filter)]

ClassFilter = Annotated[
    ClassName | None, Query(alias="class", description="A class that was seen.")
]


async def refuse_repeated_members(request: Request) -> None:
    """Raise `Invalid` for a JSON body that names something twice: either could be meant."""
    if request.scope["route"].body_field is not None:
        with contextlib.suppress(ValueError, RecursionError):  # answered where it is looked at
            parsed(await request.body())


async def refuse_wrong_query(request: Request) -> None:
    """Raise `Invalid` for query parameters that the operation does not have, or has twice.

    A filter with a typing error would otherwise be no filter at all.
    """
    asked = set(request.query_params)
    if not asked:
        return
    known = _known_query(request.app)[request.scope["route"].name]
    unknown = sorted(asked.difference(known))
    if unknown:
        raise Invalid(
            f"unknown query parameters: {', '.join(unknown)}; "
            f"known here: {', '.join(known) or 'none'}",
            code="query.unknown",
        )
    repeated = sorted(name for name in asked if len(request.query_params.getlist(name)) > 1)
    if repeated:
        raise Invalid(f"{', '.join(repeated)}: given more than once", code="query.repeated")


@lru_cache(maxsize=1)
def _known_query(application: FastAPI) -> dict[str, list[str]]:
    """The query parameters of each operation, as they are documented."""
    return {
        operation["operationId"]: sorted(
            one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"
        )
        for operations in application.openapi()["paths"].values()
        for operation in operations.values()
    }
