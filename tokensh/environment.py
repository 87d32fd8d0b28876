"""The outside world in one object: streams, variables, clocks, folders. Tests build their own."""

from __future__ import annotations

import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

from tokensh._dataclasses import dataclass, field

DEFAULT_WIDTH = 80
"""Columns of a terminal that does not tell its width."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything tokensh may know or touch of the world around it.

    `now` is seconds since the epoch, `monotonic` seconds since some start; `sleep` takes seconds.
    """

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    variables: Mapping[str, str]
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = field(default=time.sleep)

    @classmethod
    def from_process(cls) -> Environment:
        """The process's own world."""
        return cls(sys.stdin, sys.stdout, sys.stderr, os.environ)

    def get(self, name: str, default: str = "") -> str:
        """A variable's text; one that is set but empty counts as not set."""
        return self.variables.get(name) or default

    @property
    def home(self) -> Path:
        """The person's home folder."""
        return Path(self.get("HOME") or str(Path.home()))

    def _xdg_folder(self, variable: str, *default: str) -> Path:
        given = Path(self.get(variable))
        # The XDG rule: a relative path in the variable is ignored.
        base = given if given.is_absolute() else self.home.joinpath(*default)
        return base / "tokensh"

    @property
    def config_folder(self) -> Path:
        """config.toml and rc.sql."""
        return self._xdg_folder("XDG_CONFIG_HOME", ".config")

    @property
    def state_folder(self) -> Path:
        """history.db, the journal of creates, the log."""
        return self._xdg_folder("XDG_STATE_HOME", ".local", "state")

    @property
    def data_folder(self) -> Path:
        """store.db."""
        return self._xdg_folder("XDG_DATA_HOME", ".local", "share")

    @property
    def cache_folder(self) -> Path:
        """The compiled grammar."""
        return self._xdg_folder("XDG_CACHE_HOME", ".cache")


class Cancellation:
    """What Ctrl-C has asked for while a statement runs: a count of presses that threads can wait for.

    One object lives as long as its session; `reset` before each statement. `press` is called by a signal handler or by the
    shell's key; whoever blocks registers a callback (to shut a socket, to interrupt SQLite) with `on_press`.
    """

    def __init__(self) -> None:
        self.presses = 0
        self._pressed = threading.Condition(threading.RLock())
        self._callbacks: list[Callable[[], None]] = []

    def press(self) -> None:
        """Ask the running statement to stop."""
        with self._pressed:
            self.presses += 1
            self._pressed.notify_all()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def reset(self) -> None:
        """Forget the presses, before a statement."""
        with self._pressed:
            self.presses = 0

    def on_press(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at each press until the function that is returned is called."""
        with self._pressed:
            self._callbacks.append(callback)

        def forget() -> None:
            with self._pressed:
                self._callbacks.remove(callback)

        return forget


_PRESSES_TO_FORCE = 3
"""The press of Ctrl-C that ends a statement whatever it does."""


@contextmanager
def handle_interrupts(cancellation: Cancellation) -> Iterator[None]:
    """Ctrl-C asks the statement that runs inside the `with` block to stop; asked three times, it is KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pressed(_signal: int, _frame: FrameType | None) -> None:
        cancellation.press()
        if cancellation.presses >= _PRESSES_TO_FORCE:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def is_terminal(stream: TextIO) -> bool:
    """Whether a stream is a terminal; a closed one is not."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def is_exposed(path: Path) -> bool:
    """Whether others than its owner may read or change a file. Raises OSError."""
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def make_private_folder(folder: Path) -> None:
    """Make a folder that only its owner may look into (0700), whatever the umask. Raises OSError."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
    if missing:
        folder.chmod(0o700)


def open_private(path: Path, flags: int) -> int:
    """Open a file that only its owner may read (0600), refusing a symbolic link in its place. Raises OSError."""
    descriptor = os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # a device such as /dev/null stays everybody's
            os.fchmod(descriptor, 0o600)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
