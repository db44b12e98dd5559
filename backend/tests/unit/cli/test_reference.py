"""The pages that are made from the code."""

from pathlib import Path

import pytest

from backend.cli import reference_ladder
from backend.cli.project import project_root
from backend.cli.reference import pages, stale_pages
from backend.cli.reference_config import env_example
from backend.core.config import Settings
from backend.core.config_words import fields_by_key
from backend.services.upkeep.ladder import LADDER


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """All pages, made once: it takes longer than a test may."""
    return pages()


def test_the_pages_are_up_to_date(made: dict[str, str]) -> None:
    assert list(stale_pages(project_root(), made)) == [], "run: ./hsi reference"


def test_a_missing_or_other_page_is_stale(tmp_path: Path) -> None:
    (tmp_path / "same.md").write_text("text")
    (tmp_path / "other.md").write_text("old")
    made = {"same.md": "text", "other.md": "new", "missing.md": "text"}
    assert stale_pages(tmp_path, made) == {"other.md": "new", "missing.md": "text"}


def test_every_setting_stands_on_the_page_and_in_the_example(made: dict[str, str]) -> None:
    for key in fields_by_key(Settings):
        assert f"| `{key}` |" in made["docs/reference/config.md"]
        assert f"\n# {key}=" in made[".env.example"]


def test_the_example_gives_the_defaults_when_its_lines_are_switched_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for key in fields_by_key(Settings):
        monkeypatch.delenv(key, raising=False)
    defaults = Settings()
    lines = [line.removeprefix("# ") for line in env_example(Settings).splitlines()]
    known = {*fields_by_key(Settings), "POSTGRES_USER", "POSTGRES_DB"}
    switched_on = [line for line in lines if line.partition("=")[0] in known]
    assert len(switched_on) == len(known)
    (tmp_path / ".env").write_text("\n".join(switched_on))
    assert Settings() == defaults


def test_where_the_wrong_folder_is_in_place_the_owner_is_told_how_to_accept_it() -> None:
    (pictures,) = [rung for rung in LADDER if rung.name == "pictures"]
    readme = (project_root() / "README.md").read_text()
    for said in (pictures.advice, readme):
        assert "hsi fsck --accept-folder`" in said


def test_every_rung_of_the_ladder_stands_on_its_page() -> None:
    page = reference_ladder.page(LADDER)
    for rung in LADDER:
        assert f"## {rung.title}\n" in page
        for words in (rung.works, rung.waits, rung.advice):
            assert f" {words} |\n" in page
