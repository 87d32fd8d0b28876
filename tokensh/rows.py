"""Results between engine and renderers: columns with a type and an origin, and an iterator of tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Literal

from tokensh._dataclasses import dataclass

Value = str | int | float | bytes | None
"""One cell. Booleans are 0 and 1 in a `boolean` column; objects and arrays are JSON text in an `object`/`array` column."""

Row = tuple[Value, ...]
"""The cells of one row, in the order of the columns."""

ColumnType = Literal["string", "integer", "number", "boolean", "object", "array", "json", "any"]
"""`json` is the result of a json_* call (JSON if it is an object's or array's text), `any` an expression without a known type."""


WORKSPACE_COLUMN = "deployment_name"
"""The name of columns that hold names of workspaces, which are compared as what they lead to."""
CANONICAL_NAME = "canonical_workspace"
"""The function of SQL that gives all spellings of a workspace's name the one that rows have."""

Unit = Literal["epoch_ms", "expiry_ms", "seconds", "days"]
"""What a number counts: `epoch_ms` are milliseconds since 1970, and so are `expiry_ms`, of which -1 means never."""
UNIT_DESCRIPTIONS: dict[Unit, str] = {
    "epoch_ms": "epoch milliseconds",
    "expiry_ms": "epoch milliseconds; -1: never expires",
    "seconds": "seconds",
    "days": "days",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A result column: `origin` is the resource's field (`provider.service.resource.field`) it shows unchanged, if any."""

    name: str
    type: ColumnType = "any"
    origin: str | None = None
    secret: bool = False
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class RowSet:
    """The columns and rows of a result; each row is a tuple as long as `columns`.

    `incremental` marks the rows of a write: each must be written out and flushed before the next is asked for. If that fails,
    the consumer calls `rows.throw(OutputError(...))`, if `rows` is a generator, so that the producer can name the new token.
    `command` is the first word of a write, for the report of how many rows it changed; empty for a query.
    """

    columns: tuple[Column, ...]
    rows: Iterator[Row]
    incremental: bool = False
    command: str = ""

    def start(self) -> RowSet:
        """Return the result with its first row read; that of a write as it is, whose requests are sent row by row.

        So a read sends its requests now, sees the tables as they are now, and fails now. Raises what reading rows raises.
        """
        if self.incremental:
            return self
        first = list(islice(self.rows, 1))
        return RowSet(self.columns, chain(first, self.rows), command=self.command)


NO_ROWS = RowSet((), iter(()))
"""The result of a statement that returns nothing."""


def make_names_unique(names: Iterable[str]) -> list[str]:
    """Return the names with suffixes where they would repeat, ignoring case: `name`, `name:2`."""
    taken: set[str] = set()
    unique = []
    for name in names:
        candidate, count = name, 1
        while candidate.lower() in taken:
            count += 1
            candidate = f"{name}:{count}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
