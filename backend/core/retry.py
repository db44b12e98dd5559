"""How long to wait before a try that failed is made again: the one policy of the product."""

import random
from collections.abc import Callable

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
SOUND_AFTER = 30.0
"""Seconds; what ran longer than this before it failed begins again with the first pause."""

_SHORTENED_BY = 0.2


class Pauses:
    """The pauses between the tries of one thing, in seconds.

    Each is twice as long as the one before, up to `longest`; and each is shortened by up to a
    fifth, by chance, so that those who failed together do not all come back together. `chance`
    gives numbers from 0 to 1.
    """

    def __init__(
        self, *, longest: float = LONGEST_PAUSE, chance: Callable[[], float] = random.random
    ) -> None:
        self._longest = longest
        self._chance = chance
        self._next = FIRST_PAUSE

    def after(self, ran: float = 0.0) -> float:
        """The pause after a try that failed when it had run for so many seconds."""
        if ran > SOUND_AFTER:
            self.begin_anew()
        pause, self._next = self._next, min(2 * self._next, self._longest)
        return pause * (1 - _SHORTENED_BY * self._chance())

    def begin_anew(self) -> None:
        """It succeeded: the next failure is the first."""
        self._next = FIRST_PAUSE
