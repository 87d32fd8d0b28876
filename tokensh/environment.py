"""Everything tokensh takes from its process in one object: streams, variables, clocks, folders. Tests build their own."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from tokensh._dataclasses import dataclass, field, replace

DEFAULT_WIDTH, DEFAULT_HEIGHT = 80, 24
"""Columns and lines of a terminal that does not tell its size."""


_IS_POSIX = hasattr(os, "geteuid") and hasattr(os, "fchmod")
"""Whether files have owners and modes: not on Windows."""


def import_or_none(name: str) -> Any:
    """Return a module of the standard library; None where the system lacks it, as Windows lacks fcntl, resource and termios."""
    try:
        return import_module(name)
    except ImportError:
        return None


@dataclass(frozen=True, slots=True)
class Environment:
    """The streams, variables, clocks and folders that tokensh may use.

    `now` returns seconds since the epoch, `monotonic` seconds since an arbitrary start; `sleep` takes seconds. `is_sandboxed`
    moves what is written into folders of its own.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str]
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = field(default=time.sleep)
    is_sandboxed: bool = False

    @classmethod
    def from_process(cls) -> Environment:
        """Return the environment of this process."""
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ)

    def in_sandbox(self) -> Environment:
        """Return this environment with the state and data folders of sandboxes: the user's own stay as they are."""
        return replace(self, is_sandboxed=True)

    def get(self, name: str, default: str = "") -> str:
        """Return a variable's text; a variable that is set but empty counts as not set."""
        return self.variables.get(name) or default

    @property
    def home(self) -> Path:
        """The user's home folder."""
        return Path(self.get("HOME") or str(Path.home()))

    def expand_path(self, text: str) -> Path:
        """Return the path that a user typed; `~` at its start is the home folder, and stays if that is not known."""
        if text == "~" or text.startswith("~/"):
            return self.home / text[2:].lstrip("/")
        return Path(os.path.expanduser(text))  # noqa: PTH111 (`Path.expanduser` raises for unknown users)

    def _xdg_folder(self, variable: str, *default: str) -> Path:
        path = Path(self.get(variable))
        # The XDG base directory specification: a relative path in the variable is ignored.
        base = path if path.is_absolute() else self.home.joinpath(*default)
        return base / "tokensh"

    def _own_folder(self, folder: Path) -> Path:
        return folder / "sandbox" if self.is_sandboxed else folder

    @property
    def config_folder(self) -> Path:
        """The folder of config.toml and rc.sql."""
        return self._xdg_folder("XDG_CONFIG_HOME", ".config")

    @property
    def state_folder(self) -> Path:
        """The folder of history.db and the journal of creates."""
        return self._own_folder(self._xdg_folder("XDG_STATE_HOME", ".local", "state"))

    @property
    def journal_folder(self) -> Path:
        """The folder of the journal of creates."""
        return self.state_folder / "journal"

    @property
    def data_folder(self) -> Path:
        """The folder of store.db and named queries."""
        return self._own_folder(self._xdg_folder("XDG_DATA_HOME", ".local", "share"))

    @property
    def cache_folder(self) -> Path:
        """The folder of the compiled grammar."""
        return self._xdg_folder("XDG_CACHE_HOME", ".cache")


class Cancellation:
    """The presses of Ctrl-C while a statement runs.

    A session has one object and calls `reset` before each statement. A signal handler, or the shell's key, calls `press`.
    Code that blocks registers a callback with `on_press`, to shut its socket or to interrupt SQLite.
    """

    def __init__(self) -> None:
        self.presses = 0
        # Reentrant: a signal handler runs in the main thread, which may be inside `on_press` or `reset` just then.
        self._pressed = threading.Condition(threading.RLock())
        self._callbacks: list[Callable[[], None]] = []

    def press(self) -> None:
        """Ask the running statement to stop."""
        with self._pressed:
            self.presses += 1
            self._pressed.notify_all()
            callbacks = list(self._callbacks)
        # Outside the lock: a callback may wait for a thread that is about to register or remove its own.
        for callback in callbacks:
            callback()

    def reset(self) -> None:
        """Forget the presses, before a statement."""
        with self._pressed:
            self.presses = 0

    def on_press(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at each press; returns a function that removes it."""
        with self._pressed:
            self._callbacks.append(callback)

        def remove() -> None:
            with self._pressed:
                self._callbacks.remove(callback)

        return remove


_PRESSES_TO_FORCE = 3
"""The press of Ctrl-C that raises KeyboardInterrupt: the statement has ignored the earlier ones."""


@contextmanager
def handle_interrupts(cancellation: Cancellation) -> Iterator[None]:
    """Let Ctrl-C stop the statement that runs inside the `with` block; the third press raises KeyboardInterrupt."""

    def on_signal(_signal: int, _frame: FrameType | None) -> None:
        cancellation.press()
        if cancellation.presses >= _PRESSES_TO_FORCE:
            raise KeyboardInterrupt

    with _replace_handler(on_signal):
        yield


@contextmanager
def raise_interrupts() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt inside the `with` block, also inside `handle_interrupts`: what waits there asks nothing else."""
    with _replace_handler(signal.default_int_handler):
        yield


@contextmanager
def defer_interrupts() -> Iterator[None]:
    """Keep Ctrl-C until the end of the `with` block: what is started inside it is known to those who must stop it."""
    presses: list[int] = []
    try:
        with _replace_handler(lambda number, _frame: presses.append(number)):
            yield
    finally:
        if presses:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _replace_handler(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call a handler on Ctrl-C inside the `with` block."""
    # Only the main thread can install signal handlers; in a notebook's or server's thread Ctrl-C stays with its owner.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def is_terminal(stream: TextIO) -> bool:
    """Return True if the stream is a terminal; a closed stream is not."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def is_exposed(path: Path) -> bool:
    """Return True if users other than the owner may read or change the file. Raises OSError."""
    # The bits of Windows say nothing about other users.
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)) and _IS_POSIX


def make_private_folder(folder: Path) -> None:
    """Create a folder with missing parents, accessible only to its owner (0700) whatever the umask.

    Raises OSError, also if the folder exists and is not the user's alone, as `check_private_folder` does.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    if missing:
        folder.chmod(0o700)
    check_private_folder(folder)


def check_private_folder(folder: Path) -> None:
    """Raise OSError if others could have put something into a folder of tokensh; a missing one is fine.

    Checked are the folder and those above it up to the one called `tokensh`; a folder that the user has named is theirs to judge.
    """
    if not _IS_POSIX:
        return
    # Not further up: a group of its own for each user, and so folders that the group may write to, are usual.
    own = [
        path for path in (folder, *folder.parents) if "tokensh" in (path.name, *(above.name for above in path.parents))
    ]
    for path in own:
        try:
            found = path.stat()
        except FileNotFoundError:
            continue
        if found.st_uid not in (os.geteuid(), 0):
            raise PermissionError(
                errno.EACCES, f"the folder {path} belongs to another user: move it away, or set its owner"
            )
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(errno.EACCES, f"others may write to the folder {path}: chmod go-w helps")


def lock_file(descriptor: int, *, shared: bool = False, waits: bool = False) -> None:
    """Lock an open file until it is closed or the process ends, however it ends.

    Raises BlockingIOError if another process holds it and `waits` is false; OSError, also on systems without these locks, as Windows.
    """
    fcntl = import_or_none("fcntl")
    if fcntl is None:
        raise OSError(
            errno.ENOTSUP, "this system has no file locks that end with their process, as Linux and macOS have"
        )
    fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if waits else fcntl.LOCK_NB))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, which fsync of a file does not do (fsync(2)). Raises OSError."""
    if not _IS_POSIX:  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file_version(path: Path) -> tuple[int, ...]:
    """Return what tells whether a file is still the one that was opened, and still has what was read; empty without a file."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns


def has_content(path: Path) -> bool:
    """Return whether there is a file that is not empty."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def open_private(path: Path, flags: int) -> int:
    """Open a file that only its owner can access (0600), but no symbolic link. Returns the descriptor; raises OSError."""
    # O_NOFOLLOW: in a folder that others may write to, a link could direct a secret to a file of theirs.
    descriptor = os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if _IS_POSIX and stat.S_ISREG(
            os.fstat(descriptor).st_mode
        ):  # never a device: /dev/null must stay open to all users
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
