"""The functions of the StackQL dialect that SQLite has not, or has only in newer versions."""

from __future__ import annotations

import json
import math
import re
import sqlite3
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache, lru_cache

from tokensh.errors import DataError, Error
from tokensh.rows import Value
from tokensh.units import DAY, EPOCH, NEVER, format_distance, from_epoch

_FLAGS = {
    "i": re.IGNORECASE,
    "m": re.MULTILINE,
    "s": re.DOTALL,
    "n": re.DOTALL,
    "c": re.NOFLAG if hasattr(re, "NOFLAG") else 0,
    "g": 0,
}


def text_of(value: Value) -> str:
    """A value as SQLite writes it as text."""
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case None:
            return ""
        case _:
            return str(value)


@lru_cache(maxsize=64)
def _pattern(pattern: str, flags: str) -> re.Pattern[str]:
    wanted = 0
    for letter in flags:
        if letter not in _FLAGS:
            raise DataError(f"{letter!r} is no flag of a regular expression", hint="the flags are i, m, s, c and g")
        wanted |= int(_FLAGS[letter])
    try:
        return re.compile(pattern, wanted)
    except (re.error, OverflowError, RecursionError) as error:
        raise DataError(f"{pattern!r} is no regular expression: {error}") from None


def regexp(pattern: Value, text: Value) -> Value:
    """The operator REGEXP: 1 where the pattern is found."""
    return regexp_like(text, pattern)


def regexp_like(text: Value, pattern: Value, flags: Value = "") -> Value:
    """Whether the pattern is found."""
    if text is None or pattern is None:
        return None
    return int(_pattern(text_of(pattern), text_of(flags)).search(text_of(text)) is not None)


def regexp_substr(text: Value, pattern: Value, flags: Value = "") -> Value:
    """The first part that matches; NULL where none does."""
    if text is None or pattern is None:
        return None
    found = _pattern(text_of(pattern), text_of(flags)).search(text_of(text))
    return found[0] if found else None


def regexp_replace(text: Value, pattern: Value, replacement: Value, flags: Value = "") -> Value:
    r"""The text with every match replaced; `\1` and `$1` stand for groups."""
    if text is None or pattern is None or replacement is None:
        return None
    template = re.sub(r"\$(\d)", r"\\\1", text_of(replacement))
    try:
        return _pattern(text_of(pattern), text_of(flags)).sub(template, text_of(text))
    except (re.error, IndexError) as error:
        raise DataError(f"{text_of(replacement)!r} is no replacement: {error}") from None


def regexp_instr(text: Value, pattern: Value) -> Value:
    """Where the first match begins, from 1; 0 where there is none."""
    if text is None or pattern is None:
        return None
    found = _pattern(text_of(pattern), "").search(text_of(text))
    return found.start() + 1 if found else 0


def split_part(text: Value, separator: Value, index: Value) -> Value:
    """The part of that number, from 1, or from the end if negative; empty where there is none."""
    if text is None or separator is None or not isinstance(index, int):
        return None
    parts = text_of(text).split(text_of(separator)) if separator != "" else [text_of(text)]
    place = index - 1 if index > 0 else index
    return parts[place] if index and -len(parts) <= place < len(parts) else ""


def json_equal(left: Value, right: Value) -> Value:
    """Whether two JSON texts say the same, whatever the order of their keys."""
    if left is None or right is None:
        return None
    try:
        return int(bool(_distinct(json.loads(text_of(left))) == _distinct(json.loads(text_of(right)))))
    except (ValueError, RecursionError):
        return 0


def _distinct(value: object) -> object:
    """A JSON value in which true is not 1, as it is in Python."""
    match value:
        case bool():
            return (value,)
        case dict():
            return {key: _distinct(one) for key, one in value.items()}
        case list():
            return [_distinct(one) for one in value]
        case _:
            return value


def concat(*values: Value) -> Value:
    """The values one behind the other, NULL as nothing."""
    return "".join(map(text_of, values))


def concat_ws(separator: Value, *values: Value) -> Value:
    """The values that are not NULL, the separator between."""
    if separator is None:
        return None
    return text_of(separator).join(text_of(one) for one in values if one is not None)


def if_(condition: Value, yes: Value, no: Value = None) -> Value:
    """The second where the first is true, else the third."""
    return yes if condition not in (None, 0, "", "0") else no


def left(text: Value, count: Value) -> Value:
    """The first characters."""
    return None if text is None or not isinstance(count, int) else text_of(text)[: max(count, 0)]


def right(text: Value, count: Value) -> Value:
    """The last characters."""
    return None if text is None or not isinstance(count, int) else text_of(text)[-count:] if count > 0 else ""


def reverse(text: Value) -> Value:
    """The characters from the last to the first."""
    return None if text is None else text_of(text)[::-1]


def sha256(text: Value) -> Value:
    """The SHA-256 of a text, in hexadecimal digits: what the API uses as a token's id."""
    from hashlib import sha256 as digest  # noqa: PLC0415 (rarely called)

    return None if text is None else digest(text_of(text).encode()).hexdigest()


def error(message: Value) -> Value:
    """Fail with a message: a script that checks something stops there."""
    raise DataError(text_of(message) or "error() was called")


def json_extract_path_text(document: Value, *keys: Value) -> Value:
    """The value below keys, as text; NULL where there is none."""
    if document is None:
        return None
    try:
        found = json.loads(text_of(document))
    except (ValueError, RecursionError) as error:
        raise DataError(f"malformed JSON: {error}") from None
    for key in keys:
        try:
            found = found[int(text_of(key))] if isinstance(found, list) else found[text_of(key)]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return found if isinstance(found, str) or found is None else json.dumps(found)


def aws_policy_equal(left: Value, right: Value) -> Value:
    """Whether two AWS policies say the same: order and repetition of lists do not count, one value is a list of one."""
    if left is None or right is None:
        return None
    try:
        return int(_policy(json.loads(text_of(left))) == _policy(json.loads(text_of(right))))
    except (ValueError, RecursionError):
        return 0


def _policy(value: object) -> object:
    match value:
        case dict():
            return frozenset((key, _policy(one)) for key, one in value.items())
        case list():
            parts = frozenset(_policy(one) for one in value)
            return next(iter(parts)) if len(parts) == 1 else parts
        case _:
            return _distinct(value)


# ---- times


def days_left(ms: Value) -> Value:
    """Days until an expiry; NULL for one that never comes."""
    if not isinstance(ms, int | float) or ms == NEVER:
        return None
    return round((ms - time.time() * 1000) / DAY, 2)


def expires_in(ms: Value) -> Value:
    """An expiry in words."""
    if not isinstance(ms, int | float) or not math.isfinite(ms):
        return None
    if ms == NEVER:
        return "never"
    return format_distance(ms - time.time() * 1000)


def from_ms(ms: Value) -> Value:
    """Epoch milliseconds as a time, UTC."""
    if not isinstance(ms, int | float) or ms == NEVER:
        return None
    try:
        return from_epoch(ms).strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:
        raise DataError(f"{ms} milliseconds since 1970 are no time with a year of four digits") from None


def to_ms(text: Value) -> Value:
    """A time as epoch milliseconds; without a zone it is UTC."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text_of(text).strip().replace("Z", "+00:00"))
    except ValueError:
        raise DataError(
            f"{text_of(text)!r} is no time", hint="for example '2026-12-31' or '2026-12-31 23:59:59'"
        ) from None
    if found.tzinfo is not None:
        found = (found - (found.utcoffset() or timedelta())).replace(tzinfo=None)
    return (found - EPOCH) // timedelta(milliseconds=1)


# ---- what some builds of SQLite lack


def _number(function: Callable[..., float]) -> _Function:
    """A function of numbers: NULL for what is no number, or outside of its domain."""

    def called(*values: Value) -> Value:
        if not all(isinstance(one, int | float) for one in values):
            return None
        try:
            return function(*values)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return called


def _log(*values: float) -> float:
    return math.log10(values[0]) if len(values) == 1 else math.log(values[1], values[0])


_Function = Callable[..., Value]
_ONE = (
    "acos acosh asin asinh atan atanh ceil cos cosh degrees exp floor log10 log2 radians sin sinh sqrt tan tanh trunc"
)
MATH: dict[str, tuple[_Function, tuple[int, ...]]] = {
    **{name: (_number(getattr(math, name)), (1,)) for name in _ONE.split()},
    "ceiling": (_number(math.ceil), (1,)),
    "ln": (_number(math.log), (1,)),
    "log": (_number(_log), (1, 2)),
    "mod": (_number(math.fmod), (2,)),
    "pow": (_number(math.pow), (2,)),
    "power": (_number(math.pow), (2,)),
    "atan2": (_number(math.atan2), (2,)),
    "pi": (lambda: math.pi, (0,)),
}
"""Registered where the SQLite that is installed was built without them."""
FUNCTIONS: dict[str, tuple[_Function, tuple[int, ...]]] = {
    "regexp": (regexp, (2,)),
    "regexp_like": (regexp_like, (2, 3)),
    "regexp_substr": (regexp_substr, (2, 3)),
    "regexp_replace": (regexp_replace, (3, 4)),
    "regexp_instr": (regexp_instr, (2,)),
    "split_part": (split_part, (3,)),
    "json_equal": (json_equal, (2,)),
    "concat": (concat, (-1,)),
    "concat_ws": (concat_ws, (-1,)),
    "if": (if_, (2, 3)),
    "left": (left, (2,)),
    "right": (right, (2,)),
    "reverse": (reverse, (1,)),
    "sha256": (sha256, (1,)),
    "json_extract_path_text": (json_extract_path_text, (-1,)),
    "aws_policy_equal": (aws_policy_equal, (2,)),
    "error": (error, (1,)),
    "expires_in": (expires_in, (1,)),
    "days_left": (days_left, (1,)),
    "from_ms": (from_ms, (1,)),
    "to_ms": (to_ms, (1,)),
}
"""Name -> what it does, and with how many arguments (-1: any)."""


_CHANGING = ("expires_in", "days_left", "error")
"""What SQLite must not work out ahead of the rows, or of a CASE."""


@cache
def registered() -> dict[str, tuple[_Function, tuple[int, ...]]]:
    """What is added to the SQLite that is installed."""
    return FUNCTIONS if "sqrt" in built_in() else {**MATH, **FUNCTIONS}


@cache
def built_in() -> frozenset[str]:
    """The functions that SQLite has itself, in lower case."""
    connection = sqlite3.connect(":memory:")
    try:
        return frozenset(name.lower() for (name,) in connection.execute("SELECT name FROM pragma_function_list"))
    finally:
        connection.close()


class FunctionErrors:
    """Registers the functions on a connection and keeps what one raised: SQLite only says that something was raised."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._error: Error | None = None
        for name, (function, counts) in registered().items():
            for count in counts:
                connection.create_function(name, count, self._wrap(function), deterministic=name not in _CHANGING)

    def take(self) -> Error | None:
        """Return the last error that a function raised, and forget it."""
        error, self._error = self._error, None
        return error

    def _wrap(self, function: _Function) -> _Function:
        def call(*values: Value) -> Value:
            try:
                return function(*values)
            except Error as error:
                self._error = error
                raise

        return call
