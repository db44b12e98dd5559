"""Whether a database is what the product needs: reachable, migrated, sound. It is left as it is.

    .venv/bin/python backend/tests/verify_database.py [--url postgresql://…]

Without `--url` it looks at `DATABASE_URL`, from the environment or `.env`. Any database may be
named, also one in use: what is tried out is rolled back. Prints a line for each check; ends with
status 0 where all passed, else 1.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

# Python looks beside a script for modules, not at the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from backend.cli.tables import Column, show_line, show_table
from backend.core.config import get_settings
from backend.core.database import Database
from backend.core.errors import HsiError, Invalid
from backend.migrations.run import newest
from backend.services.upkeep.consistency import Check, examine


async def verified(url: str) -> list[Check]:
    """The checks of the database at a URL."""
    database = Database(url, connections=1)
    try:
        return await examine(database, newest=newest())
    finally:
        await database.close()


def chosen_url(named: str | None) -> str:
    """The URL to look at, for asyncpg. Raises `Invalid` where there is none."""
    setting = get_settings().database_url if named is None else None
    url = setting.get_secret_value() if setting else named
    try:
        parts = make_url(url or "")
    except ArgumentError as error:
        raise Invalid("name a database: --url, or DATABASE_URL", code="database.url") from error
    if parts.get_backend_name() not in {"postgresql", "postgres"}:
        raise Invalid(f"{parts.get_backend_name()} is not PostgreSQL", code="database.url")
    return parts.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def show(checks: Sequence[Check], url: str) -> None:
    """Print the checks as a table, and a line that sums up."""
    show_table(
        (Column("CHECK", whole=True), Column("RESULT", whole=True), Column("WHAT")),
        [(check.name, _result(check), _what(check)) for check in checks],
    )
    failed = sum(not check.passed for check in checks)
    name = make_url(url).render_as_string(hide_password=True)
    show_line(f"{name}: {len(checks) - failed} of {len(checks)} checks passed")


def _result(check: Check) -> str:
    if check.hindrance is not None:
        return "not checked"
    return f"{check.wrong} wrong" if check.wrong else "ok"


def _what(check: Check) -> str:
    more = [f"and {check.wrong - 3} more"] if check.wrong > 3 else []
    return check.hindrance or "; ".join([*check.examples[:3], *more])


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the database that the arguments name; the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--url", help="the database; default: DATABASE_URL")
    try:
        url = chosen_url(parser.parse_args(arguments).url)
    except HsiError as error:
        print(f"verify_database: {error}", file=sys.stderr)  # noqa: T201 - a script
        return 1
    checks = asyncio.run(verified(url))
    show(checks, url)
    return 0 if all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
