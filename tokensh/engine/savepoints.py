"""The transactions of the store's file: one for each change, or one for all changes after a savepoint of the user.

After a savepoint, the file's transaction begins with the first change: a savepoint around other work locks no session out. Other
sessions see the changes when the first savepoint is released.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tokensh.errors import UnknownName

T = TypeVar("T")

REFERRING = "FROM objects AS o, pragma_foreign_key_list('data_' || o.id) AS k"
"""The foreign keys of all tables `o`; `k."table"` is what one refers to."""
_DEFER_FOREIGN_KEYS = "PRAGMA defer_foreign_keys = ON"
"""For one transaction: rows are changed one by one, and refer to each other rightly only when all of them are."""
_STEP = "step"
"""The savepoint of one statement after a savepoint of the user."""


class Savepoints:
    """The savepoints of a store, and the transactions of its file.

    Args:
        run_work: runs a function on the file, and returns its result.
    """

    def __init__(self, run_work: Callable[[Callable[[sqlite3.Connection], None]], None]) -> None:
        self._run_work = run_work
        self._names: list[str] = []
        # How many of them have begun in the file.
        self._begun = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the open savepoints, the first one first."""
        return tuple(self._names)

    @property
    def has_changes(self) -> bool:
        """Whether there are changes that only this session sees."""
        return self._begun > 0

    def forget(self) -> None:
        """Close all savepoints of a file that is closed, which has undone their changes."""
        self._names, self._begun = [], 0

    def save(self, name: str) -> None:
        """Open a savepoint: changes from now on can be rolled back to it."""
        self._names.append(name)

    def release(self, name: str) -> None:
        """Close a savepoint and those after it; with the first one, changes take effect. Raises UnknownName."""
        position = self._find(name)
        if position == 0:
            self.release_all()
            return
        if self._begun > position:
            self._run_work(lambda db: _execute(db, f"RELEASE {_sql_name(position)}"))
        self._names, self._begun = self._names[:position], min(self._begun, position)

    def release_all(self) -> None:
        """Close all savepoints: changes take effect, all of them or none."""
        begun = self._begun
        self.forget()
        if begun:
            self._run_work(_commit)

    def roll_back_to(self, name: str) -> None:
        """Undo the changes since a savepoint, which stays open. Raises UnknownName."""
        position = self._find(name)
        if self._begun > position:
            self._run_work(lambda db: _execute(db, f"ROLLBACK TO {_sql_name(position)}"))
        self._names, self._begun = self._names[: position + 1], min(self._begun, position + 1)

    def roll_back_all(self) -> None:
        """Undo the changes since the first savepoint, and close all of them."""
        begun = self._begun
        self.forget()
        if begun:
            self._run_work(_roll_back)

    def run_transaction(self, db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], number: int | None) -> T:
        """Run work in a transaction, or as one step after a savepoint; `number` is that of the table whose rows it changes."""
        if self._names:
            return self._run_step(db, work, number)
        # IMMEDIATE takes the write lock at once, and waits for it. A transaction that reads first and writes later can fail
        # without waiting (SQLITE_BUSY) if another session writes in between.
        db.execute("BEGIN IMMEDIATE")
        try:
            db.execute(_DEFER_FOREIGN_KEYS)
            result = work(db)
            _commit(db)
        except BaseException:
            _roll_back(db)
            raise
        return result

    def _run_step(self, db: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], number: int | None) -> T:
        """Run work after a savepoint: if it fails, what it has changed is undone and what came before is not."""
        self._begin(db)
        db.execute(f"SAVEPOINT {_STEP}")
        try:
            result = work(db)
            if number is not None:
                _check_references(db, number)
        except BaseException:
            if db.in_transaction:
                db.execute(f"ROLLBACK TO {_STEP}")
                db.execute(f"RELEASE {_STEP}")
            else:
                self.forget()  # an error, such as a full disk, has ended the transaction
            raise
        db.execute(f"RELEASE {_STEP}")
        return result

    def _begin(self, db: sqlite3.Connection) -> None:
        """Begin the savepoints in the file that have not begun there."""
        if not self._begun:
            db.execute("BEGIN IMMEDIATE")
            db.execute(_DEFER_FOREIGN_KEYS)
        for position in range(self._begun, len(self._names)):
            db.execute(f"SAVEPOINT {_sql_name(position)}")
        self._begun = len(self._names)

    def _find(self, name: str) -> int:
        names = [known.lower() for known in self._names]
        if name.lower() not in names:
            raise UnknownName("savepoint", name, hint=f"SAVEPOINT {name} opens one")
        return len(names) - 1 - names[::-1].index(name.lower())


def _sql_name(position: int) -> str:
    return f"savepoint_{position}"


def _execute(db: sqlite3.Connection, sql: str) -> None:
    db.execute(sql)


def _commit(db: sqlite3.Connection) -> None:
    try:
        db.execute("COMMIT")
    except BaseException:
        _roll_back(db)
        raise
    _empty_log(db)


def _empty_log(db: sqlite3.Connection) -> None:
    """Move what the write-ahead log holds into the file, unless another session is reading.

    A log that outlives its session, or its file, replaces the contents of whatever file is put there later, such as a backup.
    """
    ((patience,),) = db.execute("PRAGMA busy_timeout").fetchall()
    with suppress(sqlite3.Error):  # the commit is done, whatever becomes of the log
        db.execute("PRAGMA busy_timeout = 0")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.execute(f"PRAGMA busy_timeout = {patience}")


def _roll_back(db: sqlite3.Connection) -> None:
    # A COMMIT that fails leaves the transaction open, and its locks; some errors have ended it already.
    if db.in_transaction:
        db.execute("ROLLBACK")


def _check_references(db: sqlite3.Connection, number: int) -> None:
    """Raise IntegrityError of SQLite if a table refers to missing rows, or one that refers to it does."""
    sql = f"""SELECT 'data_' || o.id {REFERRING} WHERE k."table" = ? OR o.id = ?"""
    tables = {table for (table,) in db.execute(sql, (f"data_{number}", number))}
    if any(db.execute(f"PRAGMA foreign_key_check({table})").fetchone() for table in tables):
        raise sqlite3.IntegrityError("FOREIGN KEY constraint failed")
