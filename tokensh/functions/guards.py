"""Checks of values whose type is known only when a statement runs. The planner puts them in; statements cannot call them.

Each takes the place in the statement, its first and last offset, after its values, and returns the first value.
"""

from __future__ import annotations

from typing import cast

from tokensh.errors import DataError, Span
from tokensh.functions.declaration import FunctionTable
from tokensh.rows import Value

# A colon: no name that a statement can call has one, even in quotes.
CHECKED = "tokensh:checked"
"""What the store's file calls for a value that it is about to keep: `(value, name of the column, type of the column)`."""
NUMBER, TEXT, ALIKE = "tokensh:number", "tokensh:text", "tokensh:alike"
GUARDS = FunctionTable()
_HINT = "CAST(... AS INTEGER) makes a number of it, CAST(... AS TEXT) a text"


# The values are not in the messages: they may be secrets.
@GUARDS.implement(
    f"{NUMBER}(x: any, start: integer, end: integer) -> any | fails for a text, as it is compared with a number",
    deterministic=False,
)
def _refuse_text(value: Value, start: Value, end: Value) -> Value:
    if isinstance(value, bytes):
        raise DataError("a row has bytes where a number is needed here", span=_place(start, end), hint=_HINT)
    if isinstance(value, str):
        raise DataError("a row has text where a number is needed here", span=_place(start, end), hint=_HINT)
    return value


@GUARDS.implement(
    f"{TEXT}(x: any, start: integer, end: integer) -> any | fails for a number, as it is compared with text",
    deterministic=False,
)
def _refuse_number(value: Value, start: Value, end: Value) -> Value:
    if isinstance(value, bytes):
        raise DataError("a row has bytes where they are compared with text here", span=_place(start, end), hint=_HINT)
    if isinstance(value, int | float):
        raise DataError("a row has a number where it is compared with text here", span=_place(start, end), hint=_HINT)
    return value


@GUARDS.implement(
    f"{ALIKE}(x: any, y: any, start: integer, end: integer) -> any | fails for a number and a text that are compared",
    deterministic=False,
)
def _refuse_mixture(value: Value, other: Value, start: Value, end: Value) -> Value:
    if isinstance(value, str) and isinstance(other, int | float):
        return _refuse_number(other, start, end)
    return _refuse_number(value, start, end) if isinstance(other, str) else value


def _place(start: Value, end: Value) -> Span:
    return Span(cast("int", start), cast("int", end))
