"""Files wait camera by camera, and no more of them than may."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.services.ingest.stage import FoundFile
from backend.services.ingest.turns import Turns

cameras = st.lists(st.sampled_from("abcd"), max_size=60)


def files(folder: str, number: int) -> list[FoundFile]:
    return [FoundFile(f"{folder}/{n}.jpg", "watch") for n in range(number)]


def names(found: list[FoundFile]) -> list[str]:
    return [file.relative for file in found]


def filled(turns: Turns, *found: FoundFile) -> Turns:
    assert [turns.put(file) for file in found] == [None] * len(found)
    return turns


def test_one_file_of_each_camera_in_turn() -> None:
    turns = filled(Turns(100), *files("flood", 5), *files("door", 2), *files("gate", 1))
    assert names(turns.take(4)) == ["flood/0.jpg", "door/0.jpg", "gate/0.jpg", "flood/1.jpg"]
    assert names(turns.take(9)) == ["door/1.jpg", "flood/2.jpg", "flood/3.jpg", "flood/4.jpg"]
    assert (turns.take(9), len(turns)) == ([], 0)


def test_the_longest_line_gives_way() -> None:
    turns = filled(Turns(5), *files("flood", 4), *files("door", 1))
    late = FoundFile("door/late.jpg", "watch")
    assert turns.put(late) == FoundFile("flood/3.jpg", "watch")
    flooding = FoundFile("flood/late.jpg", "watch")
    assert turns.put(flooding) == flooding
    assert sorted(names(turns.take(9))) == [
        "door/0.jpg",
        "door/late.jpg",
        "flood/0.jpg",
        "flood/1.jpg",
        "flood/2.jpg",
    ]


def test_where_nothing_may_wait_all_is_given_back() -> None:
    turns = Turns(0)
    (file,) = files("door", 1)
    assert turns.put(file) == file
    assert (turns.take(9), len(turns)) == ([], 0)


@given(cameras, st.integers(1, 60), st.integers(1, 9))
def test_nothing_is_lost_and_no_more_waits_than_may(come: list[str], most: int, turn: int) -> None:
    turns, given_up, taken = Turns(most), [], []
    every = [FoundFile(f"{folder}/{n}.jpg", "watch") for n, folder in enumerate(come)]
    for number, file in enumerate(every):
        gone = turns.put(file)
        given_up += [] if gone is None else [gone]
        assert len(turns) <= most
        if number % 7 == 6:
            taken += turns.take(turn)
    while batch := turns.take(turn):
        taken += batch
    assert Counter(taken + given_up) == Counter(every)
    for folder in "abcd":
        numbers = [int(f.relative[2:-4]) for f in taken if f.folder == folder]
        assert numbers == sorted(numbers), "of one camera in the order of their coming"


async def test_who_waits_is_woken() -> None:
    turns = Turns(10)
    waiting = asyncio.create_task(turns.wait())
    await asyncio.sleep(0)
    filled(turns, *files("door", 1))
    await asyncio.wait_for(waiting, 0.5)
    turns.take(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(turns.wait(), 0.005)
