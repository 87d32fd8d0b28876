"""Convert rows to a table of Apache Arrow (`pip install 'tokensh[arrow]'`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from tokensh.errors import DataError, InterfaceError
from tokensh.rows import Column, ColumnType, Row, Value

if TYPE_CHECKING:
    import pyarrow

_TYPES: dict[ColumnType, str] = {
    "string": "string",
    "integer": "int64",
    "number": "float64",
    "boolean": "bool_",
    "object": "string",
    "array": "string",
    "json": "string",
}
"""The pyarrow types of columns; JSON documents are text. A column of type `any` takes the type of its values."""


def to_arrow_table(columns: Sequence[Column], rows: Iterable[Row]) -> pyarrow.Table:
    """Return the rows as a `pyarrow.Table`.

    Raises:
        InterfaceError: pyarrow is not installed.
        DataError: the values of a column have no common type.
    """
    pyarrow = _import_pyarrow()
    # Arrow stores columns, and zip turns rows into columns; it returns nothing for no rows.
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [_to_array(pyarrow, column, cells) for column, cells in zip(columns, values, strict=True)]
    return pyarrow.Table.from_arrays(arrays, names=[column.name for column in columns])


def to_record_batches(columns: Sequence[Column], rows: Iterator[Row], size: int) -> pyarrow.RecordBatchReader:
    """Return a reader of the rows in batches of `size`, which reads them as it is asked; the first batch has the schema.

    Raises what `to_arrow_table` raises; the reader raises it too, for values that are not of the first batch's types.
    """
    pyarrow = _import_pyarrow()
    first = to_arrow_table(columns, list(islice(rows, size)))

    def read_batches() -> Iterator[Any]:
        yield from first.to_batches()
        while block := list(islice(rows, size)):
            table = to_arrow_table(columns, block)
            for field, found in zip(first.schema, table.schema, strict=True):
                if found.type != field.type and not pyarrow.types.is_null(found.type):
                    hint = f"convert them: CAST({field.name} AS TEXT), or read the whole table"
                    raise DataError(f"the values of column {field.name!r} differ in type between batches", hint=hint)
            yield from table.cast(first.schema).to_batches()

    return pyarrow.RecordBatchReader.from_batches(first.schema, read_batches())


def _import_pyarrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415 (an extra, and slow to import)
    except ImportError:
        raise InterfaceError("Arrow tables need pyarrow", hint="pip install 'tokensh[arrow]'") from None
    return pyarrow


def _to_array(pyarrow: Any, column: Column, cells: Sequence[Value]) -> Any:
    name = _TYPES.get(column.type)
    # pyarrow cuts the fraction of a number off without a word, and bool() takes anything.
    if name in ("int64", "bool_") and not all(_is_whole(cell) for cell in cells):
        return _infer_array(pyarrow, column, cells)
    # SQLite has no booleans: they arrive as 0 and 1, which pyarrow refuses to put into a bool_ array.
    values = [None if cell is None else bool(cell) for cell in cells] if name == "bool_" else cells
    try:
        return pyarrow.array(values, type=getattr(pyarrow, name)() if name else None)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return _infer_array(pyarrow, column, cells)


def _is_whole(cell: Value) -> bool:
    """Return whether a cell of a column of integers or booleans is one; NULL is, too."""
    return cell is None or isinstance(cell, int)


def _infer_array(pyarrow: Any, column: Column, cells: Sequence[Value]) -> Any:
    """Return an array of the type that the values have, which may differ from the column's: SQLite stores any value anywhere."""
    try:
        return pyarrow.array(cells)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        raise DataError(
            f"the values of column {column.name!r} have no common type",
            hint=f"convert them: CAST({column.name} AS TEXT)",
        ) from None
