"""`python -m backend.demo.draw FOLDER` writes the pictures and their manifest into a folder."""

import json
from pathlib import Path

import typer

from backend.core.content_store import write_whole
from backend.demo.scenes import SCENES, draw_scene, manifest

MANIFEST = "manifest.json"


def write_pictures(folder: Path) -> None:
    """Write all pictures and the manifest into `folder`; files of these names are replaced."""
    for scene in SCENES:
        write_whole(folder / scene.file, draw_scene(scene))
    write_whole(folder / MANIFEST, manifest_text().encode())


def manifest_text() -> str:
    """The manifest as it is written to a file."""
    return json.dumps(manifest(), indent=2) + "\n"


if __name__ == "__main__":
    typer.run(write_pictures)
