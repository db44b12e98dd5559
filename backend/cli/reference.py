"""`hsi reference`: the pages that are made from the code."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer


def reference(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where a page is not up to date.")
    ] = False,
) -> None:
    """Write the pages that are made from the code."""
    from backend.cli.project import project_root
    from backend.core.content_store import write_whole

    root = project_root()
    stale = stale_pages(root, pages())
    for path, text in stale.items():
        typer.echo(f"{path} {'is not up to date' if check else 'written'}")
        if not check:
            write_whole(root / path, text.encode())
    if check and stale:
        typer.echo("run: ./hsi reference", err=True)
        raise typer.Exit(1)


def pages() -> dict[str, str]:
    """Every page that is made, by its path in the project. A further page is one more line."""
    from backend.api.application import build
    from backend.cli import reference_config, reference_ladder
    from backend.core.config import Settings
    from backend.services.upkeep.ladder import LADDER

    return {
        "docs/reference/config.md": reference_config.page(Settings),
        "docs/reference/degradation.md": reference_ladder.page(LADDER),
        ".env.example": reference_config.env_example(Settings),
        "docs/reference/openapi.json": as_json(build().openapi()),
    }


def as_json(document: Mapping[str, Any]) -> str:
    """A JSON document, one value a line."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def stale_pages(root: Path, made: Mapping[str, str]) -> dict[str, str]:
    """The pages whose files are missing or say something else."""
    return {path: text for path, text in made.items() if _read(root / path) != text}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
