"""Checks of values whose type is known only when a statement runs. The planner puts them in; statements cannot call them.

Each takes the place in the statement, its first and last offset, after its values, and returns the first value.
"""

from __future__ import annotations

import re
from typing import cast

from tokensh.errors import DataError, Span
from tokensh.functions import ALIKE, MODIFIER, NO_NULL, NUMBER, ONE_ROW, TEXT
from tokensh.functions.declaration import FunctionTable
from tokensh.rows import Value

GUARDS = FunctionTable()
MODIFIER_HINT = "for example '+1 day', '-30 minutes', 'start of month', 'weekday 1'"
# https://sqlite.org/lang_datefunc.html#modifiers
_MODIFIER = (
    r"(?ai)[+-]?\d+(?:\.\d*)?\s+(?:second|minute|hour|day|month|year)s?|[+-]?\d\d:\d\d(?::\d\d(?:\.\d+)?)?"
    r"|[+-]\d{4}-\d\d-\d\d(?:\s\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|start of (?:year|month|day)|weekday\s+[0-6](?:\.0*)?"
    r"|unixepoch|julianday|auto|localtime|utc|subsec|subsecond|ceiling|floor"
)
# https://sqlite.org/lang_datefunc.html#time_values
_CLOCK = r"(?:[01]\d|2[0-4]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:\s*(?:z|[+-](?:0\d|1[0-4]):[0-5]\d))?"
_TIME_VALUE = (
    rf"(?ai)\s*-?\d{{4}}-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])(?:[\sT]\s*{_CLOCK})?\s*|{_CLOCK}\s*"
    r"|now|subsec|subsecond|\s*[+-]?\d+(?:\.\d*)?(?:e[+-]?\d+)?\s*"
)
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


def is_modifier(text: str) -> bool:
    """Return whether SQLite's time functions know a modifier; of another one they make NULL."""
    return re.fullmatch(_MODIFIER, text.rstrip()) is not None


def is_time_value(text: str) -> bool:
    """Return whether SQLite's functions of times read a text; of another one they make NULL, or a date that no calendar has."""
    match = re.fullmatch(_TIME_VALUE, text)
    if match is None or match["month"] is None:
        return match is not None
    # In a year that may have a 29 February: SQLite gives 2026-02-31 back as it is.
    days = 29 if match["month"] == "02" else 30 if match["month"] in ("04", "06", "09", "11") else 31
    return int(match["day"]) <= days


@GUARDS.implement(
    f"{MODIFIER}(x: any, start: integer, end: integer) -> any | fails for a text that does not modify a time",
    deterministic=False,
)
def _refuse_modifier(value: Value, start: Value, end: Value) -> Value:
    if isinstance(value, str) and not is_modifier(value):
        raise DataError("a row has a text that does not modify a time", span=_place(start, end), hint=MODIFIER_HINT)
    return value


@GUARDS.implement(
    f"{ONE_ROW}(rows: integer, start: integer, end: integer) -> integer | fails for a value of more than one row",
    deterministic=False,
)
def _refuse_rows(rows: Value, start: Value, end: Value) -> Value:
    if rows != 1:
        raise DataError(
            "this query is used as a value and gives more than one row",
            span=_place(start, end),
            hint="IN takes all of its rows; an aggregate such as max() or a condition chooses one; LIMIT 1 takes any",
        )
    return rows


@GUARDS.implement(
    f"{NO_NULL}(start: integer, end: integer) -> any | fails: a query of NOT IN has a NULL",
    deterministic=False,
)
def _refuse_null(start: Value, end: Value) -> Value:
    raise DataError(
        "a row of the query of NOT IN is NULL: then no row is chosen",
        span=_place(start, end),
        hint="leave it out: WHERE ... IS NOT NULL in the query; or write NOT EXISTS (SELECT 1 FROM ... WHERE ...)",
    )


def _place(start: Value, end: Value) -> Span:
    return Span(cast("int", start), cast("int", end))
