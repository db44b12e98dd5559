"""Brings a database to the newest schema."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from backend.migrations.known import refuse_unknown


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for another migration, which is longer than ours take on a large ledger;
    and for whoever uses a table that is to be changed, which is longer than a long query takes.
    """

    for_others: timedelta = timedelta(minutes=2)
    for_tables: timedelta = timedelta(minutes=5)


PATIENCE = Patience()


def alembic_config(url: str, *, patience: Patience = PATIENCE) -> Config:
    """Alembic's configuration for the database at a URL, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    config.attributes["patience"] = patience
    return config


def newest() -> str:
    """The migration that a database of this version of the product is at."""
    script = ScriptDirectory(str(Path(__file__).parent))
    return script.get_current_head() or ""


def upgrade(url: str, *, patience: Patience = PATIENCE) -> None:
    """Bring the database at a URL to the newest schema; nothing to do where it already is.

    One migration runs at a time (an advisory lock, see env.py), and all of it is one transaction.
    Not to be called from within an event loop. Raises `Unavailable` where the server lets nobody
    in, or `patience` is over and another migration, or whoever uses a table, has not ended; and
    `Conflict` where the schema is newer than this version of the product.
    """
    command.upgrade(alembic_config(url, patience=patience), "head")


def refuse_newer(connection: Connection) -> None:
    """Raise `Conflict` for a schema that this version does not know."""
    refuse_unknown(MigrationContext.configure(connection).get_current_heads())
