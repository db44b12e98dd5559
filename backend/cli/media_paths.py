"""What a file on the command line is called below the media root."""

import os
from pathlib import Path

from backend.core.errors import Invalid
from backend.domain.paths import path_as_text


def places_of(file: str, data: Path | None) -> list[str]:
    """The paths below the media root that a file may mean, as the API writes them.

    A relative one may be meant from the working folder or from the media root; the surer comes
    first. Raises Invalid for an absolute path elsewhere.
    """
    return places_below(media_root(data), file, Path.cwd())


def media_root(data: Path | None) -> Path:
    """The folder of all cameras, of the product with this data folder."""
    from backend.core.config import get_settings

    settings = get_settings()
    if data is None or settings.ingest.media_root is not None:
        return settings.media_root
    return data.expanduser().absolute() / "cameras"


def places_below(root: Path, file: str, here: Path) -> list[str]:
    """What `places_of` answers, for a media root and a working folder."""
    path = Path(os.path.normpath(here / Path(file).expanduser()))
    found = below(root, path)
    places = [] if found is None else [found]
    if not Path(file).expanduser().is_absolute():
        places.append(os.path.normpath(file))
    if not places:
        raise Invalid(f"{path_as_text(file)} is not below {root}", code="file.elsewhere")
    return [path_as_text(place) for place in dict.fromkeys(places)]


def below(root: Path, path: Path) -> str | None:
    """The path from the root on, also where a link leads there; None where it is elsewhere."""
    for start, end in ((root, path), (root.resolve(), path.parent.resolve() / path.name)):
        if end.is_relative_to(start) and end != start:
            return str(end.relative_to(start))
    return None
