"""A real `hsi up`, whose workers find a person in every picture: `… faults.up DATA PORT`."""

import sys
from pathlib import Path

from backend.core.errors import HsiError
from backend.local.up import Commands, Up, UpOptions

WORKER = (sys.executable, "-P", "-m", "backend.tests.faults.worker")


def main() -> None:
    """Be up, until a signal."""
    data, port = sys.argv[1:]
    try:
        Up(UpOptions(Path(data), port=int(port)), commands=Commands(worker=WORKER)).run()
    except HsiError as error:
        sys.exit(f"hsi: {error}")


if __name__ == "__main__":
    main()
