"""The folder `<data>/models`: a file for each model, and `manifest.json`, which says what they are.

Whatever is written there is written under another name, flushed, and renamed.
"""

import fcntl
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from backend.core.content_store import flush_names, write_whole
from backend.core.errors import Conflict, Invalid, NotFound, Unavailable

NO_MODEL = "motion"
"""The name under which nobody's file is used."""

OTHERS_SECONDS = 60.0
"""How long who has fetched a file may wait until nobody else changes the folder."""
_LOOK_AGAIN_SECONDS = 0.1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A model that is there. `source` is where its file came from, `size` in bytes."""

    sha256: str
    size: int
    family: str
    source: str
    added_at: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the folder holds, by name; which one is used; which hash each name's file had when it
    was fetched first, which stays known when the file is removed; and which one is `awaited`: a
    worker fetches it, and uses it then."""

    models: Mapping[str, Kept] = field(default_factory=dict)
    in_use: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    awaited: str | None = None


_MANIFEST = TypeAdapter(Manifest)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The file of the model that is to be used, and its hash; neither, where motion is."""

    file: Path | None = None
    sha256: str | None = None


class ModelFolder:
    """The models of one data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._manifest = path / "manifest.json"

    def file(self, name: str) -> Path:
        """Where the model of that name lies, or would lie."""
        return self._path / f"{name}.onnx"

    def part(self, name: str) -> Path:
        """Where it lies until it is whole and known."""
        return self._path / f".{name}.part"

    def size_of_part(self, name: str) -> int:
        """How many bytes of it have come."""
        try:
            return self.part(name).stat().st_size
        except OSError:
            return 0

    def read(self) -> Manifest:
        """What is there. Raises Invalid (`models.manifest`) where that cannot be read."""
        try:
            said = orjson.loads(self._manifest.read_bytes())
            needed = {name: said[name] for name in ("models", "in_use", "hashes")}
            return _MANIFEST.validate_python(needed | {"awaited": said.get("awaited")})
        except FileNotFoundError:
            return Manifest()
        except NotADirectoryError as error:
            raise Invalid(
                f"{self._path} is no folder, where the models are to be: move it away",
                code="models.manifest",
            ) from error
        except ValidationError as error:
            wrong = error.errors()[0]
            place = ".".join(map(str, wrong["loc"]))
            raise self._unreadable(f"{place}: {wrong['msg']}") from error
        except OSError as error:
            raise Invalid(
                f"{self._manifest} cannot be read: {error.strerror}", code="models.manifest"
            ) from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._unreadable(error) from error

    def _unreadable(self, reason: object) -> Invalid:
        return Invalid(
            f"{self._manifest} cannot be read ({reason}): remove it, and add the models again",
            code="models.manifest",
        )

    def chosen(self) -> Chosen:
        """The model in use. Raises as `read`."""
        manifest = self.read()
        name = manifest.in_use
        if name is None:
            return Chosen()
        kept = manifest.models.get(name)
        return Chosen(self.file(name), kept.sha256 if kept else None)

    def mark(self) -> tuple[int, int] | None:
        """What is another whenever the manifest may say something else; None where there is none.

        It costs no more than a look at the file's dates.
        """
        try:
            found = self._manifest.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    @contextmanager
    def changing(self, *, patience: float = 0.0) -> Iterator[None]:
        """While the folder is changed: nobody else does. Made where it is not there.

        Raises Conflict where another command is at it, for longer than `patience` seconds;
        Unavailable where we may not write.
        """
        said = f"another `hsi models` is changing {self._path}: wait until it has ended"
        with self._locked(".lock", said, patience):
            yield

    @contextmanager
    def fetching(self, name: str) -> Iterator[None]:
        """While a model is fetched: nobody else fetches it, or removes what came of it.

        Raises as `changing`.
        """
        said = (
            f"{name} is being fetched already: `hsi models list` shows how far it is, and "
            f"`hsi models use {NO_MODEL}` ends what a worker fetches"
        )
        with self._locked(f".{name}.lock", said, 0.0):
            yield

    def is_fetching(self, name: str) -> bool:
        """Whether somebody fetches a model right now."""
        try:
            lock = os.open(self._path / f".{name}.lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _held(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)

    @contextmanager
    def _locked(self, file: str, said: str, patience: float) -> Iterator[None]:
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path / file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(self._path, error) from error
        try:
            end = time.monotonic() + patience
            while not _held(lock, fcntl.LOCK_EX):
                if time.monotonic() >= end:
                    raise Conflict(said, code="models.busy")
                time.sleep(_LOOK_AGAIN_SECONDS)
            yield
        finally:
            os.close(lock)

    def keep(self, name: str, kept: Kept) -> None:
        """Take the part of that name for a model from now on, and remember its hash."""
        manifest = self.read()
        try:
            with self.part(name).open("rb+") as part:
                os.fchmod(part.fileno(), 0o600)
                os.fsync(part.fileno())
            self.part(name).replace(self.file(name))
            flush_names(self._path)
            validator_of(self.part(name)).unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(self._path, error) from error
        hashes = {name: kept.sha256} | {**manifest.hashes}
        self._write(replace(manifest, models={**manifest.models, name: kept}, hashes=hashes))

    def use(self, name: str) -> None:
        """Say which model is to be used; a worker that runs sees it. None is awaited any more.

        Raises NotFound.
        """
        manifest = self.read()
        if name != NO_MODEL and name not in manifest.models:
            raise _not_there(name)
        in_use = None if name == NO_MODEL else name
        self._write(replace(manifest, in_use=in_use, awaited=None))

    def wait_for(self, name: str) -> None:
        """Say which model is to be fetched by a worker, and used then."""
        self._write(replace(self.read(), awaited=name))

    def forget(self, name: str) -> None:
        """Do not hold the next file of that name to the hash of the first one."""
        manifest = self.read()
        hashes = {one: known for one, known in manifest.hashes.items() if one != name}
        if hashes != manifest.hashes:
            self._write(replace(manifest, hashes=hashes))

    def remove(self, name: str) -> None:
        """Remove a model, or what there is of it.

        Raises NotFound, or Conflict for the one in use, the awaited one, or one that is being
        fetched.
        """
        manifest = self.read()
        if name == manifest.in_use:
            raise Conflict(
                f"{name} is in use: choose another one first, `hsi models use {NO_MODEL}` at least",
                code="model.in_use",
            )
        if name == manifest.awaited:
            raise Conflict(
                f"{name} is awaited, and would be fetched again: `hsi models use {NO_MODEL}` ends "
                "that",
                code="model.awaited",
            )
        is_name = _NAME.fullmatch(name)  # else its part might lie in another folder
        if not is_name or (name not in manifest.models and not self.part(name).exists()):
            raise _not_there(name)
        models = {one: kept for one, kept in manifest.models.items() if one != name}
        with self.fetching(name):
            self._write(replace(manifest, models=models))
            self.file(name).unlink(missing_ok=True)
            drop(self.part(name))

    def fault(self, name: str) -> str | None:
        """What is wrong with a model's file; None where it is as it was. Raises NotFound."""
        kept = self.read().models.get(name)
        if kept is None:
            raise _not_there(name)
        try:
            found = hash_of(self.file(name))
        except FileNotFoundError:
            return "its file is gone"
        except OSError as error:
            return f"its file cannot be read: {error.strerror}"
        return None if found == kept.sha256 else "its file is not what it was: its hash is another"

    def _write(self, manifest: Manifest) -> None:
        said: dict[str, Any] = {"version": 1, **asdict(manifest)}
        try:
            write_whole(self._manifest, orjson.dumps(said, option=orjson.OPT_INDENT_2), mode=0o600)
        except OSError as error:
            raise unwritable(self._path, error) from error


def check_name(name: str) -> str:
    """The name, if a model may have it. Raises Invalid."""
    if name == NO_MODEL:
        raise Invalid(f"{NO_MODEL} is the name of none: give another --name", code="model.name")
    if _NAME.fullmatch(name):
        return name
    raise Invalid(
        f"{name!a}: a model's name has 1 to 60 lower case letters, digits and any of . _ -; "
        "--name gives it one",
        code="model.name",
    )


def hash_of(file: Path) -> str:
    """The SHA-256 of what is in a file, in hex."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def validator_of(part: Path) -> Path:
    """Where the server's mark for the file is noted of which `part` is the beginning."""
    return part.with_name(f"{part.name}.etag")


def drop(part: Path) -> None:
    """Throw away what there is of a file."""
    part.unlink(missing_ok=True)
    validator_of(part).unlink(missing_ok=True)


def unwritable(folder: Path, error: OSError) -> Unavailable:
    """The error for a folder that takes nothing."""
    return Unavailable(f"cannot write to {folder}: {error.strerror}", code="models.unwritable")


def _held(lock: int, kind: int) -> bool:
    """Whether a lock of this kind on the file is ours now."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _not_there(name: str) -> NotFound:
    return NotFound(f"no model {name} here: `hsi models list` shows them", code="model.not_found")
