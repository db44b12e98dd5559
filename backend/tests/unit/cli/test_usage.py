"""What was typed wrongly is said in one line, in our own words."""

import sys

import pytest

from backend.cli import main


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["events", "--limit", "0"], "--limit: must be at least 1, got 0 (`hsi events -h`"),
        (["frames", "list", "-n", "x"], "--limit: must be a whole number (`hsi frames list -h`"),
        (["up", "--port", "99999"], "--port: must be at most 65535, got 99999 (`hsi up -h`"),
        (["events", "show"], "ID: is missing (`hsi events show -h`"),
        (["events", "show", "abc"], "ID: must be a whole number (`hsi events show -h`"),
        (["cameras", "delete"], "CAMERA: is missing (`hsi cameras delete -h`"),
        (
            ["events", "--level", "huge"],
            "--level: 'huge' is not one of 'low', 'medium', 'high', 'critical' (`hsi events -h`",
        ),
    ],
)
def test_a_wrong_value_is_one_line(
    typed: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["hsi", *typed])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert capsys.readouterr().err == f"hsi: {said} describes it)\n"
