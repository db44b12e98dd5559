"""Pictures: by the id of their frame or camera, never by a path.

Where a camera has privacy masks, nothing leaves here that was not painted over: also pictures that
are older than the masks, and thumbnails that were drawn before.
"""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from backend.api.dependencies import CameraId, LongId, Parts, PartsDep
from backend.api.files import (
    gone,
    made_picture_response,
    picture_response,
    tag_of,
    unchanged,
)
from backend.api.problems import problems
from backend.core.content_store import ContentStore
from backend.core.errors import NotFound
from backend.domain.frames import FrameState
from backend.domain.thumbnails import thumbnail_path
from backend.services.stores import cameras, detections, drawings, shown_pictures
from backend.services.stores.shown_pictures import ShownPicture

router = APIRouter(tags=["media"])

_BYTES = {"schema": {"type": "string", "format": "binary"}}

IfNoneMatch = Annotated[
    str | None,
    Header(
        description="The `ETag` of a picture that is at hand: if it is still "
        "the same, the answer is a 304 without it.",
    ),
]


def _pictures(*media_types: str) -> dict[int | str, dict[str, Any]]:
    content = dict.fromkeys(media_types, _BYTES)
    return {
        200: {"description": "The picture.", "content": content},
        304: {"description": "It is the one with that `ETag` still."},
        **problems(404, 409),
    }


# The transaction ends before the file is opened: what is being sent holds no connection.


@router.get(
    "/frames/{frame_id}/picture",
    response_class=Response,
    responses=_pictures("image/jpeg", "image/png"),
)
async def get_picture(
    parts: PartsDep, frame_id: LongId, if_none_match: IfNoneMatch = None
) -> Response:
    """The picture as the camera made it, but for what its privacy masks cover.

    Without masks it is the camera's own file. With them it is made anew, upright and without EXIF,
    and what cannot be painted over is not shown: a 409.
    """
    return await _picture(parts, await _shown(parts, frame_id), if_none_match)


@router.get(
    "/frames/{frame_id}/thumbnail",
    response_class=Response,
    responses=_pictures("image/jpeg"),
)
async def get_thumbnail(
    parts: PartsDep, frame_id: LongId, if_none_match: IfNoneMatch = None
) -> Response:
    """A small picture with the boxes of what was detected; made only where something was."""
    shown = await _shown(parts, frame_id)
    if shown.state != FrameState.ATTACHED:
        raise NotFound(
            f"frame {frame_id} is {shown.state}: only a frame that shows something has one",
            code="frame.no_thumbnail",
        )
    tag = _tag("thumbnail", shown)
    if answer := unchanged(if_none_match, tag):
        return answer
    name = f"frame-{frame_id}-small"
    if shown.once_masked:
        # The one that is kept may be older than a mask, or than a mask's end.
        async with parts.transaction() as session:
            found = await detections.of_frame(session, frame_id)
        data = await parts.pictures.thumbnail(shown, found)
        return made_picture_response(data, name=name, tag=tag)
    folder = parts.places.thumbnails
    relative = thumbnail_path(folder, frame_id).relative_to(folder)
    try:
        return await picture_response(
            folder, relative, name=name, tag=tag, in_thread=parts.places.in_data_thread
        )
    except FileNotFoundError:
        raise gone("the thumbnail", "frame.no_thumbnail") from None


@router.get(
    "/frames/{frame_id}/original",
    response_class=Response,
    responses=_pictures("image/jpeg", "image/png"),
)
async def get_original(
    parts: PartsDep, frame_id: LongId, if_none_match: IfNoneMatch = None
) -> Response:
    """The camera's own file, whatever masks there are.

    Only where the setting `PRIVACY__ORIGINALS_FOR_OWNER` is true; else a 404, whatever the id.
    """
    if not parts.originals_for_owner:
        raise NotFound(
            "originals are not served: PRIVACY__ORIGINALS_FOR_OWNER=true would open them",
            code="originals.closed",
        )
    return await _file(parts, await _shown(parts, frame_id), if_none_match, kind="original")


@router.get(
    "/cameras/{camera_id}/picture",
    response_class=Response,
    responses=_pictures("image/jpeg", "image/png"),
)
async def get_camera_picture(
    parts: PartsDep,
    camera_id: CameraId,
    drawn: Annotated[
        bool,
        Query(
            alias="drawings",
            description="Draw the camera's zones, lines and masks upon it, those that are enabled.",
        ),
    ] = False,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The picture that a camera took last, without what its privacy masks cover.

    With `drawings=true` one sees where what was drawn lies: zones in their colours, lines with an
    arrow that points inwards, masks in black.
    """
    async with parts.transaction() as session:
        shown = await shown_pictures.latest_of_camera(session, camera_id)
        if shown is None and await cameras.by_id(session, camera_id) is None:
            raise NotFound(f"there is no camera {camera_id}", code="camera.unknown")
        all_drawn = await drawings.of_camera(session, camera_id) if drawn else None
    if shown is None:
        raise NotFound(
            f"camera {camera_id} has no picture yet: there is one once it has put a file into its "
            "folder",
            code="camera.no_picture",
        )
    if all_drawn is None:
        return await _picture(parts, shown, if_none_match)
    tag = _tag("drawings", shown, all_drawn)
    if answer := unchanged(if_none_match, tag):
        return answer
    data = await parts.pictures.with_drawings(shown, all_drawn)
    return made_picture_response(data, name=f"camera-{camera_id}-drawings", tag=tag)


async def _shown(parts: Parts, frame_id: int) -> ShownPicture:
    async with parts.transaction() as session:
        shown = await shown_pictures.of_frame(session, frame_id)
    if shown is None:
        raise NotFound(f"there is no frame {frame_id}", code="frame.unknown")
    return shown


async def _picture(parts: Parts, shown: ShownPicture, if_none_match: str | None) -> Response:
    if not shown.masks:
        return await _file(parts, shown, if_none_match, kind="picture")
    tag = _tag("picture", shown)
    if answer := unchanged(if_none_match, tag):
        return answer
    data = await parts.pictures.whole(shown)
    return made_picture_response(data, name=f"frame-{shown.frame_id}", tag=tag)


async def _file(
    parts: Parts, shown: ShownPicture, if_none_match: str | None, *, kind: str
) -> Response:
    """The camera's own file."""
    tag = _tag(kind, shown)
    if answer := unchanged(if_none_match, tag):
        return answer
    folder = parts.places.pictures
    try:
        return await picture_response(
            folder,
            _place(folder, shown),
            name=f"frame-{shown.frame_id}",
            tag=tag,
            in_thread=parts.places.in_data_thread,
        )
    except FileNotFoundError:
        raise gone("the picture", "pictures.missing") from None


def _tag(kind: str, shown: ShownPicture, *drawn: object) -> str:
    masks = shown.masks_changed_at, shown.masks
    return tag_of(kind, shown.frame_id, shown.content_hash, *masks, *drawn)


def _place(folder: Path, shown: ShownPicture) -> Path:
    return ContentStore(folder).path(shown.content_hash).relative_to(folder)
