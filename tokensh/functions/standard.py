"""Functions of standard SQL, PostgreSQL and Databricks SQL that SQLite lacks, and other names of those that it has."""

from __future__ import annotations

from tokensh.errors import DataError
from tokensh.functions.declaration import FunctionTable
from tokensh.functions.text import text_of
from tokensh.rows import Value

FUNCTIONS = FunctionTable()
_LONGEST = 1_000_000
"""The longest text that a count of repetitions may make."""

FUNCTIONS.rename(
    """
array_agg(x: any) -> json | the values as a JSON array = json_group_array
btrim(text: string [, characters: string]) -> string | the text without blanks at both ends = trim
char_length(text: string) -> integer | how many characters = length
character_length(text: string) -> integer | how many characters = length
chr(code: integer) -> string | the character of a Unicode code point = char
collect_list(x: any) -> json | the values as a JSON array = json_group_array
lcase(text: string) -> string | the text in small letters = lower
len(text: string) -> integer | how many characters = length
listagg(x: any [, separator: string]) -> string | the values as one text = group_concat
now() -> string | now, UTC, as YYYY-MM-DD HH:MM:SS = current_timestamp
nvl(x: T, y: T) -> T | x, or y if x is NULL = ifnull
string_agg(x: any, separator: string) -> string | the values as one text = group_concat
strpos(text: string, part: string) -> integer | where a part begins, from 1; 0 if it is not found = instr
ucase(text: string) -> string | the text in capital letters = upper
any_value(x: T) -> T | one of the values, the smallest = min
"""
)


@FUNCTIONS.implement(
    "grouping(key: any, ...) -> integer | 1 in rows for which GROUP BY leaves the key out; a bit for each of several"
)
@FUNCTIONS.implement("grouping_id([key: any ...]) -> integer | the same as grouping; without arguments, of all keys")
def _leave_nothing_out(*_: Value) -> Value:
    """Return what a call gives without grouping sets; with some, the planner puts their masks in its place."""
    return 0


def order_key(value: Value) -> tuple[int, object]:
    """Return a key that sorts values as SQLite does: NULL, numbers, texts, blobs."""
    match value:
        case None:
            return 0, 0
        case int() | float():
            return 1, value
        case str():
            return 2, value.encode("utf-8", "surrogatepass")
        case _:
            return 3, value


# As in PostgreSQL and Databricks SQL, NULL does not count; max(x, y) of SQLite is NULL if one of its values is.
@FUNCTIONS.implement("greatest(x: T, y: T, ...) -> T | the largest of the values that are not NULL")
def _find_greatest(*values: Value) -> Value:
    return max((value for value in values if value is not None), key=order_key, default=None)


@FUNCTIONS.implement("least(x: T, y: T, ...) -> T | the smallest of the values that are not NULL")
def _find_least(*values: Value) -> Value:
    return min((value for value in values if value is not None), key=order_key, default=None)


@FUNCTIONS.implement("string(x: any) -> string | the value as text, as CAST(x AS text)")
def _to_string(value: Value) -> Value:
    return None if value is None else text_of(value)


@FUNCTIONS.implement("nvl2(x: any, yes: T, no: T) -> T | the second if x is not NULL, else the third")
def _choose_by_null(value: Value, yes: Value, no: Value) -> Value:
    return no if value is None else yes


def whole_number(value: Value, function: str) -> int:
    """Return a value as a whole number. Raises DataError."""
    try:
        if isinstance(value, int | float | str) and float(value) == int(float(value)):
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{function} takes a whole number, not {text_of(value)!r}")


def _pad(text: str, length: int, fill: str) -> str:
    """Return what fills a text up to a length."""
    if length > _LONGEST:
        raise DataError(f"a text of {length} characters is too long")
    missing = length - len(text)
    return (fill * (missing // len(fill) + 1))[:missing] if fill and missing > 0 else ""


@FUNCTIONS.implement(
    "lpad(text: string, length: integer [, fill: string]) -> string | the text filled up at its start, or cut, to a length"
)
def _pad_left(text: Value, length: Value, fill: Value = " ") -> Value:
    if text is None or length is None or fill is None:
        return None
    size = max(whole_number(length, "lpad"), 0)
    return (_pad(text_of(text), size, text_of(fill)) + text_of(text))[:size]


@FUNCTIONS.implement(
    "rpad(text: string, length: integer [, fill: string]) -> string | the text filled up at its end, or cut, to a length"
)
def _pad_right(text: Value, length: Value, fill: Value = " ") -> Value:
    if text is None or length is None or fill is None:
        return None
    size = max(whole_number(length, "rpad"), 0)
    return (text_of(text) + _pad(text_of(text), size, text_of(fill)))[:size]


@FUNCTIONS.implement("repeat(text: string, n: integer) -> string | the text n times")
def _repeat_text(text: Value, count: Value) -> Value:
    if text is None or count is None:
        return None
    times = max(whole_number(count, "repeat"), 0)
    if times * len(text_of(text)) > _LONGEST:
        raise DataError(f"a text of {times * len(text_of(text))} characters is too long")
    return text_of(text) * times


@FUNCTIONS.implement("initcap(text: string) -> string | the text with a capital letter at the start of each word")
def _capitalize_words(text: Value) -> Value:
    if text is None:
        return None
    words = text_of(text)
    return "".join(letter.lower() if i and words[i - 1].isalnum() else letter.upper() for i, letter in enumerate(words))


@FUNCTIONS.implement("ascii(text: string) -> integer | the code point of the first character")
def _first_code_point(text: Value) -> Value:
    return None if text is None else ord(text_of(text)[0]) if text_of(text) else 0


@FUNCTIONS.implement(
    "translate(text: string, from: string, to: string) -> string | the text with single characters replaced"
)
def _translate_characters(text: Value, old: Value, new: Value) -> Value:
    if text is None or old is None or new is None:
        return None
    replacements: dict[int, str] = {}
    for i, character in enumerate(text_of(old)):
        replacements.setdefault(ord(character), text_of(new)[i : i + 1])
    return text_of(text).translate(replacements)


@FUNCTIONS.implement(
    "position(part: string, text: string [, start: integer]) -> integer | where a part begins, from 1; 0 if it is not found"
)
def _locate_part(part: Value, text: Value, start: Value = 1) -> Value:
    if part is None or text is None or start is None:
        return None
    first = whole_number(start, "position")
    return text_of(text).find(text_of(part), first - 1) + 1 if first > 0 else 0


@FUNCTIONS.implement(
    "overlay(text: string, replacement: string, start: integer [, length: integer]) -> string"
    " | the text with the characters from a place on replaced"
)
def _overlay_text(text: Value, replacement: Value, start: Value, length: Value = -1) -> Value:
    if text is None or replacement is None or start is None or length is None:
        return None
    first = whole_number(start, "overlay") - 1
    size = whole_number(length, "overlay")
    if first < 0:
        raise DataError("overlay counts the characters from 1")
    end = first + (size if size >= 0 else len(text_of(replacement)))
    return text_of(text)[:first] + text_of(replacement) + text_of(text)[end:]


@FUNCTIONS.implement("contains(text: string, part: string) -> boolean | whether a part is in a text, case-sensitive")
def _contains_part(text: Value, part: Value) -> Value:
    return None if text is None or part is None else int(text_of(part) in text_of(text))


@FUNCTIONS.implement("starts_with(text: string, part: string) -> boolean | whether a text begins with a part")
def _starts_with_part(text: Value, part: Value) -> Value:
    return None if text is None or part is None else int(text_of(text).startswith(text_of(part)))


@FUNCTIONS.implement("ends_with(text: string, part: string) -> boolean | whether a text ends with a part")
def _ends_with_part(text: Value, part: Value) -> Value:
    return None if text is None or part is None else int(text_of(text).endswith(text_of(part)))
