"""Which error gives which answer."""

import json

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from structlog.testing import capture_logs

from backend.api.application import Application, build
from backend.api.error_handlers import STATUS, answer_to
from backend.api.problems import problem
from backend.core.errors import Conflict, HsiError, Invalid, NotFound, Unavailable


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (NotFound("there is no event 1", code="event.unknown"), 404, "Not Found"),
        (Conflict("it is closed", code="event.closed"), 409, "Conflict"),
        (Invalid("x must be 1", code="x.invalid"), 422, "Unprocessable Entity"),
        (Unavailable("no database", code="database.unavailable"), 503, "Service Unavailable"),
    ],
)
def test_each_kind_has_its_status(error: HsiError, status: int, title: str) -> None:
    answer = answer_to(error)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(bytes(answer.body)) == {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": str(error),
        "code": error.code,
    }
    assert answer.headers.get("retry-after") == ("5" if status == 503 else None)


def test_the_table_has_every_kind() -> None:
    assert set(STATUS) == set(HsiError.__subclasses__())


def test_a_problem_can_tell_back_what_utf8_cannot_hold() -> None:
    assert json.loads(bytes(problem(422, "x", "half \ud800").body))["detail"] == "half \ud800"


async def test_an_unknown_address(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.json()["code"] == "route.unknown"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/cameras", "GET, HEAD, POST"),
        ("PUT", "/api/cameras/5", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/api/cameras/5/restore", "POST"),
        ("DELETE", "/docs", "GET"),
    ],
)
async def test_an_unknown_method(
    api: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await api.request(method, path)
    assert answer.status_code == 405
    assert answer.json()["code"] == "method.not_allowed"
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("sent", "content_type", "message"),
    [
        (b'{"name":', "application/json", "must be JSON: Expecting value at character 8"),
        (b'{"name": "x"}', "text/plain", "must be a JSON object, sent as application/json"),
        (b"[]", "application/json", "must be a JSON object, sent as application/json"),
        (b"", "application/json", "is missing"),
    ],
)
async def test_a_body_that_is_none(
    api: httpx.AsyncClient, sent: bytes, content_type: str, message: str
) -> None:
    headers = {"Content-Type": content_type}
    answer = await api.post("/api/cameras", content=sent, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "body", "message": message}]


@pytest.mark.parametrize(
    ("sent", "field", "message"),
    [
        ('{"name": 5}', "name", "must be a text"),
        ('{"name": ""}', "name", "must not be empty"),
        ("{}", "name", "is missing"),
        ('{"name": "a", "colour": 1}', "colour", "is not known here"),
        ('{"name": "a", "time_zone": []}', "time_zone", "must be a text"),
    ],
)
async def test_a_wrong_member_is_named_in_our_own_words(
    api: httpx.AsyncClient, sent: str, field: str, message: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await api.post("/api/cameras", content=sent, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "message": message}]


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "/api/cameras", '{"name": "a", "name": "b"}'),
        ("POST", "/api/cameras", '{"name": "a", "time_zone": {"name": 1, "name": 1}}'),
        ("PATCH", "/api/cameras/1", '{"name": "a", "time_zone": null, "name": "a"}'),
        ("PATCH", "/api/events/1", '{"reviewed": true, "x": [{"name": 1, "name": 2}]}'),
    ],
)
async def test_a_member_that_comes_twice_is_refused(
    api: httpx.AsyncClient, method: str, path: str, sent: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await api.request(method, path, content=sent, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "member.repeated"
    assert answer.json()["detail"] == "name: given more than once"


@pytest.mark.parametrize("sent", [b'{"name": "\xff"}', b"[" * 20_000, b"9" * 9_000])
async def test_a_body_that_cannot_be_read(api: httpx.AsyncClient, sent: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await api.post("/api/cameras", content=sent, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "request.malformed"


async def test_what_is_not_there_now_may_be_tried_again(api: httpx.AsyncClient) -> None:
    answer = await api.get("/api/events")
    assert answer.status_code == 503
    assert answer.json()["code"] == "database.unavailable"
    assert answer.headers["retry-after"] == "5"


@pytest.fixture
def with_a_bug() -> Application:
    """An application of its own; its routes take a while."""

    async def broken(request: Request) -> Response:
        raise RuntimeError("a secret of ours")

    application = build()
    application.add_route("/broken", broken)
    return application


async def test_a_bug_is_logged_and_told_without_its_trace(with_a_bug: Application) -> None:
    transport = httpx.ASGITransport(app=with_a_bug)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        with capture_logs() as logged:
            answer = await client.get("/broken", headers={"X-Request-ID": "abc-1"})
    assert [(one["event"], one["path"]) for one in logged] == [("request failed", "/broken")]
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == "abc-1"
