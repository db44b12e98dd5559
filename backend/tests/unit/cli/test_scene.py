"""`hsi scene`."""

import json

import pytest

from backend.api.schemas.scene import SceneThing
from backend.cli.scene import refuse_several, show, tell, things
from backend.core.errors import Invalid
from backend.tests.fixtures.scripted_api import ScriptedApi, example, page

PATH = "/api/cameras/1/scene"


def test_each_thing_says_since_when_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    show([example(SceneThing), example(SceneThing, watched=True, track_id=13)], "scene")
    titles, first, second = capsys.readouterr().out.splitlines()
    assert titles.split()[:5] == ["TRACK", "CLASS", "STANDS", "SINCE", "LAST"]
    assert first.split()[:3] == ["12", "car", "2026-03-01"]
    assert first.endswith("  8120  12% 55% 30% 25%     -")
    assert second.endswith("  watched")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("scene", "nothing belongs to the scene\n"),
        ("left", "nothing that left is remembered\n"),
        ("watched", "nothing is watched\n"),
    ],
)
def test_none_is_said(state: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    show([], state)
    assert capsys.readouterr().out == said


def test_programs_get_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    show([example(SceneThing)], "scene", as_json=True)
    assert json.loads(capsys.readouterr().out) == [example(SceneThing)]


def test_all_of_a_state_is_asked_for() -> None:
    api = ScriptedApi({f"GET {PATH}": [page([example(SceneThing)], "more"), page([])]})
    with api.client() as opened:
        assert things(opened, PATH, "left") == [example(SceneThing)]
    assert api.asked() == [
        f"GET {PATH}?state=left&limit=200",
        f"GET {PATH}?state=left&limit=200&cursor=more",
    ]


@pytest.mark.parametrize(
    ("watched", "said"),
    [
        (True, "track 12 (car) is not scene: it is news from now\n"),
        (False, "track 12 (car) may become scene again\n"),
    ],
)
def test_what_was_decided_is_said(
    watched: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(example(SceneThing, watched=watched), as_json=False)
    assert capsys.readouterr().out == said


def test_one_thing_is_done_at_a_time() -> None:
    refuse_several(left=True, watched=False, not_scene=None, take_back=None)
    with pytest.raises(Invalid, match="--left, --take-back: say one of them"):
        refuse_several(left=True, watched=False, not_scene=None, take_back=3)
