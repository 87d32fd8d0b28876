"""A terminal for tests: tokensh runs under a pseudo-terminal and an emulator draws what it writes."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pexpect
import pyte

from tests import ledger
from tests.shell.forks import ForkedSession, can_fork
from tokensh.sandbox import Sandbox

ENTER, CTRL_C, CTRL_D, TAB, UP, ESCAPE = "\r", "\x03", "\x04", "\t", "\x1b[A", "\x1b"
WORKSPACE = "dbc-abcd0123-a1bc"
"""The workspace that a sandbox starts with."""
LOOK = Path(__file__).with_name("look.toml")
"""A config.toml for tests that read the screen."""
WAIT = 60
"""The longest wait for the screen (s): several terminals start at once on few cores."""


class _Screen(pyte.HistoryScreen):
    """A screen whose history only grows: pyte prepares each access to a method for leafing through the history."""

    __getattribute__ = object.__getattribute__


class Terminal:
    """One run of tokensh; `display` is what a user sees."""

    def __init__(
        self,
        *arguments: str,
        home: Path,
        cache: Path,
        size: tuple[int, int] = (80, 24),
        shell: str = "",
        umask: int | None = None,
        **variables: str,
    ) -> None:
        columns, lines = size
        # Tests of the default have a file of their own.
        config = home / ".config" / "tokensh" / "config.toml"
        if not config.exists() and "TOKENSH_CONFIG" not in variables:
            config.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copy(LOOK, config)
        self.screen = _Screen(columns, lines, history=2000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_CACHE_HOME": str(cache),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            **variables,
        }
        self.child = _start_session(arguments, environment, size, shell, umask)
        # A terminal answers queries; test_results checks that none is sent.
        setattr(self.screen, "write_process_input", self.child.send)  # noqa: B010 (its type says that it is a method)

    @property
    def display(self) -> str:
        """Return the screen's lines without blanks at their ends."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    @property
    def everything(self) -> str:
        """Return the lines that have scrolled away, and the screen."""
        scrolled = (
            "".join(line[x].data for x in range(self.screen.columns)).rstrip() for line in self.screen.history.top
        )
        return "\n".join((*scrolled, self.display))

    def read(self, seconds: float = 0.05) -> None:
        """Draw what is written within a time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data: bytes = self.child.read_nonblocking(65536, timeout=0.02)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return
            self.raw += data
            ledger.see_terminal(data)
            self._stream.feed(data)

    def see(self, text: str, seconds: float = WAIT) -> None:
        """Wait until the screen shows a text."""
        until = time.monotonic() + seconds
        while not self._is_shown(text):
            if time.monotonic() > until:
                raise AssertionError(f"{text!r} does not appear:\n{self.display}")
            self.read()

    def _is_shown(self, text: str) -> bool:
        """Return whether a text is on the screen, blanks at the ends of lines included or not."""
        lines = self.screen.display
        return text in "\n".join(lines) or text in "\n" + "\n".join(map(str.rstrip, lines)).rstrip() + "\n"

    def prompt(self) -> None:
        """Wait for an empty prompt on the cursor's line."""
        until = time.monotonic() + WAIT
        while not self._is_at_empty_prompt():
            if time.monotonic() > until:
                raise AssertionError(f"no prompt (running: {self.child.isalive()}):\n{self.display}")
            self.read()

    def _is_at_empty_prompt(self) -> bool:
        """Return True if the cursor is behind a prompt without text."""
        cells = self.screen.buffer[self.screen.cursor.y]
        line = "".join(cells[x].data for x in range(self.screen.columns))
        return re.fullmatch(r"\S+>", line.rstrip()) is not None

    def type(self, text: str) -> None:
        """Send keys, one after the other."""
        self.child.send(text)

    def paste(self, text: str) -> None:
        """Paste a text (bracketed paste)."""
        self.child.send("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~")

    def run(self, text: str) -> None:
        """Type a line, Enter, and wait for the next prompt."""
        self.type(text)
        until = time.monotonic() + WAIT
        # Before the text appears, the empty prompt looks as it does when the statement is done.
        while self._is_at_empty_prompt() and time.monotonic() < until:
            self.read()
        self.type(ENTER)
        self.read(0.1)
        self.prompt()

    def end(self) -> int:
        """Wait for the end and return the exit status."""
        self.read(0.2)
        self.child.expect(pexpect.EOF, timeout=WAIT)
        self.child.close()
        return int(self.child.exitstatus if self.child.exitstatus is not None else -1)

    def close(self) -> None:
        """Kill the process if it still runs."""
        self.child.close(force=True)


def _start_session(
    arguments: Sequence[str], environment: Mapping[str, str], size: tuple[int, int], shell: str, umask: int | None
) -> Any:
    """Start tokensh on a terminal, by a command of `sh` if one is given."""
    if not shell and can_fork(environment):
        return ForkedSession(arguments, environment, size, WAIT, umask)
    assert umask is None, "a session that is not forked has the umask of the tests"
    columns, lines = size
    command = [sys.executable, "-m", "tokensh", *arguments]
    if shell:
        command = ["/bin/sh", "-c", shell, "sh", *command]
    return pexpect.spawn(command[0], command[1:], env=environment, dimensions=(lines, columns), timeout=WAIT)


Start = Callable[..., Terminal]
"""Starts tokensh, by default with its own sandbox, and waits for the prompt."""


def connect_to(site: Sandbox) -> tuple[str, ...]:
    """Return the arguments that connect to a sandbox."""
    return ("--endpoint", site.endpoint, "-w", WORKSPACE)
