"""Reads a frame's picture, with what nobody may see painted over."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

import structlog

from backend.core.content_store import ContentStore
from backend.core.disk_threads import InThread
from backend.core.errors import NotFound, Unavailable
from backend.domain.frames import WaitingFrame
from backend.domain.masks import Mask
from backend.domain.shapes import Points
from backend.services.detection.detector import Pixels
from backend.services.detection.masks import paint_over
from backend.services.detection.picture import decode

# For the camera's file, while the pictures of all cameras wait: where its folder does not answer,
# this frame alone is to wait.
_ORIGINAL_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Decode(Protocol):
    """`picture.decode`, or what stands for it."""

    def __call__(self, data: bytes, *, longest: int | None, full_size: tuple[int, int]) -> Pixels:
        """The picture of an encoded file."""
        ...


class Originals(Protocol):
    """The files that cameras have put."""

    async def copy_again(self, frame_id: int) -> None:
        """Make the copy of a frame's picture again. Raises `NotFound`, with the reason, or
        `Unavailable`."""
        ...


class NoOriginal(Exception):  # noqa: N818 - it may be there again with the next look
    """A picture's copy is gone, and the folder from which it could be made again is away."""


class PictureReader:
    """Reads and decodes in threads; a copy that is gone is made again from the camera's file.

    `in_thread` is for what the disk does alone: how long that takes says how quick the disk is.
    `patience` are seconds for making a copy again.
    """

    def __init__(
        self,
        pictures: ContentStore,
        decode: Decode = decode,
        originals: Originals | None = None,
        in_thread: InThread = asyncio.to_thread,
        patience: float = _ORIGINAL_SECONDS,
    ) -> None:
        self._patience = patience
        self._pictures = pictures
        self._decode = decode
        self._originals = originals
        self._in_thread = in_thread

    async def read(self, frame: WaitingFrame, masks: Iterable[Mask], *, longest: int) -> Pixels:
        """The one decode of a frame: no larger than is needed, its masks black.

        Raises `NotFound`, `Invalid`, `Unavailable`, and `NoOriginal` where this frame alone waits.
        """
        shapes = [mask.points for mask in masks]
        data = await self._bytes(frame)
        return await asyncio.to_thread(self._pixels, data, frame, shapes, longest)

    async def _bytes(self, frame: WaitingFrame) -> bytes:
        try:
            return await self._in_thread(self._pictures.read, frame.content_hash)
        except NotFound:
            if self._originals is None:
                raise
            await self._copy_again(frame, self._originals)
        return await self._in_thread(self._pictures.read, frame.content_hash)

    async def _copy_again(self, frame: WaitingFrame, originals: Originals) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await originals.copy_again(frame.id)
        except TimeoutError as error:
            raise _without("it does not answer") from error
        except Unavailable as error:
            if not error.code.startswith("media."):
                raise
            raise _without(str(error)) from error

    def _pixels(
        self, data: bytes, frame: WaitingFrame, shapes: Iterable[Points], longest: int
    ) -> Pixels:
        pixels = self._decode(data, longest=longest, full_size=(frame.width, frame.height))
        paint_over(pixels, shapes)
        return pixels


def _without(reason: str) -> NoOriginal:
    log.warning("a frame waits for the cameras' folder", reason=reason)
    return NoOriginal(reason)
