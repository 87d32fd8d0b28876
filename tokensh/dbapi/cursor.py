"""The cursor of PEP 249: runs statements and reads their rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from types import TracebackType
from typing import Any, Protocol

from tokensh.engine.held_values import HeldValues
from tokensh.environment import Cancellation
from tokensh.errors import Error, InterfaceError, ProgrammingError
from tokensh.rows import Column, Row, RowSet
from tokensh.sql.parameters import Parameters
from tokensh.sql.script import StatementText


# A protocol, so that this module does not import the connection, which imports it.
class Session(Protocol):
    """What a cursor needs of its connection."""

    cancellation: Cancellation

    def check_open(self) -> None:
        """Raise InterfaceError if the connection is closed."""

    def read_statement(self, text: str) -> StatementText:
        """Return one statement, ready to run: without the `;` at its end, placeholders filled."""

    def run(self, statement: StatementText, parameters: Parameters, *, keeps_presses: bool) -> RowSet:
        """Run a statement and return its rows."""

    def run_many(self, statement: StatementText, sets: Sequence[Parameters]) -> RowSet | None:
        """Run a change of a local table with all sets of values or none; None for every other statement."""

    def hold_values(self, held: HeldValues) -> AbstractContextManager[None]:
        """Hold the journal's entries of values that the `with` block creates; if it fails, they are pending until settled."""

    @property
    def failures(self) -> Mapping[str, Error]:
        """The errors that rows of the last statement are missing for, by workspace."""


class Cursor:
    """Runs statements and holds the rows of the last one (PEP 249). `with` closes it.

    Attributes:
        description: a tuple for each column of the result, the name and the type first; None without a result.
        rowcount: the rows that a write changed; -1 if that is not known, as for a query.
        columns: the columns of the result, with more facts than `description`.
        failures: the errors that rows are missing for, by workspace; empty if the result is complete.
        passes_values_on: the caller passes the rows on to somebody else, and calls `settle_values` once they are there.
    """

    arraysize = 1
    passes_values_on = False
    lastrowid: None = None
    """Always None, but PEP 249 has it: the ids of what the API creates are in the rows of RETURNING."""

    def __init__(self, connection: Session) -> None:
        self.connection = connection
        self._closed = False
        self._forget_result()

    def _forget_result(self) -> None:
        self.description: tuple[tuple[str, str, None, None, None, None, None], ...] | None = None
        self.rowcount = -1
        self.columns: tuple[Column, ...] = ()
        self.failures: Mapping[str, Error] = {}
        self._held = HeldValues()
        self._rows: Iterator[Row] | None = None
        self._rows_read = 0

    def execute(self, operation: str, parameters: Parameters = ()) -> Cursor:
        """Run one statement; a write has taken effect when this returns. Raises Error and its leaves.

        If a write fails after some of its rows, those rows can still be fetched. Until then the new tokens among them are in
        `tokensh.local.pending`, because callers such as SQLAlchemy close the cursor.

        Args:
            operation: the statement; a `;` at its end is allowed.
            parameters: values for `?` in order, or for `:name` by name. They are bound, never spliced into the SQL.
        """
        self._check_open()
        self._forget_result()
        with self.connection.hold_values(self._held):
            self._take(self.connection.run(self._read_statement(operation), parameters, keeps_presses=True), [])
        if not self.passes_values_on:
            self._held.settle()
        return self

    @property
    def values_held(self) -> int:
        """How many new tokens' values of the last write the user may not have yet."""
        return self._held.count

    def settle_values(self, count: int) -> None:
        """Clear the journal's entries of the values in the next `count` rows of a write: they are where they belong."""
        self._held.settle(count)

    def abandon_values(self) -> None:
        """List the tokens as pending whose values are not where they belong, and will not get there."""
        self._held.list_as_pending()

    def executemany(self, operation: str, parameters: Iterable[Parameters]) -> Cursor:
        """Run a statement once for each set of values, and collect the rows of writes.

        A change of a local table takes effect for all sets or for none, as one transaction of the store. Others stop at the first
        set that fails: the rows of the sets before it can be fetched. Raises Error as `execute` does.
        """
        self._check_open()
        self._forget_result()
        self.rowcount = 0
        if not isinstance(parameters, Iterable):
            kind = type(parameters).__name__
            raise ProgrammingError(f"executemany takes an iterable of values, not {kind}", hint="such as [(1,), (2,)]")
        sets = list(parameters)
        statement = self._read_statement(operation) if sets else None
        if statement is None:
            return self
        whole = self.connection.run_many(statement, sets)
        if whole is not None:
            self._take(whole, [])
            return self
        # One list for all sets of values: if the third fails, the rows of the first two can still be
        # fetched.
        rows: list[Row] = []
        with self.connection.hold_values(self._held):
            for values in sets:
                self._take(self.connection.run(statement, values, keeps_presses=True), rows)
        self._held.settle()
        return self

    def _read_statement(self, operation: str) -> StatementText:
        if not isinstance(operation, str):
            kind = type(operation).__name__
            raise ProgrammingError(f"a statement is a text (str), not {kind}", hint="decode bytes first")
        # Before the text is read, and not again: `cancel` may be called at any moment from now on.
        self.connection.cancellation.reset()
        return self.connection.read_statement(operation)

    def _take(self, result: RowSet, rows: list[Row]) -> None:
        """Describe a result; append the rows of a write to `rows`."""
        # PEP 249 wants seven items per column; sizes, precision and NULLs are not known of expressions.
        self.columns, self.failures = result.columns, self.connection.failures
        self.description = tuple((c.name, c.type, None, None, None, None, None) for c in result.columns) or None
        if result.columns and not (result.incremental or result.command):
            self.rowcount, self._rows = -1, read_booleans(result.columns, result.rows)
            return
        # A write is sent while its rows are read. `finally` keeps those that arrived before an error: the values of new tokens
        # are returned once and can never be read again.
        try:
            rows.extend(result.rows)
        finally:
            # PEP 249: -1 after what changes no rows, as CREATE does.
            counts = bool(rows or result.command or result.incremental)
            self.rowcount = len(rows) if counts else -1
            # A change without RETURNING in a COMMIT counts, and has no row.
            self._rows = read_booleans(result.columns, filter(None, rows)) if result.columns else None

    def _check_open(self) -> None:
        self.connection.check_open()
        if self._closed:
            raise InterfaceError("the cursor is closed")

    def _result_rows(self) -> Iterator[Row]:
        self._check_open()
        if self._rows is None:
            raise InterfaceError("no result to read", hint="execute a query first, or a write with RETURNING")
        if not self.passes_values_on:
            self._held.settle()
        return self._rows

    @property
    def rownumber(self) -> int | None:
        """The index, from 0, of the next row; None without a result."""
        return None if self._rows is None else self._rows_read

    def fetchone(self) -> Row | None:
        """Return the next row, None after the last. Raises InterfaceError without a result, as the other methods do."""
        return next(self, None)

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Return the next rows, at most `size` (by default `arraysize`). Raises ProgrammingError for what is not a number."""
        wanted: Any = self.arraysize if size is None else size
        if not isinstance(wanted, int) or wanted < 0:
            raise ProgrammingError(
                f"fetchmany takes a number of rows, not {wanted!r}", hint="fetchall returns all rows"
            )
        rows = list(islice(self._result_rows(), wanted))
        self._rows_read += len(rows)
        return rows

    def fetchall(self) -> list[Row]:
        """Return the remaining rows."""
        rows = list(self._result_rows())
        self._rows_read += len(rows)
        return rows

    def fetch_arrow_table(self) -> Any:
        """Return the remaining rows as a `pyarrow.Table`. Raises InterfaceError without pyarrow, DataError."""
        from tokensh.dbapi import arrow  # noqa: PLC0415 (pyarrow is an extra)

        return arrow.to_arrow_table(self.columns, self.fetchall())

    def fetch_record_batch(self, rows_per_batch: int = 65_536) -> Any:
        """Return a `pyarrow.RecordBatchReader` of the remaining rows, read as it is asked. Raises as `fetch_arrow_table`."""
        from tokensh.dbapi import arrow  # noqa: PLC0415 (pyarrow is an extra)

        self._result_rows()
        return arrow.to_record_batches(self.columns, self, rows_per_batch)

    def __iter__(self) -> Cursor:
        self._result_rows()
        return self

    def __next__(self) -> Row:
        row = next(self._result_rows())
        self._rows_read += 1
        return row

    def cancel(self) -> None:
        """Stop the connection's running statement, which raises Interrupted; to be called from another thread."""
        self.connection.cancellation.press()

    def close(self) -> None:
        """Drop the rows; the cursor cannot be used any more."""
        self._closed = True
        self._rows = None

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def setinputsizes(self, sizes: Any) -> None:
        """Do nothing: PEP 249 asks for this method, which allocates buffers elsewhere."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Do nothing, as `setinputsizes`."""


def read_booleans(columns: Sequence[Column], rows: Iterator[Row]) -> Iterator[Row]:
    """Return the rows with Python's booleans in columns of booleans, which SQLite keeps as 1 and 0."""
    positions = frozenset(index for index, column in enumerate(columns) if column.type == "boolean")
    if not positions:
        return rows
    # SQLite stores any value anywhere: what is neither 1 nor 0 stays as it is.
    return (
        tuple(bool(cell) if index in positions and cell in (0, 1) else cell for index, cell in enumerate(row))
        for row in rows
    )
