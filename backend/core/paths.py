"""What lies at a path that somebody gave: such a one may be forbidden, or longer than any is."""

import errno
import stat
from pathlib import Path

from backend.core.errors import Invalid

_NOTHING_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP}


def is_file(path: Path) -> bool:
    """Whether a file is there. Raises Invalid (`path.unseen`) where nobody lets us look."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises as `is_file`."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: Path) -> int:
    """Of what is there; 0 where nothing is.

    `Path.is_file` raises OSError for what may not be looked at before Python 3.14, and says False
    from then on.
    """
    try:
        return path.stat().st_mode
    except ValueError:  # a NUL: no path at all
        return 0
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return 0
        raise Invalid(
            f"{path} cannot be looked at: {error.strerror}", code="path.unseen"
        ) from error
