"""Pictures are opened below their folder, and are what they are by their first bytes."""

import asyncio
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from backend.api.files import PictureResponse, open_below, picture_response, tag_of, unchanged
from backend.core.clock import SystemClock
from backend.core.disk_threads import DiskThreads
from backend.core.errors import Unavailable
from backend.core.pace import Pace
from backend.tests.fixtures.ingest import until

TAG = tag_of("a picture", 1)
JPEG = b"\xff\xd8\xff\xe0" + bytes(600_000)


async def fetched(folder: Path, relative: str) -> httpx.Response:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await picture_response(folder, Path(relative), name="frame-1", tag=TAG)
        await response(scope, receive, send)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/")


@pytest.mark.parametrize(
    ("data", "media_type", "name"),
    [
        (JPEG, "image/jpeg", "frame-1.jpg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png", "frame-1.png"),
        (b"<svg onload=alert(1)>", "application/octet-stream", "frame-1.bin"),
        (b"", "application/octet-stream", "frame-1.bin"),
    ],
)
async def test_a_picture_is_sent_whole(
    tmp_path: Path, data: bytes, media_type: str, name: str
) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "picture.html").write_bytes(data)
    answer = await fetched(tmp_path, "ab/picture.html")
    assert answer.content == data
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-length"] == str(len(data))
    assert answer.headers["content-disposition"] == f'inline; filename="{name}"'
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["etag"] == TAG
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_missing_picture_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await picture_response(tmp_path, Path("none.jpg"), name="x", tag="")


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def link_to_file(folder: Path, outside: Path) -> None:
    (folder / "picture").symlink_to(outside / "secret")


def link_to_folder(folder: Path, outside: Path) -> None:
    (folder / "aa").symlink_to(outside)


def folder_instead(folder: Path, outside: Path) -> None:
    (folder / "picture").mkdir()


def pipe_instead(folder: Path, outside: Path) -> None:
    os.mkfifo(folder / "picture")


@pytest.mark.parametrize(
    ("make", "relative"),
    [
        (link_to_file, "picture"),
        (link_to_folder, "aa/secret"),
        (folder_instead, "picture"),
        (pipe_instead, "picture"),
    ],
)
async def test_nothing_but_a_file_of_the_folder_is_opened(
    tmp_path: Path, make: Callable[[Path, Path], None], relative: str
) -> None:
    folder, outside = tmp_path / "pictures", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("secret")
    make(folder, outside)
    before = open_descriptors()
    with pytest.raises(Unavailable, match="the picture cannot be read"):
        await picture_response(folder, Path(relative), name="x", tag="")
    assert open_descriptors() == before


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "aa").mkdir()
    (tmp_path / "aa" / "picture").write_bytes(b"x")
    before = open_descriptors()
    open_below(tmp_path, Path("aa/picture")).close()
    assert open_descriptors() == before


class HungFile(io.FileIO):
    """A file whose disk stops to answer once its begin has been read, until it does."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.answers = threading.Event()
        self.hangs = False
        self._asked = 0

    def readinto(self, buffer: object, /) -> int:
        self._asked += 1
        if self._asked > 1:
            self.hangs = True
            self.answers.wait(3)  # not for ever: a test that fails is to end
            self.hangs = False
        return super().readinto(buffer)  # type: ignore[arg-type]


@pytest.fixture
def hung(tmp_path: Path) -> HungFile:
    (tmp_path / "picture").write_bytes(JPEG)
    return HungFile(tmp_path / "picture")


def sending(hung: HungFile, send: Send, *, patience: float) -> "asyncio.Task[None]":
    pace = Pace(SystemClock(), limit=1.0)
    disk = DiskThreads("pictures", "the folder of the pictures", pace, patience=patience)
    response = PictureResponse(io.BufferedReader(hung), name="x", tag=TAG, in_thread=disk.run)
    return asyncio.create_task(response({}, never, send))


async def never() -> Message:
    raise AssertionError("nothing is received")


async def taken(message: Message) -> None:
    """As a client that takes all it gets."""


async def test_a_disk_that_stops_to_answer_does_not_stop_the_loop(hung: HungFile) -> None:
    with pytest.raises(Unavailable):
        await sending(hung, taken, patience=0.2)
    assert hung.hangs, "who waits for the time does not wait for the reading"
    hung.answers.set()
    await until(lambda: hung.closed, "the file to be closed")


async def test_nor_does_a_client_that_goes_away_meanwhile(hung: HungFile) -> None:
    task = sending(hung, taken, patience=4)
    await until(lambda: hung.hangs, "the reading")
    task.cancel()
    await asyncio.wait([task])
    assert hung.hangs
    hung.answers.set()
    await until(lambda: hung.closed, "the file to be closed")


@pytest.mark.parametrize(
    "sent", [TAG, TAG.removeprefix("W/"), f'"other", {TAG}', f'{TAG},W/"other"', "*"]
)
def test_who_has_the_picture_gets_a_304_without_it(sent: str) -> None:
    answer = unchanged(sent, TAG)
    assert answer is not None
    assert (answer.status_code, answer.body) == (304, b"")
    assert answer.headers["etag"] == TAG
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("sent", [None, "", '"other"', TAG[:-2], f"{TAG}x", TAG.strip('W/"')])
def test_who_has_another_gets_the_picture(sent: str | None) -> None:
    assert unchanged(sent, TAG) is None


def test_a_tag_differs_with_anything_that_the_picture_is_made_of() -> None:
    assert len({tag_of("a", 1), tag_of("a", 2), tag_of("b", 1), tag_of("a", 1, None)}) == 4
