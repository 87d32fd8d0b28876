r"""Write csv (RFC 4180 but for its line ends), tsv (PostgreSQL's COPY) and text (StackQL's).

csv ends lines with `\n` as StackQL does, quotes what needs it, and tells NULL (nothing) from an empty text (`""`).
tsv writes tab, newline, carriage return and backslash as `\t`, `\n`, `\r`, `\\` and NULL as `\N`.
text joins the cells without quotes: for users, not for programs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TextIO

from tokensh.errors import InterfaceError
from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import format_blocks, write_blocks
from tokensh.rows import Column, Row, RowSet
from tokensh.text import SURROGATES, escape_surrogates, escape_unsafe

_TSV_SPECIAL = re.compile(rf"[\\\t\n\r{SURROGATES}]")
# A spreadsheet takes these for the beginning of a formula, the full-width ones of Asian keyboards too, and also behind blanks and
# quotes. Texts that begin with a tab or a line end are on OWASP's list.
_begins_formula = re.compile(
    r"[\s\"'\x00\u200b\ufeff]*[=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]"
).match
_LINE_STARTS = ("\t", "\r", "\n")
# What separates cells for some spreadsheet: `;` where the comma is in decimal numbers.
_CELL_ENDS = re.compile("([;\t\r\n])")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_TSV_ESCAPES = {"\\": "\\\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


def _make_quoter(delimiter: str, null: str) -> cells.TextFormat:
    special = re.compile(f'["\r\n{SURROGATES}]|{re.escape(delimiter)}').search

    # An empty text is quoted if NULL is empty, so that the two can be told apart.
    def quote(text: str) -> str:
        if text != null and not special(text):
            return text
        return '"' + escape_surrogates(text).replace('"', '""') + '"'

    def quote_all(texts: Sequence[str]) -> Iterable[str]:
        joined = "".join(texts)
        present = [mark for mark in marks if mark in joined]
        if len(present) > 1 or (not joined.isascii() and special(joined)):
            return map(quote, texts)
        if not present and null not in texts:
            return texts
        mark = present[0] if present else marks[0]
        return [quote(text) if mark in text or text == null else text for text in texts]

    marks = ('"', "\r", "\n", delimiter)
    return cells.TextFormat(quote, quote_all)


def _tsv_text(text: str) -> str:
    return _TSV_SPECIAL.sub(lambda match: _TSV_ESCAPES.get(match.group()) or escape_unsafe(match.group()), text)


def _format_tsv_texts(texts: Sequence[str]) -> Iterable[str]:
    return map(_tsv_text, texts) if _TSV_SPECIAL.search("".join(texts)) else texts


_TSV_TEXT = cells.TextFormat(_tsv_text, _format_tsv_texts)


def _make_inert(text: Callable[[str], str], options: Options) -> Callable[[str], str]:
    """Return the format, preceded by escapes on a terminal (all control characters but newline) and by `csv_safe`."""
    # A file or a pipe gets the exact text: a program must read what the API sent.
    safe_text = (lambda value: text(escape_unsafe(value, keep_newlines=True))) if options.terminal else text
    return (lambda value: safe_text(_defuse_formula(value))) if options.csv_safe else safe_text


def _defuse_formula(value: str) -> str:
    """Put an apostrophe before a text, and before each part of it, that a spreadsheet would evaluate; numbers stay numbers.

    A part is what a spreadsheet that separates cells with `;` takes for a cell. The characters are those of OWASP's page on CSV
    injection, and their full-width forms.
    """
    defused = "".join(f"'{part}" if _is_formula(part) else part for part in _CELL_ENDS.split(value))
    return f"'{defused}" if value.startswith(_LINE_STARTS) else defused


def _is_formula(text: str) -> bool:
    return _begins_formula(text) is not None and not _NUMBER(text)


class _Dialect(NamedTuple):
    format_text: Callable[[str], str]
    delimiter: str
    null: str
    masks_secrets: bool = False

    def column_formats(self, column: Column, options: Options) -> cells.Formats:
        """Return the formats of a column; only a format for users masks secrets."""
        if self.masks_secrets:
            return cells.masking_formats(column, options, self.format_text, self.null)
        return cells.make_formats(column, self.format_text, self.null)


def _write_rows(result: RowSet, stream: TextIO, options: Options, dialect: _Dialect) -> int:
    text, delimiter = dialect.format_text, dialect.delimiter
    columns = [dialect.column_formats(column, options) for column in result.columns]
    head = delimiter.join(text(column.name) for column in result.columns) + "\n" if options.header else ""

    def format_rows(rows: Sequence[Row]) -> str:
        return cells.join_columns(cells.format_columns(rows, columns), "", delimiter, "\n")

    return write_blocks(stream, format_blocks(result, result.rows, format_rows), head=head)


def render_csv(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write comma-separated values and return the number of rows.

    Raises:
        InterfaceError: The delimiter is empty, a quote or a line end.
        OSError: The stream could not be written to.
    """
    delimiter = "," if options.delimiter is None else options.delimiter
    if not delimiter or set(delimiter) & set('"\r\n'):
        raise InterfaceError(
            f"invalid csv delimiter: {delimiter!r}", hint="it must not be empty, a quote or a line end"
        )
    null = options.null or ""
    return _write_rows(
        result, stream, options, _Dialect(_make_inert(_make_quoter(delimiter, null), options), delimiter, null)
    )


def render_tsv(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write tab-separated values and return the number of rows; raises OSError if the stream fails."""
    null = r"\N" if options.null is None else options.null
    return _write_rows(result, stream, options, _Dialect(_make_inert(_TSV_TEXT, options), "\t", null))


def render_text(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write cells and delimiters, one row per line, and return the number of rows; raises OSError if the stream fails."""
    delimiter = "," if options.delimiter is None else options.delimiter
    null = "null" if options.null is None else options.null
    return _write_rows(result, stream, options, _Dialect(cells.SAFE_TEXT, delimiter, null, masks_secrets=True))
