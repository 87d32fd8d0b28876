"""Results that are longer or wider than the screen, read in a pager while their rows still come."""

from __future__ import annotations

import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TextIO

from tokensh.environment import Environment
from tokensh.text import width

_USUAL = "less -S"
_LESS = "SRXF"
"""What less is told where LESS is not set: chop lines, show colours, leave the text on the screen, end if one screen holds it."""
_KEPT_FREE = 2
"""Lines of the screen for what stands below a result: its footer and the prompt."""
_STYLE = re.compile("\x1b\\[[0-9;]*m")


class Pager(io.TextIOBase):
    """A stream for one result: it goes to the terminal if the screen can hold it, else to the pager's input.

    Args:
        environment: TOKENSH_PAGER, PAGER and LESS count.
        terminal: where short results go.
        size: the terminal's columns and lines.
        note: told if the pager cannot be run.

    When the pager ends before all is written, `left` is true and writing raises BrokenPipeError.
    """

    def __init__(
        self, environment: Environment, terminal: TextIO, size: tuple[int, int], note: Callable[[str], None]
    ) -> None:
        self.left = False
        """Whether the person left the pager before the end."""
        self.seconds = 0.0
        """s for which the pager was waited for."""
        self._environment = environment
        self._terminal = terminal
        self._columns, lines = size
        self._room = max(lines - _KEPT_FREE, 1)
        self._note = note
        self._held: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._straight = False
        self._signals = ExitStack()

    def write(self, text: str) -> int:
        """Hold the text back as long as the screen has room for it. Raises OSError."""
        if self._straight:
            return self._terminal.write(text)
        if self._process is None:
            self._held.append(text)
            self._room -= sum(map(self._lines, text.splitlines()))
            if self._room >= 0:
                return len(text)
            self._open()
            text, self._held = "".join(self._held), []
            if self._process is None:
                self._straight = True
                return self._terminal.write(text)
        return self._feed(text)

    def flush(self) -> None:
        """Hand on what is not held back. Raises OSError."""
        if self._straight:
            self._terminal.flush()

    def _lines(self, line: str) -> int:
        """The lines of the screen that a line takes; a table's line that is too wide is for the pager."""
        cells = width(_STYLE.sub("", line))
        return 1 if cells <= self._columns else self._room + 1 if line[:1] == "|" else -(-cells // self._columns)

    def _open(self) -> None:
        command = pager_of(self._environment)
        if not command:
            return
        variables = {"LESS": _LESS, "LESSCHARSET": "utf-8", **self._environment.variables}
        try:
            self._process = subprocess.Popen(  # noqa: S603 (what the person's environment names)
                command, stdin=subprocess.PIPE, env=variables, encoding="utf-8", errors="backslashreplace"
            )
        except OSError as failure:
            self._note(f"the pager {command[0]} cannot be run: {failure.strerror}")
        else:
            self._signals.enter_context(_ctrl_c_is_the_pagers())

    def _feed(self, text: str) -> int:
        assert self._process is not None  # noqa: S101
        assert self._process.stdin is not None  # noqa: S101
        begun = self._environment.monotonic()
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError:
            self.left = True
            raise
        finally:
            self.seconds += self._environment.monotonic() - begun
        return len(text)

    def finish(self) -> None:
        """Show what was held back, or wait until the person leaves the pager. Raises OSError."""
        if self._process is not None:
            begun = self._environment.monotonic()
            with self._signals:
                self._process.communicate()
            self.seconds += self._environment.monotonic() - begun
            if self._process.returncode:
                self._note(f"the pager ended with status {self._process.returncode}")
        self._terminal.write("".join(self._held))
        self._terminal.flush()


def pager_of(environment: Environment) -> list[str]:
    """The pager's command, from TOKENSH_PAGER, else PAGER, else less where there is one; empty: none."""
    named = environment.get("TOKENSH_PAGER") or environment.get("PAGER")
    command = _words(named or _USUAL)
    return command if named or shutil.which(command[0], path=environment.get("PATH") or None) else []


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command) or shlex.split(_USUAL)
    except ValueError:  # a quote that is not closed
        return command.split()


def size_of(environment: Environment, stream: TextIO, columns: int | None) -> tuple[int, int]:
    """Columns and lines of a terminal."""
    lines = environment.get("LINES")
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        found = os.terminal_size((80, 24))
    return columns or found.columns, int(lines) if lines.isdecimal() and int(lines) else found.lines


@contextmanager
def _ctrl_c_is_the_pagers() -> Iterator[None]:
    """Ctrl-C, which the terminal sends to both, is for the pager: the rows go on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Not SIG_IGN, which the pager would inherit.
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
