"""Every operation: documented, with its problems, and strict in what it takes."""

import re
from typing import Any

import httpx
import pytest

from backend.api.application import build
from backend.domain.classes import GROUPS

DOCUMENT = build().openapi()
OPERATIONS = [
    (method, path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_an_operation_is_documented(method: str, path: str, operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["description"]
    assert len(operation["tags"]) == 1
    assert all(one.get("description") for one in operation.get("parameters", ()))


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_an_operation_says_which_problems_it_has(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    answers = operation["responses"]
    expected = {"400", "422", "500", "503"}
    expected |= {"404"} if "{" in path else set()
    expected |= {"403"} if method != "get" else set()
    assert expected <= set(answers)
    for status in (
        set(answers) - {"200", "201", "204", "304"} - ({"503"} if path == "/api/health" else set())
    ):
        schema = answers[status]["content"]["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}


_REQUIRED = {
    "/api/frames/trace": {"path": "a/b.jpg"},
    "/api/frames/why": {"camera": "a", "at": "03:10"},
}


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
async def test_an_unknown_parameter_is_refused(
    api: httpx.AsyncClient, method: str, path: str, operation: dict[str, Any]
) -> None:
    body: dict[str, object] = {"reviewed": True} if "events" in path else {"name": "x"}
    required = _REQUIRED.get(path, {})
    answer = await api.request(
        method,
        re.sub(r"\{\w+\}", "1", path),
        params={"camara": "x", **required},
        json=body if "requestBody" in operation else None,
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "query.unknown"
    assert "camara" in answer.json()["detail"]


def test_every_schema_that_is_shown_has_an_example() -> None:
    parts = {"Box", "Factor", "FieldProblem", "FileTrace", "FrameState", "Lane", "Level"}
    parts |= {"FrameCounts", "LatencyStep", "Neighbour", "StageCount", "Why"}
    parts |= {"PartHealth", "Remarks", "Rung", "Scored", "Step", "Trace", "ZoneType"}
    parts |= {"Crossed", "InZone", "JsonValue", "Signs"}
    parts |= {"EnrichedTrack", "EnricherState", "Heading", "HiddenEvent", "LineCrossing"}
    parts |= {"Point", "TrackState", "ZoneStay"}
    schemas = DOCUMENT["components"]["schemas"]
    without = {name for name, schema in schemas.items() if not schema.get("examples")}
    assert {name for name in without if not name.endswith("Page")} == parts


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert "list_events" in names


@pytest.mark.parametrize(
    "path",
    [
        "/api/cameras/0",
        "/api/cameras/-1",
        "/api/cameras/2147483648",
        "/api/events/x",
        "/api/events/9223372036854775808",
        "/api/frames/1e3/picture",
        "/api/frames/99999999999999999999999999/thumbnail",
    ],
)
async def test_ids_that_cannot_be_are_refused(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith("_id")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/events?limit=0", "limit"),
        ("/api/events?limit=201", "limit"),
        ("/api/events?level=huge", "level"),
        ("/api/events?state=attached", "state"),
        ("/api/events?since=2026-03-01T12:00:00", "since"),
        ("/api/events?until=1772366400", "until"),
        ("/api/events?until=0001-01-01T00:00:00%2B14:00", "until"),
        ("/api/events?camera=%00", "camera"),
        ("/api/events?class=unicorn", "class"),
        ("/api/detections?class=Person", "class"),
        ("/api/events?reviewed=perhaps", "reviewed"),
        ("/api/detections?event=9223372036854775808", "event"),
        ("/api/frames?state=lost", "state"),
        ("/api/frames/why?camera=a&at=03:10&window=0", "window"),
        ("/api/frames/why?camera=a", "at"),
        ("/api/dlq?state=lost", "state"),
        ("/api/dlq?stage=lost", "stage"),
        ("/api/frames/trace", "path"),
        ("/api/frames/trace?path=a%00b", "path"),
    ],
)
async def test_a_wrong_parameter_is_named(api: httpx.AsyncClient, path: str, field: str) -> None:
    answer = await api.get(path)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/events?limit=500", "limit: must be at most 200, got 500"),
        ("/api/events?limit=-3", "limit: must be at least 1, got -3"),
        ("/api/events?limit=ten", "limit: must be a whole number"),
        ("/api/events?limit=1.5", "limit: must be a whole number"),
        ("/api/events?limit=" + "9" * 30, "limit: must be at most 200, got " + "9" * 20),
        ("/api/events?reviewed=perhaps", "reviewed: must be true or false"),
        ("/api/events?level=huge", "level: must be 'low', 'medium', 'high' or 'critical'"),
        ("/api/events?state=shut", "state: must be 'open' or 'closed'"),
        (
            "/api/events?class=unicorn",
            f"class: must be one of {', '.join(GROUPS)}",
        ),
        (f"/api/events?cursor={'x' * 301}", "cursor: must have at most 300 characters"),
        ("/api/frames/trace", "path: is missing"),
        ("/api/cameras/0", "camera_id: must be at least 1, got 0"),
        (
            "/api/events?limit=0&state=shut",
            "limit: must be at least 1, got 0; state: must be 'open' or 'closed'",
        ),
    ],
)
async def test_what_is_wrong_is_said_in_our_own_words(
    api: httpx.AsyncClient, path: str, words: str
) -> None:
    answer = await api.get(path)
    assert answer.status_code == 422
    assert answer.json()["detail"] == words


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/events?limit=1&limit=2", "limit"),
        ("/api/frames?camera=a&state=empty&camera=a", "camera"),
    ],
)
async def test_a_parameter_that_comes_twice_is_refused(
    api: httpx.AsyncClient, path: str, name: str
) -> None:
    answer = await api.get(path)
    assert answer.status_code == 422
    assert answer.json()["code"] == "query.repeated"
    assert answer.json()["detail"] == f"{name}: given more than once"


@pytest.mark.parametrize(
    "path",
    [
        "/api/cameras",
        "/api/events",
        "/api/detections",
        "/api/dlq",
        "/api/frames",
        "/api/quarantine",
        "/api/cameras/1/zones",
        "/api/cameras/1/lines",
        "/api/cameras/1/masks",
    ],
)
async def test_a_cursor_of_another_list_is_refused(api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(path, params={"cursor": "WyJvdGhlciIsNV0"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "cursor.invalid"
