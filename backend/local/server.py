"""What PostgreSQL and Valkey have in common as children of ours."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from backend.core.errors import HsiError, Unavailable
from backend.local.account import Account
from backend.local.process import Steps, spawn, stop, wait_until


class ServerProcess:
    """One server in the foreground, whose output goes to `server.log` in its folder."""

    def __init__(self, name: str, folder: Path, *, steps: Steps) -> None:
        self.name = name
        self.log = folder / "server.log"
        self._steps = steps
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The process; it may have ended by itself."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process

    def start(
        self,
        command: Sequence[str | Path],
        *,
        account: Account,
        stdin: bytes | None = None,
        when_parent_dies: signal.Signals,
    ) -> None:
        """Start it; the log of the time before is kept as `server.log.1`."""
        self.stop()  # what is left of an earlier one that has ended by itself
        if self.log.exists():
            self.log.replace(self.log.with_name("server.log.1"))
        descriptor = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as log:
            self._process = spawn(
                command,
                when_parent_dies=when_parent_dies,
                account=account,
                stdin=stdin,
                output=log,
                env=SERVER_ENVIRONMENT,
            )

    def wait(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until it is ready. Raises Unavailable, with its last words, where that fails."""
        process = self.running
        try:
            came = wait_until(lambda: process.poll() is not None or ready(), seconds=seconds)
        except HsiError:
            self.stop()
            raise
        if process.poll() is not None:
            raise Unavailable(
                f"{self.name} did not start: {self.last_words()} (log: {self.log})",
                code="local.server_failed",
            )
        if not came:
            self.stop()
            raise Unavailable(
                f"{self.name} was not ready within {seconds:.0f} s: {self.last_words()} "
                f"(log: {self.log})",
                code="local.server_failed",
            )

    def stop(self) -> bool:
        """End it; whether it had been started."""
        if self._process is None:
            return False
        stop(self._process, self._steps)
        self._process = None
        return True

    def said(self, *phrases: str) -> bool:
        """Whether one of the phrases is in its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return any(phrase in text for phrase in phrases)

    def last_words(self) -> str:
        """The last line of its log that tells of an error, else the last one."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        grave = [line for line in lines if any(word in line for word in _GRAVE)]
        return (grave or lines or ["it said nothing"])[-1]


# Nothing of ours: a PGPORT, a locale or a preloaded library of the user's would change the server.
SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_GRAVE = ("FATAL", "PANIC", "ERROR", "Fatal", "Bad ", "error:", "Can't", "Failed", "# ")
