"""Locks that the operating system drops with their holder, one file each, for one or for many."""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from netra_testkit.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from io import FileIO

__all__ = ["HeldLock", "lock_directory", "note_on", "try_lock"]

NOTE_SIZE = 1024

if sys.platform == "win32":  # pragma: no cover - Windows only; elsewhere a stand-in loads it
    import getpass
    import msvcrt

    # Windows locks are mandatory: a locked byte cannot be read. So the range lies far beyond the
    # note. They know no sharing either: a reader takes one byte, whoever wants it alone takes all.
    RANGE = 2**30
    READERS = 256

    def _take(file: FileIO, *, shared: bool) -> tuple[int, int] | None:
        ranges = [(RANGE + each, 1) for each in range(READERS)] if shared else [(RANGE, READERS)]
        for start, count in ranges:
            file.seek(start)
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, count)
            except OSError as error:
                if error.errno not in {errno.EACCES, errno.EDEADLK}:
                    raise
            else:
                return start, count
        return None

    def _drop(file: FileIO, taken: tuple[int, int]) -> None:
        start, count = taken
        file.seek(start)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, count)

    def _owner() -> str:
        return getpass.getuser()

    def _distrust(_found: os.stat_result) -> str | None:
        # Windows gives every user a temporary directory of their own.
        return None

else:
    import fcntl

    # flock belongs to the open file, so it also keeps apart two threads of one process. A lockf
    # lock belongs to the process: it would not, and is lost as soon as anything there opens and
    # closes the file, be it to read who holds it.
    def _take(file: FileIO, *, shared: bool) -> tuple[int, int] | None:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return 0, 0

    def _drop(file: FileIO, _taken: tuple[int, int]) -> None:
        # Closing alone would not do: a forked child still has the file open.
        fcntl.flock(file, fcntl.LOCK_UN)

    def _owner() -> str:
        return str(os.getuid())

    def _distrust(found: os.stat_result) -> str | None:
        if found.st_uid != os.getuid():
            return "belongs to another user"
        if stat.S_IMODE(found.st_mode) & 0o077:
            return "is open to others"
        return None


class HeldLock:
    """A lock that is held until it is released, or its process ends however it ends."""

    def __init__(self, file: FileIO, taken: tuple[int, int]) -> None:
        self._file = file
        self._taken = taken

    def release(self) -> None:
        """Let it go."""
        with self._file:
            _drop(self._file, self._taken)


def lock_directory(directory: Path | None = None) -> Path:
    """Make the directory of the locks where it is not there, and refuse one that is not ours.

    Args:
        directory: Where; None for this user's own under the temporary directory.

    Raises:
        ConfigurationError: It cannot be made, belongs to another user, or is open to others.
    """
    path = directory or Path(tempfile.gettempdir()) / f"netra-testkit-{_owner()}"
    try:
        found = _made(path)
    except OSError as error:
        reason: str | None = f"cannot be made ({error.strerror})"
    else:
        reason = _distrust(found) if stat.S_ISDIR(found.st_mode) else "is no directory"
    if reason is not None:
        raise _refused(path, f"{reason}; remove it, or name another temporary directory in TMPDIR")
    return path


def try_lock(path: Path, *, shared: bool, note: str) -> HeldLock | None:
    """Take a lock if it is free, without waiting.

    Args:
        path: The file that stands for it; made where it is not there, and never removed.
        shared: Whether others may hold it beside us, as long as they share it too.
        note: Who we are, for whoever finds it taken; what is too long is cut.

    Returns:
        The lock, or None while it is held by somebody else.

    Raises:
        ConfigurationError: The file cannot be opened, locked or written at all.
    """
    file: FileIO | None = None
    lock: HeldLock | None = None
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        taken = _take(file, shared=shared)
        if taken is not None:
            file.seek(0)
            file.write(note.encode()[:NOTE_SIZE].ljust(NOTE_SIZE))
            lock = HeldLock(file, taken)
    except OSError as error:
        reason = f"cannot be locked ({error.strerror}); see that the disk has room and knows locks"
    else:
        return lock
    finally:
        if file is not None and lock is None:
            file.close()
    raise _refused(path, reason)


def note_on(path: Path) -> str:
    """What the last holder of a lock said about itself; empty when nobody ever did."""
    try:
        return path.read_bytes().decode(errors="replace").strip()
    except FileNotFoundError:
        return ""


def _made(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except FileNotFoundError:
        path.mkdir(mode=0o700, exist_ok=True)
        return path.lstat()


def _refused(path: Path, remedy: str) -> ConfigurationError:
    return ConfigurationError(problems=(Problem(str(path), "the leases of test users", remedy),))
