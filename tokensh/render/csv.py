r"""csv (RFC 4180 but for its line ends), tsv (PostgreSQL's COPY) and text (StackQL's).

csv ends lines with `\n` as StackQL does, quotes what needs it, and tells NULL (nothing) from an empty text (`""`).
tsv writes tab, newline, carriage return and backslash as `\t`, `\n`, `\r`, `\\` and NULL as `\N`.
text joins the cells as they are read, unquoted: for eyes, not for programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TextIO

from tokensh.errors import InterfaceError
from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import gather_blocks, write_blocks
from tokensh.rows import Column, RowSet
from tokensh.text import SURROGATES, escape_surrogates, escape_unsafe

_TSV_SPECIAL = re.compile(rf"[\\\t\n\r{SURROGATES}]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_TSV_ESCAPES = {"\\": "\\\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


def _make_quoter(delimiter: str, null: str) -> Callable[[str], str]:
    special = re.compile(f'["\r\n{SURROGATES}]|{re.escape(delimiter)}').search

    def quoted(text: str) -> str:
        if text != null and not special(text):
            return text
        return '"' + escape_surrogates(text).replace('"', '""') + '"'

    return quoted


def _tsv_text(text: str) -> str:
    return _TSV_SPECIAL.sub(lambda found: _TSV_ESCAPES.get(found.group()) or escape_unsafe(found.group()), text)


def _make_inert(text: Callable[[str], str], options: Options) -> Callable[[str], str]:
    """On a terminal no control character but the newline goes through; a file or a pipe gets the exact text."""
    shown = (lambda value: text(escape_unsafe(value, keep_newlines=True))) if options.terminal else text
    return (lambda value: shown(_defuse_formula(value))) if options.csv_safe else shown


def _defuse_formula(value: str) -> str:
    """What a spreadsheet would take for a formula behind an apostrophe; a number stays one."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) and not _NUMBER(value) else value


class _Dialect(NamedTuple):
    format_text: Callable[[str], str]
    delimiter: str
    null: str
    masks_secrets: bool = False

    def column_format(self, column: Column, options: Options) -> Callable[[str], str]:
        """What becomes of a column's strings; a program gets its secrets, a person asks for them."""
        return cells.masking_format(column, options, self.format_text) if self.masks_secrets else self.format_text


def _write_rows(result: RowSet, stream: TextIO, options: Options, dialect: _Dialect) -> int:
    text, delimiter, null, _ = dialect
    columns = [cells.make_formats(column, dialect.column_format(column, options), null) for column in result.columns]
    head = delimiter.join(text(column.name) for column in result.columns) + "\n" if options.header else ""
    return write_blocks(stream, gather_blocks(result, cells.join_cells(result.rows, columns, delimiter)), head=head)


def render_csv(result: RowSet, stream: TextIO, options: Options) -> int:
    """Comma-separated values. Returns the number of rows; raises OSError, or InterfaceError for a delimiter like `"`."""
    delimiter = "," if options.delimiter is None else options.delimiter
    if not delimiter or set(delimiter) & set('"\r\n'):
        raise InterfaceError("a csv delimiter is neither empty nor a quote nor a line end")
    null = options.null or ""
    return _write_rows(
        result, stream, options, _Dialect(_make_inert(_make_quoter(delimiter, null), options), delimiter, null)
    )


def render_tsv(result: RowSet, stream: TextIO, options: Options) -> int:
    """Tab-separated values. Returns the number of rows; raises OSError if the stream fails."""
    null = r"\N" if options.null is None else options.null
    return _write_rows(result, stream, options, _Dialect(_make_inert(_tsv_text, options), "\t", null))


def render_text(result: RowSet, stream: TextIO, options: Options) -> int:
    """Cells and delimiters, one row a line. Returns the number of rows; raises OSError if the stream fails."""
    delimiter = "," if options.delimiter is None else options.delimiter
    null = "null" if options.null is None else options.null
    return _write_rows(result, stream, options, _Dialect(escape_unsafe, delimiter, null, masks_secrets=True))
