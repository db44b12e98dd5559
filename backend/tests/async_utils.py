"""Doubles and bounds for asynchronous tests.

The doubles are the real classes wherever those work without a server: an `AsyncClientMock` answers
through `httpx.MockTransport`, so that requests and responses are httpx's own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from unittest.mock import AsyncMock

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

Thing = TypeVar("Thing")

Answers = Mapping[str, Any]
"""By URL, what is answered: an `httpx.Response`, an exception to raise, or else the JSON of a 200.

A URL is a path, with its query where the request has one, or a whole address.
"""


class AsyncClientMock:
    """An HTTP client's other side. `requests` are those that came, in order.

    A URL is answered exactly as it is written. A request for another one, or by another method, is
    an AssertionError: with an answer, a misspelt URL would go unnoticed.
    """

    def __init__(
        self,
        *,
        get_responses: Answers | None = None,
        post_responses: Answers | None = None,
        put_responses: Answers | None = None,
        patch_responses: Answers | None = None,
        delete_responses: Answers | None = None,
        base_url: str = "http://mock.test",
    ) -> None:
        self.requests: list[httpx.Request] = []
        self._base_url = base_url
        given = {
            "GET": get_responses,
            "POST": post_responses,
            "PUT": put_responses,
            "PATCH": patch_responses,
            "DELETE": delete_responses,
        }
        # The client itself makes whole addresses of them, so that both sides agree.
        client = self.client()
        self._answers = {
            (method, client.build_request(method, url).url): answer
            for method, answers in given.items()
            for url, answer in (answers or {}).items()
        }

    def client(self) -> httpx.AsyncClient:
        """A real client that gets these answers; to be used by `async with`."""
        return httpx.AsyncClient(
            base_url=self._base_url, transport=httpx.MockTransport(self._answer)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        try:
            answer = self._answers[request.method, request.url]
        except KeyError:
            known = ", ".join(f"{method} {url}" for method, url in self._answers) or "none"
            raise AssertionError(
                f"no answer for {request.method} {request.url}; there are: {known}"
            ) from None
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, httpx.Response):
            # A response belongs to one request: the next one gets its own.
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        return httpx.Response(200, json=answer)


def create_mock_db_context(session: Thing) -> AbstractAsyncContextManager[Thing]:
    """What `async with` opens to this session, as often as one likes; errors pass through it."""
    return nullcontext(session)


def create_async_session_mock(execute_results: Sequence[Any] = ()) -> AsyncMock:
    """A session whose `execute` gives these results in order; an exception among them is raised.

    `scalar` and `scalars` read the next result, as the real ones do. One call too many is an
    AssertionError. What `AsyncSession` lacks, this one lacks.
    """
    results = iter(execute_results)
    session = AsyncMock(spec=AsyncSession)

    async def execute(*_: Any, **__: Any) -> Any:
        try:
            result = next(results)
        except StopIteration:
            raise AssertionError(
                f"a statement too many: the session was given {len(execute_results)} results"
            ) from None
        if isinstance(result, BaseException):
            raise result
        return result

    async def scalar(*_: Any, **__: Any) -> Any:
        return (await execute()).scalar()

    async def scalars(*_: Any, **__: Any) -> Any:
        return (await execute()).scalars()

    session.execute.side_effect = execute
    session.scalar.side_effect = scalar
    session.scalars.side_effect = scalars
    session.__aenter__.return_value = session
    session.__aexit__.return_value = None
    return session


@asynccontextmanager
async def async_timeout(seconds: float, operation: str = "the operation") -> AsyncIterator[None]:
    """Bound what is done inside; raises TimeoutError with the operation's name.

    A TimeoutError of the operation's own passes as it is.
    """
    bound = asyncio.timeout(seconds)
    try:
        async with bound:
            yield
    except TimeoutError as error:
        if not bound.expired():
            raise
        raise TimeoutError(f"{operation} was not done after {seconds:g} s") from error


async def with_timeout(
    work: Awaitable[Thing],
    *,
    timeout: float,  # noqa: ASYNC109 - what it is for
    operation: str = "the operation",
) -> Thing:
    """Await something no longer than `timeout` seconds; see `async_timeout`."""
    async with async_timeout(timeout, operation):
        return await work


@dataclass(frozen=True, slots=True)
class ConcurrentResult(Generic[Thing]):
    """What came of work done at the same time: each piece is in `results` or in `errors`, once."""

    results: list[Thing]
    """In the order in which the work was given."""
    errors: list[BaseException]
    duration_seconds: float
    """From the start of the first to the end of the last."""

    @property
    def success_count(self) -> int:
        """How many pieces succeeded."""
        return len(self.results)

    @property
    def all_succeeded(self) -> bool:
        """Whether none failed."""
        return not self.errors


async def run_concurrent_tasks(*coros: Awaitable[Thing]) -> ConcurrentResult[Thing]:
    """Run all of them at the same time, each to its end. Raises ValueError where there is none."""
    if not coros:
        raise ValueError("nothing to run")
    loop = asyncio.get_running_loop()
    begin = loop.time()
    outcomes = await asyncio.gather(*coros, return_exceptions=True)
    return ConcurrentResult(
        results=[one for one in outcomes if not isinstance(one, BaseException)],
        errors=[one for one in outcomes if isinstance(one, BaseException)],
        duration_seconds=loop.time() - begin,
    )


async def simulate_concurrent_requests(
    fn: Callable[[], Awaitable[Thing]], *, count: int, delay_between: float = 0.0
) -> ConcurrentResult[Thing]:
    """Call `fn` so many times, each `delay_between` seconds after the last, and wait for all.

    No call waits for the end of another one.
    """

    async def call(number: int) -> Thing:
        await asyncio.sleep(number * delay_between)
        return await fn()

    return await run_concurrent_tasks(*(call(number) for number in range(count)))
