"""The servers of a data folder, for a command that works on it beside `hsi up`, or without it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from backend.core.errors import Conflict, Unavailable
from backend.local.access import Access
from backend.local.data_folder import DataFolder
from backend.local.postgres import EmbeddedPostgres
from backend.local.valkey import EmbeddedValkey


@contextmanager
def attached(
    data: Path, database: str | None, redis: str | None, *, command: str
) -> Iterator[tuple[str, str]]:
    """The URLs of database and Redis: as given, else those of our own servers.

    Where `hsi up` runs, its servers are used; else they are started, and stopped in the end, and
    the folder is locked meanwhile, in the name of the `command`. Raises `Unavailable` where there
    is no database in the folder.
    """
    if database is not None and redis is not None:
        yield database, redis
        return
    if database is None and not (data / "postgres" / "data").is_dir():
        raise Unavailable(
            f"there is no database in {data}: `hsi up` makes one "
            "(--data or DATABASE_URL for another place)",
            code="data_folder.empty",
        )
    with ExitStack() as stack:
        try:
            stack.enter_context(DataFolder(data, command))
        except Conflict:
            yield _running(data, database, redis)
            return
        yield database or _postgres(stack, data), redis or _valkey(stack, data)


def _running(data: Path, database: str | None, redis: str | None) -> tuple[str, str]:
    return (
        database or EmbeddedPostgres.url_for(Access.kept_in(data / "postgres" / "access.json")),
        redis or EmbeddedValkey.url_for(Access.kept_in(data / "valkey" / "access.json")),
    )


def _postgres(stack: ExitStack, data: Path) -> str:
    server = EmbeddedPostgres(data / "postgres")
    stack.callback(server.stop)
    return server.start()


def _valkey(stack: ExitStack, data: Path) -> str:
    server = EmbeddedValkey(data / "valkey")
    stack.callback(server.stop)
    return server.start()
