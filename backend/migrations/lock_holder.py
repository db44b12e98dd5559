"""Whom a migration waited for in vain, in words for whoever waited."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Holder:
    """A process of the server that has a lock.

    Of another role's, the server tells no more than its number and name, unless we may see all.
    `since` is unknown too of one that holds the lock outside of a transaction.
    """

    pid: int
    name: str
    address: object
    state: str | None
    since: datetime | None

    def migrates(self) -> str:
        """It is said to migrate, and what to do."""
        return (
            f"{self._who()} is at it{self._begun()}: wait for it and try again; or, if nobody "
            f"migrates any more, SELECT pg_terminate_backend({self.pid})"
        )

    def uses_tables(self) -> str:
        """It is said to use the tables, and what to do."""
        return (
            f"{self._who()} uses the tables{self._begun()}: wait for it and try again; or end it, "
            f"SELECT pg_terminate_backend({self.pid})"
        )

    def _who(self) -> str:
        known = f"from {self.address or 'this machine'}, {self.state}"
        where = known if self.state else "of another role"
        return f"process {self.pid} of the server ({self.name or 'without a name'}, {where})"

    def _begun(self) -> str:
        return f" since {self.since:%Y-%m-%d %H:%M:%S}" if self.since else ""
