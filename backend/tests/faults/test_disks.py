"""Disks are full, and have room again."""

import asyncio
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from backend.tests.faults.bench import FaultBench, lasts
from backend.tests.faults.box import Box, copy_server, open_folder
from backend.tests.faults.disks import Disks
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.product import Drop, a_while_ago, until

SMALL = {"disk"}
"""Health goes on to say that a disk is small."""
OUTAGES = [5.0, pytest.param(60.0, marks=pytest.mark.long)]


@pytest.mark.parametrize("seconds", OUTAGES)
@pytest.mark.parametrize("folder", ["pictures", "thumbnails"])
async def test_the_disk_of_our_pictures_is_full(
    folder: str, seconds: float, bench: FaultBench, disks: Disks
) -> None:
    disk = disks.mount(bench.data / folder, "2m")
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(30)
    disk.fill()
    bench.drop(90)
    await bench.says("ingest" if folder == "pictures" else "detector")
    await lasts(seconds)
    bench.drop(30)
    disk.free()
    bench.over()
    await bench.recovered(
        f"disk of the {folder} full", f"for {seconds:g} s, then freed", still=SMALL
    )


async def test_a_small_disk_of_our_pictures_runs_full_and_grows(
    bench: FaultBench, disks: Disks
) -> None:
    disk = disks.mount(bench.data / "pictures", "256k")
    bench.start()
    await bench.start_api()
    bench.drop(200)
    await bench.says("ingest")
    disk.grow("8m")
    bench.over()
    await bench.recovered(
        "small disk for the pictures", "256 KiB, full, then made larger", still=SMALL
    )


@pytest.mark.parametrize("seconds", OUTAGES)
@pytest.mark.parametrize(("folder", "rung"), [("cameras", "media"), ("pictures", "pictures")])
async def test_a_disk_does_not_answer(
    folder: str, rung: str, seconds: float, bench: FaultBench, disks: Disks
) -> None:
    """As a share whose server is away: whoever asks waits for ever."""
    bench.start(patience=2)
    address = await bench.start_api()
    bench.drop(30)
    await bench.some_final(30)
    threads = thread_count(bench)
    if folder == "pictures":
        disk = disks.mount_hung(bench.data / folder)
        bench.drop(30)
    else:
        bench.drop(30)
        await bench.received(40)
        disk = disks.mount_hung(bench.product.media_root)

    async def is_said() -> bool:
        return rung in await bench.rungs()

    await until(is_said, f"health to say that the disk of the {folder} does not answer")
    await lasts(seconds)
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client:
        assert (await client.get("/api/events")).status_code == 200
        pictures = [client.get(f"/api/frames/{frame}/picture") for frame in await some(bench, 10)]
        answers = {answer.status_code for answer in await asyncio.gather(*pictures)}
        assert answers == {503 if folder == "pictures" else 200}
        assert (await client.get("/api/events")).status_code == 200, "they are in nobody's way"
    assert thread_count(bench) <= threads + 2 * 6, "no more than there are for the two disks"
    disk.end()
    disks.hung.clear()
    bench.over()
    bench.drop(30)
    await bench.recovered(f"disk of the {folder} does not answer", f"for {seconds:g} s")


async def some(bench: FaultBench, number: int) -> list[int]:
    """Frames that are attached."""
    rows = await bench.rows(f"SELECT id FROM frames WHERE state = 'attached' LIMIT {number}")
    return [row["id"] for row in rows]


def thread_count(bench: FaultBench) -> int:
    """How many threads the worker has."""
    return len(list(Path(f"/proc/{bench.workers['A'].pid}/task").iterdir()))


async def test_the_media_disk_is_full(bench: FaultBench, disks: Disks) -> None:
    """The uploader breaks off in the middle of its files, and brings them again later."""
    media = disks.mount(bench.product.media_root, "256k")
    bench.start()
    await bench.start_api()
    folder = media.folder / "Camera 0"
    folder.mkdir()
    drops = [
        Drop(jpeg(n), "Camera 0", f"{n}.jpg", a_while_ago() + timedelta(seconds=n))
        for n in range(60)
    ]
    media.fill()
    for one in drops:
        write(one, bench)
    await quarantined(bench)
    media.free()
    bench.over()
    for one in drops:
        write(one, bench)
    bench.dropped += drops
    await bench.recovered("media disk full", "60 files cut short, then brought again")
    assert (
        await bench.oracle.count("SELECT count(*) FROM quarantined_files WHERE released_at IS NULL")
        == 0
    )


def write(drop: Drop, bench: FaultBench) -> None:
    """Write a picture as a careless uploader does: in place, as much as there is room for."""
    path = bench.product.media_root / drop.folder / drop.name
    try:
        path.write_bytes(drop.data)
    except OSError:
        return
    os.utime(path, (drop.taken_at.timestamp(),) * 2)


async def quarantined(bench: FaultBench) -> None:
    async def some() -> bool:
        return await bench.oracle.count("SELECT count(*) FROM quarantined_files") > 0

    await until(some, "a quarantined file")


@pytest.mark.parametrize("seconds", OUTAGES)
async def test_the_disk_of_the_database_is_full(box: Box, disks: Disks, seconds: float) -> None:
    bench = box.bench
    postgres = box.data / "postgres"
    with open_folder("moved") as moved:
        copy_server(postgres, moved)
        disk = disks.mount(postgres, "200m", mode="711")
        copy_server(moved, postgres)
        bench.oracle.database, former = box.database(), bench.oracle.database
        await former.close()
    await box.start()
    bench.drop(60)
    await bench.some_final(60)
    disk.fill()
    bench.drop(2000, cameras=10)
    assert await not_well(bench)
    await lasts(seconds)
    disk.free()
    bench.over()
    await bench.recovered("disk of PostgreSQL full", f"for {seconds:g} s, then freed", seconds=120)


async def not_well(bench: FaultBench) -> Mapping[str, str]:
    """What health says of the parts that are not well, once there are any."""
    found: dict[str, str] = {}

    async def some() -> bool:
        report = dict(await bench.health())
        report.pop("status", None)
        found.update(
            (name, part["reason"]) for name, part in report.items() if part["status"] != "healthy"
        )
        return bool(found)

    await until(some, "health to say that something is not well", seconds=40)
    bench.said += [f"{name}: {reason}" for name, reason in found.items()]
    return found
