"""Another model is chosen while the worker runs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backend.core.errors import Invalid, Unavailable
from backend.services.detection.detector import View
from backend.services.detection.models.folder import Chosen, Kept, ModelFolder
from backend.services.detection.switching import (
    LOOK_EVERY_SECONDS,
    TRY_AGAIN_SECONDS,
    DetectorInUse,
    ModelSwitch,
)
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.detector_contract import EMPTY
from backend.tests.fixtures.detectors import NOTHING, ScriptedDetector


class Model(ScriptedDetector):
    """Says the file that it came from; `closed` once it is."""

    doubt: str | None = None

    def __init__(self, file: Path | None) -> None:
        super().__init__()
        self.name = file.stem if file else "motion"
        self.closed = False

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Switched:
    """A switch over a real folder; `opened` are the models that it had made, or had refused."""

    folder: ModelFolder
    clock: ManualClock = field(default_factory=ManualClock)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    opened: list[str] = field(default_factory=list)
    refuses: Invalid | Unavailable | None = None
    first: Model = field(default_factory=lambda: Model(None))

    def __post_init__(self) -> None:
        self.in_use = DetectorInUse(self.first, Chosen())
        self.switch = ModelSwitch(self.folder, self.in_use, self.open, self.turn, self.clock)

    async def open(self, file: Path | None) -> Model:
        self.opened.append(file.stem if file else "motion")
        if self.refuses is not None:
            raise self.refuses
        return Model(file)


@pytest.fixture
def switched(tmp_path: Path) -> Iterator[Switched]:
    folder = ModelFolder(tmp_path)
    with folder.changing():
        for name in ("small", "large"):
            keep(folder, name)
        yield Switched(folder)


def keep(folder: ModelFolder, name: str, sha256: str = "0" * 64) -> None:
    folder.part(name).write_bytes(b"onnx")
    folder.keep(name, Kept(sha256, 4, "yolox", "a test", "2026-03-02T12:00:00"))


async def test_the_model_that_is_chosen_takes_the_place_of_the_one_at_work(
    switched: Switched,
) -> None:
    await switched.switch.look()
    assert (switched.in_use.name, switched.opened) == ("motion", [])
    switched.folder.use("small")
    await switched.switch.look()
    small = switched.in_use.present
    assert isinstance(small, Model)
    assert (switched.in_use.name, switched.in_use.sight) == ("small", small.sight)
    assert (switched.first.closed, small.closed) == (True, False)
    assert await switched.in_use.detect(EMPTY, None) == NOTHING
    assert small.views == [View(EMPTY.camera_id, EMPTY.captured_at, EMPTY.pixels)]
    switched.folder.use("motion")
    await switched.switch.look()
    assert (switched.in_use.name, small.closed) == ("motion", True)


async def test_another_file_under_the_name_in_use_is_taken_up(switched: Switched) -> None:
    for sha256 in ("0" * 64, "1" * 64, "1" * 64):
        keep(switched.folder, "small", sha256)
        switched.folder.use("small")
        await switched.switch.look()
    assert switched.opened == ["small", "small"]


async def test_a_change_that_is_none_opens_nothing(switched: Switched) -> None:
    switched.folder.use("small")
    await switched.switch.look()
    switched.folder.remove("large")
    await switched.switch.look()
    assert switched.opened == ["small"]


async def test_never_in_the_middle_of_a_claim(switched: Switched) -> None:
    switched.folder.use("small")
    await switched.turn.acquire()
    looking = asyncio.create_task(switched.switch.look())
    while not switched.opened or looking.done():
        await asyncio.sleep(0)
    assert switched.in_use.name == "motion"
    assert not switched.first.closed
    switched.turn.release()
    await looking
    assert switched.in_use.name == "small"


async def test_a_stop_before_its_turn_closes_the_new_one_alone(switched: Switched) -> None:
    made: list[Model] = []

    async def open_(file: Path | None) -> Model:
        made.append(Model(file))
        return made[-1]

    switched.folder.use("small")
    switch = ModelSwitch(switched.folder, switched.in_use, open_, switched.turn, switched.clock)
    async with switched.turn:
        looking = asyncio.create_task(switch.look())
        while not made:
            await asyncio.sleep(0)
        looking.cancel()
        await asyncio.wait([looking])
    assert made[0].closed
    assert (switched.in_use.name, switched.first.closed) == ("motion", False)


@pytest.mark.parametrize("kind", [Invalid, Unavailable])
async def test_what_cannot_be_loaded_is_said_and_tried_again(
    kind: type[Invalid | Unavailable], switched: Switched
) -> None:
    switched.refuses = kind("it is broken", code="model.broken")
    switched.folder.use("small")
    for _ in range(2):
        await switched.switch.look()
    assert (switched.in_use.name, switched.in_use.refused) == ("motion", "it is broken")
    assert not switched.first.closed
    assert switched.opened == ["small"]
    switched.folder.use("large")  # is looked at at once
    await switched.switch.look()
    assert switched.opened == ["small", "large"]
    switched.refuses = None
    switched.clock.advance(TRY_AGAIN_SECONDS)
    await switched.switch.look()
    assert (switched.in_use.name, switched.in_use.refused) == ("large", None)


async def test_a_list_that_cannot_be_read_is_said_and_the_old_one_stays(
    switched: Switched, tmp_path: Path
) -> None:
    (tmp_path / "manifest.json").write_text("{")
    await switched.switch.look()
    assert switched.in_use.name == "motion"
    assert "manifest.json cannot be read" in (switched.in_use.refused or "")


async def test_who_goes_back_to_the_one_at_work_is_told_nothing_more(switched: Switched) -> None:
    switched.refuses = Invalid("it is broken", code="model.broken")
    switched.folder.use("small")
    await switched.switch.look()
    switched.folder.use("motion")
    await switched.switch.look()
    assert (switched.in_use.refused, switched.opened) == (None, ["small"])


async def test_it_looks_every_few_seconds(switched: Switched) -> None:
    running = asyncio.create_task(switched.switch.run())
    while not switched.clock.sleepers:
        await asyncio.sleep(0.001)
    switched.folder.use("small")
    switched.clock.advance(LOOK_EVERY_SECONDS)
    while switched.in_use.name != "small":
        await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait([running])
