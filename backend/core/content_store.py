"""Files named by what they hold: written once, never changed."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from backend.core.errors import NotFound, Unavailable

MARK = ".hsi-pictures"
"""The file with the mark by which a folder of contents, and the folder above it, are known."""

OTHER_DISK = "pictures.other_disk"
"""The code of the error that says that the folder is not the one with our mark."""

SHELVES = 256
"""In so many folders the contents lie, by the first byte of their hashes."""

_CONTENT = re.compile(r"[0-9a-f]{64}")
_SET_ASIDE = re.compile(r"\.([0-9a-f]{64})\.[0-9a-f]{8}\.gone")
_UNFINISHED = re.compile(r"\..+\.[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it lies there; `mtime_ns` is when its content was last put."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What lies in one of the folders.

    `set_aside` is what is about to be removed, or was; `unfinished` are files that were not written
    to their end, or are just being written; `strange` is what is none of ours.
    """

    contents: dict[bytes, Stored] = field(default_factory=dict)
    set_aside: dict[Path, Stored] = field(default_factory=dict)
    unfinished: dict[Path, Stored] = field(default_factory=dict)
    strange: list[Path] = field(default_factory=list)


class ContentStore:
    """A folder of files under `<aa>/<SHA-256 in hex>`, `aa` being the hash's first two digits.

    While it is written to, contents may be removed in two steps: `set_aside`, then, once it is
    known that nobody needs them, `drop`, else `put_back`. Whoever puts the same content meanwhile
    is seen by `drop`, or writes it anew; whoever reads it finds it in either place.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.mark: str | None = None
        """By which the folder is known; None: whatever is in its place is taken for it."""
        self.home: int | None = None
        """The inode of the folder above, when the marked one was last seen in it; else None.

        Where a disk is mounted over it, the folder beneath keeps whatever mark it once had: only
        this tells the two apart. The device is not compared: its number changes from boot to boot.
        """
        self._seen: tuple[int, int] | None = None

    def path(self, content_hash: bytes) -> Path:
        """Where the content with this hash lies, or would lie."""
        name = content_hash.hex()
        return self._folder / name[:2] / name

    def put(self, content_hash: bytes, data: bytes) -> None:
        """Store content that has this hash; where it is stored already, only its time changes.

        Afterwards it is on the disk, whole, also if the power fails. Raises `Unavailable` where the
        disk does not take it.
        """
        with self._writing():
            if not self._touched(content_hash, len(data)):
                self._write(content_hash, data)

    def touch(self, content_hash: bytes) -> None:
        """Give content a new time, as if it had just been put, where it is there.

        Raises `Unavailable`, as `put`.
        """
        with self._writing(), suppress(FileNotFoundError):
            os.utime(self.path(content_hash))

    def replace(self, content_hash: bytes, data: bytes) -> None:
        """Store content in the place of what may be damaged. Raises `Unavailable`, as `put`."""
        with self._writing():
            self._write(content_hash, data)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unavailable(
                f"cannot write to {self._folder}: {error.strerror}", code="pictures.unwritable"
            ) from error

    def _touched(self, content_hash: bytes, size: int) -> bool:
        """Whether content of this size is there; its time is then new, for those who remove."""
        path = self.path(content_hash)
        try:
            os.utime(path)
            return path.stat().st_size == size
        except FileNotFoundError:
            return False

    def _write(self, content_hash: bytes, data: bytes) -> None:
        path = self.path(content_hash)
        is_new_shelf = not path.parent.exists()
        if is_new_shelf:
            self._make_shelf(path.parent)
        write_whole(path, data)
        flush_names(path.parent)
        if is_new_shelf:
            flush_names(self._folder)

    def _make_shelf(self, shelf: Path) -> None:
        """Make one of the folders; a marked folder around them is never made without its mark."""
        if self.mark is None:
            return  # it is made with the file
        try:
            shelf.mkdir(exist_ok=True)
        except FileNotFoundError:
            self.check()
            shelf.mkdir(exist_ok=True)

    def read(self, content_hash: bytes) -> bytes:
        """The content with this hash.

        Raises `NotFound` where it is gone, or no longer what it was; `Unavailable` where the whole
        folder cannot be read, or is another; `OSError` where it can, and this one file cannot.
        """
        try:
            data = self._bytes(content_hash)
        except OSError as error:
            self._check_folder()
            if not isinstance(error, FileNotFoundError):
                raise
            raise NotFound("the picture's copy is gone", code="pictures.missing") from error
        if sha256(data).digest() != content_hash:
            raise NotFound("the picture's copy is damaged", code="pictures.damaged")
        return data

    def _bytes(self, content_hash: bytes) -> bytes:
        path = self.path(content_hash)
        try:
            return path.read_bytes()
        except FileNotFoundError:
            for aside in path.parent.glob(f".{path.name}.*.gone"):
                with suppress(FileNotFoundError):
                    return aside.read_bytes()
        return path.read_bytes()  # put back, or put again, between the two looks

    def _check_folder(self) -> None:
        """Raise `Unavailable` where the folder is not ours, cannot be read, or is a mount point."""
        self.check()
        try:
            with os.scandir(self._folder) as entries:
                is_empty = next(entries, None) is None
        except OSError as error:
            raise _unreadable(self._folder, error.strerror) from error
        if is_empty:
            raise _unreadable(self._folder, "it is empty, as if it were not mounted")

    def check(self) -> None:
        """See whether the folder is the one with our mark; costs reading one small file.

        What was deleted is made again: the folder, or the mark in a folder that was seen with it.
        One that was moved with its mark is ours: `home` is then where it lies now.
        Raises `Unavailable`: `pictures.other_disk`.
        """
        if self.mark is None:
            return
        place, home = _place(self._folder), self._found_home()
        if self.found_mark() != self.mark:
            if not self.was_deleted and (place is None or place != self._seen):
                raise Unavailable(self.why_not_ours(), code=OTHER_DISK)
            self.write_mark(self.mark)
            place = _place(self._folder)
        elif home != self.home:
            self._settle(self.mark, home)
        self._seen = place

    def _settle(self, mark: str, home: int | None) -> None:
        """Let the folder above be the one that ours is in."""
        with suppress(OSError):  # without its mark, ours is only not made again once deleted
            _write_mark(self._folder.parent, mark)
        self.home = home

    def _found_home(self) -> int | None:
        place = _place(self._folder.parent)
        return place[1] if place else None

    def why_not_ours(self) -> str:
        """In words: the folder is not there, or has no mark, or another."""
        if not self._folder.exists():
            renamed = self._renamed()
            where = f", and seems to be {renamed} now" if renamed else ""
            return f"the folder of the pictures is not there: {self._folder}{where}"
        has = "another mark" if self.found_mark() else "no mark"
        return (
            f"{self._folder} is not the folder of our pictures, since it has {has} ({MARK}): is "
            "another disk mounted in its place?"
        )

    @property
    def was_deleted(self) -> bool:
        """Whether the folder is gone, and the one above it is still the one that it was in.

        Of a disk that is not mounted, the empty folder would be left, or the one above would be
        without the mark, or not our `home`; and what was renamed lies beside it.
        """
        if self.mark is None or os.path.lexists(self._folder):
            return False
        if self.home is None or self._found_home() != self.home:
            return False
        return _mark_in(self._folder.parent) == self.mark and self._renamed() is None

    def _renamed(self) -> Path | None:
        """The folder with our mark that lies beside the place where it should be."""
        for beside in self._folder.parent.glob(f"*/{MARK}"):
            if _mark_in(beside.parent) == self.mark:
                return beside.parent
        return None

    def found_mark(self) -> str | None:
        """The mark that the folder has. Raises `Unavailable` where that cannot be read."""
        return _mark_in(self._folder)

    def write_mark(self, mark: str) -> None:
        """Mark the folder, made where it is not, and the one above it. Raises `Unavailable`."""
        with self._writing():
            for folder in (self._folder.parent, self._folder):
                _write_mark(folder, mark)
        self.home = self._found_home()

    def shelf(self, number: int) -> Shelf:
        """What lies in one of the `SHELVES` folders. Raises `Unavailable`."""
        found = Shelf()
        try:
            with os.scandir(self._folder / f"{number:02x}") as entries:
                for entry in entries:
                    _sort(entry, found)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise _unreadable(self._folder, error.strerror) from error
        return found

    def holds_pictures(self) -> bool:
        """Whether any content lies there. Raises `Unavailable`."""
        return any(self.shelf(number).contents for number in range(SHELVES))

    def strange(self) -> list[Path]:
        """What lies beside the shelves and is none of ours. Raises `Unavailable`."""
        ours = {f"{number:02x}" for number in range(SHELVES)} | {MARK}
        try:
            names = [path.name for path in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(self._folder, error.strerror) from error
        # A mark whose writer was killed is ours as well; it is a few bytes, and written once.
        return [
            self._folder / name
            for name in names
            if name not in ours and not (name.startswith(f".{MARK}.") and is_unfinished(name))
        ]

    def set_aside(self, content_hash: bytes) -> Path | None:
        """Begin to remove content; where it lies now, a place that nobody else uses.

        None where it is not there.
        """
        path = self.path(content_hash)
        aside = path.with_name(f".{path.name}.{token_hex(4)}.gone")
        with self._writing():
            try:
                return path.replace(aside)
            except FileNotFoundError:
                return None

    def drop(self, aside: Path, *, before_ns: int) -> bool:
        """Remove what was set aside, if it was last put before that time; else it is put back."""
        with self._writing():
            try:
                # Nobody gives it another time from now on: nobody else knows this name.
                if aside.stat().st_mtime_ns < before_ns:
                    aside.unlink()
                    return True
            except FileNotFoundError:
                return False
        self.put_back(aside)
        return False

    def put_back(self, aside: Path) -> None:
        """Undo `set_aside`; its time is new, as that of content which was put again meanwhile."""
        with self._writing(), suppress(FileNotFoundError):  # another has ended it
            os.utime(aside)
            aside.replace(self.path(content_set_aside(aside)))


def _place(folder: Path) -> tuple[int, int] | None:
    """By what a folder is the same one, also under another name; None where there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _mark_in(folder: Path) -> str | None:
    try:
        return (folder / MARK).read_text(encoding="ascii", errors="replace").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(folder, error.strerror) from error


def _write_mark(folder: Path, mark: str) -> None:
    write_whole(folder / MARK, f"{mark}\n".encode())
    flush_names(folder)


def _sort(entry: "os.DirEntry[str]", shelf: Shelf) -> None:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # gone meanwhile
        return
    stored = Stored(found.st_size, found.st_mtime_ns)
    if not entry.is_file(follow_symlinks=False):
        shelf.strange.append(Path(entry.path))
    elif _CONTENT.fullmatch(entry.name):
        shelf.contents[bytes.fromhex(entry.name)] = stored
    elif _SET_ASIDE.fullmatch(entry.name):
        shelf.set_aside[Path(entry.path)] = stored
    elif is_unfinished(entry.name):
        shelf.unfinished[Path(entry.path)] = stored
    else:
        shelf.strange.append(Path(entry.path))


def is_unfinished(name: str) -> bool:
    """Whether a file's name is one under which `write_whole` writes."""
    return _UNFINISHED.fullmatch(name) is not None


def content_set_aside(aside: Path) -> bytes:
    """The hash of content that was set aside."""
    return bytes.fromhex(aside.name.split(".")[1])


def _unreadable(folder: Path, why: str | None) -> Unavailable:
    return Unavailable(f"cannot read from {folder}: {why}", code="pictures.unreadable")


def flush_names(folder: Path) -> None:
    """Bring the names in a folder onto the disk: flushing a file does not flush its name."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file that is there either whole or not at all; its folder is made where it is not.

    `mode` are its permissions; None: as the process gives them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
