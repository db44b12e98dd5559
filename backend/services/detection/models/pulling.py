"""A model of the catalogue is fetched, looked into, and kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from backend.services.detection.models.catalogue import entry_of
from backend.services.detection.models.download import Download, Wanted
from backend.services.detection.models.folder import ModelFolder
from backend.services.detection.models.taking import Seen, take_part

_OTHERS_SECONDS = 60.0
"""How long a file that has come may wait until nobody else changes the folder."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came. `is_vouched_for`: its hash was known, or declared by the site."""

    seen: Seen
    is_vouched_for: bool


@dataclass(frozen=True, slots=True)
class Pull:
    """Fetches into `folder`, from `mirror` where there is one."""

    folder: ModelFolder
    download: Download
    mirror: str | None
    now: Callable[[], datetime]

    def model(self, name: str, *, changed: bool = False) -> Pulled | None:
        """Have a model of the catalogue here; None where it is already.

        It is held to the hash of the first time, unless it may have `changed`. Raises NotFound for
        a name that is not known, Conflict where somebody else fetches it, and as `Download.fetch`
        and `look_into` do.
        """
        source = entry_of(name).to_fetch()
        folder = self.folder
        with folder.fetching(name):
            if name in folder.read().models and not folder.fault(name):
                return None
            if changed:
                with folder.changing(patience=_OTHERS_SECONDS):
                    folder.forget(name)
            known = source.sha256 or folder.read().hashes.get(name)
            url = source.url(self.mirror)
            fetched = self.download.fetch(Wanted(url, folder.part(name), known, source.size))
            with folder.changing(patience=_OTHERS_SECONDS):
                seen = take_part(folder, name, source.url(None), self.now())
        return Pulled(seen, fetched.is_vouched_for)
