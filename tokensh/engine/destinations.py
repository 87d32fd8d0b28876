"""Where the value of a new token goes besides a result: into a program, or into a file of its own.

The value is on the program's standard input, never in its arguments or its environment, where other processes can read it.
A file is written beside its name and renamed, so that its reader finds the old value or the new one, never a part.
"""

from __future__ import annotations

import os
import re
import string
import time
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from tokensh._dataclasses import dataclass, field
from tokensh.api.hosts import Target
from tokensh.environment import Environment, defer_interrupts, open_private, raise_interrupts, sync_folder
from tokensh.errors import InterfaceError, OutputError
from tokensh.text import escape_unsafe, truncate

if TYPE_CHECKING:
    import subprocess

PROGRAM_TIMEOUT = 60.0
"""Seconds that a program has for one value."""
_PLACES = ("deployment_name", "token_id")
_SAFE_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
_LONGEST_MESSAGE = 200
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class NewSecret:
    """The value of a new token, and whose it is."""

    target: Target
    token_id: str
    value: str = field(repr=False)

    @property
    def workspace(self) -> str:
        """The workspace's name."""
        return self.target.name

    def describe(self) -> str:
        """Return what the token is called in messages."""
        return f"the new token {escape_unsafe(self.token_id)} of {self.workspace}"


class Destination(Protocol):
    """A place for the values of new tokens."""

    def check(self) -> None:
        """Raise InterfaceError if no value could be delivered: before a token is created."""

    def deliver(self, secret: NewSecret) -> str:
        """Deliver a value and return where it went, for messages. Raises OutputError if it did not."""


class ProgramDestination:
    """A program that gets each value on its standard input, exactly as it is, without a line end.

    Args:
        command: a command of the system's shell. TOKENSH_DEPLOYMENT_NAME and TOKENSH_TOKEN_ID are in its environment.
        environment: the variables that it inherits.
        timeout: seconds for one value; the program and its children are killed then.
    """

    def __init__(self, command: str, environment: Environment, timeout: float = PROGRAM_TIMEOUT) -> None:
        self._command = command
        self._environment = environment
        self._timeout = timeout

    def check(self) -> None:
        """Raise InterfaceError if the program does not exist, as far as that can be known without running it."""
        import shlex  # noqa: PLC0415 (only deliveries need it)
        import subprocess  # noqa: PLC0415 (the same)

        try:
            words = shlex.split(self._command)
        except ValueError as error:
            raise InterfaceError(f"cannot read the command {self._command!r}: {error}") from None
        if not words or "\0" in self._command:
            raise InterfaceError("the program for new values is empty" if not words else "a command holds no NUL")
        if not re.fullmatch(r"[\w./+-]+", words[0]):
            return  # an assignment, a subshell and the like
        # The shell is asked, because its own commands are not files.
        if not os.access("/bin/sh", os.X_OK):
            raise InterfaceError("a program for new values needs /bin/sh", hint="--deliver-file writes a file")
        asked = subprocess.run(  # noqa: S603 (no word of the user's is run)
            ["/bin/sh", "-c", 'command -v "$1"', "sh", words[0]],
            env=dict(self._environment.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if asked.returncode:
            raise InterfaceError(f"the program {words[0]} does not exist or cannot be run", hint="nothing was sent")

    def deliver(self, secret: NewSecret) -> str:
        """Run the program with a value. Raises OutputError: it failed, was not found, or took too long."""
        import subprocess  # noqa: PLC0415 (only deliveries need it)
        import tempfile  # noqa: PLC0415 (the same)

        variables = {
            **self._environment.variables,
            "TOKENSH_DEPLOYMENT_NAME": secret.workspace,
            "TOKENSH_TOKEN_ID": secret.token_id,
        }
        # A file takes its messages: a pipe that a child in the background keeps open would have to be waited for.
        with tempfile.TemporaryFile() as messages:
            try:
                with raise_interrupts():
                    status, is_read = self._run(secret, variables, messages)
            except (OSError, ValueError) as failure:
                raise OutputError(f"the program {self._command!r} cannot be run: {failure}") from None
            except subprocess.TimeoutExpired:
                raise OutputError(
                    f"the program {self._command!r} did not take the value within {self._timeout:g} s"
                ) from None
            except KeyboardInterrupt:
                raise OutputError(f"the program {self._command!r} was stopped by Ctrl-C") from None
            if status:
                messages.seek(0)
                said = messages.read(4096).decode("utf-8", "replace").strip().splitlines()
                reason = f": {truncate(escape_unsafe(said[-1]), _LONGEST_MESSAGE)}" if said else ""
                raise OutputError(
                    f"the program {self._command!r} failed with status {status}{reason.replace(secret.value, '***')}"
                )
        if not is_read:
            raise OutputError(f"the program {self._command!r} ended without reading the value from its standard input")
        return f"the program {self._command}"

    def _run(self, secret: NewSecret, variables: Mapping[str, str], messages: IO[bytes]) -> tuple[int, bool]:
        """Run the program to its end, with its messages in a file, and return its status, and whether the whole value was read.

        Raises OSError, ValueError, TimeoutExpired, KeyboardInterrupt.
        """
        import subprocess  # noqa: PLC0415 (only deliveries need it)

        # The pipe stays open here until the end, to see what is left in it: a program that was called in a wrong way, and never
        # reads its input, often ends with success.
        reader, writer = os.pipe()
        process: subprocess.Popen[bytes] | None = None
        try:
            with defer_interrupts():
                process = subprocess.Popen(  # noqa: S603 (the user's own command)
                    ["/bin/sh", "-c", self._command],
                    stdin=reader,
                    stdout=subprocess.DEVNULL,  # it may repeat the value
                    stderr=messages,
                    env=variables,
                    start_new_session=True,
                )
                process.stdin, writer = os.fdopen(writer, "wb"), -1
            process.communicate(secret.value.encode(), timeout=self._timeout)
            return process.returncode, _is_emptied(reader)
        finally:
            if process is not None:
                _stop_program(process)
            os.close(reader)
            if writer >= 0:
                os.close(writer)


def _stop_program(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that still runs, with its children, and close its input."""
    if process.returncode is None:
        with suppress(OSError):
            os.killpg(process.pid, 9)
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _is_emptied(reader: int) -> bool:
    """Return whether everything was read from a pipe, by a child in the background within a second."""
    import fcntl  # noqa: PLC0415 (only deliveries need it)
    import termios  # noqa: PLC0415 (the same)

    for _ in range(100):
        unread = fcntl.ioctl(reader, termios.FIONREAD, bytes(4))
        if not any(unread):
            return True
        time.sleep(0.01)
    return False


class FileDestination:
    """A file for each value, only readable by its owner (0600).

    Args:
        template: its path, with `{deployment_name}` and `{token_id}` for the token's own.
        environment: knows the home folder.
    """

    def __init__(self, template: str, environment: Environment) -> None:
        self._template = template
        self._environment = environment
        self._written: set[Path] = set()

    def check(self) -> None:
        """Raise InterfaceError for a wrong template, or a folder that is missing or cannot be written to."""
        try:
            names = [name for _, name, _, _ in string.Formatter().parse(self._template) if name is not None]
        except ValueError as error:
            raise InterfaceError(f"invalid path: {self._template!r}: {error}") from None
        if unknown := [name for name in names if name not in _PLACES]:
            raise InterfaceError(
                f"unknown name in {self._template!r}: {{{unknown[0]}}}", hint=f"known are {', '.join(_PLACES)}"
            )
        if not _can_be_path(self._template):
            raise InterfaceError(f"invalid path: {self._template!r}")
        if self._template == "-":
            raise InterfaceError(
                "- is not a file", hint="RETURNING token_value shows the value; ./- is a file of that name"
            )
        path = self._path(**dict.fromkeys(_PLACES, "x"))
        if not os.access(path.parent, os.W_OK | os.X_OK) and "{" not in str(Path(self._template).parent):
            raise InterfaceError(f"cannot write into the folder {path.parent}", hint="nothing was sent")
        try:
            is_taken = not names and path.exists() and not path.is_file()
        except OSError as failure:  # a name that is too long, for instance
            raise InterfaceError(f"cannot write {path}: {failure.strerror}", hint="nothing was sent") from None
        if is_taken:
            raise InterfaceError(f"{path} is not a file", hint="nothing was sent")

    def deliver(self, secret: NewSecret) -> str:
        """Write a value. Raises OutputError, leaving what was there."""
        for name in (secret.workspace, secret.token_id):
            if not _SAFE_NAME.fullmatch(name) or ".." in name:
                raise OutputError(f"{escape_unsafe(name)!r} cannot be a part of a path")
        path = self._path(deployment_name=secret.workspace, token_id=secret.token_id)
        if path in self._written:
            raise OutputError(
                f"{path} holds the value of another new token of this run: write {{token_id}} in its path"
            )
        try:
            write_secret(path, secret.value)
        except OSError as failure:
            raise OutputError(f"cannot write {path}: {failure.strerror or failure}") from None
        self._written.add(path)
        return str(path)

    def read(self, workspace: str, token_id: str) -> str | None:
        """Return what the file of a token holds now, None if it cannot be read."""
        try:
            return self._path(deployment_name=workspace, token_id=token_id).read_text()
        except (OSError, ValueError):
            return None

    def _path(self, **names: str) -> Path:
        return self._environment.expand_path(self._template.format(**names))


def _can_be_path(text: str) -> bool:
    """Return whether the system takes a text as a path: without NUL and half characters."""
    try:
        return b"\0" not in os.fsencode(text) and text != ""
    except UnicodeError:
        return False


def write_secret(path: Path, value: str) -> None:
    """Write a file that only its owner can read, beside its name, and rename it when it is on the disk. Raises OSError."""
    # A link is followed: who links to a folder of secrets means that folder.
    path = Path(os.path.realpath(path))
    new = path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.new")
    descriptor = open_private(new, os.O_WRONLY | os.O_EXCL)
    try:
        content = value.encode()
        while content:  # os.write may write less than it is given
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
        new.replace(path)
        sync_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    finally:
        os.close(descriptor)


def make_destination(program: str | None, path: str | None, environment: Environment) -> Destination | None:
    """Return where the values of new tokens go, None for neither. Raises InterfaceError if they could not be delivered."""
    if program is not None and path is not None:
        raise InterfaceError("--deliver and --deliver-file exclude each other", hint="give one of them")
    destination: Destination
    if program is not None:
        destination = ProgramDestination(program, environment)
    elif path is not None:
        destination = FileDestination(path, environment)
    else:
        return None
    destination.check()
    return destination
