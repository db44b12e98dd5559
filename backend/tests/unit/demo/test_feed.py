"""The pictures come into the media root as from cameras."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backend.core.errors import Unavailable
from backend.demo.feed import PAUSE_SECONDS, deliveries, feed
from backend.demo.scenes import SCENES, Scene

NOW = datetime(2024, 6, 1, 12, 0, 0, 250_000, tzinfo=UTC)


class ClockThatJumps:
    """Sleeping takes no time, but lets others run; the time slept is added up."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.slept)

    def monotonic(self) -> float:
        return self.slept

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        await asyncio.sleep(0)


def pictures_in(folder: Path) -> list[Path]:
    """The pictures below a folder, the oldest first."""
    return sorted(folder.rglob("*.jpg"), key=lambda path: path.stat().st_mtime)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def name_of(scene: Scene) -> bytes:
    """Stands for drawing, which takes a while."""
    return scene.file.encode()


async def test_every_picture_arrives_with_the_time_at_which_it_was_taken(tmp_path: Path) -> None:
    root, lines = tmp_path / "cameras", list[str]()
    await feed(root, ClockThatJumps(), lines.append, name_of)
    files = pictures_in(root)
    assert [path.read_bytes() for path in files] == [name_of(scene) for scene in SCENES]
    assert [path.parent.name for path in files] == [scene.camera for scene in SCENES]
    newest = files[-1].stat().st_mtime
    assert newest == pytest.approx(NOW.timestamp(), abs=0.001)
    assert [round(newest - path.stat().st_mtime) for path in files] == [
        SCENES[-1].seconds - scene.seconds for scene in SCENES
    ]


async def test_a_line_is_told_about_every_picture(tmp_path: Path) -> None:
    lines = list[str]()
    await feed(tmp_path / "cameras", ClockThatJumps(), lines.append, name_of)
    assert len(lines) == len(SCENES)
    assert lines[2] == (
        "11:57:00  Front Door/20240601T120000_03_front_door_person_day.jpg  (person)"
    )


async def test_it_takes_less_than_ten_seconds(tmp_path: Path) -> None:
    clock = ClockThatJumps()
    await feed(tmp_path / "cameras", clock, lambda _: None, name_of)
    assert clock.slept == len(SCENES) * PAUSE_SECONDS < 10


async def test_nothing_but_the_pictures_stays(tmp_path: Path) -> None:
    await feed(tmp_path / "cameras", ClockThatJumps(), lambda _: None, name_of)
    assert names_in(tmp_path) == ["cameras"]
    assert sorted(names_in(tmp_path / "cameras")) == ["Driveway", "Front Door"]
    assert len(pictures_in(tmp_path)) == len(SCENES)


async def test_half_a_picture_is_never_in_the_media_root(tmp_path: Path) -> None:
    root, seen = tmp_path / "cameras", list[int]()

    def draw(scene: Scene) -> bytes:
        seen.append(len(pictures_in(root)))
        return name_of(scene)

    await feed(root, ClockThatJumps(), lambda _: None, draw)
    assert seen == list(range(len(SCENES)))


async def test_stopped_on_the_way_it_cleans_up(tmp_path: Path) -> None:
    told = asyncio.Event()
    feeding = asyncio.create_task(
        feed(tmp_path / "cameras", ClockThatJumps(), lambda _: told.set(), name_of)
    )
    await told.wait()
    feeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feeding
    assert names_in(tmp_path) == ["cameras"]


def test_a_second_run_brings_new_files() -> None:
    first, second = deliveries(NOW), deliveries(NOW + timedelta(seconds=1))
    assert not {delivery.path for delivery in first} & {delivery.path for delivery in second}


async def test_a_media_root_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="Not a directory") as caught:
        await feed(tmp_path / "file" / "cameras", ClockThatJumps(), lambda _: None, name_of)
    assert caught.value.code == "demo.unwritable"
