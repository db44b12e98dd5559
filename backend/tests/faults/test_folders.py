"""The folders that the product made are deleted under it, or another disk is in their place."""

import shutil

import pytest

from backend.services.upkeep import picture_check, thumbnail_check
from backend.tests.faults.bench import FaultBench
from backend.tests.faults.disks import Disks
from backend.tests.fixtures.product import until

FAULT = "folders deleted while running"
ANEW = {"thumbnails": {thumbnail_check.DRAWN}, "pictures": {picture_check.COPIES}}
"""What was in them, `hsi fsck --repair` makes anew from the cameras' files."""


@pytest.mark.parametrize("folder", ["pictures", "thumbnails", "cameras", "cameras/Camera 0"])
async def test_a_folder_is_deleted(folder: str, bench: FaultBench) -> None:
    bench.start()
    await bench.start_api()
    for _ in range(3):
        bench.drop(30)
        await bench.some_final(len(bench.dropped))
        shutil.rmtree(bench.data / folder)
    bench.over()
    bench.drop(30)
    await bench.recovered(FAULT, f"{folder}, three times", anew=ANEW.get(folder, set()))


async def test_the_folder_of_logs_is_deleted(bench: FaultBench) -> None:
    bench.start()
    bench.drop(30)
    await bench.some_final(30)
    shutil.rmtree(bench.data / "logs")
    bench.over()
    bench.drop(30)
    (bench.product.media_root / "Camera 0" / "no picture.jpg").write_text("a reason to log")

    async def is_logged() -> bool:
        files = (bench.data / "logs").glob("worker*")
        return any("no picture.jpg" in file.read_text() for file in files)

    await until(is_logged, "a log file")
    await bench.recovered(FAULT, "logs")


async def test_the_folder_of_our_pictures_is_deleted_before_the_first(bench: FaultBench) -> None:
    bench.start()
    await bench.start_api()
    await bench.healthy()
    shutil.rmtree(bench.data / "pictures", ignore_errors=True)
    bench.drop(30)
    bench.over()
    await bench.recovered(FAULT, "pictures, before the first one came")


async def test_another_disk_is_in_place_of_the_pictures(bench: FaultBench, disks: Disks) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(30)
    disks.mount(bench.data / "pictures", "8m")
    bench.drop(30)
    await bench.says("ingest")
    assert await bench.oracle.count("SELECT count(*) FROM frames") == 30
    disks.unmount()
    bench.over()
    bench.drop(30)
    await bench.recovered("another disk in place of the pictures", "an empty one, then the right")
