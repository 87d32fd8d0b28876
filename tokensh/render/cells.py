"""Turn a cell into text: the rules that all formats share, and the readable forms of table and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Any, Literal

from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value
from tokensh.text import elide_middle, escape_unsafe, is_plain
from tokensh.units import NEVER, format_distance, from_epoch

Formats = Mapping[type, Callable[[Any], str]]
"""Functions from a column's values to text, by type; `formats[type(value)](value)` is the fastest way to choose one."""

NUMERIC = ("integer", "number")
NULL = "NULL"
_NULL_ON_TERMINAL = "∅"
_SOON = 7 * 86400  # s
_SHORTEST_WITH_ENDS = 20
_HIDDEN = "(hidden)"


def format_boolean(value: int) -> str:
    """Return the text of a boolean, which SQLite keeps as 0 or 1."""
    return "true" if value else "false"


def make_formats(column: Column, text: Callable[[str], str], null: str) -> dict[type, Callable[[Any], str]]:
    """Return a column's formats: `text` for strings, `null` for NULL, numbers in full, bytes in hexadecimal digits."""
    return {
        str: text,
        int: format_boolean if column.type == "boolean" else repr,
        bool: format_boolean,
        float: repr,
        bytes: bytes.hex,
        type(None): lambda _: null,
    }


class TextFormat:
    """A format of texts, with a faster way for many texts at once.

    Args:
        each: formats one text.
        format_all: formats a sequence of texts, each as `each` does.
    """

    def __init__(self, each: Callable[[str], str], format_all: Callable[[Sequence[str]], Iterable[str]]) -> None:
        self.format_all = format_all
        self._each = each

    def __call__(self, text: str) -> str:  # noqa: D102 (see `each`)
        return self._each(text)


def are_plain(texts: Iterable[str]) -> bool:
    """Return whether all texts are printable ASCII."""
    return is_plain("".join(texts))


def _escape_all(texts: Sequence[str]) -> Iterable[str]:
    return texts if are_plain(texts) else map(escape_unsafe, texts)


SAFE_TEXT = TextFormat(escape_unsafe, _escape_all)
"""The format of texts that users read."""


# Per cell, the choice of its format takes longer than the format, so a block of rows is formatted column by column.
def format_column(values: Sequence[Any], formats: Formats) -> Iterable[str]:
    """Return the texts of a column's values in a block of rows."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return _format_all(values, formats[kinds.pop()])
    if len(kinds) == 2 and (empty := type(None)) in kinds:
        kinds.remove(empty)
        null = formats[empty](None)
        texts = iter(_format_all([value for value in values if value is not None], formats[kinds.pop()]))
        return [null if value is None else next(texts) for value in values]
    return [formats[type(value)](value) for value in values]


def _format_all(values: Sequence[Any], text: Callable[[Any], str]) -> Iterable[str]:
    return text.format_all(values) if isinstance(text, TextFormat) else map(text, values)


def format_columns(rows: Sequence[Row], columns: Sequence[Formats]) -> list[Iterable[str]]:
    """Return the texts of a block of rows, column by column."""
    return [format_column(values, formats) for values, formats in zip(zip(*rows, strict=True), columns, strict=True)]


def join_columns(columns: Iterable[Iterable[str]], left: str, between: str, right: str) -> str:
    """Return one text per row, joined: its cells with `between` between them, `left` before and `right` behind them."""
    return f"{left}{f'{right}{left}'.join(map(between.join, zip(*columns, strict=True)))}{right}"


def join_members(columns: Iterable[Iterable[str]], before: Sequence[str]) -> Iterator[str]:
    """Yield one text per row: its cells, each with the column's text before it."""
    pieces = (piece for text, column in zip(before, columns, strict=True) for piece in (repeat(text), column))
    return map("".join, zip(*pieces, strict=False))  # `repeat` has no end


def is_time(column: Column) -> bool:
    """Return True if a column shows epoch milliseconds: a resource's field, or `min(expiry_time)` and the like."""
    if column.unit is not None:
        return column.unit in ("epoch_ms", "expiry_ms")
    # By name: a column's type is only `integer`.
    field = (column.origin or "").rpartition(".")[2]
    return column.type == "integer" and field.endswith(("_time", "_day"))


def expiry_style(column: Column, value: Value, now: float | None) -> str:
    """Return `past` for an expiry before `now` (seconds since the epoch), `soon` for one within a week, else an empty text."""
    is_expiry = column.unit == "expiry_ms" or (column.origin or "").endswith("expiry_time")
    if now is None or not isinstance(value, int) or not is_expiry:
        return ""
    if value < 0 or not is_time(column):
        return ""
    left = value / 1000 - now
    return "past" if left < 0 else "soon" if left < _SOON else ""


TimeForm = Literal["moment", "day", "distance"]
"""The forms of a time, from long to short: `2026-11-14 22:13:20Z in 3d`, `2026-11-14 in 3d`, `in 3d`."""


def format_time(milliseconds: int, now: float | None = None, form: TimeForm = "moment") -> str:
    """Return epoch milliseconds in one of the forms; -1 is `never`, and a time outside the years 1 to 9999 stays a number.

    Args:
        milliseconds: the time since the epoch.
        now: seconds since the epoch; None leaves the distance out.
        form: how much of the time to show.
    """
    if milliseconds == NEVER:
        return "never"
    try:
        moment = from_epoch(milliseconds)
    except OverflowError:
        return str(milliseconds)
    text = f"{moment.isoformat(' ', 'seconds')}Z" if form == "moment" else moment.date().isoformat()
    if now is None:
        return text
    distance = format_distance(milliseconds - now * 1000, at_least=2)
    return distance if form == "distance" else f"{text} {distance}"


def mask_secret(secret: Value) -> str:
    """Return the masked secret: four characters at each end, or nothing of a short secret and of values that are not text."""
    # 8 of the 36 characters of a Databricks token identify it and leave 112 random bits; of a short password they would not.
    if not isinstance(secret, str) or len(secret) < _SHORTEST_WITH_ENDS:
        return _HIDDEN
    return f"{elide_middle(escape_unsafe(secret), 9)} (hidden)"


def masking_formats(
    column: Column, options: Options, text: Callable[[str], str], null: str
) -> dict[type, Callable[[Any], str]]:
    """Return `make_formats`, except that a secret column's values are masked, whatever their type, if the options say so."""
    if not (column.secret and options.mask):
        return make_formats(column, text, null)
    # A secret that was cast, or turned into digits or a length, has another type and tells as much.
    formats: dict[type, Callable[[Any], str]] = dict.fromkeys((int, bool, float, bytes), lambda _: text(_HIDDEN))
    return {**formats, str: lambda secret: text(mask_secret(secret)), type(None): lambda _: null}


def shows_times(column: Column, options: Options) -> bool:
    """Return True if the column's milliseconds are shown as times."""
    return options.terminal and options.times == "readable" and is_time(column)


# An empty cell and NULL must look different; ∅ is one cell wide and unlikely in a comment, but only fit for a terminal.
def readable_formats(column: Column, options: Options, form: TimeForm = "moment") -> Formats:
    """Return the formats for users: text safe to show, with masked secrets and readable times as the options say."""
    null = options.null if options.null is not None else _NULL_ON_TERMINAL if options.terminal else NULL
    formats = masking_formats(column, options, SAFE_TEXT, null)
    if shows_times(column, options) and not column.secret:
        formats[int] = partial(format_time, now=options.now, form=form)
    return formats
