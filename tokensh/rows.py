"""What engines give and renderers take: columns with a type and an origin, and an iterator of tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from tokensh._dataclasses import dataclass

Value = str | int | float | bytes | None
"""One cell. Booleans are 0 and 1 in a `boolean` column; objects and arrays are JSON text in an `object`/`array` column."""

Row = tuple[Value, ...]
"""The cells of one row, in the order of the columns."""

ColumnType = Literal["string", "integer", "number", "boolean", "object", "array", "json", "any"]
"""`json` is the result of a json_* call (JSON if it is an object's or array's text), `any` an expression without a known type."""


@dataclass(frozen=True, slots=True)
class Column:
    """A result column: `origin` is the resource's field (`provider.service.resource.field`) it shows unchanged, if any."""

    name: str
    type: ColumnType = "any"
    origin: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class RowSet:
    """Columns and the rows, each a tuple as long as `columns`.

    `incremental` marks a write's rows: each must be written out and flushed before the next is asked for, and a failure to
    write is told with `rows.throw(OutputError(..))` where `rows` is a generator.
    """

    columns: tuple[Column, ...]
    rows: Iterator[Row]
    incremental: bool = False


NO_ROWS = RowSet((), iter(()))
"""The result of a statement that returns nothing."""


def make_names_unique(names: Iterable[str]) -> list[str]:
    """Names no two of which are alike, without regard to case: `name`, `name:2`."""
    taken: set[str] = set()
    unique = []
    for one in names:
        name, count = one, 1
        while name.lower() in taken:
            count += 1
            name = f"{one}:{count}"
        taken.add(name.lower())
        unique.append(name)
    return unique
