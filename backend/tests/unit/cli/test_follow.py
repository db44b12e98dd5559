"""Following the events over breaks of the connection."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from backend.cli.follow import Follower
from backend.core.errors import Unavailable
from backend.core.retry import Pauses

Part = dict[str, Any] | Exception


def subscribed(last_number: int) -> Part:
    return {"type": "subscribed", "last_number": last_number}


def opened(number: int) -> Part:
    return {"type": "event.opened", "number": number, "event": {}}


BROKEN = Unavailable("it broke", code="stream.broken")
OVER = KeyboardInterrupt


@dataclass
class Scene:
    """Connections that say what is written, one after the other; then Ctrl-C."""

    connections: Sequence[Sequence[Part]]
    asked: list[int | None] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    begun: int = 0

    def run(self) -> None:
        def begin() -> None:
            self.begun += 1

        Follower(
            find=lambda: "http://127.0.0.1:8000",
            begin=begin,
            show=lambda message: self.shown.append(message["number"]),
            tell=self.told.append,
            stream=self.stream,
            pause=self.waited.append,
            pauses=Pauses(chance=lambda: 0.0),
        ).run()

    def stream(self, address: str, since: int | None) -> Iterator[dict[str, Any]]:
        assert address == "http://127.0.0.1:8000"
        self.asked.append(since)
        if len(self.asked) > len(self.connections):
            raise OVER
        for part in self.connections[len(self.asked) - 1]:
            if isinstance(part, Exception):
                raise part
            yield part


def followed(*connections: Sequence[Part]) -> Scene:
    scene = Scene(connections)
    with pytest.raises(OVER):
        scene.run()
    return scene


def test_each_message_is_shown() -> None:
    scene = followed([subscribed(7), opened(8), opened(9)])
    assert (scene.shown, scene.begun) == ([8, 9], 1)


def test_after_a_break_it_goes_on_with_the_message_after_the_last() -> None:
    scene = followed([subscribed(7), opened(8), BROKEN], [subscribed(10), opened(9), BROKEN])
    assert scene.asked == [None, 8, 9]
    assert scene.shown == [8, 9]
    assert scene.begun == 1
    assert scene.told == [
        "it broke; trying again in 1 s",
        "connected again",
        "it broke; trying again in 1 s",
    ]


def test_a_break_before_any_message_loses_none() -> None:
    assert followed([subscribed(7), BROKEN], []).asked == [None, 7, 7]


def test_a_break_within_what_was_missed_loses_none() -> None:
    scene = followed([subscribed(7), BROKEN], [subscribed(20), opened(8), BROKEN])
    assert scene.asked == [None, 7, 8]


def test_the_pause_grows_to_a_bound_and_begins_anew_with_a_connection() -> None:
    scene = followed([subscribed(1)], *[[BROKEN]] * 6, [subscribed(1), BROKEN])
    assert scene.waited == [1, 2, 4, 8, 16, 30, 30, 1]
    assert scene.told[0] == "the server has closed the connection; trying again in 1 s"


def test_what_was_missed_for_good_is_said() -> None:
    scene = followed(
        [subscribed(1), BROKEN], [subscribed(90), {"type": "resync", "last_number": 90}, opened(91)]
    )
    assert scene.asked == [None, 1, 91]
    assert scene.told[2].startswith("messages were missed")


def test_a_refusal_is_tried_again() -> None:
    refused: Part = {"type": "error", "code": "x", "message": "the database does not answer"}
    scene = followed([subscribed(1), opened(2), refused])
    assert scene.told == ["the database does not answer; trying again in 1 s"]


def test_nobody_there_at_first_is_an_error() -> None:
    with pytest.raises(Unavailable, match="it broke"):
        Scene([[BROKEN]]).run()


def test_what_it_does_not_know_is_passed_over() -> None:
    later: Part = {"type": "alert.raised", "number": 2, "alert": {}}
    scene = followed([subscribed(1), {"type": "pong"}, later, opened(3), BROKEN])
    assert (scene.shown, scene.asked) == ([3], [None, 3])
