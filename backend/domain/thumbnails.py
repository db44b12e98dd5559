"""Where thumbnails lie: a thousand to a folder."""

from pathlib import Path

PER_FOLDER = 1000


def thumbnail_path(folder: Path, frame_id: int) -> Path:
    """Where a frame's thumbnail lies."""
    return folder / str(frame_id // PER_FOLDER) / f"{frame_id}.jpg"


def frame_of_thumbnail(path: Path) -> int | None:
    """The frame whose thumbnail this would be; None where it is none of ours."""
    name = path.name.removesuffix(".jpg")
    if not (name.isascii() and name.isdecimal()):
        return None
    frame_id = int(name)
    return frame_id if path == thumbnail_path(path.parents[1], frame_id) else None
