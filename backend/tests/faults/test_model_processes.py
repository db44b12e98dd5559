"""The process of a worker's model is killed, stands still, crashes, or gives way to another one."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from backend.services.detection.models.folder import ModelFolder
from backend.services.detection.models.taking import copy_in, take_part
from backend.tests.faults.bench import FaultBench
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.model_processes import model_processes_of, stands_still
from backend.tests.fixtures.moody_model import WHITE, be_still_at_the_next
from backend.tests.fixtures.onnx_models import write_shade_model
from backend.tests.fixtures.product import Drop, a_while_ago, until


async def start(bench: FaultBench, model: Path) -> str:
    """A worker with this model in a process, and an API; where that is."""
    bench.environment |= {"DETECTOR__MODEL": str(model), "DETECTOR__TIMEOUT_SECONDS": "1"}
    bench.start(own_model=True)
    return await bench.start_api()


async def still_at_a_picture(bench: FaultBench) -> int:
    """Wait until the model's process stands still at one of the pictures that come; its number."""
    be_still_at_the_next(bench.data)
    bench.drop(15)
    still: list[int] = []

    async def is_still() -> bool:
        still[:] = filter(stands_still, model_processes_of(bench.workers["A"].pid))
        return bool(still)

    await until(is_still, "the model's process to stand still")
    return still[0]


async def test_it_is_killed_and_then_stands_still_at_a_picture(
    bench: FaultBench, tmp_path: Path
) -> None:
    await start(bench, write_shade_model(tmp_path / "shade.onnx"))
    os.kill(await still_at_a_picture(bench), signal.SIGKILL)
    bench.over()
    await bench.recovered("a model's process killed", "by -9, at a picture")
    pid = await still_at_a_picture(bench)

    async def is_replaced() -> bool:
        return pid not in model_processes_of(bench.workers["A"].pid)

    await until(is_replaced, "the process to be killed")
    bench.over()
    await bench.recovered("a model's process that stands still", "at a picture, for good")


async def test_a_picture_at_which_it_crashes_each_time_is_buried_and_the_rest_goes_on(
    bench: FaultBench, tmp_path: Path
) -> None:
    bench.drop(15)
    at = a_while_ago() + timedelta(milliseconds=500)
    bench.drop_these([Drop(jpeg(WHITE), "Camera 0", "white.jpg", at)])
    address = await start(bench, write_shade_model(tmp_path / "shade.onnx"))
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        letters: list[dict[str, str | int]] = []

        async def is_buried() -> bool:
            # That others succeed is what tells that it is this one's fault.
            await bench.drop_one_where_few_wait()
            letters[:] = (await client.get("/api/dlq")).json()["items"]
            return bool(letters)

        await until(is_buried, "the picture to be buried", seconds=90)
        (letter,) = letters
        assert (letter["path"], letter["state"], letter["tries"]) == ("white.jpg", "dead", 3)
        assert "was ended by SIGSEGV at this picture" in str(letter["reason"])
        bench.end(signal.SIGTERM)
        bench.over()
        bench.start()
        assert (await client.post(f"/api/dlq/{letter['id']}/replay")).status_code == 200
    await bench.recovered("a picture that crashes the model's process", "replayed afterwards")


async def test_another_model_is_chosen_in_the_midst_of_a_burst(
    bench: FaultBench, tmp_path: Path
) -> None:
    models = ModelFolder(bench.data / "models")
    with models.changing():
        for name in ("one", "two"):
            copy_in(models, name, write_shade_model(tmp_path / f"{name}.onnx", work=2))
            take_part(models, name, "a test", datetime.now(UTC))
        models.use("one")
    bench.start(own_model=True)
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(10)
    models.use("two")

    async def is_taken_up() -> bool:
        await bench.drop_one_where_few_wait()
        rows = await bench.rows("SELECT DISTINCT detector FROM frames WHERE detector IS NOT NULL")
        return {row["detector"] for row in rows} == {"yolox:one.onnx", "yolox:two.onnx"}

    await until(is_taken_up, "the other model to look at pictures")
    bench.over()
    await bench.recovered("another model chosen", "while pictures were looked at")
