"""Where the product runs, and how it is asked."""

import json
from pathlib import Path

import httpx
import pytest
import typer
from typer.testing import CliRunner

from backend.cli import app
from backend.cli.client import address_of, print_json, refusal, server_url
from backend.core.errors import Conflict, HsiError, Invalid, NotFound, Unavailable
from backend.local.data_folder import DataFolder
from backend.tests.fixtures.scripted_api import ADDRESS, ScriptedApi, page, problem


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("localhost:8001", "http://localhost:8001"),
        ("[::1]:8000", "http://[::1]:8000"),
        ("https://house.example/hsi/", "https://house.example/hsi"),
    ],
)
def test_an_address_is_made_a_url(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize("text", ["", "http://", "ftp://house", "http://a:b:c", "http://a:99999"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="not an address like"):
        server_url(text)


def test_the_given_server_beats_the_data_folder(tmp_path: Path) -> None:
    assert address_of("localhost:1", tmp_path) == "http://localhost:1"


def test_the_data_folder_says_where_its_product_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSI_DATA", str(tmp_path))
    with DataFolder(tmp_path) as folder:
        folder.publish(ADDRESS)
        assert address_of(None, tmp_path) == ADDRESS
        assert address_of(None, None) == ADDRESS


def test_where_nothing_runs_one_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        Unavailable, match=rf"nothing runs with the data folder {tmp_path}: `hsi up"
    ):
        address_of(None, tmp_path)


def test_where_nobody_answers_one_is_told_what_to_do() -> None:
    api = ScriptedApi({"GET /api/events": [httpx.ConnectError("refused")]})
    with (
        api.client() as opened,
        pytest.raises(Unavailable, match=f"nothing answers at {ADDRESS}: `hsi up` starts it"),
    ):
        opened.get("/api/events")


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(200, text="<html>"), httpx.Response(200, json=[]), httpx.Response(502)],
)
def test_another_server_is_known_for_what_it_is(answer: httpx.Response) -> None:
    with (
        ScriptedApi({"GET /api/events": [answer]}).client() as opened,
        pytest.raises(Unavailable, match="is not hsi"),
    ):
        opened.get("/api/events")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFound),
        (409, Conflict),
        (422, Invalid),
        (503, Unavailable),
        (500, Unavailable),
        (400, Unavailable),
    ],
)
def test_a_refusal_is_the_error_that_it_stands_for(status: int, kind: type[HsiError]) -> None:
    api = ScriptedApi({"GET /api/events/1": [problem(status, "some.code", "this is why")]})
    with api.client() as opened, pytest.raises(kind, match="this is why") as caught:
        opened.get("/api/events/1")
    assert type(caught.value) is kind
    assert caught.value.code == "some.code"
    assert ("hsi logs" in str(caught.value)) == (status == 500)


def test_each_field_that_is_wrong_is_named_once() -> None:
    errors = [{"field": "limit", "message": "too many"}, {"field": "x", "message": "no"}]
    error = refusal(422, {"detail": "limit: too many", "errors": errors, "code": "c"})
    assert str(error) == "limit: too many\n  x: no"


def test_what_a_refusal_says_cannot_trick_a_terminal() -> None:
    assert str(refusal(404, {"detail": "a\x1b[2J\nb\u202e"})) == "a\\x1b[2J\\nb\\u202e"


def test_a_list_is_read_over_its_pages_and_no_further_than_asked() -> None:
    things = [{"id": number} for number in range(250)]
    pages = [page(things[:200], "more"), page(things[200:], "and more")]
    api = ScriptedApi({"GET /api/frames": pages})
    with api.client() as opened:
        found = opened.listed("/api/frames", {"camera": "a b", "state": None}, limit=250)
    assert found == things
    assert api.asked() == [
        "GET /api/frames?camera=a+b&limit=200",
        "GET /api/frames?camera=a+b&limit=50&cursor=more",
    ]


def test_a_list_ends_with_its_last_page() -> None:
    with ScriptedApi({"GET /api/frames": [page([{"id": 1}])]}).client() as opened:
        assert opened.listed("/api/frames", limit=10) == [{"id": 1}]


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"name": "Tür\x1b\u202e"}
    print_json(value)
    text = capsys.readouterr().out
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "arguments",
    [
        ["cameras", "--server", "http://other", "delete", "front_door", "--yes"],
        ["events", "--data", "/other", "show", "1"],
        ["events", "--json", "show", "1"],
    ],
)
def test_an_option_before_the_sub_command_is_refused_rather_than_ignored(
    arguments: list[str],
) -> None:
    word = next(word for word in arguments if word in {"delete", "show"})
    with pytest.raises(Invalid, match=f"write it after `{word}`"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_an_empty_answer_is_an_empty_document() -> None:
    with ScriptedApi({"DELETE /api/cameras/1/zones/1": [httpx.Response(204)]}).client() as opened:
        assert opened.send("DELETE", "/api/cameras/1/zones/1") == {}


def test_a_picture_is_downloaded_as_it_is_or_refused() -> None:
    picture = httpx.Response(200, content=b"\xff\xd8", headers={"Content-Type": "image/jpeg"})
    answers = [picture, problem(404, "camera.no_picture", "no picture yet"), httpx.Response(200)]
    with ScriptedApi({"GET /api/cameras/1/picture": answers}).client() as opened:
        assert opened.download("/api/cameras/1/picture", {"drawings": "true"}) == b"\xff\xd8"
        with pytest.raises(NotFound, match="no picture yet"):
            opened.download("/api/cameras/1/picture")
        with pytest.raises(Unavailable, match="is not hsi"):
            opened.download("/api/cameras/1/picture")


def test_groups_say_what_they_do() -> None:
    command = typer.main.get_command(app)
    context = typer.Context(command)
    for name in ("events", "cameras", "frames", "zones", "lines", "masks"):
        group = command.get_command(context, name)  # type: ignore[attr-defined]
        for one in (group, *group.commands.values()):
            assert one.help, one.name
