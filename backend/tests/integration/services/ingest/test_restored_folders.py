"""A camera that was restored has its folder scanned at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from backend.services.ingest.restored_folders import RestoredFolders
from backend.services.stores import cameras
from backend.tests.fixtures.frame_sources import NAMES, FrameSourceContract, Supplied
from backend.tests.fixtures.ingest import Bench, ScriptedSource, picture, until

WANTED = "SELECT scan_wanted_at FROM cameras WHERE scan_wanted_at IS NOT NULL"


@asynccontextmanager
async def looking(bench: Bench) -> AsyncIterator[None]:
    """Looks for restored cameras as a worker does; what was found is taken in at the end."""
    source = RestoredFolders(bench.root, bench.database, bench.clock)
    task = asyncio.create_task(bench.ingest().run(source))
    await until(lambda: bench.clock.sleepers, "the first look")
    yield
    bench.clock.advance(2)
    await bench.answered(
        "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM cameras WHERE deleted_at IS NULL "
        "AND scan_wanted_at IS NOT NULL)"
    )
    await until(lambda: bench.clock.sleepers, "the end of the look")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("folder", ["gate", "Front Door", "back\\slash", "T\udcfcr"])
async def test_what_lies_there_is_found(bench: Bench, folder: str) -> None:
    bench.put(f"{folder}/a.jpg", picture())
    bench.put(f"{folder}/2025/b.jpg", picture(1))
    await bench.scan()
    async with looking(bench):
        camera = await bench.delete_camera()
        bench.put(f"{folder}/c.jpg", b"text")
        bench.put("other/d.jpg", picture(2))
        await bench.restore_camera(camera)
    assert [frame["path"] for frame in await bench.frames()] == ["2025/b.jpg", "a.jpg"]
    assert {frame["found_by"] for frame in await bench.frames()} == {"scan"}
    assert list((await bench.bad()).values()) == ["picture.not_a_picture"]
    assert bench.bells.rung[-1] == (str(camera), "backlog")
    assert await bench.rows(WANTED) == [], "once"


async def test_restored_while_no_worker_was_at_work(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.scan()
    await bench.restore_camera(await bench.delete_camera())
    async with looking(bench):
        pass
    assert await bench.paths() == ["gate/a.jpg"]


async def test_a_camera_that_is_still_deleted_is_left_alone(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.scan()
    async with looking(bench):
        await bench.restore_camera(await bench.delete_camera())
        await bench.delete_camera()
    assert await bench.paths() == []


async def test_a_scan_that_is_cut_short_is_done_again(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.scan()
    await bench.restore_camera(await bench.delete_camera())
    batches = RestoredFolders(bench.root, bench.database, bench.clock).batches()
    (found,) = await anext(batches)
    await batches.aclose()
    assert found.relative == "gate/a.jpg"
    async with looking(bench):
        pass
    assert await bench.paths() == ["gate/a.jpg"]


async def test_restored_again_while_it_is_scanned(bench: Bench) -> None:
    bench.put("gate/a.jpg", picture())
    await bench.scan()
    camera = await bench.delete_camera()
    await bench.restore_camera(camera)
    batches = RestoredFolders(bench.root, bench.database, bench.clock).batches()
    first = await anext(batches)
    await bench.ingest().run(ScriptedSource(first))
    bench.clock.advance(1)
    await bench.restore_camera(await bench.delete_camera())
    following = asyncio.ensure_future(anext(batches))
    await until(lambda: bench.clock.sleepers, "the end of the scan")
    bench.clock.advance(2)
    assert await following == first
    await batches.aclose()


async def test_a_folder_that_is_gone(bench: Bench) -> None:
    path = bench.put("gate/a.jpg", picture())
    await bench.scan()
    path.unlink()
    path.parent.rmdir()
    async with looking(bench):
        await bench.restore_camera(await bench.delete_camera())
    assert await bench.rows(WANTED) == []


class TestRestoredFolders(FrameSourceContract):
    @pytest.fixture
    async def supplied(self, bench: Bench) -> Supplied:
        for number, name in enumerate(NAMES):
            bench.put(name, picture(number))
        await bench.scan()

        async def restored() -> None:
            """All cameras are deleted, and restored at a moment of its own."""
            bench.clock.advance(1)
            ids = [row["id"] for row in await bench.rows("SELECT id FROM cameras")]
            async with bench.database.transaction() as session:
                for camera_id in ids:
                    await cameras.lock(session, camera_id)
                    await cameras.bury(session, camera_id, now=bench.clock.now())
                    await cameras.restore(session, camera_id, now=bench.clock.now())

        source = RestoredFolders(bench.root, bench.database, bench.clock)
        return Supplied(source, restored, lambda: bench.clock.advance(2))
