"""The type objects and value constructors of PEP 249."""

from __future__ import annotations

import datetime
import time

from tokensh._dataclasses import dataclass

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802 (PEP 249's name, as those below)
    """Return the local date of a time in seconds since the epoch."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """Return the local time of day of a time in seconds since the epoch."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """Return the local date and time of a time in seconds since the epoch."""
    return Timestamp(*time.localtime(ticks)[:6])


@dataclass(frozen=True, slots=True, eq=False)
class TypeObject:
    """A group of column types: compares equal to each of them, as PEP 249 wants it for `description`.

    Attributes:
        name: the name of the group.
        types: its members, as in `rows.ColumnType`.
    """

    name: str
    types: frozenset[str] = frozenset()

    # PEP 249 asks for `description[0][1] == STRING`: an equality between a type code and its group, not among type codes.
    def __eq__(self, other: object) -> bool:
        return other in self.types if isinstance(other, str) else other is self

    def __hash__(self) -> int:
        return hash(self.name)


STRING = TypeObject("STRING", frozenset({"string", "object", "array", "json"}))
NUMBER = TypeObject("NUMBER", frozenset({"integer", "number", "boolean"}))
# These groups are empty: the API has no binary values, and its times are integers, milliseconds since the epoch. A column of
# type `any` is in no group: it is an expression whose type differs from row to row.
BINARY = TypeObject("BINARY")
DATETIME = TypeObject("DATETIME")
ROWID = TypeObject("ROWID")
