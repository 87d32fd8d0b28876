"""Files and programs that results go to, and the terminal's Ctrl-C while another program has it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

from tokensh.errors import InterfaceError
from tokensh.render.result_file import open_result_file

_READER_INTERVAL = 0.005
"""Seconds between two looks at whether a program has read what it was given."""


class ProgramInput(io.TextIOWrapper):
    """The standard input of a program; closing it waits until the program ends.

    Attributes:
        command: what the user typed.
    """

    _waits_for_reader = False

    def __init__(self, command: str) -> None:
        self.command = command
        self._process = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE)  # noqa: S602 (the user typed it)
        assert self._process.stdin is not None  # noqa: S101 (PIPE)
        super().__init__(self._process.stdin, encoding="utf-8", errors="backslashreplace", newline="\n")

    @contextmanager
    def wait_for_reader(self) -> Iterator[None]:
        """Let each flush in the `with` block wait until the program has read everything, as new values need it.

        A program that was called in a wrong way, and never reads its input, often ends with success.
        """
        self._waits_for_reader = True
        try:
            yield
        finally:
            self._waits_for_reader = False

    def flush(self) -> None:
        """Hand over what was written. Raises BrokenPipeError."""
        super().flush()
        while self._waits_for_reader and _holds_unread(self.fileno()):
            if self._process.poll() is not None:
                raise BrokenPipeError
            time.sleep(_READER_INTERVAL)

    def close(self) -> None:
        """Close the stream and wait for the program."""
        with suppress(BrokenPipeError):
            super().close()
        with leave_ctrl_c_to_child():
            self._process.wait()

    def failure(self) -> str | None:
        """Close the stream and return how the program failed, or None if it did not."""
        self.close()
        status = self._process.returncode
        # A program may end before it has read everything, as `head` does.
        if status in (0, -getattr(signal, "SIGPIPE", 0)):
            return None
        return f"the program {self.command} {describe_exit(status)}"


def describe_exit(status: int) -> str:
    """Return how a program ended: with a status, or by a signal, which `subprocess` gives as a negative number."""
    # A shell answers with 128 and the signal's number for a program of its own that Ctrl-C has ended.
    if status in (-signal.SIGINT, 128 + signal.SIGINT):
        return "was interrupted"
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _holds_unread(pipe: int) -> bool:
    """Return whether a pipe holds something that was written to it and not read yet."""
    import fcntl  # noqa: PLC0415 (only for new values)
    import termios  # noqa: PLC0415 (the same)

    return any(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))


@contextmanager
def leave_ctrl_c_to_child() -> Iterator[None]:
    """Ignore Ctrl-C inside the `with` block: the terminal sends it to the child as well, which decides what it means."""
    if threading.current_thread() is not threading.main_thread():  # only that one may change handlers
        yield
        return
    # A handler that does nothing, not SIG_IGN: a program inherits an ignored signal, a handled one is reset for it.
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def open_destination(argument: str) -> TextIO:
    """Open a file for writing, or start the program after a `|`. Raises InterfaceError."""
    if argument.startswith("|"):
        try:
            return ProgramInput(argument[1:].strip())
        except (OSError, ValueError) as failure:
            raise InterfaceError(f"cannot run {argument[1:].strip()!r}: {failure}") from None
    return open_result_file(os.path.expanduser(argument))  # noqa: PTH111 (~name too, and no error without a home)
