"""`hsi cameras`."""

from pathlib import Path
from typing import Any

import pytest

from backend.api.schemas.cameras import Camera
from backend.cli.cameras import all_cameras, camera_of, save, show, to_be_removed
from backend.core.errors import Conflict, NotFound
from backend.tests.fixtures.scripted_api import ScriptedApi, example, page, problem

DOOR = example(Camera, waiting_frames=3, skipped_frames=7)
GARDEN = example(Camera, id=2, slug="garden", name="Back", folder="Garden")
NUMBER_ONE = example(Camera, id=3, slug="1", name="Back", folder="1")


def api(*cameras: dict[str, Any]) -> ScriptedApi:
    return ScriptedApi({"GET /api/cameras": [page(cameras)]})


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("front_door", 1),
        ("Front Door", 1),
        ("Garden", 2),
        ("2", 2),
        ("1", 3),  # the short name goes before the number
    ],
)
def test_a_camera_is_named_by_short_name_name_folder_or_number(word: str, found: int) -> None:
    with api(DOOR, GARDEN, NUMBER_ONE).client() as opened:
        assert camera_of(opened, word, deleted=False)["id"] == found


def test_a_name_that_two_bear_is_refused() -> None:
    with (
        api(DOOR, GARDEN, NUMBER_ONE).client() as opened,
        pytest.raises(Conflict, match="garden, 1"),
    ):
        camera_of(opened, "Back", deleted=False)


@pytest.mark.parametrize("deleted", [True, False])
def test_an_unknown_camera_is_said_to_be_none(deleted: bool) -> None:
    scripted = api(DOOR)
    with scripted.client() as opened, pytest.raises(NotFound, match=r"no .*camera a\\x1b"):
        camera_of(opened, "a\x1b", deleted=deleted)
    assert scripted.asked() == [f"GET /api/cameras?deleted={str(deleted).lower()}&limit=200"]


def test_cameras_are_shown_with_what_waits_and_what_was_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with api(DOOR, example(Camera, name="[red]", last_frame_at=None)).client() as opened:
        show(all_cameras(opened, deleted=False), deleted=False)
    titles, door, other = capsys.readouterr().out.splitlines()
    assert titles.split()[-2:] == ["WAITING", "SKIPPED"]
    assert door.split()[-2:] == ["3", "7"]
    assert other.split() == ["1", "front_door", "[red]", "-", "0", "0"]


def test_deleted_cameras_are_shown_with_what_was_ignored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([{**DOOR, "deleted_at": "2026-03-01T12:00:00Z", "ignored_files": 12}], deleted=True)
    titles, door = capsys.readouterr().out.splitlines()
    assert "IGNORED FILES" in titles
    assert door.split()[-1] == "12"


@pytest.mark.parametrize(
    ("deleted", "said"), [(True, "no camera was deleted"), (False, "no cameras yet")]
)
def test_none_is_said(deleted: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    show([], deleted=deleted)
    assert capsys.readouterr().out.startswith(said)


def test_what_a_deletion_would_remove_is_asked_without_a_confirmation() -> None:
    refused = problem(409, "camera.confirm", "sure?", frames=8, events=1, detections=3)
    scripted = ScriptedApi({"DELETE /api/cameras/1": [refused]})
    with scripted.client() as opened:
        assert to_be_removed(opened, DOOR)["frames"] == 8
    assert scripted.asked() == ["DELETE /api/cameras/1"]


def test_another_refusal_of_a_deletion_is_an_error() -> None:
    refused = problem(409, "camera.deleted", "it is deleted already")
    scripted = ScriptedApi({"DELETE /api/cameras/1": [refused]})
    with scripted.client() as opened, pytest.raises(Conflict, match="deleted already"):
        to_be_removed(opened, DOOR)


def test_a_picture_is_saved_or_it_is_said_why_not(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg", b"picture")
    assert (tmp_path / "a.jpg").read_bytes() == b"picture"
    with pytest.raises(Conflict, match=r"cannot write .*: Is a directory"):
        save(tmp_path, b"picture")
