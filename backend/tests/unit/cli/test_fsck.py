"""What `hsi fsck` says of what was found, and how it ends."""

import pytest
import typer

from backend.cli.fsck import NOT_LOOKED as COULD_NOT_LOOK
from backend.cli.fsck import fsck, show, status_of, summary
from backend.services.upkeep.verdicts import Tally, Verdict

WELL = Verdict("all is there", 1200)
WRONG = Verdict("copies are whole", 9, 5, ("a", "b", "c"), "copies them again")
HOPELESS = Verdict("nothing foreign", 9, 1, ("x",))
MENDED = Verdict("copies are whole", 9, 5, ("a", "b", "c"), "copies them again", 5)
LEFT = Verdict("copies are whole", 9, 5, ("a", "b", "c"), "copies them again", 4, ("a: gone",))
NOT_LOOKED = Verdict("work", 2, hindrance="no Redis")


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], 0),
        ([WELL], 0),
        ([WELL, MENDED], 0),
        ([WELL, WRONG], 1),
        ([LEFT], 1),
        ([WRONG, NOT_LOOKED], 2),
    ],
)
def test_how_it_ends(verdicts: list[Verdict], status: int) -> None:
    assert status_of(verdicts) == status


@pytest.mark.parametrize(
    ("verdicts", "repair", "line"),
    [
        ([WELL], False, "All is well."),
        ([MENDED], True, "All is well: 5 mended."),
        ([WRONG], False, "5 wrong: `hsi fsck --repair` mends what it can."),
        ([MENDED, LEFT], True, "9 mended, 1 still wrong."),
        ([WRONG, NOT_LOOKED], False, "Not all could be looked at (1)."),
    ],
)
def test_the_last_line(verdicts: list[Verdict], repair: bool, line: str) -> None:
    assert summary(verdicts, repair=repair) == line


def lines(
    verdicts: list[Verdict], capsys: pytest.CaptureFixture[str], *, repair: bool
) -> list[str]:
    show(verdicts, repair=repair)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_each_says_how_much_what_and_what_helps(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines([WELL, WRONG, HOPELESS, NOT_LOOKED], capsys, repair=False)[:5] == [
        "WHAT MUST HOLD LOOKED AT RESULT WHAT",
        "all is there 1200 ok -",
        "copies are whole 9 5 wrong a; b; c; and 2 more; --repair copies them again",
        "nothing foreign 9 1 wrong x; --repair does not mend this",
        "work 2 not looked at no Redis",
    ]


def test_after_a_repair_it_says_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    assert lines([MENDED, LEFT, HOPELESS], capsys, repair=True)[1:4] == [
        "copies are whole 9 5 mended a; b; c; and 2 more",
        "copies are whole 9 1 wrong a; b; c; and 2 more; a: gone",
        "nothing foreign 9 1 wrong x; this is not mended",
    ]


def test_a_tally_keeps_three_examples_and_three_reasons() -> None:
    tally = Tally("x", looked_at=9)
    tally.add(str(number) for number in range(5))
    for number in range(5):
        tally.leave(str(number))
    verdict = tally.verdict
    assert (verdict.wrong, verdict.examples, verdict.left) == (5, ("0", "1", "2"), ("0", "1", "2"))
    assert not verdict.is_clean


def test_a_file_that_cannot_be_used_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted", "a thumbnail")

    monkeypatch.setattr("backend.cli.fsck._looked", refused)
    with pytest.raises(typer.Exit) as ended:
        fsck()
    assert ended.value.exit_code == COULD_NOT_LOOK
    assert capsys.readouterr().err == "hsi: [Errno 1] Operation not permitted: 'a thumbnail'\n"
