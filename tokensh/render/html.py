"""A result as a table of HTML, for notebooks: inert like every table, secrets masked, times readable.

The format of no command line: a notebook keeps what it shows in a file, so this one never writes a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value

_NULL = "opacity:.5"
_HIDDEN = "font-style:italic;opacity:.7"
_EXPIRY = {"past": "color:#b3261e", "soon": "color:#9a6700"}


def html_table(columns: Sequence[Column], rows: Sequence[Row], now: float, most: int = 100) -> str:
    """The table, and a line that counts the rows.

    Args:
        columns: the result's columns.
        rows: all of its rows.
        now: seconds since the epoch, for what has expired.
        most: rows that are shown; the rest is only counted.
    """
    head = "".join(f"<th>{escape(column.name)}</th>" for column in columns)
    count = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    shown = count if len(rows) <= most else f"{count}, the first {most} shown"
    body = "".join(_html_rows(columns, rows[:most], now))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{shown}</p>"


def _html_rows(columns: Sequence[Column], rows: Sequence[Row], now: float) -> Iterator[str]:
    options = Options(terminal=True, mask=True, now=now, null="NULL")
    formats = [cells.readable_formats(column, options) for column in columns]
    for row in rows:
        yield "<tr>"
        for column, texts, value in zip(columns, formats, row, strict=True):
            style = _cell_style(column, value, now)
            yield f'<td style="{style}">{escape(texts[type(value)](value))}</td>'
        yield "</tr>"


def _cell_style(column: Column, value: Value, now: float) -> str:
    if value is None:
        return _NULL
    if column.secret:
        return _HIDDEN
    if expiry := _EXPIRY.get(cells.expiry_style(column, value, now)):
        return expiry
    return "text-align:right" if column.type in cells.NUMERIC and not cells.is_time(column) else "text-align:left"
