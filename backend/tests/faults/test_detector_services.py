"""The detector's services are slow, fail, answer nonsense or nothing, or are killed at work."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.local.access import free_port
from backend.tests.faults.bench import FaultBench, lasts
from backend.tests.fixtures.detector_service import running
from backend.tests.fixtures.ledger import jpeg
from backend.tests.fixtures.onnx_models import write_shade_model
from backend.tests.fixtures.product import Drop, a_while_ago, until
from backend.tests.fixtures.scripted_service import Manner, ScriptedService, scripted_service

WORDS: dict[Manner, str] = {
    "slow": "ten times as slow",
    "500": "answering 500",
    "html": "answering HTML",
    "half": "answering half of its JSON",
    "silent": "giving no answer at all",
    "closing": "breaking each connection off",
    "413": "answering 413",
    "nan": "answering with boxes that are no numbers",
    "negative": "answering with negative boxes",
}
AWAY: list[Manner] = ["500", "html", "half", "silent", "closing"]
WRONG: list[Manner] = ["413", "nan", "negative"]
PART = dict.fromkeys(AWAY, "detector") | dict.fromkeys(WRONG, "workers")
"""The part that health says is not well; a slow service is none that is ill."""


def use(bench: FaultBench, *urls: str) -> None:
    """Let the workers ask these."""
    settings = {"URLS": ",".join(urls), "TIMEOUT_SECONDS": "1", "SIGHT": "64"}
    bench.environment |= {f"DETECTOR__{name}": value for name, value in settings.items()}


@pytest.fixture
async def service(bench: FaultBench) -> AsyncIterator[ScriptedService]:
    async with scripted_service() as made:
        use(bench, made.url)
        yield made
        await bench.end_all()


@pytest.mark.parametrize("manners", [["slow"], AWAY, WRONG], ids=["slow", "away", "wrong"])
async def test_a_service_is_ill_in_each_manner_in_turn(
    manners: list[Manner], service: ScriptedService, bench: FaultBench
) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(15)
    await bench.some_final(5)
    for manner in manners:
        service.manner = manner
        bench.drop(3)

        async def is_met(manner: Manner = manner) -> bool:
            return manner in service.met

        await until(is_met, f"a picture to be asked about of a service that is {manner}")
    if manners[0] in PART:
        await bench.says(PART[manners[0]])
    bench.drop(15)
    service.manner = "well"
    bench.over()
    words = ", then ".join(WORDS[manner] for manner in manners)
    await bench.recovered(f"detector's service {words}", "each for a picture or more")


@pytest.mark.long
@pytest.mark.parametrize("manner", WORDS)
async def test_a_service_is_ill_for_a_minute(
    manner: Manner, service: ScriptedService, bench: FaultBench
) -> None:
    bench.start()
    await bench.start_api()
    bench.drop(30)
    await bench.some_final(10)
    service.manner = manner
    bench.drop(30)
    await bench.received(60)
    if manner in PART:
        await bench.says(PART[manner])
    await lasts(60)
    bench.drop(30)
    service.manner = "well"
    bench.over()
    await bench.recovered(f"detector's service {WORDS[manner]}", "for 60 s")


async def drop_until_well(bench: FaultBench) -> None:
    """Only a picture finds out that an address is well again."""

    async def is_well() -> bool:
        await bench.drop_one_where_few_wait()
        return bool((await bench.health()).get("detector", {}).get("status") == "healthy")

    await until(is_well, "the detector to be healthy")


@pytest.mark.parametrize("manner", ["500", "nan"])
async def test_one_of_two_services_is_ill_and_the_other_goes_on(
    manner: Manner, bench: FaultBench
) -> None:
    async with scripted_service() as well, scripted_service(manner) as ill:
        use(bench, well.url, ill.url)
        bench.start()
        await bench.start_api()
        bench.drop(15)
        await bench.some_final(15)
        assert ill.url in await bench.says("detector")
        assert await bench.rungs() == ["detector_some"]
        ill.manner = "well"
        bench.over()
        await drop_until_well(bench)
        words = WORDS[manner]
        await bench.recovered(f"one of two detector's services {words}", "until it was well again")
        await bench.end_all()


async def test_one_of_two_services_is_killed_at_work_and_comes_back(
    bench: FaultBench, tmp_path: Path
) -> None:
    model = write_shade_model(tmp_path / "shade.onnx", work=2)
    port = free_port()
    with ExitStack() as stack:
        stays = stack.enter_context(running(model, tmp_path))
        dies = stack.enter_context(running(model, tmp_path, port=port))
        use(bench, stays.url, dies.url)
        bench.start("A")
        bench.start("B")
        await bench.start_api()
        bench.drop(60)
        await bench.some_final(20)
        dies.process.kill()
        dies.process.wait()
        bench.drop(60)
        assert dies.url in await bench.says("detector")
        stack.enter_context(running(model, tmp_path, port=port))
        bench.over()
        await drop_until_well(bench)
        await bench.recovered(
            "one of two detector's services killed", "by -9, while it had pictures"
        )
        await bench.end_all()


async def test_a_picture_that_ends_the_service_each_time_is_buried_and_the_rest_goes_on(
    service: ScriptedService, bench: FaultBench
) -> None:
    service.kills = 255
    address = await bench.start_api()
    bench.drop(15)
    at = a_while_ago() + timedelta(milliseconds=500)
    bench.drop_these([Drop(jpeg(service.kills), "Camera 0", "white.jpg", at)])
    bench.start()
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        letters: list[dict[str, Any]] = []

        async def is_buried() -> bool:
            # That others succeed is what tells that it is this one's fault.
            await bench.drop_one_where_few_wait()
            letters[:] = (await client.get("/api/dlq")).json()["items"]
            return bool(letters)

        await until(is_buried, "the picture to be buried", seconds=90)
        (letter,) = letters
        assert (letter["path"], letter["state"]) == ("white.jpg", "dead")
        assert "it ended at this picture" in letter["reason"]
        service.kills = None
        bench.over()
        assert (await client.post(f"/api/dlq/{letter['id']}/replay")).status_code == 200
    await bench.recovered("a picture that ends the detector's service", "replayed afterwards")
