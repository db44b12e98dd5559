"""Who else migrates, in words for whoever has waited in vain."""

from datetime import datetime


def in_words(
    pid: int, name: str, address: object, state: str | None, since: datetime | None
) -> str:
    """A process of the server, and what to do.

    Of another role's, the server tells no more than its number and name, unless we may see all.
    `since` is unknown too of one that holds the lock outside of a transaction.
    """
    where = f"from {address or 'this machine'}, {state}" if state else "of another role"
    begun = f" since {since:%Y-%m-%d %H:%M:%S}" if since else ""
    return (
        f"process {pid} of the server ({name or 'without a name'}, {where}) is at it{begun}: wait "
        "for it and try again; or, if nobody migrates any more, "
        f"SELECT pg_terminate_backend({pid})"
    )
