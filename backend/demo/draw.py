"""`python -m backend.demo.draw FOLDER` writes the pictures and their manifest into a folder."""

import json
from pathlib import Path

import typer

from backend.demo.scenes import SCENES, draw_scene, manifest

MANIFEST = "manifest.json"


def write_pictures(folder: Path) -> None:
    """Write all pictures and the manifest into `folder`; files of these names are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        (folder / scene.file).write_bytes(draw_scene(scene))
    (folder / MANIFEST).write_text(manifest_text(), encoding="utf-8")


def manifest_text() -> str:
    """The manifest as it is written to a file."""
    return json.dumps(manifest(), indent=2) + "\n"


if __name__ == "__main__":
    typer.run(write_pictures)
