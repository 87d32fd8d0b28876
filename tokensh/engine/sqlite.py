"""The SQLite database of one statement: it holds the fetched rows and runs the query over them.

A statement may read its own tables and nothing else. An authorizer denies everything that reaches outside (ATTACH, PRAGMA,
extensions) while SQLite prepares a query of the user; what tokensh itself executes is not restricted. Long queries can be
interrupted in two ways: `interrupt` from another thread, and a progress handler, because a signal handler of Python runs only
when SQLite calls back.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import TypeVar

from tokensh.engine.functions import FunctionErrors
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
from tokensh.functions import backtracking
from tokensh.rows import CANONICAL_NAME, Column, ColumnType, Row
from tokensh.sql.quoting import quote_name

T = TypeVar("T")
OLDEST_VERSION = (3, 40)
_STEPS = 100_000
"""Steps of SQLite's virtual machine between two looks at Ctrl-C: about a millisecond."""
_ROWS_PER_LOAD = 1000
"""Rows inserted between two looks at Ctrl-C."""
_VALUES_PER_INSERT = 80
_ROWS_PER_FETCH = 256

_ALLOWED = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, getattr(sqlite3, "SQLITE_RECURSIVE", 33)}
)
_TYPED = quote_name("tokensh:typed")
"""A table that exists for a moment, to learn the types of its columns."""
_DENIED_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})
# An affinity converts what is stored to the field's type, so that comparisons do not depend on how the API wrote a value.
# A column of type `any` has none: its values must come back as they went in.
_AFFINITIES: dict[ColumnType, str] = {
    "string": "TEXT",
    "integer": "INTEGER",
    # None for numbers: SQLite's NUMERIC makes integers of 5.0, which divide without a remainder, and its REAL floats of 5.
    "number": "",
    "boolean": "INTEGER",
    "object": "TEXT",
    "array": "TEXT",
    "json": "TEXT",
    "any": "",
}
_JSON_TABLE = r"(?i)json_(?:each|tree)"
_RAISED = "user-defined function raised exception"


class Database:
    """One statement's database, in memory. Its owner must close it.

    Args:
        cancellation: ends a query.
        canonical_name: gives all spellings of a workspace's name the one that rows have.

    Attributes:
        opened: how many databases this process has opened, for tests: one statement needs one.
    """

    opened = 0

    def __init__(self, cancellation: Cancellation, canonical_name: Callable[[str], str] = str.lower) -> None:
        if sqlite3.sqlite_version_info < OLDEST_VERSION:
            raise InterfaceError(
                f"SQLite {sqlite3.sqlite_version} is too old", hint="tokensh needs a Python with SQLite 3.40 or newer"
            )
        Database.opened += 1
        # Rows may be read in another thread than the one that made the cursor (progress in the shell).
        self._connection = sqlite3.connect("file::memory:", uri=True, isolation_level=None, check_same_thread=False)
        self._function_errors = FunctionErrors(self._connection)
        self._has_json_tables = False
        self._cancellation = cancellation
        # Memory instead of the host rule for each row of a join.
        to_canonical = lru_cache(maxsize=None)(canonical_name)
        self._connection.create_function(
            CANONICAL_NAME, 1, lambda name: to_canonical(name) if isinstance(name, str) else name, deterministic=True
        )
        self._worker = backtracking.Worker(lambda: self._cancellation.presses > 0)
        self._connection.set_progress_handler(lambda: int(self._cancellation.presses > 0), _STEPS)

    def close(self) -> None:
        """Close the database and free its memory."""
        self._worker.end()
        self._connection.close()

    # ---- tables: names of tables are in quotes already

    def create_table(self, table: str, columns: Iterable[Column]) -> None:
        """Create an empty table."""
        definitions = ", ".join(f"{quote_name(column.name)} {_AFFINITIES[column.type]}" for column in columns)
        self._connection.execute(f"CREATE TABLE {table} ({definitions})")

    def create_view(self, name: str, query: str) -> None:
        """Give a query of our own a name."""
        self._add_functions_of(query)
        self._connection.execute(f"CREATE TEMP VIEW {name} AS {query}")

    def create_derived(self, table: str, sql: str) -> None:
        """Create an empty table with the columns of a query. Raises what `check` raises."""
        self.check(sql)
        # With the affinities that the query's columns have in SQLite: comparisons mean the same as with the query.
        self._connection.execute(f"CREATE TABLE {table} AS SELECT * FROM ({sql}) LIMIT 0")  # noqa: S608 (checked)

    def column_types(self, sql: str) -> list[str]:
        """Return the types that give a query's columns their affinities, as a table that is created from it has them."""
        self.create_derived(_TYPED, sql)
        described = self._connection.execute(f"PRAGMA table_info({_TYPED})").fetchall()
        self._connection.execute(f"DROP TABLE {_TYPED}")
        return [kind for _, _, kind, *_ in described]

    def fill_derived(self, table: str, sql: str) -> None:
        """Add the rows of a query to its table. Raises DataError, Interrupted."""
        unregister = self._cancellation.on_press(self._connection.interrupt)
        try:
            self._translate_errors(lambda: self._connection.execute(f"INSERT INTO {table} {sql}"))
        finally:
            unregister()

    def load(self, table: str, width: int, rows: Iterable[Row]) -> None:
        """Add rows to a table of `width` columns: all of them, or none if reading them raises.

        Raises Interrupted, DataError, and what reading the rows raises.
        """
        # Several rows per statement: the steps around a row take longer than the row.
        most = max(1, _VALUES_PER_INSERT // width)
        insert, insert_most = (
            f"INSERT INTO {table} VALUES {', '.join([marks] * count)}"  # noqa: S608 (our own name)
            for marks in [f"({', '.join('?' * width)})"]
            for count in (1, most)
        )
        rows = iter(rows)
        with self._connection:
            self._connection.execute("BEGIN")
            while block := list(islice(rows, _ROWS_PER_LOAD)):
                if self._cancellation.presses:
                    raise Interrupted
                whole = len(block) - len(block) % most
                if whole:
                    values = chain.from_iterable(block[:whole])
                    groups = zip(*[values] * most * width, strict=True)
                    self._translate_errors(partial(self._connection.executemany, insert_most, groups))
                if whole < len(block):
                    self._translate_errors(partial(self._connection.executemany, insert, block[whole:]))

    def clear_table(self, table: str) -> None:
        """Delete all rows of a table."""
        self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (our own name)

    def attach_store(self, path: Path | None) -> None:
        """Attach a store's file, read-only, as the schema `store`; None is an empty one. Raises OperationalError."""
        name = f"{path.absolute().as_uri()}?mode=ro" if path else ":memory:"
        try:
            self._connection.execute("ATTACH DATABASE ? AS store", (name,))
        except sqlite3.Error as error:
            from tokensh.engine.sqlite_messages import file_reason  # noqa: PLC0415 (needed only after a mistake)

            reason = file_reason(error)
            raise OperationalError(f"the store {path} cannot be read: {reason}") from None

    def load_stored(self, table: str, definition: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Create a table of the schema `store` with its rows."""
        self._connection.execute(f"CREATE TABLE store.{table} {definition}")
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO store.{table} ({names}) VALUES ({marks})", rows)  # noqa: S608 (our own)

    # ---- queries

    def check(self, sql: str) -> None:
        """Prepare a query without running it. Raises ProgrammingError, NotSupportedError."""
        self._translate_errors(lambda: self._execute(f"EXPLAIN {sql}").close())

    def query(self, sql: str) -> Iterator[Row]:
        """Yield a query's rows as SQLite finds them. Raises what `check` raises, DataError, Interrupted."""
        # Registered before the query begins: the first row of an aggregate or a sort can take the longest.
        unregister = self._cancellation.on_press(partial(self._interrupt, self._cancellation))
        try:
            cursor = self._translate_errors(lambda: self._execute(sql))
            try:
                while block := self._translate_errors(lambda: cursor.fetchmany(_ROWS_PER_FETCH)):
                    yield from block
            finally:
                # A result that is dropped unread is finalised in any order: its database may be closed already.
                with suppress(sqlite3.ProgrammingError):
                    cursor.close()
        finally:
            unregister()

    def evaluate(self, expressions: Sequence[str]) -> Row:
        """Return the values of expressions that refer to no table. Raises ProgrammingError, DataError, Interrupted."""
        (row,) = self.query(f"SELECT {', '.join(expressions)}")
        return row

    @contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Ignore Ctrl-C, pressed before or inside the block, for what must be delivered whatever the user asks."""
        cancellation, self._cancellation = self._cancellation, Cancellation()
        try:
            yield
        finally:
            self._cancellation = cancellation

    def _interrupt(self, cancellation: Cancellation) -> None:
        # SQLite stops every statement of the connection, also one inside `uninterrupted`, while this one waits for it.
        if cancellation is self._cancellation:
            self._connection.interrupt()

    def _execute(self, sql: str) -> sqlite3.Cursor:
        """Prepare and begin under the authorizer, which SQLite asks while it prepares."""
        self._add_functions_of(sql)
        self._connection.set_authorizer(_authorize)
        try:
            return self._connection.execute(sql)
        finally:
            # None means "no authorizer" only from Python 3.11 on; before, it denies everything.
            self._connection.set_authorizer(_allow)

    def _add_functions_of(self, sql: str) -> None:
        """Make the functions and table functions available that a text may call."""
        self._function_errors.register_for(sql)
        if not self._has_json_tables and re.search(_JSON_TABLE, sql):
            self._has_json_tables = True
            # At their first use these write into the schema, which the authorizer denies.
            self._connection.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()

    def _translate_errors(self, work: Callable[[], T]) -> T:
        try:
            with backtracking.using(self._worker):
                return work()
        except sqlite3.Error as error:
            raise self._to_tokensh_error(error) from None
        except (UnicodeEncodeError, sqlite3.Warning):  # Python 3.10 raises the warning, for a statement's text
            raise DataError("a text holds a lone surrogate (half a character), which cannot be stored") from None
        except ValueError as error:  # Python 3.10 raises it for a NUL in a statement
            raise ProgrammingError("the statement holds a NUL character, which a query cannot hold") from error

    def _to_tokensh_error(self, error: sqlite3.Error) -> Error:
        """Return our error for one of SQLite's, which has no codes for most of them: its English text decides."""
        from tokensh.engine import sqlite_messages  # noqa: PLC0415 (needed only after a mistake)

        raised = self._function_errors.take()
        if raised is not None:
            return raised
        message = str(error)
        lower = message.lower()
        if lower == "interrupted" and self._cancellation.presses:
            return Interrupted()
        if lower in ("interrupted", _RAISED):
            # Python's own handler raised it while SQLite called back, before our code there began; sqlite3 keeps no exception.
            raise KeyboardInterrupt
        if lower.startswith("no such table: store."):
            from tokensh.engine.store import dropped_meanwhile  # noqa: PLC0415 (needed only after a mistake)

            return dropped_meanwhile()
        if "not authorized" in lower or "prohibited" in lower:
            return NotSupportedError("a query may read its tables and nothing else")
        if "utf-8" in lower:
            return DataError("a text of the result is not valid UTF-8", hint="hex(...) shows its bytes")
        if "disk" in lower or "memory" in lower or isinstance(error, sqlite3.InternalError):
            return OperationalError(f"the query cannot be run: {sqlite_messages.file_reason(error)}")
        return sqlite_messages.find_limit(message) or sqlite_messages.translate_message(message)


def _authorize(action: int, _first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    """Answer SQLite whether an action of a user's query is allowed."""
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and second in _DENIED_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _allow(*_: object) -> int:
    """Allow everything: what tokensh itself does in a statement's database."""
    return sqlite3.SQLITE_OK
