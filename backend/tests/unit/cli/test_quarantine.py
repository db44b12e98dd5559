"""`hsi quarantine`."""

import pytest

from backend.api.schemas.quarantine import QuarantinedFile
from backend.cli.quarantine import show
from backend.tests.fixtures.scripted_api import example


def test_each_file_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    show([example(QuarantinedFile)])
    titles, line = capsys.readouterr().out.splitlines()
    assert titles.split() == ["SINCE", "FILE", "SIZE", "WHY"]
    assert line.endswith("Front Door/120010.jpg  8 kB  the file ends before the picture does")


def test_a_file_that_became_a_frame_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show([example(QuarantinedFile, released_at="2026-03-01T12:00:20Z")])
    assert "(until 2026-03-01 " in capsys.readouterr().out


def test_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show([])
    assert capsys.readouterr().out == "no file is in quarantine\n"
