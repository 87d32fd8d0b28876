"""The rows of a statement, as PEP 249 wants them read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tokensh.errors import InterfaceError
from tokensh.rows import Column, Row
from tokensh.sql.parameters import Parameters

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection


class Cursor:
    """Runs statements and holds the rows of the last one (PEP 249). `with` closes it."""

    arraysize = 1
    lastrowid: None = None
    """PEP 249 has it; what the API creates has its id in the rows of RETURNING."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._closed = False
        self._forget()

    def _forget(self) -> None:
        self.description: tuple[tuple[str, str, None, None, None, None, None], ...] | None = None
        self.rowcount = -1
        """The rows a write changed; -1: not known, as of a query."""
        self.columns: tuple[Column, ...] = ()
        self._rows: Iterator[Row] | None = None
        self._read = 0

    def execute(self, operation: str, parameters: Parameters = ()) -> Cursor:
        """Run one statement; a write has taken effect when this returns. Raises Error and its leaves.

        Of a write that fails after some of its rows, those rows can still be fetched: they may hold new tokens' values.

        Args:
            operation: the statement; a `;` at its end is allowed.
            parameters: values for `?` in order, or for `:name` by name. They are values to the parser, never text of SQL.
        """
        self._open()
        self._forget()
        self._run(operation, parameters, [])
        return self

    def executemany(self, operation: str, parameters: Iterable[Parameters]) -> Cursor:
        """Run a statement once for each set of values, and stop at the first that fails; the rows of writes are gathered."""
        self._open()
        self._forget()
        self.rowcount = 0
        rows: list[Row] = []
        for one in parameters:
            self._run(operation, one, rows)
        return self

    def _run(self, operation: str, parameters: Parameters, rows: list[Row]) -> None:
        """Run a statement; the rows of a write go behind those of `rows`."""
        text = self.connection.substitute_placeholders(operation)
        result = self.connection.run(self.connection.strip_terminator(text), parameters)
        self.columns = result.columns
        self.description = tuple((c.name, c.type, None, None, None, None, None) for c in result.columns) or None
        if result.columns and not result.incremental:
            self.rowcount, self._rows = -1, result.rows
            return
        try:
            rows.extend(result.rows)
        finally:
            self.rowcount = len(rows)
            self._rows = iter(rows) if result.columns else None

    def _open(self) -> None:
        self.connection.check_open()
        if self._closed:
            raise InterfaceError("the cursor is closed")

    def _result(self) -> Iterator[Row]:
        self._open()
        if self._rows is None:
            raise InterfaceError("there is no result to read", hint="execute a query first, or a write with RETURNING")
        return self._rows

    @property
    def rownumber(self) -> int | None:
        """The index, from 0, of the row that is fetched next; None where there is no result set."""
        return None if self._rows is None else self._read

    def fetchone(self) -> Row | None:
        """The next row; None after the last. Raises InterfaceError where there is no result set, as the others do."""
        return next(self, None)

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """The next rows, at most `size` (by default `arraysize`)."""
        rows = list(islice(self._result(), self.arraysize if size is None else size))
        self._read += len(rows)
        return rows

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        rows = list(self._result())
        self._read += len(rows)
        return rows

    def fetch_arrow_table(self) -> Any:
        """All rows that are left, as a `pyarrow.Table`. Raises InterfaceError without pyarrow, DataError."""
        from tokensh.dbapi import arrow  # noqa: PLC0415 (few ask for it)

        return arrow.to_arrow_table(self.columns, self.fetchall())

    def __iter__(self) -> Cursor:
        self._result()
        return self

    def __next__(self) -> Row:
        row = next(self._result())
        self._read += 1
        return row

    def close(self) -> None:
        """Give up the rows."""
        self._closed = True
        self._rows = None

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def setinputsizes(self, sizes: Any) -> None:
        """PEP 249 has it; there is nothing to set."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """PEP 249 has it; there is nothing to set."""
