"""Write `name = value`, one column per line and a blank line between rows, like sqlite3's `.mode line`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import gather_blocks, write_blocks
from tokensh.rows import RowSet
from tokensh.text import escape_unsafe, width


def _format_records(result: RowSet, options: Options) -> Iterator[str]:
    names = [escape_unsafe(column.name) for column in result.columns]
    longest = max(map(width, names))
    labels = [" " * (longest - width(name)) + name + " = " for name in names]
    columns = [cells.readable_formats(column, options) for column in result.columns]
    separator = ""
    # The blank line goes before a record instead of after it: the last one must not end in a blank line.
    for row in result.rows:
        cell_texts = [formats[type(value)](value) for formats, value in zip(columns, row, strict=True)]
        lines = [f"{label}{text}\n" for label, text in zip(labels, cell_texts, strict=True)]
        yield separator + "".join(lines)
        separator = "\n"


def render_line(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write records of lines and return the number of rows; raises OSError if the stream fails."""
    return write_blocks(stream, gather_blocks(result, _format_records(result, options)))
