"""What came of each fault: written down for `docs/reference/faults.md` when somebody asks."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

FOLDER_VARIABLE = "HSI_TEST_FAULTS"
"""The folder for the records, one JSON file a test; without it nothing is kept."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One fault, and what came of it.

    `seconds` is the time from the end of the fault until nothing was left to do, and health was
    good again where an API ran. `said` is what health said meanwhile.
    """

    fault: str
    done: str
    pictures: int
    lost: int
    twice: int
    seconds: float
    said: str = ""


Keep = Callable[[Recovery], None]
"""Takes down what came of a fault."""


class Records:
    """The recoveries of one test, in a file of its own."""

    def __init__(self, test: str) -> None:
        self._test = test
        self._kept: list[Recovery] = []

    def keep(self, recovery: Recovery) -> None:
        """Write it down, if anybody wants to know."""
        self._kept.append(recovery)
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is None:
            return
        path = Path(folder) / _file_name(self._test)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"test": self._test, "recoveries": [asdict(one) for one in self._kept]}
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _file_name(test: str) -> str:
    """One for each test: the words of `[1]` and `[-1]` are the same, what follows them is not."""
    words = re.sub(r"[^a-zA-Z0-9]+", "-", test).strip("-")
    return f"{words}-{sha256(test.encode()).hexdigest()[:8]}.json"
