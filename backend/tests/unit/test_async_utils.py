"""The doubles are honest, the bounds bound, and each example of the guide runs as it is written."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

import httpx
import pytest
from sqlalchemy import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncSession

from backend.tests.async_utils import (
    AsyncClientMock,
    ConcurrentResult,
    async_timeout,
    create_async_session_mock,
    create_mock_db_context,
    run_concurrent_tasks,
    simulate_concurrent_requests,
    with_timeout,
)

# --- The examples ---------------------------------------------------------------------------------


async def test_example_of_doubles() -> None:
    # fmt: off
    from backend.tests.async_utils import AsyncClientMock, create_mock_db_context

    # For HTTP clients
    mock = AsyncClientMock(
        get_responses={"/health": {"status": "healthy"}},
        post_responses={"/detect": {"detections": []}},
    )
    async with mock.client() as client:
        response = await client.get("/health")

    # For database sessions
    mock_session = create_async_session_mock(execute_results=[...])
    mock_context = create_mock_db_context(mock_session)
    # fmt: on

    assert response.json() == {"status": "healthy"}
    async with mock_context as session:
        assert await session.execute("SELECT 1") is ...


async def test_example_of_bounds() -> None:
    client = AsyncMock()
    client.get_data.return_value = [1, 2]

    # fmt: off
    from backend.tests.async_utils import async_timeout, with_timeout

    # Context manager style
    async with async_timeout(5.0, operation="health check"):
        await client.check_health()

    # Function wrapper style
    result = await with_timeout(
        client.get_data(),
        timeout=5.0,
        operation="fetching data",
    )
    # fmt: on

    client.check_health.assert_awaited_once()
    assert result == [1, 2]


async def test_example_of_concurrency() -> None:
    answers = {f"/endpoint{number}": number for number in (1, 2, 3)} | {"/api/health": "well"}
    mock = AsyncClientMock(get_responses=answers)
    async with mock.client() as client:
        # fmt: off
        from backend.tests.async_utils import run_concurrent_tasks, simulate_concurrent_requests

        # Run multiple coroutines concurrently
        result = await run_concurrent_tasks(
            client.get("/endpoint1"),
            client.get("/endpoint2"),
            client.get("/endpoint3"),
        )
        assert result.all_succeeded
        assert len(result.results) == 3

        # Simulate load testing
        result = await simulate_concurrent_requests(
            lambda: client.get("/api/health"),
            count=10,
            delay_between=0.01,
        )
        # fmt: on

    assert result.success_count == 10
    assert result.duration_seconds >= 0.09
    asked = [request.url.path for request in mock.requests]
    assert asked == ["/endpoint1", "/endpoint2", "/endpoint3", *["/api/health"] * 10]


async def test_example_of_a_spec() -> None:
    # fmt: off
    from backend.core.redis import RedisClient
    mock_client = MagicMock(spec=RedisClient)
    # fmt: on

    with pytest.raises(AttributeError):
        mock_client.get_helth()


async def test_example_of_a_patched_class() -> None:
    mock = AsyncClientMock(get_responses={"/health": {"status": "healthy"}})
    mock_client = mock.client()

    # fmt: off
    # Good: Mock the class constructor
    with patch("httpx.AsyncClient") as mock_class:
        mock_class.return_value = mock_client
    # fmt: on

        async with httpx.AsyncClient() as client:
            assert (await client.get("/health")).json() == {"status": "healthy"}


async def test_example_of_results() -> None:
    mock_camera_result, mock_detection_result = result_of("porch"), result_of("cat", "dog")

    # fmt: off
    mock_session = create_async_session_mock(
        execute_results=[mock_camera_result, mock_detection_result],
    )
    # fmt: on

    assert await mock_session.scalar("SELECT …") == "porch"
    assert (await mock_session.scalars("SELECT …")).all() == ["cat", "dog"]


async def async_generator_function() -> AsyncIterator[int]:
    for number in range(3):
        yield number


expected_count = 3


async def test_async_generator() -> None:
    results = []
    async for item in async_generator_function():
        results.append(item)  # noqa: PERF401
    assert len(results) == expected_count


async def background_function() -> None:
    await asyncio.sleep(0)


async def test_background_task() -> None:
    task = asyncio.create_task(background_function())
    try:
        # Wait for task to complete or timeout
        await asyncio.wait_for(task, timeout=5.0)
    except asyncio.TimeoutError:  # noqa: UP041
        task.cancel()
        pytest.fail("Background task did not complete")


# --- The client -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/health/"),
        ("GET", "/healt"),
        ("GET", "/healthy"),
        ("GET", "/api/health"),
        ("GET", "/health?deep=1"),
        ("GET", "http://elsewhere.test/health"),
        ("POST", "/health"),
    ],
)
async def test_no_other_url_and_method_is_answered(method: str, url: str) -> None:
    async with AsyncClientMock(get_responses={"/health": "well"}).client() as client:
        with pytest.raises(AssertionError, match=r"there are: GET http://mock\.test/health$"):
            await client.request(method, url)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
async def test_each_method_has_its_answers(method: str) -> None:
    answers: dict[str, Any] = {f"{method}_responses": {"/things?page=2": {"by": method}}}
    async with AsyncClientMock(**answers).client() as client:
        response = await client.request(method.upper(), "/things", params={"page": 2})
    assert response.json() == {"by": method}


async def test_a_whole_address_is_answered_whatever_the_base() -> None:
    mock = AsyncClientMock(
        post_responses={"http://detector.test:8090/detect": [], "health": "well"},
        base_url="http://api.test/v1/",
    )
    async with mock.client() as client:
        assert (await client.post("http://detector.test:8090/detect")).json() == []
        assert (await client.post("http://api.test/v1/health")).json() == "well"


async def test_a_bad_status_is_raised_by_the_response_itself() -> None:
    unwell = httpx.Response(503, json={"detail": "no model"}, headers={"Retry-After": "7"})
    async with AsyncClientMock(get_responses={"/health": unwell}).client() as client:
        for _ in range(2):
            response = await client.get("/health")
            with pytest.raises(httpx.HTTPStatusError, match="503 Service Unavailable"):
                response.raise_for_status()
            assert response.json() == {"detail": "no model"}
            assert response.headers["retry-after"] == "7"


async def test_an_exception_is_raised_as_by_the_network() -> None:
    mock = AsyncClientMock(get_responses={"/health": httpx.ConnectError("refused")})
    async with mock.client() as client:
        with pytest.raises(httpx.ConnectError, match="refused"):
            await client.get("/health")


async def test_what_was_asked_is_kept() -> None:
    mock = AsyncClientMock(post_responses={"/detect": {}})
    async with mock.client() as client:
        await client.post("/detect", json={"threshold": 0.5}, headers={"X-Trace": "7"})
    (request,) = mock.requests
    assert (request.method, request.url.path) == ("POST", "/detect")
    assert (request.content, request.headers["x-trace"]) == (b'{"threshold":0.5}', "7")


async def test_a_client_that_was_left_is_closed() -> None:
    async with AsyncClientMock(get_responses={"/health": "well"}).client() as client:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        await client.get("/health")


# --- The database ---------------------------------------------------------------------------------


def result_of(*values: str) -> IteratorResult[Any]:
    """A real result with one column."""
    return IteratorResult(SimpleResultMetaData(["name"]), iter([(value,) for value in values]))


async def test_results_come_in_order_and_then_no_more() -> None:
    session = create_async_session_mock([1, ValueError("no table"), 3])
    assert await session.execute("a") == 1
    with pytest.raises(ValueError, match="no table"):
        await session.execute("b")
    assert await session.execute("c") == 3
    with pytest.raises(AssertionError, match="given 3 results"):
        await session.execute("d")
    assert [call.args for call in session.execute.await_args_list] == [
        (name,) for name in ("a", "b", "c", "d")
    ]


async def test_a_session_without_results_answers_nothing() -> None:
    session = create_async_session_mock()
    for ask in (session.execute, session.scalar, session.scalars):
        with pytest.raises(AssertionError, match="given 0 results"):
            await ask("a")
    await session.commit()
    session.commit.assert_awaited_once_with()


async def test_a_session_is_like_a_real_one() -> None:
    session = create_async_session_mock()
    assert isinstance(session, AsyncSession)
    assert session.add("thing") is not None  # no coroutine: the real one needs no await
    with pytest.raises(AttributeError):
        await session.comit()
    async with session as itself:
        assert itself is session
    with pytest.raises(ValueError, match="inside"):
        async with session:
            raise ValueError("inside")


async def test_a_context_opens_often_and_hides_no_error() -> None:
    context = create_mock_db_context("session")
    for _ in range(2):
        async with context as session:
            assert session == "session"
    with pytest.raises(ValueError, match="inside"):
        async with context:
            raise ValueError("inside")


# --- Bounds ---------------------------------------------------------------------------------------


async def test_what_hangs_is_named() -> None:
    with pytest.raises(TimeoutError, match=r"^health check was not done after 0\.01 s$"):
        async with async_timeout(0.01, operation="health check"):
            await asyncio.Event().wait()
    with pytest.raises(TimeoutError, match=r"^the data was not done after 0\.01 s$"):
        await with_timeout(asyncio.Event().wait(), timeout=0.01, operation="the data")


async def test_an_error_of_the_operation_passes_as_it_is() -> None:
    with pytest.raises(TimeoutError, match=r"^its own$"):
        async with async_timeout(5, operation="health check"):
            raise TimeoutError("its own")
    with pytest.raises(ValueError, match=r"^wrong$"):
        async with async_timeout(5):
            raise ValueError("wrong")


async def test_a_cancellation_is_no_timeout() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with async_timeout(5):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# --- At the same time -----------------------------------------------------------------------------


async def test_they_really_run_at_the_same_time() -> None:
    barrier = asyncio.Barrier(3)
    async with asyncio.timeout(0.5):
        result = await run_concurrent_tasks(*(barrier.wait() for _ in range(3)))
        assert sorted(result.results) == [0, 1, 2]
        result = await simulate_concurrent_requests(barrier.wait, count=3)
        assert sorted(result.results) == [0, 1, 2]


async def test_an_exception_is_an_error_and_no_result() -> None:
    async def give(value: int) -> int:
        return value

    async def fail() -> int:
        raise ValueError("no")

    async def end() -> int:
        raise asyncio.CancelledError

    result = await run_concurrent_tasks(give(1), fail(), end(), give(2))
    assert result.results == [1, 2]
    assert [type(error) for error in result.errors] == [ValueError, asyncio.CancelledError]
    assert (result.success_count, result.all_succeeded) == (2, False)


async def test_a_call_that_fails_before_it_awaits_is_an_error_too() -> None:
    calls: list[int] = []

    def fail_at_once() -> Any:
        calls.append(1)
        raise ValueError("no")

    result: ConcurrentResult[Any] = await simulate_concurrent_requests(fail_at_once, count=3)
    assert (len(calls), result.success_count) == (3, 0)
    assert [str(error) for error in result.errors] == ["no"] * 3


async def test_calls_begin_one_after_the_other() -> None:
    loop = asyncio.get_running_loop()
    begun: list[float] = []

    async def note() -> None:
        begun.append(loop.time())

    start = loop.time()
    result = await simulate_concurrent_requests(note, count=4, delay_between=0.01)
    # None before its turn; how much later, on a busy machine, nobody knows.
    assert all(at - start >= 0.009 * number for number, at in enumerate(begun))
    assert result.duration_seconds >= 0.03


async def test_nothing_at_all_has_not_succeeded() -> None:
    with pytest.raises(ValueError, match="nothing to run"):
        await run_concurrent_tasks()
    with pytest.raises(ValueError, match="nothing to run"):
        await simulate_concurrent_requests(AsyncMock(), count=0)
