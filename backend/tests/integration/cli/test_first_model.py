"""What `hsi up` asks before anything is started: on a real terminal, once."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from backend.cli.up import decide_on_model
from backend.core.config import get_settings
from backend.services.detection.models.folder import Manifest, ModelFolder
from backend.tests.fixtures.product import PROJECT

_ASK = """
from backend.cli.up import decide_on_model
from backend.core.config import get_settings
print("awaited:", decide_on_model(get_settings()))
"""
_QUESTION = "Fetch RT-DETRv2-S (81.1 MB, Apache-2.0) from https://huggingface.co in the background"

Answering = Callable[..., str]


@pytest.fixture
def models(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "data" / "models")


@pytest.fixture
def shown_to(tmp_path: Path) -> Answering:
    """What an owner sees on a terminal who types this."""

    def answer(typed: bytes, *, script: str = _ASK, in_front: bool = True, **settings: str) -> str:
        ours, theirs = pty.openpty()
        kept = {name: value for name, value in os.environ.items() if name != "CI"}
        here = {"HSI_DATA": str(tmp_path / "data"), "PYTHONPATH": str(PROJECT)}
        os.write(ours, typed)
        child = subprocess.run(
            [sys.executable, "-c", script],
            env=kept | here | settings,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            timeout=60,
            check=False,
            preexec_fn=partial(os.login_tty, os.dup(theirs)) if in_front else None,
        )
        assert child.returncode in {0, 1}
        shown = os.read(ours, 100_000).decode()
        os.close(theirs)
        os.close(ours)
        return shown

    return answer


@pytest.mark.slow
@pytest.mark.parametrize("typed", [b"y\n", b"\n"])
def test_who_says_yes_awaits_the_first_one_and_is_not_asked_again(
    typed: bytes, shown_to: Answering, models: ModelFolder
) -> None:
    shown = shown_to(typed)
    assert "which sees that something moves, and not what" in shown
    assert _QUESTION in shown
    assert "awaited: rtdetrv2-s" in shown
    assert models.read() == Manifest(awaited="rtdetrv2-s")
    again = shown_to(b"n\n")
    assert "Fetch" not in again
    assert "awaited: rtdetrv2-s" in again


@pytest.mark.slow
def test_who_says_no_at_last_has_motion_and_is_not_asked_again(
    shown_to: Answering, models: ModelFolder
) -> None:
    shown = shown_to(b"maybe\nNO\n", MODELS__BASE_URL="https://mirror.example/models")
    assert "from https://mirror.example/models in the background" in shown
    assert "Please answer y or n [Y/n]:" in shown
    assert "awaited: None" in shown
    assert models.mark() is not None
    assert models.read() == Manifest()
    assert "Fetch" not in shown_to(b"y\n")
    assert models.read().awaited is None


@pytest.mark.slow
def test_who_leaves_is_asked_the_next_time(shown_to: Answering, models: ModelFolder) -> None:
    assert "awaited:" not in shown_to(b"\x04")
    assert models.mark() is None


@pytest.mark.slow
def test_where_nobody_answers_it_is_asked_the_next_time(
    shown_to: Answering, models: ModelFolder
) -> None:
    shown = shown_to(b"", script=f"import backend.cli.up as up; up._ANSWER_SECONDS = 0.1\n{_ASK}")
    assert "Nobody answers: it is motion for now" in shown
    assert "awaited: None" in shown
    assert models.mark() is None


@pytest.mark.slow
def test_in_the_background_of_a_terminal_nobody_is_asked(shown_to: Answering) -> None:
    shown = shown_to(b"y\n", in_front=False)
    assert "Fetch" not in shown
    assert "awaited: None" in shown


@pytest.mark.slow
def test_where_nothing_can_be_noted_it_starts_all_the_same(
    shown_to: Answering, tmp_path: Path
) -> None:
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / ".lock").mkdir()
    shown = shown_to(b"y\n")
    assert "no model is fetched: cannot write to" in shown
    assert "awaited: None" in shown


@pytest.mark.slow
def test_under_ci_nobody_is_asked(shown_to: Answering, models: ModelFolder) -> None:
    shown = shown_to(b"y\n", CI="1")
    assert "Fetch" not in shown
    assert "awaited: None" in shown
    assert models.mark() is None


@pytest.fixture
def decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str | None]:
    """What is awaited with these settings, where there is no terminal."""

    def decide(**settings: str) -> str | None:
        monkeypatch.setenv("HSI_DATA", str(tmp_path / "data"))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            get_settings.cache_clear()
            return decide_on_model(get_settings())

    return decide


def test_without_a_terminal_the_setting_answers(
    decided: Callable[..., str | None], models: ModelFolder
) -> None:
    assert decided() is None
    assert models.mark() is None
    assert decided(MODELS__AUTO_DOWNLOAD="false") is None
    assert models.mark() is None
    assert decided(MODELS__AUTO_DOWNLOAD="true") == "rtdetrv2-s"
    assert models.read().awaited == "rtdetrv2-s"
    assert decided(MODELS__AUTO_DOWNLOAD="false") is None, "which goes before"


def test_where_a_model_or_a_service_is_set_none_is_awaited(
    decided: Callable[..., str | None],
    models: ModelFolder,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wished = {"MODELS__AUTO_DOWNLOAD": "true"}
    assert decided(**wished, DETECTOR__MODEL="/nowhere/model.onnx") is None
    assert decided(**wished, DETECTOR__URLS="http://a:1") is None
    with models.changing():
        models.use("motion")
    assert decided(**wished) is None, "motion was chosen"
    assert "fetches nothing: motion was chosen" in capsys.readouterr().out
