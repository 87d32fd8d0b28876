"""One cell to text: what all formats share, and what people read in table and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal

from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value
from tokensh.text import elide_middle, escape_unsafe
from tokensh.units import NEVER, format_distance, from_epoch

Formats = Mapping[type, Callable[[Any], str]]
"""How each type of value of one column becomes text; `formats[type(value)](value)` is the fast way to choose."""

NUMERIC = ("integer", "number")
NULL = "NULL"
_NULL_ON_TERMINAL = "∅"
_SOON = 7 * 86400
_SHORTEST_WITH_ENDS = 20


def format_boolean(value: int) -> str:
    """A boolean column's cell."""
    return "true" if value else "false"


def make_formats(column: Column, text: Callable[[str], str], null: str) -> dict[type, Callable[[Any], str]]:
    """A column's formats: `text` for strings, `null` for NULL, numbers in full, bytes in hexadecimal digits."""
    return {
        str: text,
        int: format_boolean if column.type == "boolean" else int.__repr__,
        bool: format_boolean,
        float: float.__repr__,
        bytes: bytes.hex,
        type(None): lambda _: null,
    }


def join_cells(rows: Iterable[Row], columns: Sequence[Formats], delimiter: str, end: str = "\n") -> Iterator[str]:
    """One text per row: its cells with the delimiter between them."""
    for row in rows:
        yield delimiter.join([one[type(value)](value) for one, value in zip(columns, row, strict=True)]) + end


def is_time(column: Column) -> bool:
    """Whether a column shows a resource's field of epoch milliseconds."""
    field = (column.origin or "").rpartition(".")[2]
    return column.type == "integer" and field.endswith(("_time", "_day"))


def expiry_style(column: Column, value: Value, now: float | None) -> str:
    """`past` for an expiry before `now` (seconds since the epoch), `soon` for one within a week, else nothing."""
    if now is None or not isinstance(value, int) or not (column.origin or "").endswith("expiry_time"):
        return ""
    if value < 0 or not is_time(column):
        return ""
    left = value / 1000 - now
    return "past" if left < 0 else "soon" if left < _SOON else ""


TimeForm = Literal["moment", "day", "distance"]
"""`2026-11-14 22:13:20Z in 3d`, `2026-11-14 in 3d`, `in 3d`: what is shown of a time, as there is room for it."""


def format_time(milliseconds: int, now: float | None = None, form: TimeForm = "moment") -> str:
    """Epoch milliseconds in one of the forms; -1 is `never`, what is no date of our calendar stays a number.

    Args:
        milliseconds: Since the epoch.
        now: Seconds since the epoch; None leaves the distance out.
        form: How much of it.
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


def mask_secret(secret: str) -> str:
    """A secret as the shell shows it: four characters at each end, none of a short one."""
    if len(secret) < _SHORTEST_WITH_ENDS:
        return "(hidden)"
    return f"{elide_middle(escape_unsafe(secret), 9)} (hidden)"


def masking_format(
    column: Column, options: Options, text: Callable[[str], str] = escape_unsafe
) -> Callable[[str], str]:
    """What becomes of a column's strings: `text`, but a secret is masked if the options ask for it."""
    return (lambda secret: text(mask_secret(secret))) if column.secret and options.mask else text


def shows_times(column: Column, options: Options) -> bool:
    """Whether the column's milliseconds become readable."""
    return options.terminal and options.times == "readable" and is_time(column)


def readable_formats(column: Column, options: Options, form: TimeForm = "moment") -> Formats:
    """The formats of what people read: inert text, secrets masked and times readable as the options ask for."""
    null = options.null if options.null is not None else _NULL_ON_TERMINAL if options.terminal else NULL
    found = make_formats(column, masking_format(column, options), null)
    if shows_times(column, options):
        found[int] = partial(format_time, now=options.now, form=form)
    return found
