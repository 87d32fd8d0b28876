"""Functions on texts that SQLite lacks, or has only in newer versions: regular expressions, parts, concatenation."""

from __future__ import annotations

import re
from functools import lru_cache
from math import isinf

from tokensh.errors import DataError
from tokensh.functions.backtracking import find_match, replace_matches
from tokensh.functions.declaration import FunctionTable
from tokensh.rows import Value

FUNCTIONS = FunctionTable()

_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "n": re.DOTALL, "c": 0, "g": 0}
"""The flags of PostgreSQL and MySQL; `c` (case-sensitive) and `g` (all matches) are what these functions do anyway."""

_NUMBER = r"(?a)\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"


def text_of(value: Value) -> str:
    """Return a value as SQLite converts it to text."""
    match value:
        case bytes():
            return value.decode("utf-8", "replace")
        case None:
            return ""
        case float():
            return _float_text(value)
        case _:
            return str(value)


def _float_text(number: float) -> str:
    """Return a float as SQLite writes it: 15 digits, and always a point."""
    if isinf(number):
        return "Inf" if number > 0 else "-Inf"
    digits, exponent, power = f"{number:.15g}".partition("e")
    return f"{digits if '.' in digits else f'{digits}.0'}{exponent}{power}"


# re caches 512 patterns itself, but not the flags' letters; a query calls this once per row.
@lru_cache(maxsize=64)
def _compile_pattern(pattern: str, flags: str) -> re.Pattern[str]:
    unknown = next((letter for letter in flags if letter not in _FLAGS), None)
    if unknown is not None:
        raise DataError(f"unknown flag of a regular expression: {unknown!r}", hint="the flags are i, m, s, c and g")
    try:
        return re.compile(pattern, sum({int(_FLAGS[letter]) for letter in flags}))
    except (re.error, OverflowError, RecursionError) as error:
        raise DataError(f"invalid regular expression: {pattern!r}: {error}") from None


@FUNCTIONS.implement("regexp(pattern: string, text: string) -> boolean | what the operator REGEXP does")
def _match_operator(pattern: Value, text: Value) -> Value:
    # SQLite calls it with the operands of `text REGEXP pattern` swapped.
    return _has_match(text, pattern)


@FUNCTIONS.implement(
    "regexp_like(text: string, pattern: string [, flags: string]) -> boolean | whether a regular expression is found"
)
def _has_match(text: Value, pattern: Value, flags: Value = "") -> Value:
    if text is None or pattern is None:
        return None
    return int(find_match(_compile_pattern(text_of(pattern), text_of(flags)), text_of(text)) is not None)


@FUNCTIONS.implement(
    "regexp_substr(text: string, pattern: string [, flags: string]) -> string"
    " | the first part that matches; NULL if none does"
)
def _find_match(text: Value, pattern: Value, flags: Value = "") -> Value:
    if text is None or pattern is None:
        return None
    match = find_match(_compile_pattern(text_of(pattern), text_of(flags)), text_of(text))
    return match[2] if match else None


@FUNCTIONS.implement(
    "regexp_replace(text: string, pattern: string, replacement: string [, flags: string]) -> string"
    " | the text with every match replaced"
)
def _replace_matches(text: Value, pattern: Value, replacement: Value, flags: Value = "") -> Value:
    if text is None or pattern is None or replacement is None:
        return None
    # Groups are `\1` in PostgreSQL and `$1` in MySQL and Spark; both are taken.
    template = re.sub(r"\$(\d)", r"\\\1", text_of(replacement))
    try:
        return replace_matches(_compile_pattern(text_of(pattern), text_of(flags)), template, text_of(text))
    except (re.error, IndexError) as error:
        raise DataError(f"invalid replacement: {text_of(replacement)!r}: {error}") from None


@FUNCTIONS.implement(
    "regexp_instr(text: string, pattern: string) -> integer | where the first match begins, from 1; 0 without a match"
)
def _locate_match(text: Value, pattern: Value) -> Value:
    if text is None or pattern is None:
        return None
    match = find_match(_compile_pattern(text_of(pattern), ""), text_of(text))
    return match[0] + 1 if match else 0


def _read_whole_number(value: Value) -> int | None:
    """Return a number of characters or parts, 2.0 as 2; None for NULL. Raises DataError for another value."""
    if value is None:
        return None
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise DataError("the number of characters or parts is not a whole number")


@FUNCTIONS.implement(
    "split_part(text: string, separator: string, n: integer) -> string"
    " | the n-th part, from 1, or from the end if negative"
)
def _split_part(text: Value, separator: Value, n: Value) -> Value:
    number = _read_whole_number(n)
    if text is None or separator is None or number is None:
        return None
    # As PostgreSQL: an empty separator makes the whole text the first part.
    parts = text_of(text).split(text_of(separator)) if separator != "" else [text_of(text)]
    index = number - 1 if number > 0 else number
    return parts[index] if number and -len(parts) <= index < len(parts) else ""


@FUNCTIONS.implement("concat(x: any, ...) -> string | the values one after the other; NULL adds nothing")
def _concatenate_values(*values: Value) -> Value:
    return "".join(map(text_of, values))


@FUNCTIONS.implement(
    "concat_ws(separator: string, x: any, ...) -> string | the values that are not NULL, the separator between them"
)
def _join_values(separator: Value, *values: Value) -> Value:
    if separator is None:
        return None
    return text_of(separator).join(text_of(value) for value in values if value is not None)


@FUNCTIONS.implement("if(condition: boolean, yes: T [, no: T]) -> T | the second if the first is true, else the third")
def _choose_value(condition: Value, yes: Value, no: Value = None) -> Value:
    # In a statement the printer writes `iif`, which evaluates no argument that it does not need.
    return yes if _is_true(condition) else no


def _is_true(condition: Value) -> bool:
    """Return whether SQLite takes a value for true: a text counts as the number that it begins with."""
    if isinstance(condition, str | bytes):
        number = re.match(_NUMBER, text_of(condition))
        return number is not None and float(number[0]) != 0
    return bool(condition)


@FUNCTIONS.implement("upper(text: string) -> string | the text in capital letters")
def _to_capitals(text: Value) -> Value:
    return None if text is None else text_of(text).upper()


@FUNCTIONS.implement("lower(text: string) -> string | the text in small letters")
def _to_small_letters(text: Value) -> Value:
    return None if text is None else text_of(text).lower()


@FUNCTIONS.implement("left(text: string, n: integer) -> string | the first n characters")
def _take_left(text: Value, count: Value) -> Value:
    number = _read_whole_number(count)
    return None if text is None or number is None else text_of(text)[: max(number, 0)]


@FUNCTIONS.implement("right(text: string, n: integer) -> string | the last n characters")
def _take_right(text: Value, count: Value) -> Value:
    number = _read_whole_number(count)
    return None if text is None or number is None else text_of(text)[-number:] if number > 0 else ""


@FUNCTIONS.implement("reverse(text: string) -> string | the characters from the last to the first")
def _reverse_text(text: Value) -> Value:
    return None if text is None else text_of(text)[::-1]


@FUNCTIONS.implement(
    "sha256(text: string) -> string | the SHA-256 in hexadecimal digits: of a token's value it is the token's id"
)
def _hash_text(text: Value) -> Value:
    from hashlib import sha256  # noqa: PLC0415 (rarely called)

    return None if text is None else sha256(text_of(text).encode()).hexdigest()


# Not deterministic: SQLite would call it ahead of the CASE or IIF that guards it.
@FUNCTIONS.implement(
    "error(message: string) -> any | fails with the message: a script that checks something stops there",
    deterministic=False,
)
def _raise_message(message: Value) -> Value:
    raise DataError(text_of(message) or "error() was called")
