"""What every request passes."""

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from backend.api.middleware import BodyLimit, HeadAsGet, OwnHosts, RequestIds, UnexpectedErrors


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body, the method and what is bound to the log."""
    request = Request(scope, receive)
    headers = {"X-Method": request.method, **structlog.contextvars.get_contextvars()}
    await Response(await request.body(), headers=headers)(scope, receive, send)


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1:8000"
    )


async def nothing() -> Message:
    raise AssertionError("nothing is to be received")


@pytest.mark.parametrize("wanted", ["a", "0a-Z", "x" * 64])
async def test_a_sane_request_id_is_kept_and_bound(wanted: str) -> None:
    async with client_of(RequestIds(echo)) as client:
        answer = await client.get("/", headers={"X-Request-ID": wanted})
    assert answer.headers["x-request-id"] == wanted
    assert answer.headers["request_id"] == wanted
    assert "request_id" not in structlog.contextvars.get_contextvars()


@pytest.mark.parametrize("wanted", [b"", b"x" * 65, b"a b", b"a_b", "ä".encode()])
async def test_another_request_id_is_made(wanted: bytes) -> None:
    async with client_of(RequestIds(echo)) as client:
        answer = await client.get("/", headers={b"X-Request-ID": wanted})
    assert len(answer.headers["x-request-id"]) == 16


async def test_the_security_headers_are_set(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/nothing")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_page_keeps_its_own_policy(api: httpx.AsyncClient) -> None:
    answer = await api.get("/docs")
    assert "style-src 'unsafe-inline'" in answer.headers["content-security-policy"]


async def test_head_is_get_without_a_body() -> None:
    async with client_of(HeadAsGet(PlainTextResponse("four"))) as client:
        answer = await client.head("/")
    assert answer.content == b""
    assert answer.headers["content-length"] == "4"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
async def test_a_foreign_host_is_refused(api: httpx.AsyncClient, host: str) -> None:
    answer = await api.get("/api/health", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["code"] == "host.foreign"


async def test_a_missing_or_a_second_host_is_refused() -> None:
    for hosts in ([], [(b"host", b"localhost"), (b"host", b"localhost")]):
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "headers": hosts}
        await OwnHosts(echo, allowed=[])(scope, nothing, send)
        assert sent[0]["status"] == 400


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:3000"])
async def test_a_foreign_page_may_change_nothing(method: str, origin: str) -> None:
    async with client_of(OwnHosts(echo, allowed=[])) as client:
        answer = await client.request(method, "/", headers={"Origin": origin})
    assert answer.status_code == 403
    assert answer.json()["code"] == "origin.foreign"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"Origin": "http://127.0.0.1:8000"}])
async def test_our_own_page_and_programs_may(method: str, headers: dict[str, str]) -> None:
    async with client_of(OwnHosts(echo, allowed=[])) as client:
        answer = await client.request(method, "/", headers=headers)
    assert answer.status_code == 200


async def test_reading_needs_no_origin() -> None:
    async with client_of(OwnHosts(echo, allowed=[])) as client:
        answer = await client.get("/", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("host", "origin"),
    [("evil.example", "http://127.0.0.1:8000"), ("127.0.0.1:8000", "http://evil.example")],
)
async def test_a_foreign_handshake_is_closed(
    handshake: Callable[..., Scope], host: str, origin: str
) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    guarded = OwnHosts(echo, allowed=[])
    await guarded(handshake(host=host, origin=origin), nothing, send)
    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1008)]


async def pieces(number: int) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield b"x" * 10


@pytest.mark.parametrize("number", [4, 5])
async def test_a_body_that_does_not_say_its_length_is_counted(
    api: httpx.AsyncClient, number: int
) -> None:
    application = api._transport.app  # type: ignore[attr-defined]
    limited = BodyLimit(application, most_bytes=40)
    headers = {"Content-Type": "application/json"}
    async with client_of(limited) as client:
        answer = await client.post("/api/cameras", content=pieces(number), headers=headers)
    assert answer.status_code == (413 if number == 5 else 422)


@pytest.mark.parametrize(("length", "status"), [(40, 200), (41, 413)])
async def test_a_body_that_says_its_length_is_refused_at_once(length: int, status: int) -> None:
    async with client_of(BodyLimit(echo, most_bytes=40)) as client:
        answer = await client.post("/", content=b"x" * length)
    assert answer.status_code == status


async def test_a_length_that_is_no_number_is_refused() -> None:
    async with client_of(BodyLimit(echo)) as client:
        answer = await client.post("/", content=b"", headers={"Content-Length": "-1"})
    assert answer.status_code == 413


async def test_half_an_answer_is_not_followed_by_another() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("the other half")

    async with client_of(UnexpectedErrors(StreamingResponse(broken()))) as client:
        with capture_logs(), pytest.raises(RuntimeError, match="the other half"):
            await client.get("/")
