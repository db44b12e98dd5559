"""The bad-file table: each kind of file has its right end, and the next good one goes through."""

import contextlib
import io
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from backend.services.ingest.reading import Refused, read_picture
from backend.services.ingest.scan import walk
from backend.services.ingest.unseen import unseen_folders
from backend.tests.fixtures.ingest import LIMITS, Bench, picture

NOBODY = 65534


def png_bomb() -> bytes:
    """15,000 x 15,000 pixels in 30 KB."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    side = 15_000
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", rows),
            chunk(b"IEND", b""),
        )
    )


CONTENTS = {
    "empty": (b"", "picture.empty"),
    "truncated": (picture()[:-600], "picture.truncated"),
    "first bytes of a JPEG": (b"\xff\xd8", "picture.truncated"),
    "JPEG header with text": (b"\xff\xd8\xff this is no picture", "picture.corrupt"),
    "text": (b"not a picture", "picture.not_a_picture"),
    "PNG bomb": (png_bomb(), "picture.too_large"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", "picture.not_a_picture"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "picture.not_a_picture"),
    "GIF with script": (b"GIF89a/*<script>*/=1;alert(1)", "picture.not_a_picture"),
    "too large": (picture() + bytes(LIMITS.file_bytes), "file.too_large"),
}


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("only root may make a device")


def outward_link(path: Path) -> None:
    outside = path.parents[2] / "secret.jpg"
    outside.write_bytes(picture())
    path.symlink_to(outside)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dead_link(path: Path) -> None:
    path.symlink_to("nowhere.jpg")


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def link_to_folder(path: Path) -> None:
    (path.parent / "folder").mkdir()
    path.symlink_to("folder")


OTHERS: dict[Callable[[Path], None], str] = {
    fifo: "file.not_a_file",
    device: "file.not_a_file",
    outward_link: "file.outward_link",
    link_to_device: "file.not_a_file",
    dead_link: "file.dead_link",
    link_to_itself: "file.dead_link",
    link_to_folder: "file.not_a_file",
}


async def goes_on(bench: Bench) -> None:
    """The good file that came with the bad one was taken in, and so is the next one."""
    assert await bench.paths() == ["gate/good.jpg"]
    bench.put("gate/next.jpg", picture(2))
    await bench.take("gate/next.jpg")
    assert await bench.paths() == ["gate/good.jpg", "gate/next.jpg"]


@pytest.mark.parametrize("kind", CONTENTS)
async def test_bad_content_is_quarantined(bench: Bench, kind: str) -> None:
    content, code = CONTENTS[kind]
    bad = bench.put("gate/bad.jpg", content)
    bench.put("gate/good.jpg", picture(1))
    await bench.take("gate/bad.jpg", "gate/good.jpg")
    assert await bench.bad() == {"gate/bad.jpg": code}
    await goes_on(bench)
    assert bad.read_bytes() == content


@pytest.mark.parametrize("make", OTHERS, ids=lambda make: make.__name__)
async def test_what_is_no_file_is_quarantined(bench: Bench, make: Callable[[Path], None]) -> None:
    bench.put("gate/good.jpg", picture(1))
    make(bench.root / "gate" / "bad.jpg")
    await bench.scan()
    assert await bench.bad() == {"gate/bad.jpg": OTHERS[make]}
    await goes_on(bench)


@pytest.mark.parametrize(
    ("relative", "code"),
    [
        ("loose.jpg", "file.no_camera"),
        ("gate/clip.MP4", "file.video"),
        (
            "gate/" + "/".join("d" * 200 for _ in range(5)) + "/x" * 10 + ".jpg",
            "file.path_too_long",
        ),
    ],
    ids=["in the root", "video", "path too long"],
)
async def test_bad_place_or_name_is_quarantined(bench: Bench, relative: str, code: str) -> None:
    bench.put(relative, picture())
    bench.put("gate/good.jpg", picture(1))
    await bench.take(relative, "gate/good.jpg")
    assert list((await bench.bad()).values()) == [code]
    await goes_on(bench)


async def test_a_file_in_the_root_is_given_advice(bench: Bench) -> None:
    bench.put("loose.jpg", picture())
    await bench.take("loose.jpg")
    (record,) = await bench.rows("SELECT reason FROM quarantined_files")
    assert "put it into a folder named after its camera" in record["reason"]


async def test_the_longest_paths_are_recorded_apart(bench: Bench) -> None:
    """Nothing that compresses: an index row of PostgreSQL holds 2,700 bytes."""
    folder = "gate/" + "/".join(os.urandom(100).hex() for _ in range(17))
    os.makedirs(bench.root / folder)  # noqa: PTH103 - beside the strings of the test
    for name in ("a.jpg", "b.jpg"):
        bench.put(f"{folder}/{name}", picture())
    await bench.scan()
    assert list((await bench.bad()).values()) == ["file.path_too_long"] * 2
    await bench.scan()
    (seen,) = await bench.rows("SELECT count(*) AS n FROM quarantined_files")
    assert seen["n"] == 2


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Not to be root for a while: nothing is unreadable for root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_unreadable_for_an_ordinary_user(server_folder: Path) -> None:
    path = server_folder / "gate" / "bad.jpg"
    path.parent.mkdir(mode=0o755)
    path.write_bytes(picture())
    path.chmod(0)
    with ordinary_user():
        outcome = read_picture(server_folder, "gate/bad.jpg", LIMITS)
    assert isinstance(outcome, Refused)
    assert outcome.code == "file.unreadable"
    assert "permission" in outcome.reason
    (found,) = filter(None, walk(server_folder, "", "scan"))
    assert found.mark != outcome.mark, "every scan looks at it again"


def test_a_folder_that_may_be_listed_and_not_entered(server_folder: Path) -> None:
    path = server_folder / "gate" / "bad.jpg"
    path.parent.mkdir()
    path.write_bytes(picture())
    path.parent.chmod(0o744 if os.geteuid() == 0 else 0o400)
    server_folder.chmod(0o755)
    with ordinary_user():
        (found,) = filter(None, walk(server_folder, "", "scan"))
        outcome = read_picture(server_folder, found.relative, LIMITS)
    path.parent.chmod(0o755)
    assert isinstance(outcome, Refused)
    assert (found.mark, outcome.code) == (None, "file.unreadable")


def test_a_camera_folder_that_may_not_be_listed_is_said(server_folder: Path) -> None:
    barred = server_folder / "gate"
    (server_folder / "door").mkdir(mode=0o755)
    barred.mkdir()
    barred.chmod(0o711 if os.geteuid() == 0 else 0o300)
    server_folder.chmod(0o755)
    with ordinary_user():
        unseen = unseen_folders(server_folder)
    barred.chmod(0o755)
    assert list(unseen) == ["gate"]
    assert "the right to read and to enter it" in unseen["gate"]


SAFE = {
    "odd": "a 'b' \"c\"; DROP TABLE frames;--$(reboot)`.jpg",
    "255 bytes": "x" * 251 + ".jpg",
    "percent": "..%2f..%2fetc%2fpasswd%00.jpg",
    "Unicode, composed": "Tür.jpg",
    "Unicode, decomposed": "Tu\u0308r.jpg",
    "right-to-left marks": "\u202egpj.exe\u202c.jpg",
    "newline": "a\nb\r\tc.jpg",
    "backslash": "a\\x41.jpg",
    "dots": "a...jpg",
    "upper case": "A.JPG",
    "undecodable": os.fsdecode(b"T\xfcr \xff.jpg"),
}


@pytest.mark.parametrize("kind", SAFE)
async def test_a_frame_with_a_safe_name(bench: Bench, kind: str) -> None:
    relative = f"gate/{SAFE[kind]}"
    bench.put(relative, picture())
    await bench.scan()
    await bench.take(relative)
    (frame,) = await bench.frames()
    assert frame["path"].encode("utf-8")
    assert frame["path"] == SAFE[kind].replace("\\", "\\\\").replace("\udcfc", "\\xfc").replace(
        "\udcff", "\\xff"
    )
    assert await bench.bad() == {}


async def test_two_forms_of_one_name_are_two_files(bench: Bench) -> None:
    for kind in ("Unicode, composed", "Unicode, decomposed"):
        bench.put(f"gate/{SAFE[kind]}", picture())
    await bench.scan()
    assert len(await bench.frames()) == 2


async def test_a_folder_whose_name_is_not_utf8(bench: Bench) -> None:
    relative = os.fsdecode(b"Gar\xe7on/a.jpg")
    bench.put(relative, picture())
    await bench.take(relative)
    (frame,) = await bench.frames()
    assert frame["folder"] == r"Gar\xe7on"


@pytest.mark.parametrize("kind", ["hard link", "inward link"])
async def test_a_link_is_a_frame_too(bench: Bench, kind: str) -> None:
    first = bench.put("gate/a.jpg", picture())
    link = bench.root / "door" / "b.jpg"
    link.parent.mkdir()
    if kind == "hard link":
        link.hardlink_to(first)
    else:
        link.symlink_to("../gate/a.jpg")
    await bench.scan()
    assert await bench.paths() == ["door/b.jpg", "gate/a.jpg"]


async def test_a_clock_a_year_ahead(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture(), age=timedelta(days=-365))
    await bench.take("gate/a.jpg")
    (frame,) = await bench.frames()
    assert (frame["clock_suspect"], frame["captured_from"]) == (True, "received")
    assert frame["captured_at"] == bench.clock.now()


@pytest.mark.parametrize("seconds", [2**33, -(2**31)], ids=["year 2242", "year 1901"])
async def test_a_time_far_away(bench: Bench, seconds: int) -> None:
    path = bench.put("gate/a.jpg", picture())
    os.utime(path, (seconds, seconds))
    await bench.take("gate/a.jpg")
    await bench.scan()
    assert await bench.paths() == ["gate/a.jpg"]


async def test_a_time_that_the_ledger_cannot_hold(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())
    os.utime(path, (2**33 + 2**32, 2**33 + 2**32))  # the year 2378; ext4 ends in 2446
    await bench.scan()
    await bench.scan()
    (frame,) = await bench.frames()
    assert frame["clock_suspect"]


async def test_looked_at_again_when_it_changes(bench: Bench) -> None:
    whole = picture()
    bench.put("gate/a.jpg", whole[: len(whole) // 2], age=timedelta(minutes=1))
    await bench.scan()
    assert await bench.bad() == {"gate/a.jpg": "picture.truncated"}
    assert await bench.frames() == []
    bench.put("gate/a.jpg", whole)
    await bench.scan()
    assert await bench.bad() == {}
    assert await bench.paths() == ["gate/a.jpg"]
    (record,) = await bench.rows("SELECT released_at FROM quarantined_files")
    assert record["released_at"] == bench.clock.now()


async def test_quarantined_again_after_it_was_released(bench: Bench) -> None:
    for content in (b"", picture(), b"text"):
        bench.put("gate/a.jpg", content)
        await bench.take("gate/a.jpg")
    assert await bench.bad() == {"gate/a.jpg": "picture.not_a_picture"}
    assert await bench.paths() == ["gate/a.jpg"]


async def test_a_dead_link_whose_target_comes(bench: Bench) -> None:
    link = bench.root / "gate" / "latest.jpg"
    link.parent.mkdir()
    link.symlink_to("1.jpg")
    await bench.scan()
    assert await bench.bad() == {"gate/latest.jpg": "file.dead_link"}
    bench.put("gate/1.jpg", picture())
    await bench.scan()
    assert await bench.bad() == {}
    assert await bench.paths() == ["gate/1.jpg", "gate/latest.jpg"]


async def test_a_link_whose_target_changes(bench: Bench) -> None:
    bench.put("gate/1.jpg", picture(1))
    (bench.root / "gate" / "latest.jpg").symlink_to("1.jpg")
    await bench.scan()
    bench.put("gate/1.jpg", picture(2))
    await bench.scan()
    assert (await bench.paths()).count("gate/latest.jpg") == 2


async def test_a_known_frame_that_was_bad_in_between_is_released(bench: Bench) -> None:
    """What a slow reader saw of a file before it was whole must not stay in quarantine."""
    path = bench.put("gate/a.jpg", b"")
    await bench.take("gate/a.jpg")
    bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    await bench.rows("UPDATE quarantined_files SET released_at = NULL RETURNING id")
    await bench.scan()
    assert await bench.bad() == {}
    assert path.exists()


async def test_a_png_is_a_frame(bench: Bench) -> None:
    from PIL import Image

    data = io.BytesIO()
    Image.new("RGB", (40, 30)).save(data, "png")
    bench.put("gate/a.PNG", data.getvalue())
    await bench.take("gate/a.PNG")
    (frame,) = await bench.frames()
    assert (frame["width"], frame["height"]) == (40, 30)


async def test_what_is_neither_picture_nor_video_is_none_of_our_business(bench: Bench) -> None:
    bench.put("gate/readme.txt", b"text")
    bench.put("gate/.thumbs", picture())
    bench.put("gate/a.jpg.part", picture())
    await bench.scan()
    assert (await bench.paths(), await bench.bad()) == ([], {})
