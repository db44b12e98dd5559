"""`python -m ai.detector` as a real process."""

import asyncio
import json
import signal
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from backend.cli.locks import versions
from backend.tests.fixtures.certificates import self_signed
from backend.tests.fixtures.detector_service import DetectorService, environment, running
from backend.tests.fixtures.onnx_models import SIDE, write_shade_model
from backend.tests.fixtures.product import PROJECT

KEY = "a-key-that-nobody-knows"
PLACES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def slow(folder: Path) -> Iterator[DetectorService]:
    """A service that needs some milliseconds for each picture, and has room for a few."""
    model = write_shade_model(folder / "slow.onnx", work=3)
    with running(model, folder, queue=PLACES, batch=4) as service:
        yield service


def png(shade: int) -> bytes:
    pixels = np.full((SIDE, SIDE, 3), shade, np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def arguments_of(pid: int) -> str:
    """What everybody on this machine can read."""
    return Path(f"/proc/{pid}/cmdline").read_text()


async def post(client: httpx.AsyncClient, service: DetectorService, shade: int) -> httpx.Response:
    headers = {"Content-Type": "image/png", "X-Request-ID": f"cam_1.2:shade-{shade}"}
    return await client.post(f"{service.url}/detect", content=png(shade), headers=headers)


def is_of(answer: httpx.Response, shade: int) -> bool:
    """Whether an answer is that of the picture of this shade."""
    body = answer.json()
    (one,) = body["detections"]
    left: float = one["bbox"]["x"] * 4
    return abs(left - shade) < 1e-3 and bool(body["request_id"] == f"cam_1.2:shade-{shade}")


@pytest.mark.slow
async def test_64_clients_nothing_is_lost_or_mixed_up_and_the_queue_does_not_grow(
    slow: DetectorService,
) -> None:
    asked: Counter[int] = Counter()

    async def ask_until_answered(shade: int) -> bool:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            for _ in range(3):
                while True:
                    answer = await post(client, slow, shade)
                    asked[answer.status_code] += 1
                    if answer.status_code == 200:
                        break
                    assert answer.json()["code"] == "detector.busy"
                    assert int(answer.headers["Retry-After"]) >= 1
                    await asyncio.sleep(0.05)  # sooner than it asks for: it must hold out
                if not is_of(answer, shade):
                    return False
        return True

    most_taken = 0

    async def watch_health() -> None:
        nonlocal most_taken
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                health = (await client.get(f"{slow.url}/health")).json()
                most_taken = max(most_taken, health["queue"]["taken"])
                await asyncio.sleep(0.02)

    watching = asyncio.ensure_future(watch_health())
    right = await asyncio.gather(*(ask_until_answered(shade) for shade in range(64)))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert all(right)
    assert asked.keys() == {200, 503}
    assert asked[200] == 3 * 64
    assert 0 < most_taken <= PLACES


async def test_pictures_of_several_requests_share_a_run(slow: DetectorService) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:

        async def figures() -> tuple[float, float]:
            text = (await client.get(f"{slow.url}/metrics")).text
            lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
            runs, pictures = "ai_detector_run_pictures_count", "ai_detector_run_pictures_sum"
            return float(lines[runs]), float(lines[pictures])

        runs, pictures = await figures()
        answers = await asyncio.gather(*(post(client, slow, shade) for shade in range(PLACES)))
        runs_then, pictures_then = await figures()
    assert all(is_of(answer, shade) for shade, answer in enumerate(answers))
    assert pictures_then - pictures == PLACES
    assert runs_then - runs < PLACES


@pytest.mark.slow
async def test_what_nobody_waits_for_any_more_is_not_looked_at(folder: Path) -> None:
    """Else a service that is asked too much would only answer those who have left."""
    model = write_shade_model(folder / "one.onnx", work=30)
    with running(model, folder, batch=1) as service:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            health: dict[str, Any] = {"queue": {"waiting": 0}}

            async def look_until(waiting: int) -> None:
                while health["queue"]["waiting"] != waiting:
                    health.update((await client.get(f"{service.url}/health")).json())

            async with httpx.AsyncClient(trust_env=False, timeout=20) as hasty:
                asked = [asyncio.ensure_future(post(hasty, service, n)) for n in range(12)]
                await look_until(8)
                for one in asked:
                    one.cancel()
                await asyncio.gather(*asked, return_exceptions=True)
            answer = await post(client, service, 99)
            figures = (await client.get(f"{service.url}/metrics")).text
    assert is_of(answer, 99)
    (runs,) = [one for one in figures.splitlines() if one.startswith("ai_detector_run_seconds_co")]
    assert float(runs.split()[1]) <= 6


@pytest.mark.slow
def test_ctrl_c_ends_it_without_a_trace(folder: Path) -> None:
    with running(write_shade_model(folder / "ended.onnx"), folder) as service:
        assert service.end(signal.SIGINT) == 128 + signal.SIGINT
    assert "Traceback" not in service.log.read_text()


@pytest.mark.slow
async def test_asked_to_end_it_answers_what_it_has(folder: Path) -> None:
    model = write_shade_model(folder / "slower.onnx", work=20)
    with running(model, folder) as service:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            asked = [asyncio.ensure_future(post(client, service, shade)) for shade in range(4)]
            taken = 0
            while taken < 4:
                health = await client.get(f"{service.url}/health")
                taken = health.json()["queue"]["taken"]
            service.process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*asked)
        assert await asyncio.to_thread(service.process.wait, 10) == -signal.SIGTERM
    assert all(is_of(answer, shade) for shade, answer in enumerate(answers))


@pytest.mark.slow
async def test_with_a_key_and_a_certificate(folder: Path, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    model = write_shade_model(folder / "quick.onnx")
    given: dict[str, Any] = {"api_key": KEY, "tls_certificate": certificate, "tls_key": key}
    with running(model, tmp_path, verify=False, **given) as service:
        trusted = ssl.create_default_context(cafile=str(certificate))
        async with httpx.AsyncClient(trust_env=False, verify=trusted) as client:
            assert (await post(client, service, 1)).status_code == 401
            client.headers["Authorization"] = f"Bearer {KEY}"
            assert is_of(await post(client, service, 2), 2)
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):  # it trusts nobody whom it does not know
                await post(client, service, 3)
        assert KEY not in service.log.read_text()
        assert KEY not in arguments_of(service.process.pid)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"model": "none.onnx"}, "there is no model file"),
        ({"model": ""}, "neither a file nor a checkpoint's folder"),
        ({"model": "m", "host": "0.0.0.0"}, "API_KEY is needed"),  # noqa: S104
        ({"model": "m", "modle": "m"}, "AI_DETECTOR_MODLE: no such setting"),
    ],
)
def test_what_is_set_wrongly_is_said_in_one_line(given: dict[str, str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ai.detector"],
        env=environment(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ai.detector: ")
    assert said in line


LOOK_ONCE = """
import json, sys
from pathlib import Path
import numpy as np
from ai.detector.__main__ import load_chosen
model = load_chosen(Path(sys.argv[1]), threads=1, confidence=0.5, runtime="onnxruntime")
model.look([(np.zeros((64, 64, 3), np.uint8), 0.5)])
model.close()
print(json.dumps(list(sys.modules)))
"""
"""What a model needs is imported when it is loaded, or even when it is run."""


@pytest.mark.slow
def test_it_needs_only_what_its_own_lock_names(folder: Path) -> None:
    """A machine with nothing but the service answers; and no torch, and no database's library."""
    model = write_shade_model(folder / "once.onnx")
    done = subprocess.run(
        [sys.executable, "-c", LOOK_ONCE, str(model)],
        env=environment({}),
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    by_module = packages_distributions()
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert "onnxruntime" in loaded
    used = {one.lower().replace("_", "-") for name in loaded for one in by_module.get(name, [])}
    locked = versions((PROJECT / "requirements" / "detector.lock").read_text())
    # FastAPI takes orjson where it is there; what measures coverage, and what that takes, is there
    # in tests alone.
    assert used - locked.keys() <= {"orjson", "coverage", "pytest-cov", "greenlet"}
    assert not {"sqlalchemy", "asyncpg", "redis", "torch", "openvino"} & locked.keys()
    assert not {"torch", "transformers", "openvino"} & loaded
