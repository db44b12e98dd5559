"""The folder with everything that the product keeps on one box: one `up` at a time works in it."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.core.errors import Conflict
from backend.local.files import make_folder, write_whole


@dataclass(frozen=True, slots=True)
class RunFile:
    """What `<data>/run.json` says while the product runs: where the command line finds it."""

    address: str
    """The API's, like `http://127.0.0.1:8000`."""
    pid: int
    """The process of `hsi up`."""


class DataFolder:
    """The data folder, locked while entered. The lock goes with the process that holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Make the folder and lock it. Raises Unavailable (not writable), Conflict (in use)."""
        make_folder(self.path)
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._lock, 20, 0).decode().strip()
            os.close(self._lock)
            raise Conflict(
                f"hsi is already up with the data folder {self.path} (process {holder}): stop it, "
                "or choose another folder with --data",
                code="data_folder.in_use",
            ) from error
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)
        self.withdraw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Unlock it."""
        if self._lock is not None:
            self.withdraw()
            os.close(self._lock)
            self._lock = None

    @property
    def cameras(self) -> Path:
        """Where pictures are dropped, unless the settings name another place."""
        return self.path / "cameras"

    def publish(self, address: str) -> None:
        """Write where the API is."""
        run = RunFile(address=address, pid=os.getpid())
        write_whole(self.path / "run.json", json.dumps(asdict(run)))

    def withdraw(self) -> None:
        """Remove what `publish` wrote."""
        (self.path / "run.json").unlink(missing_ok=True)


def read_run_file(data: Path) -> RunFile | None:
    """Where the product with this data folder runs; None where it does not.

    After a kill -9 it may say where the product was.
    """
    try:
        return RunFile(**json.loads((data / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
