"""A model is fetched beside the work: by the real command, from a real server."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.services.detection.models.awaited import (
    AT_FAULT_PAUSE,
    Awaited,
    AwaitedModel,
    ask_for_first,
)
from backend.services.detection.models.folder import ModelFolder
from backend.services.detection.models.taking import copy_in, take_part
from backend.tests.fixtures.clock import ManualClock
from backend.tests.fixtures.hub import small_hub
from backend.tests.fixtures.model_server import Manner, ModelServer
from backend.tests.fixtures.onnx_models import no_queries, write_model
from backend.tests.fixtures.product import PROJECT, until

_WITH_CATALOGUE = """
import sys
from pathlib import Path
import backend.services.detection.models.catalogue as module
module._FILE = Path(sys.argv.pop(1))
from backend.cli import main
main()
"""


@dataclass
class Waiting:
    """Somebody who awaits a model, by a clock that stands still, and the server that has it."""

    hub: ModelServer
    folder: ModelFolder
    data: Path
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.awaited = self.another()

    def another(self) -> AwaitedModel:
        command = [sys.executable, "-c", _WITH_CATALOGUE, f"{self.data.parent / 'catalogue.toml'}"]
        command += ["models", "fetch-awaited", "--data", str(self.data)]
        return AwaitedModel(self.folder, command, self.clock, asks_first=False)

    def runs(self, script: str) -> None:
        """Have this run in the place of the command; `{tries}` is a file for a line at each try."""
        words = ["/bin/sh", "-c", script.format(tries=self.data.parent / "tries"), "sh"]
        self.awaited = AwaitedModel(self.folder, words, self.clock, asks_first=False)

    @property
    def tries(self) -> int:
        """How often it ran."""
        tries = self.data.parent / "tries"
        return len(tries.read_text().splitlines()) if tries.exists() else 0

    def ask(self) -> None:
        with self.folder.changing():
            self.folder.wait_for("small")

    async def until(self, is_so: Callable[[], bool], what: str) -> None:
        async def seen() -> bool:
            await self.awaited.look()
            return is_so()

        await until(seen, what)

    @property
    def said(self) -> str:
        return self.reason or ""

    @property
    def reason(self) -> str | None:
        return self.awaited.state.reason if self.awaited.state else None


@pytest.fixture
async def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Waiting]:
    content = write_model(tmp_path / "m.onnx", no_queries(), is_blind=False).read_bytes()
    with small_hub(content, tmp_path, monkeypatch) as hub:
        made = Waiting(hub, ModelFolder(tmp_path / "data" / "models"), tmp_path / "data")
        yield made
        await stopped(made.awaited.run())


async def stopped(running: Awaitable[None]) -> None:
    """What tidies up when it is cancelled has done so."""
    task = asyncio.ensure_future(running)
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def test_nothing_is_fetched_that_nobody_awaits(waiting: Waiting) -> None:
    await waiting.awaited.look()
    assert waiting.awaited.state is None
    assert waiting.hub.asked == []
    assert not waiting.data.exists()


@pytest.mark.slow
async def test_what_is_awaited_comes_and_is_used(waiting: Waiting) -> None:
    waiting.ask()
    await waiting.awaited.look()
    assert waiting.awaited.state == Awaited("small", 0, None, None)
    assert waiting.folder.chosen().file is None, "meanwhile there is motion"
    await waiting.until(lambda: waiting.awaited.state is None, "the model")
    assert waiting.folder.chosen().file == waiting.folder.file("small")
    assert waiting.folder.fault("small") is None
    assert [path for path, _ in waiting.hub.asked] == [
        "/mirror/somebody/small/resolve/main/model.onnx"
    ]


@pytest.mark.slow
async def test_who_stops_while_it_comes_goes_on_from_there(waiting: Waiting) -> None:
    waiting.hub.manners = [Manner(breaks_after=1000, stalls=True)]
    waiting.ask()
    running = asyncio.ensure_future(waiting.awaited.run())
    await until(lambda: _is_so(waiting.folder.size_of_part("small") == 1000), "a part of it")
    assert waiting.folder.is_fetching("small")
    running.cancel()
    await asyncio.wait([running])
    assert not waiting.folder.is_fetching("small"), "its process has ended"
    waiting.awaited = waiting.another()
    await waiting.until(lambda: waiting.folder.chosen().file is not None, "the model")
    assert [wanted for _, wanted in waiting.hub.asked] == [None, "bytes=1000-"]


async def _is_so(value: bool) -> bool:
    return value


@pytest.mark.slow
async def test_one_that_does_not_see_is_not_used_however_it_came(waiting: Waiting) -> None:
    blind = write_model(waiting.data.parent / "blind.onnx", no_queries())
    waiting.hub.content = blind.read_bytes()
    waiting.ask()
    for asked in (1, 1):  # the second time it is here already
        await waiting.until(lambda: waiting.reason is not None, "a reason")
        assert "it is here, and not used, since it cannot be trusted: it gives" in waiting.said
        assert waiting.folder.chosen().file is None
        assert list(waiting.folder.read().models) == ["small"]
        assert len(waiting.hub.asked) == asked
        waiting.awaited = waiting.another()


async def test_who_chooses_otherwise_ends_it(waiting: Waiting) -> None:
    waiting.runs("sleep 60")
    waiting.ask()
    await waiting.awaited.look()
    process = waiting.awaited._process
    assert process is not None
    with waiting.folder.changing():
        waiting.folder.use("motion")
    await waiting.awaited.look()
    assert waiting.awaited.state is None
    assert process.returncode == -signal.SIGTERM


async def test_one_that_cannot_be_had_is_said_and_tried_again(waiting: Waiting) -> None:
    waiting.runs("echo tried >>{tries}; echo 'a warning\nhsi: no network' >&2; exit 1")
    waiting.ask()
    await waiting.until(lambda: waiting.reason is not None, "a reason")
    assert waiting.reason == "no network"
    for _ in range(3):
        await waiting.awaited.look()
    assert waiting.tries == 1, "not before its time"
    waiting.clock.advance(1)
    await waiting.until(lambda: waiting.tries == 2, "another try")
    assert waiting.reason == "no network", "until it has come"


async def test_a_process_that_says_nothing_is_said(waiting: Waiting) -> None:
    waiting.runs("kill -9 $$")
    waiting.ask()
    await waiting.until(lambda: waiting.reason is not None, "a reason")
    assert waiting.reason == "its process ended with status -9"
    waiting.awaited = AwaitedModel(waiting.folder, ["/nowhere"], waiting.clock, asks_first=False)
    await waiting.awaited.look()
    assert waiting.reason == "it cannot be begun: No such file or directory"


async def test_one_that_is_brought_by_hand_is_used_at_once(waiting: Waiting) -> None:
    waiting.runs("echo tried >>{tries}; exit 1")
    waiting.ask()
    await waiting.until(lambda: waiting.reason is not None, "a reason")
    with waiting.folder.changing():
        copy_in(waiting.folder, "small", waiting.data.parent / "m.onnx")
        take_part(waiting.folder, "small", "a test", datetime.now(UTC))
    await waiting.until(lambda: waiting.tries == 2, "it to be used, though nothing is due")
    await waiting.until(lambda: waiting.awaited._process is None, "the end of that")
    await waiting.awaited.look()
    assert waiting.awaited._process is None, "where it cannot be used, that is tried in its time"


async def test_one_that_another_fetches_is_left_to_it(waiting: Waiting) -> None:
    waiting.runs("echo tried >>{tries}; exit 1")
    waiting.ask()
    with waiting.folder.fetching("small"):
        waiting.folder.part("small").write_bytes(b"half")
        await waiting.awaited.look()
        assert waiting.awaited.state == Awaited("small", 4, None, None)
        assert waiting.awaited._process is None
    await waiting.until(lambda: waiting.reason is not None, "its own try")
    assert waiting.tries == 1


async def test_what_is_at_fault_is_not_fetched_again_and_again(waiting: Waiting) -> None:
    waiting.runs("echo tried >>{tries}; echo 'hsi: it has another hash' >&2; exit 2")
    waiting.ask()
    await waiting.until(lambda: waiting.reason is not None, "a reason")
    waiting.clock.advance(AT_FAULT_PAUSE - 1)
    await waiting.awaited.look()
    assert waiting.awaited._process is None
    waiting.clock.advance(1)
    await waiting.until(lambda: waiting.tries == 2, "another try")


async def test_while_it_comes_there_is_no_reason_and_no_growing_pause(waiting: Waiting) -> None:
    part = waiting.folder.part("small")
    waiting.runs(f"echo tried >>{{tries}}; printf more >>{part}; echo broke off >&2; exit 1")
    waiting.ask()
    for tries in range(1, 6):
        await waiting.until(lambda: waiting.tries == tries, "a try")  # noqa: B023 - asked at once
        await waiting.until(lambda: waiting.awaited._process is None, "its end")
        waiting.clock.advance(1)
    waiting.runs("sleep 60")
    await waiting.awaited.look()
    part.write_bytes(bytes(1000))
    await waiting.awaited.look()
    assert waiting.awaited.state == Awaited("small", 1000, None, None)


async def test_settings_are_those_of_where_the_worker_stands(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(waiting.data.parent)
    waiting.runs("pwd >{tries}; echo $PYTHONPATH >>{tries}")
    waiting.ask()
    await waiting.awaited.look()
    process = waiting.awaited._process
    assert process is not None
    process.wait(10)
    where, path = (waiting.data.parent / "tries").read_text().splitlines()
    assert where == str(waiting.data.parent)
    assert path.split(os.pathsep)[0] == str(PROJECT)


async def test_the_first_one_is_asked_for_where_nobody_has_chosen(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "models")
    ask_for_first(folder)
    assert folder.read().awaited == "rtdetrv2-s"
    chosen = ModelFolder(tmp_path / "others")
    with chosen.changing():
        chosen.use("motion")
    ask_for_first(chosen)
    assert chosen.read().awaited is None
