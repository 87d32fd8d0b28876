"""line: `name = value`, one column a line, a blank line between rows (as sqlite3's `.mode line`)."""

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
    before = ""
    for row in result.rows:
        lines = [label + one[type(value)](value) + "\n" for label, one, value in zip(labels, columns, row, strict=True)]
        yield before + "".join(lines)
        before = "\n"


def render_line(result: RowSet, stream: TextIO, options: Options) -> int:
    """Records of lines. Returns the number of rows; raises OSError if the stream fails."""
    return write_blocks(stream, gather_blocks(result, _format_records(result, options)))
