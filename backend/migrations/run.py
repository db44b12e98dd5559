"""Brings a database to the newest schema."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from backend.core.errors import Conflict


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at a URL, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the database at a URL to the newest schema; nothing to do where it already is.

    One migration runs at a time (an advisory lock, see env.py), and all of it is one transaction.
    Not to be called from within an event loop. Raises `Unavailable` where the server lets nobody
    in, and `Conflict` where the schema is newer than this version of the product.
    """
    command.upgrade(alembic_config(url), "head")


def refuse_newer(connection: Connection, script: ScriptDirectory) -> None:
    """Raise `Conflict` for a schema that this version does not know."""
    known = {revision.revision for revision in script.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise Conflict(
            f"the database has schema {current}, which is newer than this version of the product: "
            "install the version that made it, or restore a backup",
            code="database.newer_schema",
        )
