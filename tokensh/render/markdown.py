"""Write a GitHub-flavoured Markdown table whose cells are plain text: no markup of a value takes effect."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import format_blocks, write_blocks
from tokensh.rows import Row, RowSet
from tokensh.text import escape_unsafe

# Backslashes escape punctuation; "<" and "&" would begin HTML, which GitHub interprets, so they become entities. An underscore
# inside a word does not begin emphasis.
_MARKUP = re.compile(r"[\\|`*~\[\]<>&\n]|(?<![^\W_])_|_(?![^\W_])")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": "<br>"}
# What GitHub makes links, formulas and pictures of after a backslash has done its work: addresses, @user and @team, #1 and GH-1,
# $formulas$, :names:. An element of its own for one character is what GitHub's documentation advises.
_LIVE = re.compile(
    r"[$]|@(?=\w)|#(?=\d)|(?<=\bGH)-(?=\d)|:(?=//|[a-z+_-][\w+-]*:)|(?<=\bwww)[.]|(?<=\bmailto):|(?<=\bxmpp):",
    re.IGNORECASE,
)


def _escape_markup(text: str) -> str:
    escaped = _MARKUP.sub(lambda match: _ENTITIES.get(match.group()) or "\\" + match.group(), text)
    return escape_unsafe(_LIVE.sub(r"<span>\g<0></span>", escaped))


def render_markdown(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write a table, always with a header, and return the number of rows; raises OSError if the stream fails.

    Markdown has no tables without a header.
    """
    null = cells.NULL if options.null is None else options.null
    columns = [cells.masking_formats(column, options, _escape_markup, null) for column in result.columns]
    names = " | ".join(_escape_markup(column.name) for column in result.columns)
    rules = " | ".join("---:" if column.type in cells.NUMERIC else "---" for column in result.columns)

    def format_rows(rows: Sequence[Row]) -> str:
        return cells.join_columns(cells.format_columns(rows, columns), "| ", " | ", " |\n")

    return write_blocks(stream, format_blocks(result, result.rows, format_rows), head=f"| {names} |\n| {rules} |\n")
