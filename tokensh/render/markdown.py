"""Write a GitHub-flavoured Markdown table whose cells are plain text: no markup of a value takes effect."""

from __future__ import annotations

import re
from typing import TextIO

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import gather_blocks, write_blocks
from tokensh.rows import RowSet
from tokensh.text import escape_unsafe

# Backslashes escape punctuation; "<" and "&" would begin HTML, which GitHub interprets, so they become entities.
_MARKUP = re.compile(r"[\\|`*\[\]<>&]|\n")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": "<br>"}


def _escape_markup(text: str) -> str:
    escaped = _MARKUP.sub(lambda match: _ENTITIES.get(match.group()) or "\\" + match.group(), text)
    return escape_unsafe(escaped)


def render_markdown(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write a table, always with a header, and return the number of rows; raises OSError if the stream fails.

    Markdown has no tables without a header.
    """
    null = cells.NULL if options.null is None else options.null
    columns = [cells.masking_formats(column, options, _escape_markup, null) for column in result.columns]
    names = " | ".join(_escape_markup(column.name) for column in result.columns)
    rules = " | ".join("---:" if column.type in cells.NUMERIC else "---" for column in result.columns)
    lines = (f"| {line} |\n" for line in cells.join_cells(result.rows, columns, " | ", ""))
    return write_blocks(stream, gather_blocks(result, lines), head=f"| {names} |\n| {rules} |\n")
