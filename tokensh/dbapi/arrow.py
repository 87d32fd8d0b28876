"""Rows as a table of Apache Arrow (`pip install 'tokensh[arrow]'`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
"""A column's type in pyarrow, documents as their JSON text; one of type `any` takes that of its values."""


def to_arrow_table(columns: Sequence[Column], rows: Iterable[Row]) -> pyarrow.Table:
    """The rows as a `pyarrow.Table`.

    Raises:
        InterfaceError: there is no pyarrow.
        DataError: the values of a column have no type in common.
    """
    try:
        import pyarrow  # noqa: PLC0415 (an extra, and slow to import)
    except ImportError:
        raise InterfaceError("Arrow tables need pyarrow", hint="pip install 'tokensh[arrow]'") from None
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [_array(pyarrow, column, cells) for column, cells in zip(columns, values, strict=True)]
    return pyarrow.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(pyarrow: Any, column: Column, cells: Sequence[Value]) -> Any:
    name = _TYPES.get(column.type)
    given = [None if cell is None else bool(cell) for cell in cells] if name == "bool_" else cells
    try:
        return pyarrow.array(given, type=getattr(pyarrow, name)() if name else None)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return _of_what_they_are(pyarrow, column, cells)


def _of_what_they_are(pyarrow: Any, column: Column, cells: Sequence[Value]) -> Any:
    """SQLite keeps in a column whatever it was given: the type that these values have, if it is one."""
    try:
        return pyarrow.array(cells)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        raise DataError(
            f"the values of column {column.name!r} have no type in common",
            hint=f"give them one: CAST({column.name} AS TEXT)",
        ) from None
