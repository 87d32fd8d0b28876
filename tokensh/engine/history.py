"""The history of statements: a SQLite file that only its owner can read, without secrets.

A statement is written down before it runs, with the outcome `interrupted`, and again when it ends: what a crash or a closed
terminal cuts short is in the history too.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from tokensh._dataclasses import dataclass
from tokensh.environment import make_private_folder, open_private, read_file_version
from tokensh.errors import OperationalError
from tokensh.rows import Row, Value
from tokensh.text import escape_surrogates

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS statements(
  id INTEGER PRIMARY KEY, statement TEXT NOT NULL, started REAL NOT NULL, duration REAL, rows INTEGER, workspace TEXT,
  outcome TEXT NOT NULL, place TEXT)
"""
_ADD_PLACE = "ALTER TABLE statements ADD COLUMN place TEXT"
"""For files of earlier versions: where their statements went is not known, so that their workspaces are offered nowhere."""
_SELECT = "SELECT id, statement, started, duration, rows, workspace, outcome FROM statements"
_PAGE_SIZE = 200
"""Statements that are read at a time, from the latest on."""
_PATIENCE, _PATIENCE_AFTER_FAILURE = 5.0, 0.2
"""Seconds to wait for another session's lock; less after a failure."""
_LATEST_TIME = 253_402_214_400.0
"""The last day that `datetime` has, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A statement that was run.

    Attributes:
        started: seconds since the epoch.
        duration: seconds; None while it runs, or if it was interrupted.
        rows: of its result, or that it changed.
        outcome: `ok`, `interrupted` or an error.
    """

    id: int
    statement: str
    started: float
    duration: float | None
    rows: int | None
    workspace: str | None
    outcome: str


def to_row(entry: HistoryEntry) -> Row:
    """Return a statement as a row of the table tokensh.local.statements."""
    start_time = int(entry.started * 1000)
    # To ms: more digits would only take room from the statement.
    duration = None if entry.duration is None else round(entry.duration, 3)
    return entry.id, entry.statement, start_time, duration, entry.rows, entry.workspace, entry.outcome


def _to_entry(row: tuple[Any, ...]) -> HistoryEntry:
    """Return a row of the file, whose cells may have any type: SQLite does not keep other programs from writing them."""
    number, statement, started, duration, rows, workspace, outcome = row
    return HistoryEntry(
        number,
        _to_str(statement),
        min(max(float(started), 0.0), _LATEST_TIME) if isinstance(started, int | float) else 0.0,
        float(duration) if isinstance(duration, int | float) else None,
        rows if isinstance(rows, int) else None,
        workspace if isinstance(workspace, str) else None,
        _to_str(outcome),
    )


def _to_str(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


class History:
    """The statements of all sessions, in one SQLite file.

    All methods raise OperationalError if the file cannot be used. The next call tries again: a lock ends, a disk gets room.
    What other programs and versions have written is read as far as it goes.

    Args:
        path: the file; it is created, with its folder, when the first statement is written.
        redact: removes secrets from a statement before it is written.
    """

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._path = path
        self._file: sqlite3.Connection | None = None
        self._inode: tuple[int, ...] = ()
        self._patience = _PATIENCE

    def _connect(self) -> sqlite3.Connection:
        try:
            # Created here and not by SQLite, which would let the umask decide who may read it.
            make_private_folder(self._path.parent)
            os.close(open_private(self._path, os.O_RDWR))
            with ExitStack() as on_failure:
                # One session may run statements in several threads.
                file = sqlite3.connect(
                    self._path, timeout=self._patience, isolation_level=None, check_same_thread=False
                )
                on_failure.callback(file.close)
                # Bytes that are not UTF-8 are read, and shown as such: one damaged row must not hide all others.
                file.text_factory = lambda raw: raw.decode("utf-8", "replace")
                # Deleted statements are overwritten, for they may be deleted because of what is in them.
                file.execute("PRAGMA secure_delete=ON")
                # A history may lose its last statement in a power cut; a sync for each would be felt at every prompt.
                file.execute("PRAGMA synchronous=NORMAL")
                file.execute(_SCHEMA)
                if not any(row[1] == "place" for row in file.execute("PRAGMA table_info(statements)")):
                    file.execute(_ADD_PLACE)
                on_failure.pop_all()
        except (OSError, sqlite3.Error) as error:
            raise self._to_error(error) from None
        return file

    def _to_error(self, error: Exception) -> OperationalError:
        from tokensh.engine.sqlite_messages import file_reason  # noqa: PLC0415 (needed only after a mistake)

        reason = "a number is too large" if isinstance(error, OverflowError) else file_reason(error)
        hint = "XDG_STATE_HOME names another folder for it" if isinstance(error, OSError) else None
        return OperationalError(f"the history {self._path} cannot be used: {reason}", hint=hint)

    def add(self, statement: str, started: float, workspace: str | None, place: str = "") -> int:
        """Write down a statement that is about to run, and return its number.

        Args:
            statement: its text.
            started: seconds since the epoch.
            workspace: the session's.
            place: where requests go if not to Databricks' own hosts: `sandbox`, or the endpoint's host.
        """
        return self._execute(
            "INSERT INTO statements(statement, started, workspace, place, outcome) VALUES (?, ?, ?, ?, 'interrupted')",
            (self._to_text(statement), started, workspace, place),
        )

    def finish(self, number: int, duration: float, rows: int | None, outcome: str) -> None:
        """Write down how a statement ended."""
        self._execute(
            "UPDATE statements SET duration = ?, rows = ?, outcome = ? WHERE id = ?",
            (duration, rows, self._to_text(outcome), number),
        )

    def delete(self, numbers: Sequence[Value]) -> None:
        """Delete the statements with these numbers, all or none."""

        def delete_rows(file: sqlite3.Connection) -> None:
            file.execute("BEGIN IMMEDIATE")
            with file:  # commits, or rolls back
                file.executemany("DELETE FROM statements WHERE id = ?", ((number,) for number in numbers))

        self._use(delete_rows)

    def _to_text(self, text: str) -> str:
        """Return a text without secrets, and with half characters as escapes, as it can be stored."""
        return escape_surrogates(self._redact(text))

    def _execute(self, sql: str, values: tuple[object, ...]) -> int:
        return self._use(lambda file: file.execute(sql, values).lastrowid or 0)

    def _fetch_all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        if self._file is None and not os.path.lexists(self._path):
            return []
        return self._use(lambda file: file.execute(sql, values).fetchall())

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` does with the file, opened anew after a failure. Raises OperationalError."""
        try:
            if self._file is not None and self._inode != read_file_version(self._path)[:1]:
                self.close()  # deleted, or another one put in its place
            if self._file is None:
                self._file, self._inode = self._connect(), read_file_version(self._path)[:1]
            done = work(self._file)
            if self._patience != _PATIENCE:
                self._patience = _PATIENCE
                self._file.execute(f"PRAGMA busy_timeout={int(_PATIENCE * 1000)}")
        except (sqlite3.Error, OverflowError) as error:
            self.close()
            # A file that stays locked must not make every statement wait as long.
            self._patience = _PATIENCE_AFTER_FAILURE
            raise self._to_error(error) from None
        return done

    def latest(self, pattern: str = "") -> Iterator[HistoryEntry]:
        """Yield the statements that contain a text, in any case, from the latest on."""
        # By id and not by OFFSET: other sessions add statements meanwhile.
        before = 2**62
        while True:
            page = self._fetch_all(
                f"{_SELECT} WHERE id < ? AND instr(lower(statement), lower(?)) > 0 ORDER BY id DESC LIMIT ?",
                (before, escape_surrogates(pattern), _PAGE_SIZE),
            )
            yield from map(_to_entry, page)
            if len(page) < _PAGE_SIZE:
                return
            before = page[-1][0]

    def get(self, number: int) -> HistoryEntry | None:
        """Return the statement with a number, or None."""
        return next(map(_to_entry, self._fetch_all(f"{_SELECT} WHERE id = ?", (number,))), None)

    def last_used(self, place: str) -> dict[str, float]:
        """Return the time of the last statement in each workspace of a place, in seconds since the epoch, the latest first."""
        latest = "SELECT workspace, max(started) FROM statements WHERE place = ? GROUP BY workspace ORDER BY 2 DESC"
        return {
            name: started
            for name, started in self._fetch_all(latest, (place,))
            if isinstance(name, str) and name and isinstance(started, int | float)
        }

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
