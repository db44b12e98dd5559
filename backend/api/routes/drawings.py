"""Zones, lines and privacy masks of a camera: list, add, look, change, remove.

The three have the same five operations, which are written once.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel
from starlette.responses import Response

from backend.api.dependencies import CameraId, PagingDep, PartsDep, SessionDep
from backend.api.problems import problems
from backend.api.schemas import drawings as schemas
from backend.core.errors import NotFound
from backend.services.stores import cameras, drawings
from backend.services.stores.drawings import LINES, MASKS, ZONES, Kind
from backend.services.stores.rows import Record

_HIGHEST_ID = 2**31 - 1

DrawingId = Annotated[
    int, Path(ge=1, le=_HIGHEST_ID, description="The zone's, line's or mask's id.", examples=[1])
]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """How one kind is sent and shown."""

    page: type[BaseModel]
    shown: type[BaseModel]
    new: type[BaseModel]
    change: type[BaseModel]


def _routes(kind: Kind, about: str, shapes: _Shapes) -> APIRouter:
    """The five operations on one kind; `about` says what changing some brings about."""
    noun, nouns = kind.noun, kind.table
    path = f"/cameras/{{camera_id}}/{nouns}"
    router = APIRouter(prefix=path, tags=[nouns])

    @router.get(
        "",
        name=f"list_{nouns}",
        description=f"A camera's {nouns}, by id.",
        response_model=shapes.page,
        responses=problems(404),
    )
    async def _list(session: SessionDep, paging: PagingDep, camera_id: CameraId) -> Record:
        list_name = path.format(camera_id=camera_id)
        after = paging.after_id(list_name, highest=_HIGHEST_ID) or 0
        rows = await drawings.page(session, kind, camera_id, after=after, limit=paging.fetch)
        if not rows and await cameras.by_id(session, camera_id) is None:
            raise NotFound(f"there is no camera {camera_id}", code="camera.unknown")
        return paging.page(list_name, rows, "id")

    @router.post(
        "",
        name=f"create_{noun}",
        description=f"Draw a {noun} on a camera's picture: at most {kind.most}. {about}",
        status_code=201,
        response_model=shapes.shown,
        responses=problems(403, 404, 409),
    )
    async def _create(
        session: SessionDep,
        parts: PartsDep,
        camera_id: CameraId,
        drawing: shapes.new,  # type: ignore[name-defined]  # known when the route is made
        response: Response,
    ) -> Record:
        values = drawing.model_dump(mode="json")
        made = await drawings.add(session, kind, camera_id, values, now=parts.clock.now())
        response.headers["Location"] = f"/api/cameras/{camera_id}/{nouns}/{made['id']}"
        return made

    @router.get(
        "/{drawing_id}",
        name=f"get_{noun}",
        description=f"One {noun}.",
        response_model=shapes.shown,
        responses=problems(404),
    )
    async def _get(session: SessionDep, camera_id: CameraId, drawing_id: DrawingId) -> Record:
        return await drawings.shown(session, kind, camera_id, drawing_id)

    @router.patch(
        "/{drawing_id}",
        name=f"change_{noun}",
        description=f"Change what is sent of a {noun}; the rest stays. {about}",
        response_model=shapes.shown,
        responses=problems(403, 404, 409),
    )
    async def _change(
        session: SessionDep,
        parts: PartsDep,
        camera_id: CameraId,
        drawing_id: DrawingId,
        change: shapes.change,  # type: ignore[name-defined]
    ) -> Record:
        values = change.model_dump(mode="json", exclude_unset=True)
        now = parts.clock.now()
        return await drawings.change(session, kind, camera_id, drawing_id, values, now=now)

    @router.delete(
        "/{drawing_id}",
        name=f"delete_{noun}",
        description=f"Remove a {noun}. {about}",
        status_code=204,
        responses=problems(403, 404, 409),
    )
    async def _delete(
        session: SessionDep, parts: PartsDep, camera_id: CameraId, drawing_id: DrawingId
    ) -> None:
        await drawings.remove(session, kind, camera_id, drawing_id, now=parts.clock.now())

    return router


_FROM_NOW_ON = "It holds for pictures that are looked at from then on."
_FOR_ALL = (
    "Pictures and thumbnails are served by the masks of that moment, also those that are older."
)

routers = (
    _routes(
        ZONES,
        _FROM_NOW_ON,
        _Shapes(schemas.ZonePage, schemas.Zone, schemas.NewZone, schemas.ZoneChange),
    ),
    _routes(
        LINES,
        _FROM_NOW_ON,
        _Shapes(schemas.LinePage, schemas.Line, schemas.NewLine, schemas.LineChange),
    ),
    _routes(
        MASKS,
        _FOR_ALL,
        _Shapes(schemas.MaskPage, schemas.Mask, schemas.NewMask, schemas.MaskChange),
    ),
)
