"""The history of statements: a file that is its owner's alone, and holds no secret."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tokensh._dataclasses import dataclass
from tokensh.environment import make_private_folder, open_private
from tokensh.errors import OperationalError
from tokensh.rows import Column, Row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS statements(
  id INTEGER PRIMARY KEY, statement TEXT NOT NULL, started REAL NOT NULL, duration REAL, rows INTEGER, workspace TEXT,
  outcome TEXT NOT NULL)
"""
_SELECT = "SELECT id, statement, started, duration, rows, workspace, outcome FROM statements"
_BATCH = 200
"""Statements that are read at a time, from the latest on."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A statement that was run: `started` in seconds since the epoch, `duration` in seconds, `outcome` `ok` or an error."""

    id: int
    statement: str
    started: float
    duration: float | None
    rows: int | None
    workspace: str | None
    outcome: str


COLUMNS = (
    Column("id", "integer"),
    Column("statement", "string"),
    Column("start_time", "integer", "tokensh.local.statements.start_time"),
    Column("duration", "number"),
    Column("rows", "integer"),
    Column("workspace", "string"),
    Column("outcome", "string"),
)
"""Of the table tokensh.local.statements: `start_time` in epoch ms, `duration` in seconds."""


def to_row(one: HistoryEntry) -> Row:
    """A statement as a row of `COLUMNS`."""
    return one.id, one.statement, int(one.started * 1000), one.duration, one.rows, one.workspace, one.outcome


class History:
    """The statements of all sessions, in one SQLite file. Raises OperationalError where the file cannot be used.

    Args:
        path: the file; it is made, and its folder if that is missing, when the first statement is written down.
        redact: takes secrets out of a statement before it is written.
    """

    def __init__(self, path: Path, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._path = path
        self._file = self._opened() if os.path.lexists(path) else None

    def _opened(self) -> sqlite3.Connection:
        try:
            make_private_folder(self._path.parent)
            os.close(open_private(self._path, os.O_RDWR))
            file = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
            file.execute("PRAGMA synchronous=NORMAL")
            file.execute(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        return file

    def _unusable(self, error: Exception) -> OperationalError:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return OperationalError(f"the history {self._path} cannot be used: {reason}")

    def add(self, statement: str, started: float, workspace: str | None) -> int:
        """Write down a statement that is about to run; the number it is known by."""
        return self._write(
            "INSERT INTO statements(statement, started, workspace, outcome) VALUES (?, ?, ?, 'interrupted')",
            (self._redact(statement), started, workspace),
        )

    def finish(self, number: int, duration: float, rows: int | None, outcome: str) -> None:
        """Write down how it ended."""
        self._write(
            "UPDATE statements SET duration = ?, rows = ?, outcome = ? WHERE id = ?",
            (duration, rows, self._redact(outcome), number),
        )

    def _write(self, sql: str, values: tuple[object, ...]) -> int:
        self._file = self._file or self._opened()
        try:
            return self._file.execute(sql, values).lastrowid or 0
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def _read(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        if self._file is None:
            return []
        try:
            return self._file.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from None

    def latest(self, pattern: str = "") -> Iterator[HistoryEntry]:
        """The statements from the latest on, those only that hold a text, without regard to case."""
        before = 2**62
        while True:
            found = self._read(
                f"{_SELECT} WHERE id < ? AND instr(lower(statement), lower(?)) > 0 ORDER BY id DESC LIMIT ?",
                (before, pattern, _BATCH),
            )
            yield from (HistoryEntry(*row) for row in found)
            if len(found) < _BATCH:
                return
            before = found[-1][0]

    def get(self, number: int) -> HistoryEntry | None:
        """The statement of a number."""
        return next((HistoryEntry(*row) for row in self._read(f"{_SELECT} WHERE id = ?", (number,))), None)

    def last_used(self) -> dict[str, float]:
        """By workspace, when a statement was run there last, in s since the epoch."""
        return {
            name: started
            for name, started in self._read("SELECT workspace, max(started) FROM statements GROUP BY workspace")
            if name
        }

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
