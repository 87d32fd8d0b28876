"""Views, materialized views and local tables: a SQLite file that only its owner can read, without secrets.

Each object is a row of `objects`, and has a table `data_<id>` unless it is a view. A materialized view keeps the rows of all its
versions: a row says in which version it came and in which it was last, so a refresh writes only what has changed, and the
difference between two versions is a query. A transaction is opened for each change, since several sessions may share the file.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from tokensh._dataclasses import dataclass
from tokensh.engine.savepoints import REFERRING, Savepoints
from tokensh.environment import has_content, make_private_folder, open_private, read_file_version
from tokensh.errors import IntegrityError, OperationalError, ProgrammingError, UnknownName
from tokensh.plan.method_resolution import is_secret
from tokensh.plan.objects import ForeignKey, Kind
from tokensh.rows import Column, Row, Value
from tokensh.sql.quoting import quote_constraint, quote_name
from tokensh.text import nearest

T = TypeVar("T")

_FIRST, _LAST = '"tokensh:first"', '"tokensh:last"'
"""The first and last version of a materialized view that a row is in; the last is NULL for the current version."""
InsertVerb = Literal["INSERT", "INSERT OR IGNORE", "REPLACE"]
_LOCK_TIMEOUT = 10
"""Seconds to wait for another session's change."""
_DROPPED = r"^no such table: data_"
_ROW_NUMBERS = ("rowid", "_rowid_", "oid")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE COLLATE NOCASE, kind TEXT NOT NULL, query TEXT NOT NULL,
  columns TEXT NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS refreshes(
  object INTEGER NOT NULL, version INTEGER NOT NULL, at REAL NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (object, version));
"""


INDEX_PREFIX = "index:"
"""Before the name of an index in the file, so that it cannot be one of the store's tables."""
_SEPARATOR = ",\n"
"""Between the parts of a CREATE TABLE: SQLAlchemy reads its constraints line by line."""


class ObjectExists(ProgrammingError):
    """An object of that name exists and must not be replaced."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of the store.

    `query` is its text, empty for a table of columns; `sources` are the names of the columns in the query, or the constraints of
    the columns of a table; empty if not noted.
    """

    number: int
    name: str
    kind: Kind
    query: str
    columns: tuple[Column, ...]
    sources: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        """The table of the file that holds its rows."""
        return f"data_{self.number}"

    @property
    def row_number(self) -> str:
        """A name of SQLite for the number of a row that no column has; empty if the columns have them all."""
        taken = {column.name.lower() for column in self.columns}
        return next((name for name in _ROW_NUMBERS if name not in taken), "")


class Store:
    """The file of views, materialized views and local tables. The first CREATE creates it.

    Methods raise OperationalError if the file cannot be used, IntegrityError if a constraint of a table refuses a row.

    Args:
        path: the file.
        redact: masks secrets; a query that it would change is refused, a text is stored masked.
        now: returns seconds since the epoch.
    """

    def __init__(self, path: Path, redact: Callable[[str], str], now: Callable[[], float]) -> None:
        self.path = path
        self.redact = redact
        self._now = now
        self._file: sqlite3.Connection | None = None
        self._version: tuple[int, ...] = ()
        self._cached: tuple[int, dict[str, StoredObject]] | None = None
        self.savepoints = Savepoints(self._run_work)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = self._cached = None
        self.savepoints.forget()

    # ---- finding

    def find(self, name: str) -> StoredObject | None:
        """Return the object with a name in any case, or None."""
        return self._read_objects().get(name.lower())

    def names(self) -> tuple[str, ...]:
        """Return the names of all objects."""
        return tuple(stored.name for stored in self._read_objects().values())

    def peek(self) -> tuple[tuple[str, str], ...]:
        """Return the kinds and names of all objects; nothing if the file cannot be read at once."""
        if not has_content(self.path):
            return ()
        try:
            # Opened to write although it only reads: SQLite leaves the write-ahead log behind a connection that may not.
            db = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True, timeout=0)
        except sqlite3.Error:
            return ()
        try:
            return tuple(db.execute("SELECT kind, name FROM objects ORDER BY name").fetchall())
        except sqlite3.Error:
            return ()
        finally:
            db.close()

    def _read_objects(self) -> dict[str, StoredObject]:
        return self._run_work(self._read_changed_objects) if has_content(self.path) else {}

    def _read_changed_objects(self, db: sqlite3.Connection) -> dict[str, StoredObject]:
        """Return the objects by name, read again if another session has changed the file."""
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if self._cached is None or self._cached[0] != version:
            rows = db.execute("SELECT id, name, kind, query, columns FROM objects ORDER BY name").fetchall()
            objects = (
                StoredObject(number, name, kind, query, *_load_columns(text))
                for number, name, kind, query, text in rows
            )
            self._cached = version, {stored.name.lower(): stored for stored in objects}
        return self._cached[1]

    # ---- changing

    def create(  # noqa: PLR0913 (what an object is)
        self,
        kind: Kind,
        name: str,
        query: str,
        columns: Sequence[Column],
        definitions: Sequence[str],
        *,
        rows: Sequence[Row] = (),
        sources: Sequence[str] = (),
        foreign_keys: Sequence[ForeignKey] = (),
        replace: bool = True,
    ) -> StoredObject:
        """Create an object with its rows and return it.

        Args:
            kind: what it is.
            name: its name.
            query: the text of its query.
            columns: its columns.
            definitions: a table's columns and constraints, as SQLite takes them.
            sources: the names of the columns in the query; of a table of columns, their constraints as they are shown.
            foreign_keys: what a table's columns refer to.
            rows: the rows of a table or materialized view. They come with it in one transaction: of two sessions that replace
                an object at the same time, one wins whole.
            replace: whether an object of this name is replaced; else ObjectExists is raised. Another session may have created
                it since the statement was planned.
        """
        self._check_new(kind, query, columns, definitions)
        texts = _describe_columns(columns, sources)

        def work(db: sqlite3.Connection) -> StoredObject:
            if not replace and db.execute("SELECT 1 FROM objects WHERE name = ?", (name,)).fetchone():
                raise ObjectExists(
                    f"{name} exists: another session created it just now", hint="run the statement again"
                )
            self._remove_object(db, name)
            keys = [self._write_foreign_key(db, key) for key in foreign_keys if key.table]
            cursor = db.execute(
                "INSERT INTO objects(name, kind, query, columns, created) VALUES (?, ?, ?, ?, ?)",
                (name, kind, query, texts, self._now()),
            )
            created = StoredObject(cursor.lastrowid or 0, name, kind, query, tuple(columns), tuple(sources))
            if kind != "VIEW":
                more = (_FIRST, _LAST) if kind == "MATERIALIZED VIEW" else ()
                keys += [_write_reference(key, created.table) for key in foreign_keys if not key.table]
                db.execute(f"CREATE TABLE {created.table} ({_SEPARATOR.join((*definitions, *keys, *more))})")
                if keys:
                    _check_foreign_keys(db, created)
            if kind == "MATERIALIZED VIEW":
                self._add_version(db, created, rows)
            elif rows:
                self._insert_rows(db, created, [column.name for column in columns], rows, "INSERT")
            return created

        return self.run_transaction(work)

    def _check_new(self, kind: Kind, query: str, columns: Sequence[Column], definitions: Sequence[str]) -> None:
        """Raise ProgrammingError if an object cannot be created as it is described."""
        if self.redact(query) != query:
            raise ProgrammingError("the query holds what looks like a token", hint="the store keeps no secrets")
        # Changes address rows by number, so one of SQLite's names for it must be free.
        if {column.name.lower() for column in columns}.issuperset(_ROW_NUMBERS):
            raise ProgrammingError(f"a table cannot have all of the columns {', '.join(_ROW_NUMBERS)}")
        if kind != "VIEW":
            _check_definitions(definitions)

    def drop(self, name: str) -> None:
        """Remove an object with its rows."""
        self.run_transaction(lambda db: self._remove_object(db, name))

    @staticmethod
    def _write_foreign_key(db: sqlite3.Connection, key: ForeignKey) -> str:
        found = db.execute("SELECT id FROM objects WHERE name = ? AND kind = 'TABLE'", (key.table,)).fetchone()
        if found is None:
            raise dropped_meanwhile()
        return _write_reference(key, f"data_{found[0]}")

    def create_index(
        self, stored: StoredObject, name: str, columns: Sequence[str], *, unique: bool, if_not_exists: bool
    ) -> None:
        """Create an index of a table. Raises ProgrammingError if the name is taken, IntegrityError if rows are equal."""

        def work(db: sqlite3.Connection) -> None:
            if _has_index(db, name):
                if not if_not_exists:
                    raise ProgrammingError(f"the index {name} exists", hint=f"DROP INDEX {name}, or IF NOT EXISTS")
                return
            kind = "UNIQUE INDEX" if unique else "INDEX"
            db.execute(f"CREATE {kind} {_index_name(name)} ON {stored.table} ({', '.join(columns)})")

        self.run_transaction(work, stored)

    def drop_index(self, name: str, *, if_exists: bool) -> None:
        """Remove an index. Raises UnknownName if it does not exist."""

        def work(db: sqlite3.Connection) -> None:
            if _has_index(db, name):
                db.execute(f"DROP INDEX {_index_name(name)}")
            elif not if_exists:
                sql = "SELECT substr(name, ?) FROM sqlite_master WHERE type = 'index' AND name LIKE ?"
                known = [found for (found,) in db.execute(sql, (len(INDEX_PREFIX) + 1, f"{INDEX_PREFIX}%"))]
                elsewhere = [found for found in known if found.lower().endswith(f".{name.lower()}")]
                near = elsewhere[0] if elsewhere else nearest(name, known)
                raise UnknownName("index", name, near=near, hint="with IF EXISTS this is not an error")

        if has_content(self.path):
            self.run_transaction(work)
        elif not if_exists:
            raise UnknownName("index", name, hint="with IF EXISTS this is not an error")

    @staticmethod
    def _remove_object(db: sqlite3.Connection, name: str) -> None:
        for (number,) in db.execute("SELECT id FROM objects WHERE name = ?", (name,)).fetchall():
            _refuse_referred(db, name, number)
            db.execute(f"DROP TABLE IF EXISTS data_{number}")
            db.execute("DELETE FROM refreshes WHERE object = ?", (number,))
            db.execute("DELETE FROM objects WHERE id = ?", (number,))

    def insert(
        self,
        stored: StoredObject,
        targets: Sequence[str],
        rows: Sequence[Row],
        *,
        verb: InsertVerb = "INSERT",
        returning: bool = True,
    ) -> list[Row]:
        """Add rows to a table, and return those added, with defaults filled in; without `returning` as many empty ones."""
        if not returning:
            return [()] * self.run_transaction(lambda db: self._insert_rows(db, stored, targets, rows, verb), stored)
        sql = f"{_insert_text(stored, targets, verb)} RETURNING {column_list(stored)}"

        def work(db: sqlite3.Connection) -> list[Row]:
            added = (db.execute(sql, row).fetchone() for row in self._redact_rows(rows))
            return [row for row in added if row is not None]

        return self.run_transaction(work, stored)

    def _insert_rows(
        self,
        db: sqlite3.Connection,
        stored: StoredObject,
        targets: Sequence[str],
        rows: Sequence[Row],
        verb: InsertVerb,
    ) -> int:
        """Add rows to a table, and return how many were added."""
        return max(db.executemany(_insert_text(stored, targets, verb), self._redact_rows(rows)).rowcount, 0)

    def update(self, stored: StoredObject, targets: Sequence[str], rows: Sequence[Row]) -> list[Row]:
        """Change rows, each given as its number and its new values, and return them whole."""
        assigned = ", ".join(f"{quote_name(name)} = ?" for name in targets)
        sql = f"UPDATE {stored.table} SET {assigned} WHERE {stored.row_number} = ? RETURNING {column_list(stored)}"

        def work(db: sqlite3.Connection) -> list[Row]:
            updated = (db.execute(sql, (*self._redact_texts(values), number)).fetchone() for number, *values in rows)
            return [row for row in updated if row is not None]

        return self.run_transaction(work, stored)

    def delete(self, stored: StoredObject, numbers: Sequence[Value]) -> list[Row]:
        """Delete rows by their numbers, and return them as they were."""
        sql = f"DELETE FROM {stored.table} WHERE {stored.row_number} = ? RETURNING {column_list(stored)}"

        def work(db: sqlite3.Connection) -> list[Row]:
            deleted = (db.execute(sql, (number,)).fetchone() for number in numbers)
            return [row for row in deleted if row is not None]

        return self.run_transaction(work, stored)

    def refresh(self, stored: StoredObject, rows: Iterable[Row]) -> int:
        """Store the rows of a materialized view as a new version, and return their number; unchanged rows are stored once."""
        return self.run_transaction(lambda db: self._add_version(db, stored, rows))

    def _add_version(self, db: sqlite3.Connection, stored: StoredObject, rows: Iterable[Row]) -> int:
        # A count for each row, because a view may have equal rows.
        wanted = Counter(self._without_secrets(stored, row) for row in rows)
        names = column_list(stored)
        end_row = f"UPDATE {stored.table} SET {_LAST} = ? WHERE {stored.row_number} = ?"
        (version,) = db.execute(
            "SELECT coalesce(max(version), 0) + 1 FROM refreshes WHERE object = ?", (stored.number,)
        ).fetchone()
        count = wanted.total()
        current = db.execute(
            f"SELECT {stored.row_number}, {names} FROM {stored.table} WHERE {_LAST} IS NULL"
        ).fetchall()
        for number, *values in current:
            row = tuple(values)
            if wanted[row]:
                wanted[row] -= 1
            else:
                db.execute(end_row, (version - 1, number))
        marks = ", ".join("?" * len(stored.columns))
        db.executemany(
            f"INSERT INTO {stored.table} ({names}, {_FIRST}) VALUES ({marks}, ?)",
            ((*row, version) for row in wanted.elements()),
        )
        db.execute("INSERT INTO refreshes VALUES (?, ?, ?, ?)", (stored.number, version, self._now(), count))
        return count

    def differences(self, stored: StoredObject) -> tuple[list[Row], list[Row]]:
        """Return the rows that the last refresh of a materialized view added, and those that it removed."""
        names = column_list(stored)

        def work(db: sqlite3.Connection) -> tuple[list[Row], list[Row]]:
            (version,) = db.execute("SELECT max(version) FROM refreshes WHERE object = ?", (stored.number,)).fetchone()
            if version == 1:
                return [], []  # the first version is not a change
            sql = f"SELECT {names} FROM {stored.table} WHERE"
            added = db.execute(f"{sql} {_FIRST} = ?", (version,)).fetchall()
            removed = db.execute(f"{sql} {_LAST} = ?", (version - 1,)).fetchall()
            return added, removed

        return self._run_work(work)

    def dump(self, stored: StoredObject) -> tuple[str, tuple[str, ...], list[Row]]:
        """Return a table with the changes that only this session sees: its definition, the names of its columns, and its rows.

        The definition is the text behind `CREATE TABLE name`; the first column is the number of the row.
        """

        def work(db: sqlite3.Connection) -> tuple[str, tuple[str, ...], list[Row]]:
            (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = ?", (stored.table,)).fetchone()
            names = [name for _, name, *_ in db.execute(f"PRAGMA table_info({stored.table})")]
            columns = (stored.row_number, *map(quote_name, names))
            rows = db.execute(f"SELECT {', '.join(columns)} FROM {stored.table}").fetchall()
            return sql.partition(stored.table)[2], columns, rows

        return self._run_work(work)

    def select_statement(self, stored: StoredObject, hidden: str, schema: str = "store") -> str:
        """Return the query for an object's rows in a database that has the file as `schema`; `hidden` names the row's number."""
        where = f" WHERE {_LAST} IS NULL" if stored.kind == "MATERIALIZED VIEW" else ""
        number = f"{stored.row_number} AS {quote_name(hidden)}"
        return f"SELECT {column_list(stored)}, {number} FROM {schema}.{stored.table}{where}"

    # ---- working on the file

    def _redact_rows(self, rows: Sequence[Row]) -> Iterable[Row]:
        """Return the rows with the secrets in their texts masked."""
        # Looked at as one text first: what has a secret by itself has one among others too, and most rows have none.
        texts = "\n".join(value for row in rows for value in row if isinstance(value, str))
        return rows if self.redact(texts) == texts else map(self._redact_texts, rows)

    def _redact_texts(self, row: Iterable[Value]) -> Row:
        return tuple(self.redact(value) if isinstance(value, str) else value for value in row)

    def _without_secrets(self, stored: StoredObject, row: Row) -> Row:
        cells = zip(stored.columns, row, strict=True)
        return self._redact_texts(None if is_secret(column.name) else value for column, value in cells)

    def run_transaction(self, work: Callable[[sqlite3.Connection], T], changed: StoredObject | None = None) -> T:
        """Run work in a transaction, and return its result; `changed` is the table that it changes. Raises what work raises."""

        def transact(db: sqlite3.Connection) -> T:
            return self.savepoints.run_transaction(db, work, changed.number if changed else None)

        try:
            return self._run_work(transact, changed)
        finally:
            self._cached = None

    def _run_work(self, work: Callable[[sqlite3.Connection], T], changed: StoredObject | None = None) -> T:
        try:
            db = self._open_file()
            try:
                return work(db)
            finally:
                self._version = read_file_version(self.path)
        except sqlite3.IntegrityError as error:
            from tokensh.engine.sqlite_messages import constraint_reason  # noqa: PLC0415 (needed only after a mistake)

            name = f"the table {changed.name}" if changed else "the table"
            reason = constraint_reason(str(error))
            references = self._find_references(changed) if changed and str(error).startswith("FOREIGN KEY") else ""
            if references:
                reason = f"{reason} ({references})"
            raise IntegrityError(f"{name} refuses the row: {reason}") from None
        except (OSError, sqlite3.Error) as error:
            # SQLite has no code for a missing table, only this text.
            if re.search(_DROPPED, str(error)):
                raise dropped_meanwhile() from None
            from tokensh.engine.sqlite_messages import file_reason, value_reason  # noqa: PLC0415 (as above)

            value = value_reason(str(error)) if changed else None
            if changed and value:
                raise IntegrityError(f"the table {changed.name} refuses the row: {value}") from None
            raise OperationalError(f"the store {self.path} cannot be used: {file_reason(error)}") from None

    def _find_references(self, changed: StoredObject) -> str:
        """Return the columns that refer to rows of a table, and those of its own that refer to others."""
        rows = self._open_file().execute(
            f"""SELECT o.name || '.' || k."from" {REFERRING} WHERE k."table" = ? OR o.id = ? ORDER BY 1""",
            (changed.table, changed.number),
        )
        return ", ".join(name for (name,) in rows)

    def _open_file(self) -> sqlite3.Connection:
        if self._file is not None:
            version = read_file_version(self.path)
            if version[:1] != self._version[:1]:
                self.close()  # deleted, or another one put in its place
            elif version != self._version and not self._file.in_transaction:
                self._file.close()  # by another session, or overwritten: SQLite does not see that, and would mix both
                self._file = self._cached = None
        if self._file is None:
            # Created here and not by SQLite, which would let the umask decide who may read it.
            make_private_folder(self.path.parent)
            os.close(open_private(self.path, os.O_RDWR))
            db = sqlite3.connect(self.path, timeout=_LOCK_TIMEOUT, isolation_level=None, check_same_thread=False)
            try:
                _prepare_file(db)
            except BaseException:
                db.close()
                raise
            self._file, self._version = db, read_file_version(self.path)
        return self._file


def _prepare_file(db: sqlite3.Connection) -> None:
    """Create what every store has, if it is not there, and make readers and writers independent of each other."""
    # With a write-ahead log a reader keeps what it sees while others write: a result that is read slowly, or never to its end,
    # locks no session out. The file keeps the mode. Where that does not work (a network folder), readers and writers take turns.
    if db.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        with suppress(
            sqlite3.OperationalError
        ):  # a session of an older version is reading just now: the next one changes it
            db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA foreign_keys = ON")
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'refreshes'").fetchone():
        db.executescript(_SCHEMA)


def _write_reference(key: ForeignKey, table: str) -> str:
    own = ", ".join(map(quote_name, key.own))
    columns = f" ({', '.join(map(quote_name, key.columns))})" if key.columns else ""
    name = f"CONSTRAINT {quote_constraint(key.name)} " if key.name else ""
    return " ".join((f"{name}FOREIGN KEY ({own}) REFERENCES {table}{columns}", *key.actions))


def _check_foreign_keys(db: sqlite3.Connection, stored: StoredObject) -> None:
    """Raise ProgrammingError if the columns that a table refers to are not a key."""
    try:
        db.execute(f"PRAGMA foreign_key_check({stored.table})").fetchall()
    except sqlite3.OperationalError:
        hint = "REFERENCES names the PRIMARY KEY or a UNIQUE column of the other table"
        raise ProgrammingError(f"{stored.name} refers to columns that are not a key", hint=hint) from None


def _refuse_referred(db: sqlite3.Connection, name: str, number: int) -> None:
    """Raise IntegrityError if another table refers to one that is to be removed."""
    referring = db.execute(
        f'SELECT o.name {REFERRING} WHERE k."table" = ? AND o.id <> ? ORDER BY o.name',
        (f"data_{number}", number),
    ).fetchone()
    if referring is not None:
        message = f"{name} cannot be removed: {referring[0]} refers to it"
        raise IntegrityError(message, hint=f"DROP TABLE {referring[0]} first")


def _index_name(name: str) -> str:
    return quote_name(f"{INDEX_PREFIX}{name}")


def _has_index(db: sqlite3.Connection, name: str) -> bool:
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ? COLLATE NOCASE"
    return db.execute(sql, (f"{INDEX_PREFIX}{name}",)).fetchone() is not None


def _insert_text(stored: StoredObject, targets: Sequence[str], verb: InsertVerb) -> str:
    if not targets:
        return f"{verb} INTO {stored.table} DEFAULT VALUES"
    names = ", ".join(map(quote_name, targets))
    return f"{verb} INTO {stored.table} ({names}) VALUES ({', '.join('?' * len(targets))})"


def dropped_meanwhile() -> OperationalError:
    """Return the error for a table that another session dropped after its name was looked up."""
    return OperationalError("another session dropped or replaced the table just now", hint="run the statement again")


def _check_definitions(definitions: Sequence[str]) -> None:
    """Create a table with these columns and constraints in a scratch database. Raises ProgrammingError with SQLite's reason."""
    # In a scratch database every error is about the definitions; in the file it could be about the file.
    db = sqlite3.connect(":memory:")
    try:
        db.execute(f"CREATE TABLE scratch ({', '.join(definitions)})")
    except sqlite3.Error as error:
        from tokensh.engine.sqlite_messages import definition_reason  # noqa: PLC0415 (needed only after a mistake)

        raise ProgrammingError(f"the table cannot be created: {definition_reason(str(error))}") from None
    finally:
        db.close()


def column_list(stored: StoredObject) -> str:
    """Return the names of an object's columns for SQLite."""
    return ", ".join(quote_name(column.name) for column in stored.columns)


def _describe_columns(columns: Sequence[Column], sources: Sequence[str]) -> str:
    noted = sources or (None,) * len(columns)
    pairs = zip(columns, noted, strict=True)
    return json.dumps([[column.name, column.type, column.origin, source, column.unit] for column, source in pairs])


def _load_columns(text: str) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Return columns, and their names in the query. Older versions did not note these, nor the units."""
    columns, sources = [], []
    for name, kind, origin, *rest in json.loads(text):
        source, unit = (*rest, None, None)[:2]
        columns.append(Column(name, kind, origin, unit=unit))
        sources += [] if source is None else [source]
    return tuple(columns), tuple(sources)
