"""`hsi status`."""

import typer

from backend.cli.client import Api, Data, Document, Json, Server

EXIT_STATUS = {"healthy": 0, "degraded": 1, "unhealthy": 2}
NOT_REACHABLE = 2

_SENTENCES = {
    "healthy": "All is well.",
    "degraded": "It works, but something needs a look:",
    "unhealthy": "It does not work:",
}


def status(server: Server = None, data: Data = None, as_json: Json = False) -> None:
    """Is everything well? What does not work and what that means, then each part and why.

    Ends with status 0 when healthy, 1 when degraded, 2 when unhealthy or not reachable.
    """
    from backend.cli.client import api, print_json
    from backend.core.errors import Unavailable

    try:
        with api(server, data) as opened:
            health = health_of(opened)
    except Unavailable as error:
        typer.echo(f"hsi: {error}", err=True)
        raise typer.Exit(NOT_REACHABLE) from error
    if as_json:
        print_json(health)
    else:
        show(health, opened.address)
    raise typer.Exit(EXIT_STATUS[health["status"]])


def health_of(opened: Api) -> Document:
    """What the product says of itself. Raises Unavailable where it is not ours to understand."""
    from backend.core.errors import Unavailable

    health = opened.get("/api/system/health")
    if health.get("status") not in EXIT_STATUS:
        raise Unavailable(f"what answers at {opened.address} is not hsi", code="server.foreign")
    return health


def show(health: Document, address: str) -> None:
    """Print it for the owner."""
    from backend.cli.tables import Column, Word, show_line, show_table

    overall = health["status"]
    show_line(Word(overall, f": {_SENTENCES[overall]}"), f"(hsi {health['version']} at {address})")
    for rung in health["rungs"]:
        typer.echo(f"\n{rung['title']} ({since(rung)})")
        for title, words in (("works", "works"), ("waits", "waits"), ("do", "advice")):
            typer.echo(f"  {title + ':':7}{rung[words]}")
    typer.echo()
    show_table(
        (
            Column("PART", whole=True),
            Column("STATE", whole=True),
            Column("SINCE", whole=True),
            Column("WHY"),
        ),
        [
            (part["name"], Word(part["status"]), since(part), part["reason"])
            for part in health["parts"]
        ],
    )


def since(told: Document) -> str:
    """Since when something is so; where only that is known, when it was first seen."""
    from backend.cli.words import local_time

    return ("" if told["since_known"] else "first seen ") + local_time(told["since"])
