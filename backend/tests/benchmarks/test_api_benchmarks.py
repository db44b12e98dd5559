"""Answers of the real API, as a process over the real servers; every body is looked at."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pytest_benchmark.fixture import BenchmarkFixture

from backend.tests.benchmarks.bench.http import product_api
from backend.tests.benchmarks.bench.pages import fill
from backend.tests.benchmarks.bench.place import Bench

ROWS = 2000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(bench: Bench) -> AsyncIterator[int]:
    """The API over 2,000 events of one frame and one detection each."""
    async with bench.place() as place:
        await fill(place, ROWS)
        async with product_api(place) as served:
            yield served.port


@pytest.fixture
def api(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", trust_env=False) as client:
        yield client


def ids(page: dict[str, Any]) -> list[int]:
    return [item["id"] for item in page["items"]]


@pytest.mark.parametrize("noun", ["events", "frames", "detections"])
@pytest.mark.parametrize("limit", [1, 50, 200])
def test_the_first_page(
    benchmark: BenchmarkFixture, api: httpx.Client, noun: str, limit: int
) -> None:
    page = benchmark(lambda: api.get(f"/{noun}", params={"limit": limit}).json())
    assert ids(page) == list(range(ROWS, ROWS - limit, -1))
    assert page["next_cursor"]


@pytest.mark.parametrize("noun", ["events", "frames", "detections"])
def test_a_later_page(benchmark: BenchmarkFixture, api: httpx.Client, noun: str) -> None:
    cursor = api.get(f"/{noun}", params={"limit": 200}).json()["next_cursor"]
    page = benchmark(lambda: api.get(f"/{noun}", params={"cursor": cursor}).json())
    assert ids(page) == list(range(ROWS - 200, ROWS - 250, -1))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("/events?camera=camera_3", [i for i in range(ROWS, 0, -1) if i % 20 == 2][:50]),
        ("/events?level=critical", [i for i in range(ROWS, 0, -1) if i % 100 >= 85][:50]),
        ("/events?class=dog", [i for i in range(ROWS, 0, -1) if i % 100 == 2][:50]),
        ("/events?reviewed=true", [i for i in range(ROWS, 0, -1) if i % 100 == 1][:50]),
        ("/frames?camera=camera_3", [i for i in range(ROWS, 0, -1) if i % 20 == 2][:50]),
        ("/detections?class=dog", [i for i in range(ROWS, 0, -1) if i % 100 == 2][:50]),
    ],
)
def test_a_filtered_page(
    benchmark: BenchmarkFixture, api: httpx.Client, query: str, expected: list[int]
) -> None:
    assert ids(benchmark(lambda: api.get(query).json())) == expected


def test_one_event(benchmark: BenchmarkFixture, api: httpx.Client) -> None:
    event = benchmark(lambda: api.get("/events/1002").json())
    assert (event["id"], event["classes"], event["score"], event["level"]) == (
        1002,
        ["dog"],
        2,
        "low",
    )


def test_health(benchmark: BenchmarkFixture, api: httpx.Client) -> None:
    detailed = api.get("/system/health").json()
    assert benchmark(lambda: api.get("/health").json()) == {"status": detailed["status"]}


def test_what_is_not_there(benchmark: BenchmarkFixture, api: httpx.Client) -> None:
    answer = benchmark(lambda: api.get(f"/events/{ROWS + 1}"))
    assert (answer.status_code, answer.json()["code"]) == (404, "event.unknown")
