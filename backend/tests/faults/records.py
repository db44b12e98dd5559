"""What came of each fault: written down for `docs/reference/faults.md` when somebody asks."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
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
        words = re.sub(r"[^a-zA-Z0-9]+", "-", self._test).strip("-")
        path = Path(folder) / f"{words}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {"test": self._test, "recoveries": [asdict(one) for one in self._kept]}
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
