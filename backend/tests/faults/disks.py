"""Small disks of a test's own, which can be filled."""

import ctypes
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_PIECE = bytes(65_536)


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system of a few megabytes in memory."""

    folder: Path

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / "filler").open("ab", buffering=0) as file:
            piece = _PIECE
            while piece:
                try:
                    written = file.write(piece)
                except OSError:
                    written = 0
                piece = piece if written == len(piece) else piece[: len(piece) // 2]

    def free(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink()

    def grow(self, size: str) -> None:
        """Let it have another size, as `64m`."""
        _run("mount", "-o", f"remount,size={size}", str(self.folder))


@dataclass(frozen=True, slots=True)
class HungDisk:
    """A file system that takes every question and answers none, as a share whose server is away.

    It is one of FUSE, of which nobody reads the questions.
    """

    folder: Path
    descriptor: int

    def end(self) -> None:
        """Take it away; who waits for it gets an error, and what lay beneath is there again."""
        _run("umount", "-l", str(self.folder))
        os.close(self.descriptor)


@dataclass(slots=True)
class Disks:
    """The disks of a test, taken away in the end."""

    made: list[Disk] = field(default_factory=list)
    hung: list[HungDisk] = field(default_factory=list)

    def mount_hung(self, folder: Path) -> HungDisk:
        """Lay a disk that does not answer over a folder; skips the test where one may not."""
        try:
            descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            pytest.skip(f"a disk that does not answer needs /dev/fuse: {error.strerror}")
        options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0"
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"hung", bytes(folder), b"fuse", 0, options.encode()) != 0:
            os.close(descriptor)
            pytest.skip(f"a disk of one's own needs root: {os.strerror(ctypes.get_errno())}")
        disk = HungDisk(folder, descriptor)
        self.hung.append(disk)
        return disk

    def end_hung(self) -> None:
        """Take those away that do not answer: whoever waits for them cannot be ended before."""
        while self.hung:
            self.hung.pop().end()

    def mount(self, folder: Path, size: str, *, mode: str = "700") -> Disk:
        """A new disk in a folder; skips the test where one may not mount."""
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={size},mode={mode}"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"a disk of one's own needs root: {done.stderr.decode().strip()}")
        disk = Disk(folder)
        self.made.append(disk)
        return disk

    def unmount(self) -> None:
        """Take them all away, whoever still uses them."""
        while self.made:
            _run("umount", "-l", str(self.made.pop().folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
