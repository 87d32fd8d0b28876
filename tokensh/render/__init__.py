"""Results to text: `render(name, result, stream, options)` with one of the formats in `RENDERERS`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TextIO

from tokensh.errors import InterfaceError
from tokensh.render.options import Options
from tokensh.rows import RowSet
from tokensh.text import nearest

__all__ = ["RENDERERS", "Options", "Renderer", "render"]

Renderer = Callable[[RowSet, TextIO, Options], int]
"""Writes a result, flushes, and returns the number of rows."""


def _late(module: str, function: str) -> Renderer:
    """A renderer whose module is loaded when it is first called: a run uses one format of eight."""

    def renderer(result: RowSet, stream: TextIO, options: Options) -> int:
        written: int = getattr(import_module(f"{__name__}.{module}"), function)(result, stream, options)
        return written

    return renderer


RENDERERS: dict[str, Renderer] = {
    "table": _late("table", "render_table"),
    "json": _late("json", "render_json"),
    "jsonl": _late("json", "render_jsonl"),
    "csv": _late("csv", "render_csv"),
    "tsv": _late("csv", "render_tsv"),
    "text": _late("csv", "render_text"),
    "markdown": _late("markdown", "render_markdown"),
    "line": _late("line", "render_line"),
}


def render(name: str, result: RowSet, stream: TextIO, options: Options) -> int:
    """Write a result in the named format and flush; a result without columns is read to its end and prints nothing.

    Rows of an incremental result are written and flushed one by one, each before the next is asked for; others in blocks.

    Returns:
        The number of rows.

    Raises:
        InterfaceError: There is no such format.
        OSError: The stream could not be written to (ValueError: it is closed).
        Error: What reading the rows raised; what was written before stays well-formed.
    """
    renderer = RENDERERS.get(name)
    if renderer is None:
        near = nearest(name, RENDERERS)
        hint = f"did you mean {near!r}?" if near else f"the formats are {', '.join(RENDERERS)}"
        raise InterfaceError(f"unknown output format {name!r}", hint=hint)
    if not result.columns:
        return sum(1 for _ in result.rows)
    return renderer(result, stream, options)
