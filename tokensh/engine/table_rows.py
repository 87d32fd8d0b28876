"""The rows of responses as those of a scan's table, converted in blocks, column by column."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count, repeat
from typing import cast

from tokensh.api.request import Json
from tokensh.api.response import need_no_conversion, to_cell
from tokensh.plan.nodes import Scan, ScanColumn
from tokensh.provider.model import Method
from tokensh.rows import Row, Value

Sent = Mapping[str, Value]
"""The values that parameters were sent with, by name in lower case."""


def table_rows(
    scan: Scan, method: Method, sent: Sent, blocks: Iterable[Sequence[Mapping[str, Json]]], keys: Collection[str]
) -> Iterator[Iterable[Row]]:
    """Yield a response's rows in blocks of rows of the scan's table; of `keys`, a value of another type than text is NULL.

    Raises ReplyError.
    """
    first = 0
    for block in blocks:
        columns = (
            _column_texts(sent, column, block)
            if column.name.lower() in keys and column.column.type == "string"
            else _column_cells(method, sent, column, block, first)
            for column in scan.columns
        )
        yield zip(*columns, strict=True)
        first += len(block)


def _column_texts(sent: Sent, column: ScanColumn, block: Sequence[Mapping[str, Json]]) -> Iterable[Value]:
    """Return the texts of a column by which rows are changed: an id that the API wrote as a number is not taken for one."""
    sent_value = sent.get(column.name.lower()) if column.parameter else None
    if not column.is_field:
        return repeat(sent_value, len(block))
    values = (row.get(column.name, sent_value) for row in block)
    return [value if isinstance(value, str) else None for value in values]


def _column_cells(
    method: Method, sent: Sent, column: ScanColumn, block: Sequence[Mapping[str, Json]], first: int
) -> Iterable[Value]:
    """Return a column's cells in a block of rows, the first of which is number `first` of the response.

    A field that the response lacks has the value that was sent for the parameter of its name.
    """
    name, kind = column.name, column.column.type
    sent_value = sent.get(name.lower()) if column.parameter else None
    if not column.is_field:
        return repeat(sent_value, len(block))
    # Most columns of most responses need no conversion: one look at a block's column is cheaper than one call per cell.
    values = [row.get(name, sent_value) for row in block]
    if need_no_conversion(kind, values):
        return cast("list[Value]", values)
    path = method.object_key or "$"
    paths = (f"{path}[{index}].{name}" if method.returns_list else f"{path}.{name}" for index in count(first))
    return [
        to_cell(kind, row[name], path) if name in row else sent_value for row, path in zip(block, paths, strict=False)
    ]
