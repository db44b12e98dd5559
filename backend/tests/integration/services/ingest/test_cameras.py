"""From the name of a folder to a camera."""

import asyncio

import pytest
from structlog.testing import capture_logs

from backend.services.ingest.stage import FoundFile
from backend.tests.fixtures.ingest import Bench, picture


@pytest.mark.parametrize(
    ("folder", "slug"),
    [
        ("Front Door", "front_door"),
        ("front_door", "front_door"),
        ("Einfahrt (Süd)", "einfahrt_sud"),
        ("ПАРКОВКА", "parkovka"),
        ("__a--b__", "a_b"),
        ("..2", "2"),
        ("%20", "20"),
        ("!!!", "camera_00000000"),
    ],
)
async def test_slug_of_a_folder(bench: Bench, folder: str, slug: str) -> None:
    bench.put(f"{folder}/a.jpg", picture())
    await bench.scan()
    (frame,) = await bench.frames()
    if slug.startswith("camera_"):
        assert frame["slug"].startswith("camera_")
        assert len(frame["slug"]) == len(slug)
    else:
        assert frame["slug"] == slug
    assert frame["folder"] == folder


async def test_a_second_folder_with_the_same_slug(bench: Bench) -> None:
    bench.put("Front Door/a.jpg", picture())
    await bench.scan()
    bench.put("front-door/a.jpg", picture())
    with capture_logs() as logs:
        await bench.scan()
    assert [frame["slug"] for frame in await bench.frames()] == ["front_door", "front_door_2"]
    (warning,) = [line for line in logs if line["log_level"] == "warning"]
    assert (warning["camera"], warning["wanted"]) == ("front_door_2", "front_door")


async def test_three_folders_whose_slug_is_as_long_as_it_may_be(bench: Bench) -> None:
    for folder in ("a" * 64, "A" * 64, "A" + "a" * 63, "a" * 63 + "A"):
        bench.put(f"{folder}/a.jpg", picture())
    await bench.scan()
    assert len({frame["slug"] for frame in await bench.frames()}) == 4


async def test_names_that_give_nothing_stay_apart(bench: Bench) -> None:
    for folder in ("!!!", "???"):
        bench.put(f"{folder}/a.jpg", picture())
    await bench.scan()
    slugs = {frame["slug"] for frame in await bench.frames()}
    assert len(slugs) == 2
    assert all(slug.startswith("camera_") for slug in slugs)


async def test_two_at_once_make_one_camera(bench: Bench) -> None:
    folders = [f"Camera {number}" for number in range(8)]
    found = []
    for folder in folders:
        bench.put(f"{folder}/a.jpg", picture())
        found.append(FoundFile(f"{folder}/a.jpg", "watch"))
    await asyncio.gather(bench.ingest().handle(found), bench.ingest().handle(found[::-1]))
    assert [frame["folder"] for frame in await bench.frames()] == folders


async def test_two_at_once_give_each_folder_a_slug_of_its_own(bench: Bench) -> None:
    folders = ["Gate", "gate", "GATE", "gate!", "(gate)", "g\u0430te"]
    for folder in folders:
        bench.put(f"{folder}/a.jpg", picture())
    await asyncio.gather(
        *(bench.ingest().handle([FoundFile(f"{folder}/a.jpg", "watch")]) for folder in folders)
    )
    slugs = {frame["slug"] for frame in await bench.frames()}
    assert slugs == {"gate", "gate_2", "gate_3", "gate_4", "gate_5", "gate_6"}


async def test_a_folder_with_nothing_but_bad_files_is_no_camera(bench: Bench) -> None:
    bench.put("gate/a.jpg", b"text")
    await bench.scan()
    assert await bench.rows("SELECT 1 FROM cameras") == []


async def test_a_deleted_camera_is_ignored_and_counted_until_it_is_restored(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    camera = await bench.delete_camera()
    bench.put("gate/b.jpg", picture(1))
    bench.put("gate/c.jpg", b"text")
    await bench.take("gate/b.jpg", "gate/c.jpg")
    await bench.scan()
    await bench.scan()
    (row,) = await bench.rows("SELECT ignored_files FROM cameras")
    assert row["ignored_files"] == 2, "heard of once each; a scan counts nothing"
    assert (await bench.frames(), await bench.bad()) == ([], {})

    await bench.restore_camera(camera)
    await bench.scan()
    assert await bench.paths() == ["gate/a.jpg", "gate/b.jpg"]
    assert list(await bench.bad()) == ["gate/c.jpg"]


async def test_files_that_come_while_their_camera_is_deleted(bench: Bench) -> None:
    """Whoever is first: in the end a deleted camera has no frames."""
    bench.put("gate/a.jpg", picture())
    await bench.take("gate/a.jpg")
    found = [FoundFile(f"gate/{number}.jpg", "watch") for number in range(20)]
    for number, file in enumerate(found):
        bench.put(file.relative, picture(number))
    ingest = bench.ingest()
    await asyncio.gather(*(ingest.handle([file]) for file in found[:10]), bench.delete_camera())
    await ingest.handle(found[10:])
    assert await bench.frames() == []
