"""A file for results, written beside its name and renamed: a run that fails never costs an earlier result.

A result may hold the only copy of a token's value. So what was written before a failure is kept as well, under another name if
the file's own name is taken, and only the owner can read it, even if others could read the file before.
"""

from __future__ import annotations

import io
import os
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TextIO

from tokensh.environment import sync_folder
from tokensh.errors import InterfaceError, OutputError


class ResultFile(io.TextIOWrapper):
    """A stream that becomes the file `path` when it is published. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part, descriptor = _create_beside(path)
        self._published = False
        super().__init__(os.fdopen(descriptor, "wb"), encoding="utf-8", errors="backslashreplace", newline="\n")

    def publish(self) -> None:
        """Give the file its name; what is written later goes into it too. Raises OutputError."""
        if self._published:
            return
        try:
            self.flush()
            os.fsync(self.fileno())
            self.part.replace(self.path)
            sync_folder(self.path.parent)
        except OSError as failure:
            raise OutputError(
                f"cannot write {self.path}: {failure.strerror}", hint=f"the result is in {self.part}"
            ) from None
        self._published = True

    def has_name(self) -> bool:
        """Return whether the file is still somewhere: it may have been deleted while it was written."""
        try:
            return os.fstat(self.fileno()).st_nlink > 0
        except (OSError, ValueError):
            return False

    def abandon(self) -> Path | None:
        """Close the file after a failure; return where the results before it are if the file was left as it was."""
        with suppress(OSError, ValueError):  # a failure to write was reported
            self.flush()
        kept = None
        if not self._published:
            with suppress(OSError):
                if not self.part.stat().st_size:
                    self.part.unlink()
                else:
                    kept = self.part
                    if not os.path.lexists(self.path):
                        self.part.replace(self.path)
                        kept = None
            self._published = True
        with suppress(OSError, ValueError):
            self.close()
        return kept


def open_result_file(argument: str) -> TextIO:
    """Open a file for results, or a device or named pipe. Raises InterfaceError."""
    path = Path(argument)
    try:
        if _is_special(path):
            # A device or a pipe has no content to lose, and cannot be renamed.
            descriptor = os.open(path, os.O_WRONLY | getattr(os, "O_CLOEXEC", 0))
            return os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n")
        return ResultFile(path)
    except (OSError, ValueError) as failure:  # ValueError: a path with a NUL, or half a character
        reason = failure.strerror if isinstance(failure, OSError) else str(failure)
        raise InterfaceError(f"cannot write {argument}: {reason}") from None


def _is_special(path: Path) -> bool:
    """Return whether a path, its links followed, exists and is something else than a regular file. Raises OSError if it may not be written."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if not os.access(path, os.W_OK):
        raise PermissionError(13, "Permission denied")
    return not stat.S_ISREG(mode)


def _create_beside(path: Path) -> tuple[Path, int]:
    """Create `FILE.part`, or the first of `FILE.part2`, ... that does not exist: an earlier one may hold a secret."""
    for number in count(1):
        part = path.with_name(f"{path.name}.part{number if number > 1 else ''}")
        with suppress(FileExistsError):
            # O_CLOEXEC: the Databricks CLI, which is asked for credentials, must not inherit a file of secrets.
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                if hasattr(os, "fchmod"):
                    os.fchmod(descriptor, 0o600)  # whatever the umask
                sync_folder(path.parent)
            except OSError:
                os.close(descriptor)
                part.unlink()
                raise
            return part, descriptor
    raise AssertionError  # `count` has no end
