"""`hsi dlq`."""

import io
import sys
from typing import Any

import pytest

from backend.api.schemas.dead_letters import DeadLetter
from backend.cli.dlq import confirm, decide_all, one_or_all, show_letter, show_list
from backend.core.errors import Conflict, Invalid
from backend.tests.fixtures.scripted_api import ScriptedApi, example

UNTIL = "2026-03-01T12:30:00Z"


def test_each_letter_has_its_tries_and_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    show_list([example(DeadLetter), example(DeadLetter, state="replayed", tries=6)], 3)
    titles, first, second, last = capsys.readouterr().out.splitlines()
    assert titles.split()[:4] == ["ID", "LAST", "GIVEN", "UP"]
    assert first.split()[3:7] == ["dead", "3", "detection", "front_door"]
    assert first.endswith("given up after 3 attempts: each time its process ended")
    assert second.split()[3:5] == ["replayed", "6"]
    assert last == "of 3 dead letters in all"


@pytest.mark.parametrize(
    ("dead", "said"), [(0, "no dead letters\n"), (2, "none of 2 dead letters\n")]
)
def test_none_is_said(dead: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_list([], dead)
    assert capsys.readouterr().out == said


def test_one_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    show_letter(example(DeadLetter, state="discarded", decided_at="2026-03-01T13:00:00Z"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "dead letter 3: discarded"
    assert "  attempts  3" in lines
    assert "  frame     4711, buried (`hsi frames trace 4711`)" in lines
    assert any(line.startswith("  decided   2026-03-01 ") for line in lines)


def test_one_that_nobody_decided_of_has_no_such_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_letter(example(DeadLetter))
    assert "decided" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("number", "everything", "narrowed"),
    [(None, False, False), (3, True, False), (3, False, True), (None, False, True)],
)
def test_it_must_be_said_which(number: int | None, everything: bool, narrowed: bool) -> None:
    with pytest.raises(Invalid, match="--all"):
        one_or_all(number, everything=everything, narrowed=narrowed)


def test_one_and_all_are_both_clear() -> None:
    one_or_all(3, everything=False, narrowed=False)
    one_or_all(None, everything=True, narrowed=True)


def answer(letters: int, *, more: bool) -> dict[str, Any]:
    return {"letters": letters, "more": more, "until": UNTIL}


def test_all_is_asked_for_in_batches_up_to_the_time_of_the_first() -> None:
    api = ScriptedApi(
        {
            "POST /api/dlq/replay": [
                answer(500, more=True),
                answer(0, more=True),
                answer(7, more=False),
            ]
        }
    )
    with api.client() as opened:
        assert decide_all(opened, "replay", {"camera": "front_door", "stage": None}) == 507
    asked = [request.url.params for request in api.requests]
    assert [dict(one) for one in asked] == [
        {"camera": "front_door"},
        {"camera": "front_door", "until": UNTIL},
        {"camera": "front_door", "until": UNTIL},
    ]


@pytest.mark.parametrize("typed", ["", "y\n", "yes\n"])
def test_all_is_not_discarded_by_the_way(
    typed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    with pytest.raises(Conflict, match="nothing was discarded"):
        confirm(2, narrowed=False)
    assert capsys.readouterr().err.startswith("2 dead letters will be given up for good.")


def test_all_is_discarded_when_it_is_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("discard\n"))
    confirm(2, narrowed=True)
    assert "Some of 2 dead letters" in capsys.readouterr().err
