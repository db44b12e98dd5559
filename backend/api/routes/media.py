"""Pictures: by the id of their frame, never by a path."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from backend.api.dependencies import LongId, PartsDep
from backend.api.files import gone, picture_response
from backend.api.problems import problems
from backend.api.routes.frames import shown_frame
from backend.core.content_store import ContentStore
from backend.core.errors import NotFound
from backend.domain.frames import FrameState
from backend.domain.thumbnails import thumbnail_path

router = APIRouter(prefix="/frames", tags=["media"])

_BYTES = {"schema": {"type": "string", "format": "binary"}}


def _pictures(*media_types: str) -> dict[int | str, dict[str, Any]]:
    content = dict.fromkeys(media_types, _BYTES)
    return {200: {"description": "The picture.", "content": content}, **problems(404)}


# The transaction ends before the file is opened: what is being sent holds no connection.


@router.get(
    "/{frame_id}/picture",
    response_class=Response,
    responses=_pictures("image/jpeg", "image/png"),
)
async def get_picture(parts: PartsDep, frame_id: LongId) -> Response:
    """The picture as the camera made it."""
    async with parts.transaction() as session:
        frame = await shown_frame(session, frame_id)
    folder = parts.places.pictures
    relative = ContentStore(folder).path(frame["content_hash"]).relative_to(folder)
    try:
        return await picture_response(
            folder, relative, name=f"frame-{frame_id}", in_thread=parts.places.in_data_thread
        )
    except FileNotFoundError:
        raise gone("the picture", "pictures.missing") from None


@router.get("/{frame_id}/thumbnail", response_class=Response, responses=_pictures("image/jpeg"))
async def get_thumbnail(parts: PartsDep, frame_id: LongId) -> Response:
    """A small picture with the boxes of what was detected; made only where something was."""
    async with parts.transaction() as session:
        frame = await shown_frame(session, frame_id)
    if frame["state"] != FrameState.ATTACHED:
        raise NotFound(
            f"frame {frame_id} is {frame['state']}: only a frame that shows something has one",
            code="frame.no_thumbnail",
        )
    folder = parts.places.thumbnails
    relative = thumbnail_path(folder, frame_id).relative_to(folder)
    try:
        return await picture_response(
            folder, relative, name=f"frame-{frame_id}-small", in_thread=parts.places.in_data_thread
        )
    except FileNotFoundError:
        raise gone("the thumbnail", "frame.no_thumbnail") from None
