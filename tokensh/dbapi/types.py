"""PEP 249's type objects, and its constructors of values; `tokensh.dbapi.connection` offers them under the names prescribed."""

from __future__ import annotations

import datetime
import time

from tokensh._dataclasses import dataclass

Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> datetime.date:  # noqa: N802 (PEP 249's name, as those below)
    """The local date of seconds since the epoch."""
    return Date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:  # noqa: N802
    """The local time of day of seconds since the epoch."""
    return Time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:  # noqa: N802
    """The local date and time of seconds since the epoch."""
    return Timestamp(*time.localtime(ticks)[:6])


@dataclass(frozen=True, slots=True, eq=False)
class TypeObject:
    """Compares equal to the types of a cursor's description (`rows.ColumnType`) that it stands for."""

    name: str
    types: frozenset[str] = frozenset()

    def __eq__(self, other: object) -> bool:
        return other in self.types if isinstance(other, str) else other is self

    def __hash__(self) -> int:
        return hash(self.name)


STRING = TypeObject("STRING", frozenset({"string", "object", "array", "json"}))
NUMBER = TypeObject("NUMBER", frozenset({"integer", "number", "boolean"}))
# The API has neither; its times are integers, milliseconds since the epoch. A column of type `any` equals none of all these:
# it is an expression that has a type in each row only.
BINARY = TypeObject("BINARY")
DATETIME = TypeObject("DATETIME")
ROWID = TypeObject("ROWID")
