"""Sends files of our own folders: opened by descriptor, link by link refused, read in a thread."""

import asyncio
import os
import stat
from pathlib import Path
from typing import BinaryIO

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from backend.core.disk_threads import InThread
from backend.core.errors import NotFound, Unavailable

_CHUNK_BYTES = 256 * 1024
_MAGIC = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_HEADERS = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


class PictureResponse(Response):
    """A picture, sent piece by piece."""

    def __init__(self, file: BinaryIO, *, name: str, in_thread: InThread) -> None:
        self._file = file
        self._in_thread = in_thread
        self.status_code = 200
        self.background = None
        media_type, extension = _kind_of(file)
        self.init_headers(
            {
                "Content-Type": media_type,
                "Content-Length": str(os.fstat(file.fileno()).st_size),
                "Content-Disposition": f'inline; filename="{name}{extension}"',
                **_HEADERS,
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it, and close the file whatever happens."""
        with self._file:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            more = True
            while more:
                chunk = await self._in_thread(self._file.read, _CHUNK_BYTES)
                more = len(chunk) == _CHUNK_BYTES
                await send({"type": "http.response.body", "body": chunk, "more_body": more})


async def picture_response(
    folder: Path, relative: Path, *, name: str, in_thread: InThread = asyncio.to_thread
) -> PictureResponse:
    """The picture in a file below a folder; `name` is how a browser would save it.

    Raises `FileNotFoundError` where there is no such file, `Unavailable` where it cannot be read.
    """
    try:
        file = await in_thread(open_below, folder, relative)
        return await in_thread(PictureResponse, file, name=name, in_thread=in_thread)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unavailable(
            f"the picture cannot be read: {error.strerror}", code="pictures.unreadable"
        ) from error


def open_below(folder: Path, relative: Path) -> BinaryIO:
    """Open a regular file below a folder, whose path there contains no links.

    Raises `FileNotFoundError`, or another `OSError` (a link, no file, not readable).
    """
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in relative.parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = inner
        file = os.open(relative.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(0, "not a regular file")
    return os.fdopen(file, "rb")


def gone(what: str, code: str) -> NotFound:
    """The error for a picture that the ledger knows and the disk does not have."""
    return NotFound(f"{what} is no longer on the disk", code=code)


def _kind_of(file: BinaryIO) -> tuple[str, str]:
    """Media type and extension, by the file's first bytes and nothing else."""
    begin = file.read(8)
    file.seek(0)
    kind = next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), None)
    if kind is None:
        return "application/octet-stream", ".bin"
    return kind, "." + kind.removeprefix("image/").replace("jpeg", "jpg")
