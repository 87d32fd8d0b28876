"""SQLite: the fetched rows, and the SELECT that runs over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from tokensh.engine.functions import Registered, built_in, registered
from tokensh.engine.store import dropped_meanwhile
from tokensh.environment import Cancellation
from tokensh.errors import (
    DataError,
    Error,
    InterfaceError,
    Interrupted,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from tokensh.plan.function_docs import functions
from tokensh.rows import Column, ColumnType, Row
from tokensh.sql.unparse import quoted

T = TypeVar("T")
OLDEST_VERSION = (3, 40)
_STEPS = 100_000
"""Steps of SQLite's machine, about a millisecond, between two looks at Ctrl-C."""
_BLOCK = 1000
"""Rows between two looks at whether Ctrl-C was pressed."""

_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, getattr(sqlite3, "SQLITE_RECURSIVE", 33)}
)
_DENIED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})
_AFFINITIES: dict[ColumnType, str] = {
    "string": "TEXT",
    "integer": "INTEGER",
    "number": "NUMERIC",
    "boolean": "INTEGER",
    "object": "TEXT",
    "array": "TEXT",
    "json": "TEXT",
    "any": "",
}
_TOO_LARGE = (
    "too many terms",
    "parser stack overflow",
    "expression tree is too large",
    "too many columns",
    "at most",
    "too many",
    "too big",
    "string or blob too big",
)


class Database:
    """One statement's database, in memory. What runs in it may read, and nothing else."""

    def __init__(self, cancellation: Cancellation) -> None:
        if sqlite3.sqlite_version_info < OLDEST_VERSION:
            raise InterfaceError(
                f"SQLite {sqlite3.sqlite_version} is too old", hint="tokensh needs a Python with SQLite 3.40 or newer"
            )
        self._connection = sqlite3.connect("file::memory:", uri=True, isolation_level=None, check_same_thread=False)
        self._functions = Registered(self._connection)
        # At their first use these write into the schema, which the authorizer denies.
        self._connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
        self._cancellation = cancellation
        # While SQLite works in the main thread, Ctrl-C reaches Python only where SQLite calls it.
        self._connection.set_progress_handler(lambda: int(cancellation.presses > 0), _STEPS)

    def close(self) -> None:
        """Give its memory back."""
        self._connection.close()

    def create_table(self, table: str, columns: Iterable[Column]) -> None:
        """Make an empty table; `table` is in quotes already."""
        defined = ", ".join(f"{quoted(one.name)} {_AFFINITIES[one.type]}" for one in columns)
        self._connection.execute(f"CREATE TABLE {table} ({defined})")

    def load(self, table: str, width: int, rows: Iterable[Row]) -> None:
        """Add rows to a table of `width` columns, all or, if taking them raises, none. Raises Interrupted, and what that raises."""
        insert = f"INSERT INTO {table} VALUES ({', '.join('?' * width)})"  # noqa: S608 (our own name)
        rows = iter(rows)
        with self._connection:
            self._connection.execute("BEGIN")
            while block := list(islice(rows, _BLOCK)):
                if self._cancellation.presses:
                    raise Interrupted("interrupted")
                self._translate_errors(partial(self._connection.executemany, insert, block))

    def attach_store(self, path: Path) -> None:
        """Let queries read a file of the store; they cannot change it. Raises OperationalError."""
        try:
            self._connection.execute("ATTACH DATABASE ? AS store", (f"{path.absolute().as_uri()}?mode=ro",))
        except sqlite3.Error as error:
            raise OperationalError(f"the store {path} cannot be read: {error}") from None

    def create_view(self, table: str, query: str) -> None:
        """Give a query of our own a name; `table` is in quotes already."""
        self._connection.execute(f"CREATE TEMP VIEW {table} AS {query}")

    def clear_table(self, table: str) -> None:
        """Take a table's rows out."""
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (our own name)

    def check(self, sql: str) -> None:
        """Prepare a query without running it. Raises ProgrammingError, NotSupportedError."""
        self._translate_errors(lambda: self._execute(f"EXPLAIN {sql}").close())

    def query(self, sql: str) -> Iterator[Row]:
        """A query's rows, as they are worked out. Raises what `check` raises, DataError, Interrupted."""
        # Before it begins: the first row of an aggregate or a sort can take the longest.
        forget = self._cancellation.on_press(self._connection.interrupt)
        try:
            cursor = self._translate_errors(lambda: self._execute(sql))
            try:
                while block := self._translate_errors(lambda: cursor.fetchmany(256)):
                    yield from block
            finally:
                cursor.close()
        finally:
            forget()

    def _execute(self, sql: str) -> sqlite3.Cursor:
        """Prepare and begin under the authorizer, which SQLite asks while it prepares."""
        self._connection.set_authorizer(_authorize)
        try:
            return self._connection.execute(sql)
        finally:
            self._connection.set_authorizer(_allow)  # None means this only from Python 3.11 on: before, it denies all

    def _translate_errors(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as error:
            raise self._to_tokensh_error(error) from None
        except (UnicodeEncodeError, sqlite3.Warning):  # Python 3.10 raises the warning, for a statement's text
            raise DataError("a text holds half a character (a lone surrogate), which cannot be stored") from None
        except ValueError as error:  # what Python 3.10 raises for a NUL in a statement
            raise ProgrammingError(f"the query cannot be run: {error}") from None

    def _to_tokensh_error(self, error: sqlite3.Error) -> Error:
        known, self._functions.error = self._functions.error, None
        if known is not None:
            return known
        said = str(error)
        lower = said.lower()
        if lower == "interrupted":
            return Interrupted("interrupted")
        if lower.startswith("no such table: store."):
            return dropped_meanwhile()
        if "not authorized" in lower or "prohibited" in lower:
            return NotSupportedError("a query may read its tables and nothing else")
        if any(words in lower for words in _TOO_LARGE):
            return NotSupportedError(f"the query is too large: {said}")
        if "utf-8" in lower:
            return DataError("a text of the result is not UTF-8", hint="hex(..) shows its bytes")
        if isinstance(error, sqlite3.DataError | sqlite3.IntegrityError) or "malformed json" in lower:
            return DataError(said)
        if "disk" in lower or "memory" in lower or isinstance(error, sqlite3.InternalError):
            return OperationalError(said)
        return ProgrammingError(said)


def _authorize(action: int, _first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    """SQLite's question whether something is allowed."""
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _DENIED_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _allow(*_: object) -> int:
    """What tokensh itself does in a statement's database."""
    return sqlite3.SQLITE_OK


@cache
def function_names() -> frozenset[str]:
    """The functions that a query may call, in lower case: what is documented and there."""
    return frozenset(functions()) & (built_in() | registered().keys())


def evaluate(local: Database, expressions: Sequence[str]) -> Row:
    """The values of expressions that refer to no table. Raises ProgrammingError, DataError."""
    return next(local.query(f"SELECT {', '.join(expressions)}"))
