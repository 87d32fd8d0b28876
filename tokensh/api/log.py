"""The debug log: one line for each try of a request, without its headers and its body, and without secrets."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from tokensh.environment import open_private
from tokensh.errors import InterfaceError
from tokensh.text import escape_unsafe


class Log:
    """A file of lines such as `time=.. method=GET host=.. status=200 ms=12`, its owner's alone. Several threads may write.

    Args:
        path: the file; lines are added at its end. A symbolic link is refused.
        redact: takes secrets out of a text.
        now: seconds since the epoch.

    Raises InterfaceError where the file cannot be written.
    """

    def __init__(self, path: Path, redact: Callable[[str], str], now: Callable[[], float]) -> None:
        self._redact = redact
        self._now = now
        try:
            self._file = os.fdopen(open_private(path, os.O_WRONLY | os.O_APPEND), "wb", buffering=0)
        except OSError as failure:
            reason = "it is a symbolic link" if path.is_symlink() else failure.strerror
            raise InterfaceError(f"cannot write the log {path}: {reason}") from None

    def write(self, **facts: object) -> None:
        """Add a line; facts that are None or an empty text are left out. Neither a full disk nor a closed log is an error."""
        time = datetime.fromtimestamp(self._now(), timezone.utc).isoformat(timespec="milliseconds")
        pairs = (f"{name}={self._shown(fact)}" for name, fact in facts.items() if fact not in (None, ""))
        line = f"time={time.replace('+00:00', 'Z')} {' '.join(pairs)}\n"
        with suppress(OSError, ValueError):  # ValueError: a request that was given up ends after its session
            self._file.write(line.encode())

    def _shown(self, fact: object) -> str:
        text = escape_unsafe(self._redact(str(fact)))
        return text if text.isascii() and not set(' "=\\') & set(text) else json.dumps(text, ensure_ascii=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
