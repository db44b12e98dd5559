"""The bound of the queue: how many pictures may be here at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from backend.core.errors import Unavailable


class Busy(Unavailable):
    """All places are taken; `retry_after` says in how many seconds it is worth another try."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("as many pictures as may wait are waiting", code="detector.busy")
        self.retry_after = retry_after


class Places:
    """A place for each picture, from before its bytes are read until its answer is known."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.most = most
        self._clock = clock
        self.taken = 0
        self.full_at: float | None = None
        """When somebody was last sent away."""

    @contextmanager
    def take(self, number: int, *, seconds_each: float) -> Iterator[None]:
        """Places for so many pictures, for the length of the block. Raises `Busy`.

        `seconds_each` is what a picture takes at present; from it follows when to come again.
        """
        if self.taken + number > self.most:
            self.full_at = self._clock()
            raise Busy(max(1, min(60, round(self.taken * seconds_each))))
        self.taken += number
        try:
            yield
        finally:
            self.taken -= number
