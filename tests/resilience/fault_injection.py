"""Count the operations of a run on files and sockets, and make one of them fail, as SQLite's own tests do.

Only those of tokensh's own threads count, not those of the test's servers. SQLite's and the streams' own are not seen here.
"""

from __future__ import annotations

import errno
import os
import pathlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

_FILES = ("open", "write", "fsync", "fchmod", "mkdir", "unlink", "replace")
_SOCKETS = ("connect", "sendall", "recv_into")


class FaultInjector:
    """Counts; the operation of the number `failing`, from 1, raises. `after`: a socket's does what it should before.

    `below`: only paths below this folder count.
    """

    def __init__(self, below: Path, failing: int = 0, *, after: bool = False) -> None:
        self.names: list[str] = []
        self._below = str(below)
        self._failing = failing
        self._after = after
        self._lock = threading.Lock()

    @property
    def failed(self) -> str | None:
        """The name of the operation that failed, or None if there were fewer operations."""
        return self.names[self._failing - 1] if 0 < self._failing <= len(self.names) else None

    @contextmanager
    def intercept(self) -> Iterator[FaultInjector]:
        """Count operations, and fail the chosen one, inside the `with` block."""
        with ExitStack() as patches:
            for name in _FILES:
                patches.enter_context(patch.object(os, name, self._wrap_file_operation(name, getattr(os, name))))
            # Python 3.10's pathlib keeps the functions of os that it found when it was imported.
            accessor = getattr(pathlib, "_NormalAccessor", None)
            for name in set(_FILES) & vars(accessor).keys() - {"open"} if accessor else ():
                patches.enter_context(patch.object(accessor, name, staticmethod(getattr(os, name))))
            for name in _SOCKETS:
                patches.enter_context(patch.object(socket.socket, name, self._wrap_socket_operation(name)))
            yield self

    def _should_fail(self, name: str) -> bool:
        thread = threading.current_thread()
        if thread is not threading.main_thread() and not thread.name.startswith("tokensh"):
            return False
        with self._lock:
            self.names.append(name)
            return len(self.names) == self._failing

    def _wrap_file_operation(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(first: Any, *more: Any, **named: Any) -> Any:
            elsewhere = not isinstance(first, int) and not os.fspath(first).startswith(self._below)
            reads = name == "open" and not more[0] & (os.O_WRONLY | os.O_RDWR)
            if not elsewhere and not reads and self._should_fail(name):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(first, *more, **named)

        return operation

    def _wrap_socket_operation(self, name: str) -> Callable[..., Any]:
        real = getattr(socket.socket, name)

        def operation(connection: socket.socket, *more: Any) -> Any:
            if not self._should_fail(name):
                return real(connection, *more)
            if self._after:
                real(connection, *more)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # what is reset stays so
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))

        return operation
