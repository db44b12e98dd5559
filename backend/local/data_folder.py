"""The folder with everything that the product keeps on one box: one `up` at a time works in it."""

import fcntl
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.core.content_store import write_whole
from backend.core.errors import Conflict
from backend.local.files import make_folder, writing_to


@dataclass(frozen=True, slots=True)
class RunFile:
    """What `<data>/run.json` says while the product runs: where the command line finds it."""

    address: str
    """The API's, like `http://127.0.0.1:8000`."""
    pid: int
    """The process of `hsi up`."""


class DataFolder:
    """The data folder, locked while entered. The lock goes with the process that holds it.

    Whoever leaves it without having taken it leaves it as it was. Others who want it meanwhile are
    told of the `command`.
    """

    def __init__(self, path: Path, command: str = "hsi up") -> None:
        self.path = path
        self._command = command
        self._file = path / "lock"
        self._run_file = path / "run.json"
        self._lock: int | None = None
        self._made: list[Path] = []
        self._is_published = False

    def __enter__(self) -> Self:
        """Lock the folder. Raises Unavailable (not writable), Conflict (in use)."""
        self._made = [one for one in (self.path, *self.path.parents) if not one.exists()]
        with writing_to(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._open_lock()
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()} {self._command}\n".encode(), 0)
        self._lock = lock
        return self

    def _open_lock(self) -> int:
        while True:
            lock = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._hold(lock)
            if os.fstat(lock).st_nlink:
                return lock
            os.close(lock)  # whoever held it removed it meanwhile

    def _hold(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid, _, command = os.pread(lock, 100, 0).decode().strip().partition(" ")
            os.close(lock)
            raise Conflict(
                f"{command or 'another command'} is at work in the data folder {self.path} "
                f"(process {pid or 'unknown'}): stop it or let it end, or choose another folder "
                "with --data",
                code="data_folder.in_use",
            ) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Unlock it."""
        if self._lock is None:
            return
        if self._is_published:
            self._run_file.unlink(missing_ok=True)
        self._file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None
        with suppress(OSError):  # there is something in it by now
            for made in self._made:
                made.rmdir()

    def take(self) -> None:
        """Make it our own, with a folder for pictures in it. Raises Unavailable."""
        make_folder(self.path)
        self.cameras.mkdir(exist_ok=True)
        self._run_file.unlink(missing_ok=True)  # what one that was killed has left

    @property
    def cameras(self) -> Path:
        """Where pictures are dropped, unless the settings name another place."""
        return self.path / "cameras"

    def publish(self, address: str) -> None:
        """Write where the API is, for as long as the folder is entered."""
        self._is_published = True
        run = RunFile(address=address, pid=os.getpid())
        write_whole(self._run_file, json.dumps(asdict(run)).encode(), mode=0o600)


def read_run_file(data: Path) -> RunFile | None:
    """Where the product with this data folder runs; None where it does not.

    After a kill -9 it may say where the product was.
    """
    try:
        return RunFile(**json.loads((data / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
