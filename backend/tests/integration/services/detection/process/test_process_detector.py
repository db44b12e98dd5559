"""A model in a process of its own, which is killed, stands still, or cannot be started."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.core.errors import Invalid, Unavailable
from backend.services.detection.opening import open_detector
from backend.services.detection.process import child
from backend.services.detection.process.child import ModelFile, RuntimeDied
from backend.services.detection.process.detector import ProcessDetector
from backend.tests.fixtures.detector_contract import EMPTY, DetectorContract, scene
from backend.tests.fixtures.model_processes import model_processes_of, stands_still
from backend.tests.fixtures.moody_model import PROGRAM, WHITE, be_still_at_the_next
from backend.tests.fixtures.onnx_models import no_queries, write_dog_model, write_model
from backend.tests.fixtures.product import PROJECT, until
from backend.tests.fixtures.waiting import is_gone, wait_for

CRASHING = replace(EMPTY, pixels=scene(visitor=False, shade=WHITE))
CLOSED_WITHIN_SECONDS = 2.5


def the_process() -> int:
    """The one that runs."""
    (pid,) = model_processes_of(os.getpid())
    return pid


async def opened(path: Path, *, patience: float = 10.0) -> ProcessDetector:
    return await ProcessDetector.open(ModelFile(path, 1, 0.5, "onnxruntime"), patience=patience)


def move(file: Path, to: Path) -> None:
    file.rename(to)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_dog_model(tmp_path / "dog.onnx")


@pytest.fixture
async def detector(model: Path) -> AsyncIterator[ProcessDetector]:
    made = await opened(model)
    yield made
    await made.aclose()
    assert model_processes_of(os.getpid()) == []


@pytest.fixture
async def moody(
    model: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[ProcessDetector]:
    """One that crashes at a white picture, and waits no longer than a second."""
    monkeypatch.setattr(child, "PROGRAM", PROGRAM)
    monkeypatch.setenv("HSI_DATA", str(tmp_path))
    made = await opened(model, patience=1.0)
    yield made
    await made.aclose()
    assert model_processes_of(os.getpid()) == []


async def still_at_a_picture(
    moody: ProcessDetector, folder: Path
) -> tuple["asyncio.Task[object]", int]:
    """The question that it stands still at, and its process."""
    be_still_at_the_next(folder)
    asking: asyncio.Task[object] = asyncio.create_task(moody.detect(EMPTY, None))
    pid = the_process()

    async def is_still() -> bool:
        return stands_still(pid)

    await until(is_still, "the process to stand still")
    return asking, pid


class TestProcessDetector(DetectorContract):
    """It is a detector as every other one."""


async def test_one_that_was_killed_between_two_pictures_is_replaced(
    detector: ProcessDetector,
) -> None:
    before, pid = await detector.detect(EMPTY, None), the_process()
    os.kill(pid, signal.SIGKILL)
    assert await detector.detect(EMPTY, None) == before
    assert the_process() != pid


async def test_one_that_was_stopped_between_two_pictures_is_replaced(
    moody: ProcessDetector,
) -> None:
    pid = the_process()
    os.kill(pid, signal.SIGSTOP)
    assert (await moody.detect(EMPTY, None)).detections
    assert is_gone(pid)


async def test_one_that_is_killed_at_a_picture_has_failed_at_it(
    moody: ProcessDetector, tmp_path: Path
) -> None:
    asking, pid = await still_at_a_picture(moody, tmp_path)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeDied, match="was ended by SIGKILL at this picture"):
        await asking
    assert (await moody.detect(EMPTY, None)).detections


async def test_one_that_stands_still_at_a_picture_has_failed_at_it(
    moody: ProcessDetector, tmp_path: Path
) -> None:
    asking, pid = await still_at_a_picture(moody, tmp_path)
    with pytest.raises(RuntimeDied, match="gave no answer within 1 s at this picture"):
        await asking
    assert (await moody.detect(EMPTY, None)).detections
    assert is_gone(pid)


async def test_one_that_crashes_at_a_picture_does_so_each_time(moody: ProcessDetector) -> None:
    for _ in range(2):
        with pytest.raises(RuntimeDied, match="was ended by SIGSEGV at this picture"):
            await moody.detect(CRASHING, None)
    assert (await moody.detect(EMPTY, None)).detections


async def test_who_stops_waiting_does_not_get_the_next_one_a_wrong_answer(
    moody: ProcessDetector, tmp_path: Path
) -> None:
    asking, pid = await still_at_a_picture(moody, tmp_path)
    asking.cancel()
    await asyncio.wait([asking])
    os.kill(pid, signal.SIGCONT)
    unlike = replace(EMPTY, pixels=scene(visitor=False, width=200, height=20))
    assert await moody.detect(unlike, None) == await moody.detect(unlike, None)
    assert is_gone(pid)


async def test_the_close_is_prompt_also_where_it_stands_still(
    moody: ProcessDetector, tmp_path: Path
) -> None:
    asking, pid = await still_at_a_picture(moody, tmp_path)
    asking.cancel()
    await asyncio.wait([asking])
    async with asyncio.timeout(CLOSED_WITHIN_SECONDS):
        await moody.aclose()
    assert is_gone(pid)


async def test_a_model_that_is_gone_is_waited_for(detector: ProcessDetector, model: Path) -> None:
    elsewhere = model.with_name("elsewhere.onnx")
    move(model, elsewhere)
    os.kill(the_process(), signal.SIGKILL)
    for _ in range(2):
        with pytest.raises(Unavailable, match="there is no model file") as caught:
            await detector.detect(EMPTY, None)
        assert caught.value.code == "detector.model"
    move(elsewhere, model)
    assert (await detector.detect(EMPTY, None)).detections


async def test_another_model_in_the_place_of_the_file_is_not_taken_for_it(
    detector: ProcessDetector, model: Path
) -> None:
    write_model(model, no_queries())
    os.kill(the_process(), signal.SIGKILL)
    with pytest.raises(Unavailable, match=r"was yolox:dog\.onnx and is rtdetr:dog\.onnx now"):
        await detector.detect(EMPTY, None)
    assert model_processes_of(os.getpid()) == []


@pytest.mark.parametrize(
    ("content", "code"), [(None, "model.missing"), (b"no model", "model.broken")]
)
async def test_what_is_no_model_is_refused_as_in_the_same_process(
    content: bytes | None, code: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Invalid) as caught:
        await open_detector(path, threads=1, confidence=0.5, runtime="auto", patience=1)
    assert caught.value.code == code
    assert model_processes_of(os.getpid()) == []


async def test_a_start_that_is_given_up_leaves_nothing(model: Path) -> None:
    opening = asyncio.create_task(opened(model))

    async def has_begun() -> bool:
        return bool(model_processes_of(os.getpid()))

    await until(has_begun, "the process to be there")
    opening.cancel()
    await asyncio.wait([opening])
    assert model_processes_of(os.getpid()) == []


async def test_a_process_that_ends_while_it_starts_is_said(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "PROGRAM", "backend.nowhere")
    with pytest.raises(Unavailable, match=r"dog\.onnx ended \(exit status 1\) while it loaded it"):
        await opened(model)


PARENT = """
import asyncio, sys
from pathlib import Path
from backend.services.detection.process.child import ModelFile
from backend.services.detection.process.detector import ProcessDetector

async def main():
    model = ModelFile(Path(sys.argv[1]), 1, 0.5, "auto")
    detector = await ProcessDetector.open(model, patience=1)
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_it_ends_with_its_worker_however_that_ends(model: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(model)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        (pid,) = model_processes_of(worker.pid)
        os.kill(pid, signal.SIGSTOP)  # so that it is not the line's end that ends it
        worker.kill()
    wait_for(lambda: is_gone(pid), what="the end of the model's process")


def test_it_knows_nothing_that_looking_does_not_need() -> None:
    names = "aiohttp, asyncpg, fastapi, httpx, pydantic, redis, sqlalchemy, structlog, torch"
    script = (
        "import sys, backend.services.detection.process.__main__; "
        f"print([one for one in {names.split(', ')} if one in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert said.stdout == "[]\n"
