"""The demo as a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[4]


def start(media_root: Path, data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "backend.demo", "--media-root", str(media_root)],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "HSI_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_signal_ends_it_cleanly(tmp_path: Path) -> None:
    with start(tmp_path / "cameras", tmp_path) as demo:
        assert demo.stdout is not None
        first_line = demo.stdout.readline()
        demo.send_signal(signal.SIGTERM)
        rest, errors = demo.communicate(timeout=4)
    assert "Front Door/" in first_line
    assert len(rest.splitlines()) < 3
    assert (demo.returncode, errors) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["cameras"]


def test_an_unwritable_media_root_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with start(tmp_path / "file" / "cameras", tmp_path) as demo:
        _, errors = demo.communicate(timeout=4)
    assert demo.returncode == 1
    assert errors.startswith(f"Cannot bring pictures into {tmp_path}/file/cameras: Not a directory")
    assert len(errors.splitlines()) == 1
