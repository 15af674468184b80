"""Locks a run directory, so that only one run writes to it.

The lock belongs to an open file and not to a process: a child that inherits the file holds it too, and the kernel frees
it when the last holder has ended, however it ended.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tripcurve.errors import BadInput

__all__ = ["INHERITED", "LOCK", "RunLock"]

LOCK = ".lock"
"""The locked file in a run directory. A run that was killed leaves it behind, unlocked."""
INHERITED = "TRIPCURVE_RUN_LOCK"
"""The environment variable in which a parent names the open lock file that its child inherits."""


class RunLock:
    """A held lock on a run directory."""

    def __init__(self, folder: Path, fd: int, owner: bool) -> None:
        self.folder = folder
        self.fd = fd
        self._owner = owner

    @classmethod
    def take(cls, folder: Path) -> RunLock:
        """Lock a folder. Raises BadInput when another run holds the lock, OSError when the folder cannot be written."""
        while True:
            fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                raise BadInput(f"--run-dir {folder} is being written by another run; choose another folder") from None
            if _is_lock_of(folder, fd):
                return cls(folder, fd, owner=True)
            os.close(fd)  # its last holder removed the file between our opening and our locking it

    @classmethod
    def inherited(cls, folder: Path, environ: Mapping[str, str] = os.environ) -> RunLock | None:
        """Return the lock on this folder that the parent process passed on; None if it passed none."""
        number = environ.get(INHERITED, "")
        if not number.isdecimal() or not _is_lock_of(folder, int(number)):
            return None
        return cls(folder, int(number), owner=False)

    def release(self) -> None:
        """Release the lock. The process that made the file also removes it, if it can. A second call does nothing."""
        if self.fd < 0:
            return
        if self._owner:
            with suppress(OSError):  # a folder that became read-only keeps the file, which nobody holds any more
                (self.folder / LOCK).unlink(missing_ok=True)
        os.close(self.fd)
        self.fd = -1


def _is_lock_of(folder: Path, fd: int) -> bool:
    """Return whether an open file is the folder's lock file, not one that was removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(fd), (folder / LOCK).stat())
    except OSError:
        return False
