"""Turn a result into an HTML table for notebooks: values are escaped, secrets masked, times readable.

A notebook saves its output in a file, so this table never holds a secret. It is not one of `-o`'s formats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value
from tokensh.text import escape_unsafe, plural

# Inline styles: a style sheet in a cell's output would apply to the whole notebook.
# Notebooks typeset $...$ in what they show, and TeX can hide text; these classes keep both versions of MathJax off a comment.
_NO_MATHEMATICS = "tex2jax_ignore mathjax_ignore"
_NULL = "opacity:.5"
_HIDDEN = "font-style:italic;opacity:.7"
_EXPIRY = {"past": "color:#b3261e", "soon": "color:#9a6700"}


def html_table(columns: Sequence[Column], rows: Sequence[Row], now: float, most: int = 100) -> str:
    """Return the table and a line with the number of rows.

    Args:
        columns: the result's columns.
        rows: all of its rows.
        now: seconds since the epoch, to mark expired tokens.
        most: the number of rows to show; the others are only counted.
    """
    head = "".join(f"<th>{escape(escape_unsafe(column.name))}</th>" for column in columns)
    count = plural(len(rows), "row")
    summary = count if len(rows) <= most else f"{count}, the first {most} shown"
    body = "".join(_html_rows(columns, rows[:most], now))
    return f'<div class="{_NO_MATHEMATICS}">{_format_table(head, body, summary)}</div>'


def _format_table(head: str, body: str, summary: str) -> str:
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{summary}</p>"


def _html_rows(columns: Sequence[Column], rows: Sequence[Row], now: float) -> Iterator[str]:
    # terminal=True only for readable times: nothing is fitted to a width here.
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
