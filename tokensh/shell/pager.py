"""A pager for results that are longer or wider than the screen; it opens while rows still arrive.

The first rows are held back until they are known to fit or not. If the result ends within the screen's height it goes to the
terminal and no program is started; else the pager gets what was held back, and every later row as it arrives.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from typing import TextIO

from tokensh.environment import DEFAULT_HEIGHT, DEFAULT_WIDTH, Environment
from tokensh.shell.redirection import describe_exit, leave_ctrl_c_to_child
from tokensh.text import read_count, width

_DEFAULT_PAGER = "less -S"
# For less where LESS is not set: chop long lines, show colours, leave the text on the screen, quit if it fits on one screen.
_LESS_OPTIONS = "SRXF"
# Lines of the screen that stay free below a result, for its footer and the prompt.
_LINES_BELOW = 2
# How a row of a table begins. A wrapped row cannot be read.
_TABLE_STARTS = ("|", "│", "┊")
# Characters of a result that are kept for a pager that fails.
_MOST_KEPT = 1_000_000
_COLOUR_SEQUENCE = re.compile("\x1b\\[[0-9;]*m")


class Pager(io.TextIOBase):
    """A stream for one result: its text goes to the terminal if the screen can hold it, else to the pager's input.

    Args:
        environment: its TOKENSH_PAGER, PAGER and LESS choose the pager.
        terminal: where short results go.
        size: the terminal's columns and lines.
        note: called with a message if the pager cannot run or fails.

    If the pager ends before everything is written, `left` is true and writing raises BrokenPipeError.
    """

    def __init__(
        self, environment: Environment, terminal: TextIO, size: tuple[int, int], note: Callable[[str], None]
    ) -> None:
        # Whether the user left the pager before the end.
        self.left = False
        # What the pager has got, to be shown after all if the pager fails; empty once it is more than is kept.
        self._sent: list[str] = []
        self._sent_room = _MOST_KEPT
        # s spent waiting for the pager.
        self.seconds = 0.0
        self._environment = environment
        self._terminal = terminal
        self._columns, lines = size
        self._lines_left = max(lines - _LINES_BELOW, 1)
        self._note = note
        self._held: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        # Whether no pager can be run, so that everything goes to the terminal.
        self._bypassed = False
        self._ctrl_c = ExitStack()

    def write(self, text: str) -> int:
        """Hold the text back while the screen has room for it, then pass it on. Raises OSError."""
        if self._bypassed:
            return self._terminal.write(text)
        if self._process is None:
            self._held.append(text)
            self._lines_left -= sum(map(self._count_screen_lines, text.splitlines()))
            if self._lines_left >= 0:
                return len(text)
            self._start_pager()
            text, self._held = "".join(self._held), []
            if self._process is None:
                self._bypassed = True
                return self._terminal.write(text)
        return self._write_to_pager(text)

    def flush(self) -> None:
        """Flush the terminal if the text goes straight there. Raises OSError."""
        if self._bypassed:
            self._terminal.flush()

    def _count_screen_lines(self, line: str) -> int:
        """Return how many lines of the screen a line of text takes; more than there are for a table's row that would wrap."""
        cells = width(_COLOUR_SEQUENCE.sub("", line))
        if cells <= self._columns:
            return 1
        # A wrapped table cannot be read: less shows it with chopped lines.
        return self._lines_left + 1 if line[:1] in _TABLE_STARTS else -(-cells // self._columns)

    def _start_pager(self) -> None:
        command = pager_command(self._environment)
        if not command:
            return
        # -R first, before the user's own options: without it less shows colours as ESC[1m.
        less = f"-R {self._environment.variables['LESS']}" if "LESS" in self._environment.variables else _LESS_OPTIONS
        variables = {"LESSCHARSET": "utf-8", **self._environment.variables, "LESS": less}
        try:
            # By the system's shell, as in psql, git and man: `cat | head`, `LESS=-N less` and `~/bin/pager` mean what they say.
            self._process = subprocess.Popen(  # noqa: S602 (the user's environment names it)
                command, shell=True, stdin=subprocess.PIPE, env=variables, encoding="utf-8", errors="backslashreplace"
            )
        except (OSError, ValueError) as failure:
            self._note(f"the pager {command} cannot be run: {failure}")
        else:
            self._ctrl_c.enter_context(leave_ctrl_c_to_child())

    def _write_to_pager(self, text: str) -> int:
        assert self._process is not None  # noqa: S101
        assert self._process.stdin is not None  # noqa: S101
        # Writing blocks while the user reads: that time is not the statement's.
        begun = self._environment.monotonic()
        self._sent_room -= len(text)
        self._sent = [*self._sent, text] if self._sent_room >= 0 else []
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError:
            if self._has_failed():
                self.finish()
                self._bypassed = True
                return len(text)
            self.left = True
            raise
        finally:
            self.seconds += self._environment.monotonic() - begun
        return len(text)

    def _has_failed(self) -> bool:
        """Return whether the pager could not be run or failed, and everything it got can be shown instead."""
        assert self._process is not None  # noqa: S101
        return bool(self._process.wait()) and bool(self._sent)

    def finish(self) -> None:
        """Write what was held back, or wait until the user leaves the pager. Raises OSError."""
        if self._process is not None:
            begun = self._environment.monotonic()
            with self._ctrl_c:
                self._process.communicate()
            self.seconds += self._environment.monotonic() - begun
            if self._process.returncode:
                self._note(f"the pager {describe_exit(self._process.returncode)}")
                self._held = self._sent
            self._process = None
        self._terminal.write("".join(self._held))
        self._terminal.flush()
        self._held = []


def pager_command(environment: Environment) -> str:
    """Return the pager's command from TOKENSH_PAGER, else PAGER, else less if it is installed; empty for no pager."""
    named = (environment.get("TOKENSH_PAGER") or environment.get("PAGER")).strip()
    return named or (_DEFAULT_PAGER if shutil.which("less", path=environment.get("PATH") or None) else "")


def terminal_size(environment: Environment, stream: TextIO, columns: int | None) -> tuple[int, int]:
    """Return a terminal's columns and lines; `columns` and the variable LINES take precedence over what it says itself."""
    lines = read_count(environment.get("LINES"))
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        size = os.terminal_size((DEFAULT_WIDTH, DEFAULT_HEIGHT))
    return columns or size.columns, lines or size.lines
