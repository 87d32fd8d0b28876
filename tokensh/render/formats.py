r"""Output formats: one table of their names, renderers and properties, and `render`, which writes a result in one of them.

Everything that lists formats reads `FORMATS`: `-o`, `--help`, `\pset format` and its completion, the choice whether the shell
masks secrets, and the tests. Importing this module loads no renderer, since `--help` needs only the names and a run needs one
of them.
"""

from __future__ import annotations

from importlib import import_module

from tokensh._dataclasses import dataclass
from tokensh.errors import InterfaceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from tokensh.render.options import Options
    from tokensh.rows import RowSet

    Renderer = Callable[[RowSet, TextIO, Options], int]
    """A function that writes a result, flushes the stream and returns the number of rows."""


@dataclass(frozen=True, slots=True)
class Format:
    """An output format.

    Attributes:
        module: the module of this package that holds the renderer.
        function: the name of the renderer there.
        description: what it looks like, in a few words for the user.
        masks_secrets: True for a format that users read: the shell masks secrets in it; False: programs get the values.
        shows_rows: whether each row of a result is in it.
    """

    module: str
    function: str
    description: str
    masks_secrets: bool
    shows_rows: bool = True

    def load_renderer(self) -> Renderer:
        """Import the renderer's module and return the renderer."""
        renderer: Renderer = getattr(import_module(f"tokensh.render.{self.module}"), self.function)
        return renderer


FORMATS: Mapping[str, Format] = {
    "table": Format(
        "table", "render_table", "a box of columns, or records where a terminal is too narrow", masks_secrets=True
    ),
    "json": Format("json", "render_json", "one array of objects", masks_secrets=False),
    "jsonl": Format("json", "render_jsonl", "one JSON object per line", masks_secrets=False),
    "csv": Format("csv", "render_csv", "comma-separated values (RFC 4180)", masks_secrets=False),
    "tsv": Format("csv", "render_tsv", "tab-separated values, one row per line", masks_secrets=False),
    "text": Format("csv", "render_text", "cells separated by commas, unquoted", masks_secrets=True),
    "markdown": Format("markdown", "render_markdown", "a GitHub-flavoured Markdown table", masks_secrets=True),
    "html": Format("page", "render_page", "a web page: a table to sort and filter, and a chart", masks_secrets=True),
    "chart": Format("chart", "render_chart", "bars of a number, or a timeline", masks_secrets=True, shows_rows=False),
    "line": Format("line", "render_line", "one `name = value` per line", masks_secrets=True),
}


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises:
        InterfaceError: The name is unknown.
    """
    if name in FORMATS:
        return FORMATS[name]
    from tokensh.text import did_you_mean  # noqa: PLC0415 (needed only after a mistake)

    hint = did_you_mean(name, FORMATS) or f"the formats are {', '.join(FORMATS)}"
    raise InterfaceError(f"unknown output format {name!r}", hint=hint)


def render(name: str, result: RowSet, stream: TextIO, options: Options) -> int:
    """Write a result in the named format and flush; a result without columns is read to its end and prints nothing.

    Rows of an incremental result are written and flushed one by one, each before the next is asked for; others in blocks.

    Returns:
        The number of rows.

    Raises:
        InterfaceError: The format is unknown.
        OSError: The stream could not be written to (ValueError: it is closed).
        Error: Reading the rows failed; what was written before stays well-formed.
    """
    output_format = find_format(name)
    if not result.columns:
        return sum(1 for _ in result.rows)
    return output_format.load_renderer()(result, stream, options)
