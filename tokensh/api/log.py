"""Write the debug log: one line per attempt of a request, without headers, bodies and secrets."""

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
    """A file of lines such as `time=... method=GET host=... status=200 ms=12` (logfmt), readable only by its owner.

    Several threads may write. One write(2) per line, unbuffered and in append mode, keeps lines of two sessions whole.

    Args:
        path: the file; lines are appended. A symbolic link is refused: a log in /tmp could overwrite another file.
        redact: removes secrets from a text.
        now: returns the seconds since the epoch.

    Raises InterfaceError if the file cannot be written.
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
        """Append a line; facts that are None or empty are left out. A full disk or a closed log is not an error."""
        time = datetime.fromtimestamp(self._now(), timezone.utc).isoformat(timespec="milliseconds")
        pairs = (f"{name}={self._format_value(fact)}" for name, fact in facts.items() if fact not in (None, ""))
        line = f"time={time.replace('+00:00', 'Z')} {' '.join(pairs)}\n"
        with suppress(OSError, ValueError):  # ValueError: the log is closed, but a cancelled request ends only now
            self._file.write(line.encode())

    def _format_value(self, value: object) -> str:
        text = escape_unsafe(self._redact(str(value)))
        return text if text.isascii() and not set(' "=\\') & set(text) else json.dumps(text, ensure_ascii=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
