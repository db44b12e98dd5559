"""Makes pictures as they may be shown: with their cameras' masks painted over."""

import asyncio
from collections.abc import Callable, Sequence

import cv2

from backend.core.content_store import ContentStore
from backend.core.disk_threads import InThread
from backend.core.errors import Conflict, Invalid, Unavailable
from backend.domain.drawings import Drawings
from backend.services.detection.detector import Pixels
from backend.services.detection.masks import paint_over
from backend.services.detection.overlay import draw_over
from backend.services.detection.picture import THUMBNAIL_WIDTH, decode, draw_thumbnail
from backend.services.stores.detections import detection_from_row
from backend.services.stores.rows import Record
from backend.services.stores.shown_pictures import ShownPicture

AT_ONCE = 2
"""Pictures that are made at the same time: each takes a core, and three bytes a pixel."""

PNG = b"\x89PNG"
_JPEG_QUALITY = 95


def thumbnail_of(store: ContentStore, shown: ShownPicture, found: Sequence[Record]) -> bytes:
    """A JPEG with the boxes of these detections, painted over before anything is drawn.

    Raises as `ContentStore.read` and `decode`.
    """
    pixels = _masked(store.read(shown.content_hash), shown, longest=THUMBNAIL_WIDTH)
    detections = [detection_from_row(one) for one in found]
    return draw_thumbnail(pixels, sorted(detections, key=lambda one: -one.confidence))


class ShownPictures:
    """Makes pictures out of their copies, in threads, a few at a time; the others wait.

    What is made has nothing of the file but its pixels: no EXIF, and no preview within it. All
    raise `NotFound` where the copy is gone, `Conflict` where it cannot be decoded, `Unavailable`.
    """

    def __init__(self, store: ContentStore, in_thread: InThread = asyncio.to_thread) -> None:
        self._store = store
        self._in_thread = in_thread
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def whole(self, shown: ShownPicture) -> bytes:
        """The picture in its full size, a PNG where it was one, else a JPEG."""
        return await self._made(lambda: self._whole(shown))

    async def thumbnail(self, shown: ShownPicture, found: Sequence[Record]) -> bytes:
        """A small JPEG with the boxes of these detections."""
        return await self._made(lambda: thumbnail_of(self._store, shown, found))

    async def with_drawings(self, shown: ShownPicture, drawings: Drawings) -> bytes:
        """A JPEG in full size upon which a camera's zones, lines and masks are drawn."""
        return await self._made(lambda: self._with_drawings(shown, drawings))

    def _whole(self, shown: ShownPicture) -> bytes:
        data = self._store.read(shown.content_hash)
        return _encoded(_masked(data, shown), ".png" if data.startswith(PNG) else ".jpg")

    def _with_drawings(self, shown: ShownPicture, drawings: Drawings) -> bytes:
        pixels = _masked(self._store.read(shown.content_hash), shown)
        draw_over(pixels, drawings)
        return _encoded(pixels, ".jpg")

    async def _made(self, make: Callable[[], bytes]) -> bytes:
        async with self._turns:
            try:
                return await self._in_thread(make)
            except Invalid as error:
                raise Conflict(
                    "the picture cannot be decoded, so that nothing can be painted over it",
                    code="picture.undecodable",
                ) from error
            except OSError as error:
                raise Unavailable(
                    f"the picture cannot be read: {error.strerror}", code="pictures.unreadable"
                ) from error


def _masked(data: bytes, shown: ShownPicture, *, longest: int | None = None) -> Pixels:
    pixels = decode(data, longest=longest, full_size=(shown.width, shown.height))
    paint_over(pixels, shown.masks)
    return pixels


def _encoded(pixels: Pixels, extension: str) -> bytes:
    settings = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY) if extension == ".jpg" else ()
    return cv2.imencode(extension, pixels, settings)[1].tobytes()
