"""Privacy masks through the API: what they cover is in no picture that is served."""

import io
import os
import struct
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from backend.core.config import get_settings
from backend.core.database import get_database
from backend.domain.boxes import Box, Detection
from backend.domain.shapes import Points
from backend.domain.thumbnails import thumbnail_path
from backend.services.detection.detector import Findings
from backend.services.detection.masks import covered
from backend.services.detection.picture import decode
from backend.services.detection.redraw import Redraw
from backend.tests.fixtures.application import ApplicationClient, in_one_task, running
from backend.tests.fixtures.ledger import NOON, Ledger, jpeg
from backend.tests.fixtures.product import SHARED_DATA
from backend.tests.fixtures.site import Content
from backend.tests.fixtures.stages import live
from backend.tests.integration.api.conftest import House

WINDOW: Points = ((0.55, 0.1), (0.9, 0.15), (0.85, 0.45), (0.5, 0.4))
DOOR: Points = ((0.1, 0.5), (0.3, 0.5), (0.3, 0.95), (0.1, 0.95))
MASKS = (WINDOW, DOOR)
BLACK = 20
"""Grey levels up to which JPEG may lift a black pixel beside a bright one."""
BLACK_IN_A_THUMBNAIL = 32

Pixels = NDArray[np.uint8]


def photograph(name: str) -> bytes:
    path = SHARED_DATA / "images" / f"{name}.jpg"
    if not path.exists():
        pytest.skip("the real photographs (../shared/data) are not there")
    return path.read_bytes()


def drawn() -> Pixels:
    """Upright, 640 x 360, bright, and unlike itself upside down."""
    rows, columns = np.mgrid[0:360, 0:640]
    layers = [100 + columns // 6, 240 - rows // 3, np.where(columns < 200, 220, 120)]
    return np.dstack(layers).astype(np.uint8)


def encoded(kind: str) -> bytes:
    pixels = drawn()
    if kind == "png":
        return bytes(cv2.imencode(".png", pixels)[1].tobytes())
    if kind == "jpeg":
        return bytes(cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes())
    if kind == "turned":
        return turned(pixels)
    return photograph(kind)


PREVIEW = bytes(
    cv2.imencode(".jpg", cv2.resize(drawn(), (160, 90)), (cv2.IMWRITE_JPEG_QUALITY, 80))[1]
)


def turned(pixels: Pixels) -> bytes:
    """As a camera on its side writes it: orientation 6, and a preview within the EXIF."""
    jpeg = bytes(
        cv2.imencode(".jpg", np.rot90(pixels), (cv2.IMWRITE_JPEG_QUALITY, 95))[1].tobytes()
    )
    # Two directories of TIFF: one for the picture, one for the preview, which lies behind them.
    own = struct.pack("<H HHIHxx I", 1, 0x0112, 3, 1, 6, 26)
    of_preview = struct.pack(
        "<H HHIHxx HHII HHII I",
        3,
        *(0x0103, 3, 1, 6),
        *(0x0201, 4, 1, 68),
        *(0x0202, 4, 1, len(PREVIEW)),
        0,
    )
    exif = b"Exif\0\0II*\0\x08\0\0\0" + own + of_preview + PREVIEW
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_the_turned_picture_is_what_it_is_meant_to_be() -> None:
    data = turned(drawn())
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.getexif()[0x0112] == 6
        assert picture.getexif().get_ifd(ExifTags.IFD.IFD1)[0x0202] == len(PREVIEW)
    assert unlike(pixels_of(data), drawn(), np.ones((360, 640), np.bool_)) < 3


def pixels_of(data: bytes) -> Pixels:
    return decode(data, longest=None, full_size=(1, 1))


def inside(shape: tuple[int, ...], masks: tuple[Points, ...] = MASKS) -> NDArray[np.bool_]:
    """Pixels whose middles lie within a polygon, one by one."""
    height, width = shape[:2]
    layer = np.zeros((height, width), np.uint8)
    for points in masks:
        corners = np.array(points) * (width, height) - 0.5
        cv2.fillPoly(layer, [np.rint(corners * 256).astype(np.int32)], 1, shift=8)
    return layer > 0


def away(shape: tuple[int, ...], pixels: int) -> NDArray[np.bool_]:
    """Pixels so far from what is painted over that JPEG does not carry it there."""
    painted = covered(MASKS, shape[0], shape[1])
    near = cv2.dilate(painted, np.ones((2 * pixels + 1,) * 2, np.uint8))
    return np.asarray(near == 0, np.bool_)


def is_masked(data: bytes) -> bool:
    pixels = pixels_of(data)
    return int(pixels[inside(pixels.shape)].max()) <= BLACK


def is_masked_small(data: bytes) -> bool:
    """In a thumbnail the colours beside a mask reach into it by two pixels: they are stored so."""
    pixels = pixels_of(data)
    within = cv2.erode(inside(pixels.shape).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return int(pixels[within].max()) <= BLACK_IN_A_THUMBNAIL


def unlike(one: Pixels, other: Pixels, where: NDArray[np.bool_]) -> float:
    """How many grey levels they differ, on average."""
    return float(cv2.absdiff(one, other)[where].mean())


async def taken(house: House, camera: int, picture: bytes, *, hour: int = 0) -> int:
    """A frame in which a person is seen, with its thumbnail."""
    at = NOON + timedelta(hours=hour)
    house.works.detector.sight = 320
    # Its box and words, which are drawn over everything, lie beside the masks.
    person = Detection("person", 0.9, Box(0.35, 0.6, 0.1, 0.35))
    house.works.detector.script[at] = Findings((person,))
    frame = await house.ledger.frame(camera, at, picture=picture)
    with Image.open(io.BytesIO(picture)) as header:
        width, height = header.size
    await house.ledger.change(
        "UPDATE frames SET width = :width, height = :height WHERE id = :id",
        width=width,
        height=height,
        id=frame,
    )
    await house.works.stage().handle(live(camera))
    return frame


async def mask(client: ApplicationClient, camera: int) -> list[str]:
    """Draw the masks; where they are."""
    made = []
    for number, points in enumerate(MASKS):
        answer = await client.post(
            f"/api/cameras/{camera}/masks", json={"name": f"{number}", "points": points}
        )
        assert answer.status_code == 201, answer.text
        made.append(answer.headers["location"])
    return made


async def served(client: ApplicationClient, path: str) -> bytes:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.content


PICTURES = ["png", "jpeg", "turned", "doorbell_person_parcel", "yard_night_ir_empty"]


@pytest.mark.parametrize("kind", PICTURES)
async def test_a_mask_holds_for_pictures_that_came_before_it_and_until_it_is_removed(
    client: ApplicationClient, house: House, kind: str
) -> None:
    camera, original = await house.ledger.camera(), encoded(kind)
    frame = await taken(house, camera, original)
    whole, small = f"/api/frames/{frame}/picture", f"/api/frames/{frame}/thumbnail"
    latest = f"/api/cameras/{camera}/picture"
    assert await served(client, whole) == await served(client, latest) == original
    before, upright = pixels_of(await served(client, small)), pixels_of(original)
    assert int(upright[inside(upright.shape)].max()) > 100

    places = await mask(client, camera)
    kept = thumbnail_path(house.ledger.thumbnails, frame)
    kept.write_bytes(kept.read_bytes())  # one that a slow worker drew without them
    for path in (whole, latest):
        data = await served(client, path)
        assert is_masked(data)
        shown = pixels_of(data)
        assert shown.shape == upright.shape
        assert unlike(shown, upright, away(shown.shape, 16)) < (0.01 if kind == "png" else 2)
        assert data[:3] == original[:3]
        assert b"Exif" not in data
        assert PREVIEW[-200:] not in data
    data = await served(client, small)
    assert is_masked_small(data)
    shown = pixels_of(data)
    assert unlike(shown, before, away(shown.shape, 16)) < 3

    for place in places:
        assert (await client.patch(place, json={"enabled": False})).status_code == 200
    assert await served(client, whole) == await served(client, latest) == original
    again = pixels_of(await served(client, small))
    assert unlike(again, before, np.ones(again.shape[:2], np.bool_)) < 3


async def test_a_thumbnail_that_is_drawn_again_is_masked(
    client: ApplicationClient, house: House
) -> None:
    camera, ledger = await house.ledger.camera(), house.ledger
    frame = await taken(house, camera, encoded("jpeg"))
    await mask(client, camera)
    kept = thumbnail_path(ledger.thumbnails, frame)
    kept.unlink()
    await Redraw(ledger.database, ledger.pictures, ledger.thumbnails).draw_again(frame)
    assert is_masked_small(kept.read_bytes())
    assert kept.read_bytes() == await served(client, f"/api/frames/{frame}/thumbnail")


async def test_what_lies_behind_a_mask_changes_nothing_that_is_served(
    client: ApplicationClient, house: House
) -> None:
    camera, served_of = await house.ledger.camera(), []
    await mask(client, camera)
    behind = inside((360, 640))
    for hour, colour in enumerate(((0, 0, 255), (255, 255, 255))):
        pixels = drawn()
        pixels[behind] = colour
        picture = bytes(cv2.imencode(".png", pixels)[1].tobytes())
        frame = await taken(house, camera, picture, hour=hour)
        served_of.append(
            [
                await served(client, f"/api/frames/{frame}/picture"),
                await served(client, f"/api/frames/{frame}/thumbnail"),
                await served(client, f"/api/cameras/{camera}/picture"),
                await served(client, f"/api/cameras/{camera}/picture?drawings=true"),
            ]
        )
    assert served_of[0] == served_of[1]


async def test_what_cannot_be_painted_over_is_not_shown(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera, hollow = await ledger.camera(), Content("hollow").data
    frame = await ledger.frame(camera, picture=hollow)
    paths = [f"/api/frames/{frame}/picture", f"/api/cameras/{camera}/picture"]
    assert await served(client, paths[0]) == hollow
    await mask(client, camera)
    for path in (*paths, f"{paths[1]}?drawings=true"):
        answer = await client.get(path)
        assert answer.status_code == 409
        assert answer.json()["code"] == "picture.undecodable"


@pytest.mark.parametrize("harm", ["gone", "other content"])
async def test_a_copy_that_is_not_what_it_was_is_not_shown(
    client: ApplicationClient, ledger: Ledger, harm: str
) -> None:
    camera = await ledger.camera()
    frame = await ledger.frame(camera)
    await mask(client, camera)
    (copy,) = (path for path in (ledger.folder / "pictures").rglob("*") if path.is_file())
    copy.unlink()
    if harm == "other content":
        copy.write_bytes(jpeg(200))
    answer = await client.get(f"/api/frames/{frame}/picture")
    assert answer.status_code == 404
    assert answer.json()["code"].startswith("pictures.")


async def test_who_has_a_picture_is_told_so_without_its_being_made_again(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    frame = await taken(house, camera, encoded("jpeg"))
    paths = [
        f"/api/frames/{frame}/picture",
        f"/api/frames/{frame}/thumbnail",
        f"/api/cameras/{camera}/picture",
        f"/api/cameras/{camera}/picture?drawings=true",
    ]

    async def tags() -> list[str]:
        return [(await client.get(path)).headers["etag"] for path in paths]

    unmasked = await tags()
    places = await mask(client, camera)
    masked = await tags()
    assert all(one != other for one, other in zip(unmasked, masked, strict=True))
    copy = house.ledger.pictures.path(await content_hash(house.ledger, frame))
    hidden = copy.rename(copy.with_name("hidden"))  # from what cannot be read nothing can be made
    for path, tag in zip(paths, masked, strict=True):
        answer = await client.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["cache-control"] == "private, no-store"
        assert (await client.get(path)).status_code == 404
    hidden.rename(copy)
    await client.patch(places[0], json={"points": [[0, 0], [1, 0], [1, 1]]})
    for path, tag in zip(paths, masked, strict=True):
        answer = await client.get(path, headers={"If-None-Match": tag})
        assert answer.status_code == 200


async def content_hash(ledger: Ledger, frame: int) -> bytes:
    (row,) = await ledger.rows("SELECT content_hash FROM frames WHERE id = :id", id=frame)
    return bytes(row["content_hash"])


async def test_what_is_drawn_is_seen_upon_the_latest_picture(
    client: ApplicationClient, house: House
) -> None:
    camera = await house.ledger.camera()
    await taken(house, camera, encoded("png"))
    await taken(house, camera, encoded("jpeg"), hour=1)
    path = f"/api/cameras/{camera}/picture"
    plain = pixels_of(await served(client, f"{path}?drawings=true"))
    assert unlike(plain, drawn(), np.ones(plain.shape[:2], np.bool_)) < 3
    await mask(client, camera)
    zone = {"name": "Hof", "points": [[0, 0.5], [1, 0.5], [1, 1], [0, 1]], "colour": "#ff0000"}
    await client.post(f"/api/cameras/{camera}/zones", json=zone)
    line = {"name": "Tor", "points": [[0.4, 0.1], [0.45, 0.4]]}
    await client.post(f"/api/cameras/{camera}/lines", json=line)
    off = {"name": "off", "points": [[0, 0], [0.3, 0], [0.3, 0.3]], "enabled": False}
    await client.post(f"/api/cameras/{camera}/zones", json=off)
    answer = await client.get(f"{path}?drawings=true")
    assert answer.headers["content-type"] == "image/jpeg"
    shown = pixels_of(answer.content)
    red = shown[300, 350].astype(int) - plain[300, 350]
    assert red[2] > 20 > red[0]
    assert int(shown[320, 130].max()) <= BLACK  # the door, which lies within the zone
    assert unlike(shown, plain, np.indices(shown.shape[:2])[1] < 40) < 30
    assert int(cv2.absdiff(shown, plain)[60:90, 250:290].max()) > 60  # the line
    assert int(cv2.absdiff(shown, plain)[:80, :150].max()) < 30  # what is off


async def test_a_camera_without_a_picture_is_told_in_words(
    client: ApplicationClient, ledger: Ledger
) -> None:
    camera = await ledger.camera()
    answer = await client.get(f"/api/cameras/{camera}/picture?drawings=true")
    assert answer.status_code == 404
    assert answer.json()["code"] == "camera.no_picture"
    assert answer.json()["detail"].startswith(f"camera {camera} has no picture yet")
    answer = await client.get("/api/cameras/2147483647/picture")
    assert answer.json()["code"] == "camera.unknown"
    frame = await ledger.frame(camera)
    await ledger.change("UPDATE frames SET state = 'quarantined', finished_at = received_at")
    assert (await client.get(f"/api/cameras/{camera}/picture")).status_code == 404
    await ledger.frame(camera, NOON - timedelta(hours=1), picture=jpeg(99))
    assert await served(client, f"/api/cameras/{camera}/picture") == jpeg(99)
    assert await served(client, f"/api/frames/{frame}/picture") != jpeg(99)


async def test_originals_are_not_served(client: ApplicationClient, ledger: Ledger) -> None:
    frame = await ledger.frame(await ledger.camera())
    for one in (frame, 2**62):
        answer = await client.get(f"/api/frames/{one}/original")
        assert answer.status_code == 404
        assert answer.json()["code"] == "originals.closed"
        assert "PRIVACY__ORIGINALS_FOR_OWNER" in answer.json()["detail"]


@pytest.fixture
async def opened(
    integration_db: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ApplicationClient]:
    """A client of an application whose owner may fetch originals."""
    from backend.main import create_app

    monkeypatch.setenv("PRIVACY__ORIGINALS_FOR_OWNER", "true")
    get_settings.cache_clear()
    async with in_one_task(running(create_app())) as made:
        yield made


async def test_an_owner_who_wants_it_gets_originals(opened: ApplicationClient) -> None:
    ledger = Ledger(get_database(), Path(os.environ["HSI_DATA"]))
    camera, original = await ledger.camera(), encoded("turned")
    frame = await ledger.frame(camera, picture=original)
    await mask(opened, camera)
    assert await served(opened, f"/api/frames/{frame}/original") == original
    assert is_masked(await served(opened, f"/api/frames/{frame}/picture"))
    answer = await opened.get(f"/api/frames/{2**62}/original")
    assert answer.json()["code"] == "frame.unknown"
