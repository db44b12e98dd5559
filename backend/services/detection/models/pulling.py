"""A model of the catalogue is fetched, looked into, and kept; the awaited one is used as well."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from backend.core.errors import Conflict, Invalid
from backend.services.detection.models.catalogue import entry_of
from backend.services.detection.models.download import Download, Wanted
from backend.services.detection.models.folder import OTHERS_SECONDS, ModelFolder
from backend.services.detection.models.taking import Seen, look_into, take_part


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
        a name that is not known, Conflict where somebody else fetches it or it cannot have changed,
        and as `Download.fetch` and `look_into` do.
        """
        source = entry_of(name).to_fetch()
        if changed and source.sha256 is not None:
            raise Conflict(
                f"the catalogue has the hash of {name}, and no other file is taken for it: leave "
                "out --changed",
                code="model.known_hash",
            )
        folder = self.folder
        with folder.fetching(name):
            if name in folder.read().models and not folder.fault(name):
                return None
            if changed:
                with folder.changing(patience=OTHERS_SECONDS):
                    folder.forget(name)
            known = source.sha256 or folder.read().hashes.get(name)
            url = source.url(self.mirror)
            fetched = self.download.fetch(Wanted(url, folder.part(name), known, source.size))
            with folder.changing(patience=OTHERS_SECONDS):
                seen = take_part(folder, name, source.url(None), self.now())
        return Pulled(seen, fetched.is_vouched_for)

    def awaited(self) -> str | None:
        """Have the awaited model here, and use it; its name.

        None where none is awaited, or something else was chosen by then. Raises as `model`, and
        Invalid (`model.doubtful`) for one that cannot be trusted: it is kept, and not used.
        """
        folder = self.folder
        name = folder.read().awaited
        if name is None:
            return None
        pulled = self.model(name)
        doubt = (pulled.seen if pulled else look_into(folder.file(name))).doubt
        if doubt is not None:
            raise Invalid(
                f"it is here, and not used, since it cannot be trusted: {doubt}",
                code="model.doubtful",
            )
        with folder.changing(patience=OTHERS_SECONDS):
            if folder.read().awaited != name:
                return None
            folder.use(name)
        return name
