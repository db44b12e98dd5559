"""What a file on the command line is called below the media root."""

import os
from pathlib import Path

import pytest

from backend.cli.media_paths import media_root, places_below
from backend.core.errors import Invalid

ROOT = Path("/srv/cameras")


@pytest.mark.parametrize(
    ("file", "here", "places"),
    [
        ("/srv/cameras/Front Door/a.jpg", "/", ["Front Door/a.jpg"]),
        ("/srv/cameras/x/../Front Door/a.jpg", "/", ["Front Door/a.jpg"]),
        ("Front Door/a.jpg", "/home/me", ["Front Door/a.jpg"]),
        ("./Front Door//a.jpg", "/home/me", ["Front Door/a.jpg"]),
        ("Front Door/a.jpg", "/srv/cameras", ["Front Door/a.jpg"]),
        ("a.jpg", "/srv/cameras/Front Door", ["Front Door/a.jpg", "a.jpg"]),
        ("cameras/Front Door/a.jpg", "/srv", ["Front Door/a.jpg", "cameras/Front Door/a.jpg"]),
        (os.fsdecode(b"/srv/cameras/T\xfcr/a\\b.jpg"), "/", [r"T\xfcr/a\\b.jpg"]),
    ],
)
def test_the_paths_that_a_file_may_mean(file: str, here: str, places: list[str]) -> None:
    assert places_below(ROOT, file, Path(here)) == places


@pytest.mark.parametrize("file", ["/etc/passwd", "/srv/cameras", "/srv/cameras2/a.jpg"])
def test_a_file_elsewhere_is_refused(file: str) -> None:
    with pytest.raises(Invalid, match="is not below /srv/cameras"):
        places_below(ROOT, file, Path("/"))


def test_a_link_to_the_media_root_leads_there(tmp_path: Path) -> None:
    (tmp_path / "real" / "Front Door").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for root, file in (("link", "real"), ("real", "link")):
        given = str(tmp_path / file / "Front Door" / "a.jpg")
        assert places_below(tmp_path / root, given, Path("/")) == ["Front Door/a.jpg"]


def test_the_media_root_is_in_the_data_folder_unless_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSI_DATA", "/data")
    assert media_root(tmp_path) == tmp_path / "cameras"
    assert media_root(None) == Path("/data/cameras")


def test_a_media_root_that_is_set_is_the_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST__MEDIA_ROOT", "/srv/cameras")
    assert media_root(tmp_path) == media_root(None) == ROOT
