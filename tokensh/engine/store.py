"""Views, materialized views and local tables: a file that outlasts the session, is its owner's alone, and holds no secret."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from tokensh._dataclasses import dataclass
from tokensh.environment import make_private_folder, open_private
from tokensh.errors import IntegrityError, OperationalError, ProgrammingError
from tokensh.plan.method_resolution import is_secret
from tokensh.plan.objects import Kind
from tokensh.rows import Column, Row, Value
from tokensh.sql.unparse import quoted

T = TypeVar("T")

_FIRST, _LAST = '"tokensh:first"', '"tokensh:last"'
"""The versions of a materialized view that a row is in, from the first to the last; without a last, it is in the present one."""
_GONE = re.compile(r"^no such table: data_")
_OWN_NAME = re.compile(r"\bdata_\d+\.")
_ROW_NUMBERS = ("rowid", "_rowid_", "oid")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, kind TEXT NOT NULL, query TEXT NOT NULL,
  columns TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS refreshes(
  object INTEGER NOT NULL, version INTEGER NOT NULL, at REAL NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (object, version));
"""


class ObjectExists(ProgrammingError):
    """An object of that name is there, and was not to be replaced."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of the store: its number, its kind, its query as text (empty: none), its columns."""

    number: int
    name: str
    kind: Kind
    query: str
    columns: tuple[Column, ...]

    @property
    def table(self) -> str:
        """The table of the store that holds its rows."""
        return f"data_{self.number}"

    @property
    def row_number(self) -> str:
        """What SQLite calls the number of a row, where no column has that name."""
        taken = {one.name.lower() for one in self.columns}
        return next((name for name in _ROW_NUMBERS if name not in taken), "")


class Store:
    """Views, materialized views and local tables, in one SQLite file. It is made by the first CREATE.

    Raises OperationalError where the file cannot be used, IntegrityError where a constraint of a table refuses a row.

    Args:
        path: the file.
        redact: what it would change is not stored.
        now: seconds since the epoch.
    """

    def __init__(self, path: Path, redact: Callable[[str], str], now: Callable[[], float]) -> None:
        self.path = path
        self._redact = redact
        self._now = now
        self._opened: sqlite3.Connection | None = None
        self._known: tuple[object, dict[str, StoredObject]] | None = None

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # ---- looking

    def find(self, name: str) -> StoredObject | None:
        """The object of a name, without regard to case."""
        return self._objects().get(name.lower())

    def names(self) -> tuple[str, ...]:
        """The names of all objects."""
        return tuple(one.name for one in self._objects().values())

    def _objects(self) -> dict[str, StoredObject]:
        stamp = self._stamp()
        if stamp is None:
            return {}
        if self._known is None or self._known[0] != stamp:
            rows = self._run(lambda db: db.execute("SELECT id, name, kind, query, columns FROM objects ORDER BY name"))
            kept = (StoredObject(number, name, kind, query, _columns(text)) for number, name, kind, query, text in rows)
            self._known = stamp, {one.name.lower(): one for one in kept}
        return self._known[1]

    def _stamp(self) -> object:
        """What changes when the file does; None: there is no file."""
        try:
            found = self.path.stat()
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found.st_size else None

    # ---- changing

    def create(  # noqa: PLR0913 (what an object is)
        self,
        kind: Kind,
        name: str,
        query: str,
        columns: Sequence[Column],
        definitions: Sequence[str],
        *,
        replace: bool = True,
    ) -> StoredObject:
        """Make an object; `definitions` are a table's columns and constraints.

        One of the same name, which another session made just now perhaps, is replaced; or else AlreadyThere is raised.
        """
        if self._redact(query) != query:
            raise ProgrammingError("the query holds what looks like a token", hint="the store keeps no secrets")
        if {one.name.lower() for one in columns}.issuperset(_ROW_NUMBERS):
            raise ProgrammingError(f"a table cannot have all of the columns {', '.join(_ROW_NUMBERS)}")
        if kind != "VIEW":
            _check(definitions)
        texts = json.dumps([[one.name, one.type, one.origin] for one in columns])

        def work(db: sqlite3.Connection) -> StoredObject:
            if not replace and db.execute("SELECT 1 FROM objects WHERE name = ?", (name,)).fetchone():
                raise ObjectExists(f"there is a {name} now: another session made it", hint="run the statement again")
            self._remove(db, name)
            cursor = db.execute(
                "INSERT INTO objects(name, kind, query, columns, created) VALUES (?, ?, ?, ?, ?)",
                (name, kind, query, texts, self._now()),
            )
            made = StoredObject(cursor.lastrowid or 0, name, kind, query, tuple(columns))
            if kind != "VIEW":
                more = (_FIRST, _LAST) if kind == "MATERIALIZED VIEW" else ()
                db.execute(f"CREATE TABLE {made.table} ({', '.join((*definitions, *more))})")
            return made

        return self._run_transaction(work)

    def drop(self, name: str) -> None:
        """Take an object away, with its rows."""
        self._run_transaction(lambda db: self._remove(db, name))

    @staticmethod
    def _remove(db: sqlite3.Connection, name: str) -> None:
        for (number,) in db.execute("SELECT id FROM objects WHERE name = ?", (name,)).fetchall():
            db.execute(f"DROP TABLE IF EXISTS data_{number}")
            db.execute("DELETE FROM refreshes WHERE object = ?", (number,))
            db.execute("DELETE FROM objects WHERE id = ?", (number,))

    def insert(
        self, kept: StoredObject, targets: Sequence[str], rows: Sequence[Row], *, replace: bool = False
    ) -> list[Row]:
        """Add rows to a table; the whole rows as they are then."""
        names = ", ".join(map(quoted, targets))
        marks = ", ".join("?" * len(targets))
        sql = (
            f"{'REPLACE' if replace else 'INSERT'} INTO {kept.table} ({names}) VALUES ({marks}) RETURNING {_all(kept)}"
        )

        def work(db: sqlite3.Connection) -> list[Row]:
            return [db.execute(sql, self._redact_texts(row)).fetchone() for row in rows]

        return self._run_transaction(work)

    def update(self, kept: StoredObject, targets: Sequence[str], rows: Sequence[Row]) -> list[Row]:
        """Change rows, each given as its number and its new values; the whole rows as they are then."""
        assigned = ", ".join(f"{quoted(name)} = ?" for name in targets)
        sql = f"UPDATE {kept.table} SET {assigned} WHERE {kept.row_number} = ? RETURNING {_all(kept)}"

        def work(db: sqlite3.Connection) -> list[Row]:
            found = (db.execute(sql, (*self._redact_texts(values), number)).fetchone() for number, *values in rows)
            return [one for one in found if one is not None]

        return self._run_transaction(work)

    def delete(self, kept: StoredObject, numbers: Sequence[Value]) -> list[Row]:
        """Take rows away by their numbers; the rows as they were."""
        sql = f"DELETE FROM {kept.table} WHERE {kept.row_number} = ? RETURNING {_all(kept)}"

        def work(db: sqlite3.Connection) -> list[Row]:
            found = (db.execute(sql, (number,)).fetchone() for number in numbers)
            return [one for one in found if one is not None]

        return self._run_transaction(work)

    def refresh(self, kept: StoredObject, rows: Iterable[Row]) -> int:
        """Give a materialized view new rows, as a new version; unchanged rows are kept once for all versions they are in."""
        wanted = Counter(self._without_secrets(kept, row) for row in rows)
        names = _all(kept)
        ended = f"UPDATE {kept.table} SET {_LAST} = ? WHERE {kept.row_number} = ?"

        def work(db: sqlite3.Connection) -> int:
            (version,) = db.execute(
                "SELECT coalesce(max(version), 0) + 1 FROM refreshes WHERE object = ?", (kept.number,)
            ).fetchone()
            count = wanted.total()
            current = db.execute(
                f"SELECT {kept.row_number}, {names} FROM {kept.table} WHERE {_LAST} IS NULL"
            ).fetchall()
            for number, *values in current:
                row = tuple(values)
                if wanted[row]:
                    wanted[row] -= 1
                else:
                    db.execute(ended, (version - 1, number))
            marks = ", ".join("?" * len(kept.columns))
            db.executemany(
                f"INSERT INTO {kept.table} ({names}, {_FIRST}) VALUES ({marks}, ?)",
                ((*row, version) for row in wanted.elements()),
            )
            db.execute("INSERT INTO refreshes VALUES (?, ?, ?, ?)", (kept.number, version, self._now(), count))
            return count

        return self._run_transaction(work)

    def differences(self, kept: StoredObject) -> tuple[list[Row], list[Row]]:
        """The rows that the last refresh of a materialized view brought, and those that it took away."""
        names = _all(kept)

        def work(db: sqlite3.Connection) -> tuple[list[Row], list[Row]]:
            (version,) = db.execute("SELECT max(version) FROM refreshes WHERE object = ?", (kept.number,)).fetchone()
            if version == 1:
                return [], []
            sql = f"SELECT {names} FROM {kept.table} WHERE"
            come = db.execute(f"{sql} {_FIRST} = ?", (version,)).fetchall()
            gone = db.execute(f"{sql} {_LAST} = ?", (version - 1,)).fetchall()
            return come, gone

        return self._run(work)

    def select_statement(self, kept: StoredObject, hidden: str) -> str:
        """The query that reads an object's rows where the file is attached as `store`; `hidden` names the row's number."""
        where = f" WHERE {_LAST} IS NULL" if kept.kind == "MATERIALIZED VIEW" else ""
        return f"SELECT {_all(kept)}, {kept.row_number} AS {quoted(hidden)} FROM store.{kept.table}{where}"

    # ---- how

    def _redact_texts(self, row: Iterable[Value]) -> Row:
        return tuple(self._redact(value) if isinstance(value, str) else value for value in row)

    def _without_secrets(self, kept: StoredObject, row: Row) -> Row:
        cells = zip(kept.columns, row, strict=True)
        return self._redact_texts(None if is_secret(column.name) else value for column, value in cells)

    def _run_transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do something whole or not at all."""

        def whole(db: sqlite3.Connection) -> T:
            db.execute("BEGIN IMMEDIATE")
            try:
                found = work(db)
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
            return found

        found = self._run(whole)
        self._known = None
        return found

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return work(self._connect())
        except sqlite3.IntegrityError as error:
            raise IntegrityError(f"the table refuses the row: {_OWN_NAME.sub('', str(error))}") from None
        except (OSError, sqlite3.Error) as error:
            if _GONE.search(str(error)):
                raise dropped_meanwhile() from None
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise OperationalError(f"the store {self.path} cannot be used: {reason}") from None

    def _connect(self) -> sqlite3.Connection:
        if self._opened is None:
            make_private_folder(self.path.parent)
            os.close(open_private(self.path, os.O_RDWR))
            self._opened = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
            self._opened.executescript(_SCHEMA)
        return self._opened


def dropped_meanwhile() -> OperationalError:
    """Another session has dropped a table since its name was looked up."""
    return OperationalError(
        "another session dropped the table just now, or made it anew", hint="run the statement again"
    )


def _check(definitions: Sequence[str]) -> None:
    """Try a table's columns and constraints. Raises ProgrammingError that says what SQLite has against them."""
    db = sqlite3.connect(":memory:")
    try:
        db.execute(f"CREATE TABLE made ({', '.join(definitions)})")
    except sqlite3.Error as error:
        raise ProgrammingError(f"SQLite refuses such a table: {error}") from None
    finally:
        db.close()


def _all(kept: StoredObject) -> str:
    return ", ".join(quoted(one.name) for one in kept.columns)


def _columns(text: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, origin) for name, kind, origin in json.loads(text))
