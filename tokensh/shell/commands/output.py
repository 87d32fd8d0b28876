"""Commands that run the statement before them, with its result as they say, and send results to a file or a program."""

from __future__ import annotations

import io
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

from tokensh.errors import InterfaceError
from tokensh.shell.commands.history import confirm_again
from tokensh.shell.commands.registry import MetaCommand

if TYPE_CHECKING:
    from tokensh.shell.session import Session


class Program(io.TextIOWrapper):
    """The input of a program; closed when the program has ended, which Ctrl-C may ask of it but not of the shell."""

    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE)  # noqa: S602 (what was typed)
        assert self._process.stdin is not None  # noqa: S101 (PIPE)
        super().__init__(self._process.stdin, encoding="utf-8", errors="backslashreplace", newline="\n")

    def close(self) -> None:
        """Wait for the program."""
        with suppress(BrokenPipeError):
            super().close()
        with without_ctrl_c():
            self._process.wait()


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Ctrl-C is for the program that has the terminal."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def opened(argument: str) -> TextIO:
    """A file, or with `|` before it a program's input. Raises InterfaceError."""
    if argument.startswith("|"):
        return Program(argument[1:].strip())
    path = os.path.expanduser(argument)  # noqa: PTH111 (~name too)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        raise InterfaceError(f"cannot write {argument}: {failure.strerror}") from None
    return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n")


def _output(session: Session, argument: str) -> None:
    if session.outfile is not None:
        session.outfile.close()
        session.outfile = None
    if not argument:
        session.note("results go to the terminal")
        return
    session.outfile = opened(argument)
    session.note(f"results go to {argument}")


def _go(session: Session, argument: str) -> None:
    statement = session.pending or session.runner.last
    if not statement:
        raise InterfaceError("there is no statement to run")
    if not session.pending:
        confirm_again(session, statement)
    if not argument:
        session.run_statement(statement)
        return
    before = session.outfile
    with opened(argument) as stream:
        session.outfile = stream
        try:
            session.run_statement(statement)
        finally:
            session.outfile = before


def _go_expanded(session: Session, argument: str) -> None:
    before = session.settings.expanded
    session.settings.expanded = True
    try:
        _go(session, argument)
    finally:
        session.settings.expanded = before


COMMANDS = {
    r"\g": MetaCommand("[FILE | |PROGRAM]", "run the statement before it, its result to a file or a program", _go),
    r"\gx": MetaCommand("[FILE | |PROGRAM]", r"the same as records; also \G", _go_expanded),
    r"\G": MetaCommand("", "run the statement before it, its result as records", _go_expanded),
    r"\o": MetaCommand("[FILE | |PROGRAM]", "results to a file or a program, or back to the terminal", _output),
}
