"""The functions of the StackQL dialect that SQLite has not, or has only in newer versions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tokensh.errors import DataError, Error
from tokensh.rows import Value

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
        return int(bool(json.loads(text_of(left)) == json.loads(text_of(right))))
    except (ValueError, RecursionError):
        return 0


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


_Function = Callable[..., Value]
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
}
"""Name -> what it does, and with how many arguments (-1: any)."""


class Registered:
    """The functions on one connection; what a function raised is kept, for SQLite only says that something was."""

    def __init__(self, connection: Any) -> None:
        self.error: Error | None = None
        for name, (function, counts) in FUNCTIONS.items():
            for count in counts:
                connection.create_function(name, count, self._watched(function), deterministic=True)

    def _watched(self, function: _Function) -> _Function:
        def called(*values: Value) -> Value:
            try:
                return function(*values)
            except Error as error:
                self.error = error
                raise

        return called
