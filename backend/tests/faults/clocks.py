"""Clocks of real processes that are wrong, by libfaketime."""

from pathlib import Path

import pytest

_PLACES = ("/usr/lib", "/usr/local/lib", "/lib")


class WrongClock:
    """The wall clock of processes that were started with its `environment`.

    Their monotonic clocks and the times of files stay what they are, as when somebody puts a
    machine's clock forward or back.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.put(0)
        self.environment = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def put(self, days: int) -> None:
        """Put the clock to so many days after the right time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{days:+d}d\n")
        fresh.replace(self._file)


def _library() -> Path:
    for place in _PLACES:
        for found in sorted(Path(place).glob("**/libfaketimeMT.so.1")):
            return found
    pytest.skip("libfaketime is not installed (on Debian: apt install libfaketime)")
