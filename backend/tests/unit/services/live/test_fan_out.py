"""Readers of the stream: nothing missed, nothing twice, and none waits for another."""

import asyncio

import orjson
import pytest
from hypothesis import example, given

from backend.services.live.fan_out import BUFFER, MOST_BEHIND, Reader
from backend.tests.fixtures.scripted_fan_out import ScriptedFanOut
from backend.tests.fixtures.strategies import stream_moves


async def all_of(reader: Reader) -> list[str]:
    """What a reader gets until it has to wait."""
    texts: list[str] = []
    waiting = asyncio.ensure_future(reader.next())
    for _ in range(50):
        await asyncio.sleep(0)
        if waiting.done():
            texts += waiting.result()
            waiting = asyncio.ensure_future(reader.next())
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return texts


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


def resync(last: int) -> str:
    return orjson.dumps({"type": "resync", "last_number": last}).decode()


async def test_a_new_reader_gets_what_comes_from_now_on() -> None:
    stream = ScriptedFanOut(last=5)
    with await stream.reader(None) as reader:
        assert reader.last_number == 5
        assert await all_of(reader) == []
        stream.last = 8
        await stream.deliver()
        assert await all_of(reader) == numbers(6, 8)


@pytest.mark.parametrize("since", [0, 3, 5])
async def test_one_who_was_away_gets_what_was_missed_first(since: int) -> None:
    stream = ScriptedFanOut(last=5)
    with await stream.reader(since) as reader:
        assert await all_of(reader) == numbers(since + 1, 5)
        stream.last = 7
        await stream.deliver()
        assert await all_of(reader) == numbers(6, 7)


async def test_much_is_caught_up_with_in_pages() -> None:
    stream = ScriptedFanOut(last=1234)
    with await stream.reader(0) as reader:
        assert await all_of(reader) == numbers(1, 1234)


@pytest.mark.parametrize(("first", "last", "since"), [(11, 20, 9), (1, 20, 21), (21, 20, 19)])
async def test_what_is_not_kept_or_never_was_is_a_resync(first: int, last: int, since: int) -> None:
    stream = ScriptedFanOut(first=first, last=last)
    with await stream.reader(since) as reader:
        assert await all_of(reader) == [resync(20)]
        stream.last = 21
        await stream.deliver()
        assert await all_of(reader) == ["21"]


@pytest.mark.parametrize(("first", "last", "since"), [(11, 20, 10), (1, 20, 20), (21, 20, 20)])
async def test_the_edges_of_what_is_kept_are_no_resync(first: int, last: int, since: int) -> None:
    stream = ScriptedFanOut(first=first, last=last)
    with await stream.reader(since) as reader:
        assert await all_of(reader) == numbers(since + 1, last)


@pytest.mark.parametrize("first", [7, 12])
async def test_what_was_forgotten_before_it_was_read_is_a_resync(first: int) -> None:
    stream = ScriptedFanOut(last=5)
    with await stream.reader(None) as reader:
        assert await all_of(reader) == []
        stream.first, stream.last = first, 12
        await stream.deliver()
        assert await all_of(reader) == [resync(12)]
        stream.last = 13
        await stream.deliver()
        assert await all_of(reader) == ["13"]


async def test_new_messages_are_read_once_for_all() -> None:
    stream = ScriptedFanOut()
    readers = [await stream.reader(None) for _ in range(5)]
    for reader in readers:
        assert await all_of(reader) == []
    stream.last, stream.reads = 3, 0
    await stream.deliver()
    assert stream.reads == 1
    for reader in readers:
        assert await all_of(reader) == numbers(1, 3)
        stream.leave(reader)


async def test_with_nobody_there_nothing_is_read() -> None:
    stream = ScriptedFanOut(last=3)
    await stream.deliver()
    assert stream.reads == 0


async def test_one_who_has_left_gets_no_more() -> None:
    stream = ScriptedFanOut()
    with await stream.reader(None) as reader:
        assert await all_of(reader) == []
    stream.last = 3
    await stream.deliver()
    assert stream.reads == 1


async def test_a_slow_reader_loses_the_buffer_and_catches_up_by_itself() -> None:
    stream = ScriptedFanOut()
    with await stream.reader(None) as slow, await stream.reader(None) as quick:
        assert await all_of(slow) == await all_of(quick) == []
        told: list[str] = []
        for _ in range(4):
            stream.last += BUFFER // 2
            await stream.deliver()
            told += await all_of(quick)
        assert told == numbers(1, stream.last)
        assert await all_of(slow) == numbers(1, stream.last)
        stream.last += 1
        await stream.deliver()
        assert await all_of(slow) == await all_of(quick) == [str(stream.last)]


async def test_one_who_never_reads_is_told_to_ask_anew_and_harms_nobody() -> None:
    stream = ScriptedFanOut()
    with await stream.reader(None) as stuck, await stream.reader(None) as quick:
        assert await all_of(stuck) == await all_of(quick) == []
        while stream.last <= MOST_BEHIND:
            stream.last += 100
            await stream.deliver()
            assert (await all_of(quick))[-1] == str(stream.last)
        assert await all_of(stuck) == [resync(stream.last)]
        stream.last += 1
        await stream.deliver()
        assert await all_of(stuck) == [str(stream.last)]


async def test_a_burst_is_no_reason_to_ask_anew() -> None:
    stream = ScriptedFanOut()
    with await stream.reader(None) as reader:
        assert await all_of(reader) == []
        stream.last = MOST_BEHIND
        await stream.deliver()
        assert await all_of(reader) == numbers(1, MOST_BEHIND)


@given(stream_moves)
@example([("join", 0), ("read", 0), ("write", MOST_BEHIND), ("deliver", 0)])
@example([("join", 0), ("read", 0), ("write", MOST_BEHIND + 1), ("deliver", 0)])
def test_whoever_comes_when_gets_all_in_order_or_is_told_to_ask_anew(
    made: list[tuple[str, int]],
) -> None:
    asyncio.run(play(made))


async def play(made: list[tuple[str, int]]) -> None:
    stream = ScriptedFanOut()
    readers: list[tuple[Reader, int, list[str]]] = []
    delivering: list[asyncio.Task[None]] = []
    for move, number in made:
        if move == "write":
            stream.last += number
        elif move == "deliver":
            delivering.append(asyncio.create_task(stream.deliver()))
        elif move == "join":
            since = min(number, stream.last)
            readers.append((await stream.reader(since), since, []))
        elif readers and move == "leave":
            stream.leave(readers.pop(number % len(readers))[0])
        elif readers:
            reader, _, texts = readers[number % len(readers)]
            texts.extend(await all_of(reader))
    await asyncio.gather(*delivering)
    await stream.deliver()
    for reader, since, texts in readers:
        while more := await all_of(reader):
            texts.extend(more)
        assert end_of(texts, since) == stream.last


def end_of(texts: list[str], since: int) -> int:
    """The number that a reader's messages lead to from `since`: none is missing, none comes twice.

    Only who is too far behind is told to ask anew, and goes on from the number that he is told.
    """
    at = since
    for message in map(orjson.loads, texts):
        if isinstance(message, int):
            assert message == at + 1
            at = message
        else:
            assert message.keys() == {"type", "last_number"}
            assert message["type"] == "resync"
            assert message["last_number"] > at + MOST_BEHIND
            at = message["last_number"]
    return at


async def test_it_runs_until_cancelled_and_looks_without_a_bell() -> None:
    stream = ScriptedFanOut()
    stream.look_every = 0.01
    running = asyncio.create_task(stream.run())
    with await stream.reader(None) as reader:
        waiting = asyncio.ensure_future(reader.next())
        await asyncio.sleep(0)
        stream.last = 1
        assert await asyncio.wait_for(waiting, 1) == ["1"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
