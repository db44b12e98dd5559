"""Servers of a test's own, which may be stopped, starved and killed."""

import os
import signal
from pathlib import Path

from redis import Redis

from backend.local.postgres import EmbeddedPostgres
from backend.local.valkey import EmbeddedValkey


class OwnPostgres:
    """A PostgreSQL that is not shared with other tests."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedPostgres(folder)
        self.url = self._server.start()

    def kill(self) -> None:
        """kill -9 the whole server, as if its power were cut."""
        process = self._server.process
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, on the same port; what was left of it is ended."""
        self._server.start()


class OwnRedis:
    """A Valkey that is not shared with other tests."""

    def __init__(self, folder: Path) -> None:
        self._server = EmbeddedValkey(folder)
        self.url = self._server.start()

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self._server.stop()

    def start(self) -> None:
        """Start it again, on the same port."""
        self._server.start()

    def flush(self) -> None:
        """Let it forget everything."""
        with Redis.from_url(self.url) as commands:
            commands.flushall()

    def limit_memory(self, limit: int) -> None:
        """Let it have so many bytes; 0 is no limit."""
        with Redis.from_url(self.url) as commands:
            commands.config_set("maxmemory", limit)
