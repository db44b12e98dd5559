"""What a look at everything says, and what can be done about it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

SHOWN = 3
"""So many examples are kept of what is wrong."""

Progress = Callable[[str, int, int], None]
"""Told what is looked at, how far the look is, and how far it will go."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Something that must hold: of how many things, how often it does not, and what helps.

    `remedy` is what a repair does about it, None where nothing can; `mended` how often it did;
    `left` says why it did not, for examples. `hindrance`: why nobody could look.
    """

    name: str
    looked_at: int | None = None
    wrong: int = 0
    examples: Sequence[str] = ()
    remedy: str | None = None
    mended: int = 0
    left: Sequence[str] = ()
    hindrance: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether it was looked at, and holds, or does so now."""
        return self.hindrance is None and self.wrong == self.mended


@dataclass(slots=True)
class Tally:
    """A verdict while it is being reached."""

    name: str
    remedy: str | None = None
    looked_at: int = 0
    wrong: int = 0
    mended: int = 0
    examples: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, examples: Iterable[str]) -> None:
        """Count what is wrong."""
        for example in examples:
            self.wrong += 1
            if len(self.examples) < SHOWN:
                self.examples.append(example)

    def leave(self, reason: str) -> None:
        """Say why something was not mended."""
        if len(self.left) < SHOWN:
            self.left.append(reason)

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        return Verdict(
            self.name,
            self.looked_at,
            self.wrong,
            tuple(self.examples),
            self.remedy,
            self.mended,
            tuple(self.left),
        )
