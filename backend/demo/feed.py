"""Hands the pictures over as cameras do: a file appears, complete, in the camera's folder."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from backend.core.clock import Clock
from backend.core.content_store import write_whole
from backend.core.errors import Unavailable
from backend.demo.scenes import SCENES, Scene, draw_scene

PAUSE_SECONDS = 0.5
"""Between two pictures: all of them are handed over within 10 seconds."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One picture: when it is said to be taken, and where it goes, from the media root."""

    scene: Scene
    taken_at: datetime
    path: Path


def deliveries(ending_at: datetime) -> Iterator[Delivery]:
    """The pictures in the order in which they were taken, the last of them at `ending_at`.

    That time is in the files' names, so that each run brings new files.
    """
    last = SCENES[-1].seconds
    for scene in SCENES:
        taken_at = ending_at - timedelta(seconds=last - scene.seconds)
        name = f"{ending_at:%Y%m%dT%H%M%S}_{scene.file}"
        yield Delivery(scene, taken_at, Path(scene.camera, name))


async def feed(
    media_root: Path,
    clock: Clock,
    tell: Callable[[str], None],
    draw: Callable[[Scene], bytes] = draw_scene,
) -> None:
    """Hand all pictures over, as `draw` makes them, and `tell` a line about each.

    They are written in a folder beside the media root, so that nobody who watches it sees half a
    picture, and moved in. Raises `Unavailable` (`demo.unwritable`) where that cannot be done.
    """
    try:
        with _folder_beside(media_root) as folder:
            for delivery in deliveries(ending_at=clock.now()):
                # beside the loop: drawing takes a moment, and a signal must not wait for it
                await asyncio.to_thread(_hand_over, delivery, draw, Path(folder), media_root)
                tell(f"{delivery.taken_at:%H:%M:%S}  {delivery.path}  ({delivery.scene.shown})")
                await clock.sleep(PAUSE_SECONDS)
    except OSError as error:
        raise Unavailable(
            f"Cannot bring pictures into {media_root}: {error.strerror or error}. The folder"
            " and the one it lies in must be writable and on one file system.",
            code="demo.unwritable",
        ) from error


def _folder_beside(media_root: Path) -> tempfile.TemporaryDirectory[str]:
    media_root.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".hsi-demo-", dir=media_root.parent)


def _hand_over(
    delivery: Delivery, draw: Callable[[Scene], bytes], folder: Path, media_root: Path
) -> None:
    written = folder / delivery.scene.file
    write_whole(written, draw(delivery.scene))
    taken = delivery.taken_at.timestamp()
    os.utime(written, (taken, taken))
    target = media_root / delivery.path
    target.parent.mkdir(exist_ok=True)
    written.rename(target)
