"""Which schemas this version of the product knows. Cheap, since every process asks at its start."""

from collections.abc import Collection
from pathlib import Path

from backend.core.database import Database
from backend.core.errors import Conflict, Unavailable
from backend.services.stores import schema


def known_revisions() -> frozenset[str]:
    """The revisions of all migrations, which are how the names of their files begin."""
    files = (Path(__file__).parent / "versions").glob("[0-9]*.py")
    return frozenset(file.name.partition("_")[0] for file in files)


def refuse_unknown(stamps: Collection[str]) -> None:
    """Raise `Conflict` where the database says that it is at a migration that we do not have."""
    for unknown in sorted(set(stamps) - known_revisions()):
        raise Conflict(
            f"the database has schema {unknown}, which is newer than this version of the product: "
            "install the version that made it, or restore a backup",
            code="database.newer_schema",
        )


async def refuse_newer_schema(url: str) -> None:
    """Raise `Conflict` where the database at a URL has a newer schema than we know.

    One that does not answer, or does not let us in, is left to those who need it.
    """
    database = Database(url, connections=1)
    try:
        async with database.transaction() as session:
            await schema.hold_still(session)
            stamps = await schema.stamps(session)
    except (Unavailable, Conflict):
        return
    finally:
        await database.close()
    refuse_unknown(stamps)
