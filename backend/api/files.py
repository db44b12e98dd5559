"""Sends pictures: of our own folders, or made for the answer.

Files are opened by descriptor, link by link refused, and read in a thread.
"""

import asyncio
import os
import stat
import threading
from hashlib import blake2b
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
    """A picture in a file, sent piece by piece."""

    def __init__(self, file: BinaryIO, *, name: str, tag: str, in_thread: InThread) -> None:
        self._file = file
        self._in_thread = in_thread
        self.status_code = 200
        self.background = None
        begin = file.read(8)
        file.seek(0)
        length = os.fstat(file.fileno()).st_size
        self.init_headers({**_headers(begin, name, tag), "Content-Length": str(length)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send it, and close the file whatever happens."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            more = True
            while more:
                chunk = await self._in_thread(self._read)
                more = len(chunk) == _CHUNK_BYTES
                await send({"type": "http.response.body", "body": chunk, "more_body": more})
        except BaseException:  # it was not read to its end
            # A file waits with its closing for a reading that may never end: not here.
            threading.Thread(target=self._file.close, daemon=True).start()
            raise

    def _read(self) -> bytes:
        """The next piece; with the last one the file is closed."""
        chunk = self._file.read(_CHUNK_BYTES)
        if len(chunk) < _CHUNK_BYTES:
            self._file.close()
        return chunk


async def picture_response(
    folder: Path, relative: Path, *, name: str, tag: str, in_thread: InThread = asyncio.to_thread
) -> PictureResponse:
    """The picture in a file below a folder; `name` is how a browser would save it.

    Raises `FileNotFoundError` where there is no such file, `Unavailable` where it cannot be read.
    """
    try:
        file = await in_thread(open_below, folder, relative)
        return await in_thread(PictureResponse, file, name=name, tag=tag, in_thread=in_thread)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unavailable(
            f"the picture cannot be read: {error.strerror}", code="pictures.unreadable"
        ) from error


def made_picture_response(data: bytes, *, name: str, tag: str) -> Response:
    """A picture that was made for this answer."""
    return Response(data, headers=_headers(data[:8], name, tag))


def tag_of(*made_of: object) -> str:
    """The ETag of a picture that is made of these; a weak one: made again, bytes may differ."""
    return f'W/"{blake2b(repr(made_of).encode(), digest_size=16).hexdigest()}"'


def unchanged(if_none_match: str | None, tag: str) -> Response | None:
    """The answer to somebody who has the picture with this tag already; else None."""
    known = [one.strip() for one in (if_none_match or "").split(",")]
    if "*" not in known and tag.removeprefix("W/") not in {one.removeprefix("W/") for one in known}:
        return None
    return Response(status_code=304, headers={"ETag": tag, **_HEADERS})


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


def _headers(begin: bytes, name: str, tag: str) -> dict[str, str]:
    """Of a picture: media type and extension by its first bytes and nothing else."""
    kind = next((kind for magic, kind in _MAGIC.items() if begin.startswith(magic)), None)
    media_type = kind or "application/octet-stream"
    extension = kind.removeprefix("image/").replace("jpeg", "jpg") if kind else "bin"
    return {
        "Content-Type": media_type,
        "Content-Disposition": f'inline; filename="{name}.{extension}"',
        "ETag": tag,
        **_HEADERS,
    }
