"""The user that a server runs as: our own, or, since PostgreSQL refuses root, another one."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# The kernel is asked, as that user: modes alone do not tell of access lists.
_FIRST_CLOSED = 'for one; do [ -x "$one" ] || { printf %s "$one"; break; }; done'


@dataclass(frozen=True, slots=True)
class Account:
    """A user of this machine."""

    uid: int
    gid: int

    @classmethod
    def for_server(cls, data: Path) -> Self:
        """Who runs a server over the folder `data`.

        An ordinary user runs it himself. For root it is the owner that the folder already has,
        else `postgres`, else `nobody`.
        """
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        if data.exists() and (there := data.stat()).st_uid != 0:
            return cls(there.st_uid, there.st_gid)
        known = {user.pw_name: user for user in pwd.getpwall()}
        user = known.get("postgres") or known["nobody"]
        return cls(user.pw_uid, user.pw_gid)

    @property
    def is_ours(self) -> bool:
        """Whether it is the user of this process."""
        return self.uid == os.geteuid()

    @property
    def name(self) -> str:
        """The user's name, else its number."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def first_closed(self, folder: Path) -> Path | None:
        """The first folder on the way to this one, itself included, that the user cannot pass."""
        if self.is_ours:
            return None
        looking = subprocess.run(  # noqa: S603 - our own words
            ["/bin/sh", "-c", _FIRST_CLOSED, "sh", *reversed(folder.parents), folder],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            stdout=subprocess.PIPE,
            check=True,
        )
        return Path(os.fsdecode(looking.stdout)) if looking.stdout else None

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if not self.is_ours:
            os.chown(path, self.uid, self.gid)
