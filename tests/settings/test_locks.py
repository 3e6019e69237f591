"""A lock is held by one, or shared by many, and ends with its holder."""

from __future__ import annotations

import errno
import importlib.util
import os
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType

import pytest

from netra_testkit.errors import ConfigurationError
from netra_testkit.settings import locks

ON_LINUX = sys.platform == "linux"


class WindowsLocking(ModuleType):
    """What Windows' byte-range locks promise, made of Linux's; the module cannot tell."""

    LK_UNLCK = 0
    LK_NBLCK = 2

    def __init__(self) -> None:
        super().__init__("msvcrt")
        self.failure: int | None = None
        self.taken: set[tuple[int, int, int]] = set()

    def locking(self, descriptor: int, mode: int, count: int) -> None:
        import fcntl

        start = os.lseek(descriptor, 0, os.SEEK_CUR)
        if self.failure is not None:
            raise OSError(self.failure, os.strerror(self.failure))
        region = (descriptor, start, count)
        if mode == self.LK_UNLCK:
            self.taken.remove(region)
        kind = fcntl.F_UNLCK if mode == self.LK_UNLCK else fcntl.F_WRLCK
        wanted = struct.pack("hhqqi0q", kind, os.SEEK_SET, start, count, 0)
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None
        if mode == self.LK_NBLCK:
            self.taken.add(region)


@pytest.fixture
def msvcrt() -> WindowsLocking:
    return WindowsLocking()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, msvcrt: WindowsLocking) -> ModuleType:
    """The module as Windows loads it."""
    spec = importlib.util.spec_from_file_location("locks_on_windows", locks.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "msvcrt", msvcrt)
        patch.setattr(sys, "platform", "win32")
        spec.loader.exec_module(module)
    return module


@pytest.fixture(
    params=[
        "here",
        pytest.param(
            "windows",
            marks=pytest.mark.skipif(not ON_LINUX, reason="the stand-in is made of Linux's locks"),
        ),
    ]
)
def module(request: pytest.FixtureRequest) -> ModuleType:
    """The module as this system loads it, and as Windows does."""
    return locks if request.param == "here" else request.getfixturevalue("windows")


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [(False, False, False), (False, True, False), (True, False, False), (True, True, True)],
    ids=["alone, alone", "alone, shared", "shared, alone", "shared, shared"],
)
def test_who_can_hold_a_lock_together(
    module: ModuleType, tmp_path: Path, *, first: bool, second: bool, together: bool
) -> None:
    path = tmp_path / "a.lock"
    held = module.try_lock(path, shared=first, note="first")
    other = module.try_lock(path, shared=second, note="second")
    assert held is not None
    assert (other is not None) is together
    held.release()
    if other is not None:
        other.release()


def test_a_released_lock_is_free(module: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    for shared in (False, True, False):
        held = module.try_lock(path, shared=shared, note="")
        assert held is not None
        held.release()


def test_a_lock_stays_shared_until_the_last_reader_leaves(
    module: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "a.lock"
    readers = [module.try_lock(path, shared=True, note="") for _ in range(20)]
    for reader in readers:
        assert module.try_lock(path, shared=False, note="") is None
        reader.release()
    alone = module.try_lock(path, shared=False, note="")
    assert alone is not None
    alone.release()


def test_two_files_are_two_locks(module: ModuleType, tmp_path: Path) -> None:
    held = [module.try_lock(tmp_path / name, shared=False, note="") for name in ("a", "b")]
    assert all(held)
    for each in held:
        each.release()


def test_a_lock_taken_by_one_thread_is_refused_to_another(tmp_path: Path) -> None:
    held = locks.try_lock(tmp_path / "a.lock", shared=False, note="")
    found: list[object] = []
    other = threading.Thread(
        target=lambda: found.append(locks.try_lock(tmp_path / "a.lock", shared=False, note=""))
    )
    other.start()
    other.join()
    assert found == [None]
    assert held is not None
    held.release()


HOLD = """
import sys
from pathlib import Path
from netra_testkit.settings.locks import try_lock
held = try_lock(Path(sys.argv[1]), shared=sys.argv[2] == "shared", note="a child")
print("free" if held is None else "held", flush=True)
sys.stdin.read()
"""


def hold_elsewhere(path: Path, *, how: str = "alone") -> subprocess.Popen[str]:
    child = subprocess.Popen(  # noqa: S603 - this interpreter and the text above
        [sys.executable, "-c", HOLD, str(path), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


@pytest.mark.parametrize("how", ["alone", "shared"])
def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path, how: str) -> None:
    path = tmp_path / "a.lock"
    with hold_elsewhere(path, how=how) as child:
        assert locks.try_lock(path, shared=False, note="") is None
        child.kill()
        child.wait()
        held = locks.try_lock(path, shared=False, note="")
    assert held is not None
    held.release()


@pytest.mark.skipif(sys.platform == "win32", reason="fork is not known there")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_lock_is_free_again_although_a_forked_child_lives_on(tmp_path: Path) -> None:
    held = locks.try_lock(tmp_path / "a.lock", shared=False, note="")
    assert held is not None
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(reading)
    held.release()
    again = locks.try_lock(tmp_path / "a.lock", shared=False, note="")
    os.close(writing)
    os.waitpid(child, 0)
    assert again is not None
    again.release()


def test_a_lock_that_was_lost_is_dropped_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    lost = [locks.try_lock(path, shared=False, note="")]
    with pytest.warns(ResourceWarning, match="unclosed file"):
        lost.clear()
    again = locks.try_lock(path, shared=False, note="")
    assert again is not None
    again.release()


def test_the_note_of_a_holder_can_be_read_while_it_holds(
    module: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "a.lock"
    held = module.try_lock(path, shared=False, note="a rather long first note, by Ada — Ω")
    assert module.note_on(path) == "a rather long first note, by Ada — Ω"
    held.release()
    held = module.try_lock(path, shared=False, note="short")
    assert module.note_on(path) == "short"
    held.release()


def test_who_did_not_get_a_lock_leaves_no_note(module: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    held = module.try_lock(path, shared=False, note="first")
    module.try_lock(path, shared=False, note="second")
    assert module.note_on(path) == "first"
    held.release()


def test_a_note_that_is_too_long_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    held = locks.try_lock(path, shared=False, note="Ω" * 2000)
    assert locks.note_on(path) == "Ω" * (locks.NOTE_SIZE // 2)
    assert held is not None
    held.release()


def test_nobody_ever_left_a_note(tmp_path: Path) -> None:
    assert locks.note_on(tmp_path / "a.lock") == ""


def test_a_file_that_cannot_be_opened_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        locks.try_lock(tmp_path, shared=False, note="")
    (problem,) = caught.value.problems
    assert problem.field == str(tmp_path)
    assert problem.remedy.startswith("cannot be locked (Is a directory)")


@pytest.mark.skipif(not ON_LINUX, reason="/dev/full is Linux's")
def test_a_full_disk_is_a_configuration_error_and_the_lock_is_not_kept() -> None:
    with pytest.raises(ConfigurationError, match="No space left on device"):
        locks.try_lock(Path("/dev/full"), shared=False, note="")
    with pytest.raises(ConfigurationError, match="No space left on device"):
        locks.try_lock(Path("/dev/full"), shared=False, note="")


@pytest.mark.skipif(not ON_LINUX, reason="the stand-in is made of Linux's locks")
@pytest.mark.parametrize("number", [errno.EACCES, errno.EDEADLK])
def test_both_ways_in_which_windows_says_taken_are_understood(
    windows: ModuleType, msvcrt: WindowsLocking, tmp_path: Path, number: int
) -> None:
    msvcrt.failure = number
    assert windows.try_lock(tmp_path / "a.lock", shared=True, note="") is None


@pytest.mark.skipif(not ON_LINUX, reason="the stand-in is made of Linux's locks")
def test_windows_failing_otherwise_is_a_configuration_error(
    windows: ModuleType, msvcrt: WindowsLocking, tmp_path: Path
) -> None:
    msvcrt.failure = errno.EIO
    with pytest.raises(ConfigurationError, match="cannot be locked"):
        windows.try_lock(tmp_path / "a.lock", shared=False, note="")


def test_windows_directories_belong_to_a_name(
    windows: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "ada")
    directory = windows.lock_directory()
    assert directory == tmp_path / "netra-testkit-ada"
    directory.chmod(0o755)
    assert windows.lock_directory() == directory


def test_the_directory_is_this_users_own_under_the_temporary_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    directory = locks.lock_directory()
    assert directory.parent == tmp_path
    assert directory.name.startswith("netra-testkit-")
    assert directory.is_dir()
    assert locks.lock_directory() == directory


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="modes and owners are POSIX")


@posix_only
def test_the_directory_is_closed_to_others(tmp_path: Path) -> None:
    assert locks.lock_directory(tmp_path / "locks").stat().st_mode & 0o777 == 0o700


@posix_only
@pytest.mark.parametrize("mode", [0o701, 0o710, 0o720, 0o777], ids=oct)
def test_a_directory_that_is_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "locks"
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(ConfigurationError, match="is open to others; remove it"):
        locks.lock_directory(directory)


@posix_only
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    directory = Path("/")
    if os.getuid() == 0:
        directory = tmp_path / "locks"
        directory.mkdir(mode=0o700)
        os.chown(directory, 12345, -1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        locks.lock_directory(directory)


@posix_only
def test_a_link_to_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="is no directory"):
        locks.lock_directory(tmp_path / "link")


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locks").touch()
    with pytest.raises(ConfigurationError, match="is no directory"):
        locks.lock_directory(tmp_path / "locks")


def test_a_directory_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        locks.lock_directory(tmp_path / "nowhere" / "locks")
    (problem,) = caught.value.problems
    assert problem.field == str(tmp_path / "nowhere" / "locks")
    assert problem.source == "the leases of test users"
    assert problem.remedy.startswith("cannot be made (No such file or directory)")
