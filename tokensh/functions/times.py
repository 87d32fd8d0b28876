"""Functions on the API's times, which are milliseconds since the epoch, with -1 for a token that never expires."""

from __future__ import annotations

import math
import time

from tokensh.errors import DataError
from tokensh.functions.declaration import FunctionTable
from tokensh.functions.text import text_of
from tokensh.rows import Value
from tokensh.units import DAY, NEVER, format_distance, from_epoch, parse_time, suggest_time

FUNCTIONS = FunctionTable()


# Not deterministic: they depend on the time of the call.
@FUNCTIONS.implement(
    "days_left(ms: integer) -> number | days until an expiry in epoch milliseconds; NULL for a token that never expires (-1)",
    deterministic=False,
    unit="days",
)
def _count_days_left(ms: Value) -> Value:
    if not isinstance(ms, int | float) or ms == NEVER:
        return None
    return round((ms - time.time() * 1000) / DAY, 2)


@FUNCTIONS.implement(
    "expires_in(ms: integer) -> string | an expiry in epoch milliseconds in words: in 3d, 2h ago, never",
    deterministic=False,
)
def _describe_expiry(ms: Value) -> Value:
    # 9e999 is infinity in SQLite, and has no day.
    if not isinstance(ms, int | float) or not math.isfinite(ms):
        return None
    return "never" if ms == NEVER else format_distance(ms - time.time() * 1000)


@FUNCTIONS.implement("from_ms(ms: integer) -> string | epoch milliseconds as YYYY-MM-DD HH:MM:SS, UTC; NULL for -1")
def _format_time(ms: Value) -> Value:
    if not isinstance(ms, int | float) or ms == NEVER:
        return None
    try:
        return from_epoch(ms).strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:
        raise DataError(f"invalid time: {ms} milliseconds since 1970 are outside the years 1 to 9999") from None


@FUNCTIONS.implement(
    "to_ms(time: time) -> integer | a time such as '2026-12-31' as epoch milliseconds", unit="epoch_ms"
)
def _parse_time(text: Value) -> Value:
    if text is None:
        return None
    try:
        return parse_time(text_of(text))
    except ValueError:
        raise DataError(f"invalid time: {text_of(text)!r}", hint=suggest_time(text_of(text))) from None
