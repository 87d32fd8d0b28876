"""Write a table of columns, or one record per row.

On a file or a pipe the table is complete: whole cells, columns as wide as their widest cell, one line per row. On a terminal
it is fitted to the width (see layout), and if that is not enough each row becomes a record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice, zip_longest
from typing import TextIO

from tokensh.render import cells
from tokensh.render.borders import LINE_STYLES, Frame, make_frame
from tokensh.render.layout import LaidOutColumn, fit_columns, keep_if_fitting, lay_out_columns
from tokensh.render.options import Options
from tokensh.render.writer import Block, Piece, block_rows, format_blocks, gather_blocks, write_blocks
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.text import width

MEASURED_ROWS = 1000
"""The number of rows that widths come from on a terminal; a longer text further down wraps."""

# Dashes after the longest name, like psql's; the exact number has no meaning.
_RECORD_RULE = 24
# Lines of one value in a record.
_RECORD_LINES = 1000
# What `\watch` puts into the first column, and the style of such rows.
_MARKS: dict[Value, str] = {"+": "new", "-": "gone", "~": "changed"}


def _cell_style(column: Column, value: Value, options: Options) -> str:
    if value is None:
        return "null"
    if column.secret and options.mask:
        return "hidden"
    return cells.expiry_style(column, value, options.now)


def _style_line(pieces: Iterable[Piece], lines: tuple[str, str, str]) -> list[Piece]:
    """Return a line as pieces; unstyled cells are joined with the borders, since each piece costs time in rich."""
    left, between, right = lines
    line: list[Piece] = []
    plain = ""
    before = left
    for text, kind in pieces:
        plain += before
        before = between
        if kind:
            line += ((plain, ""), (text, kind))
            plain = ""
        else:
            plain += text
    return [*line, (f"{plain}{right}\n", "")]


def _make_table_frame(columns: list[LaidOutColumn], options: Options) -> Frame:
    widths = [column.cells for column in columns]
    return make_frame(LINE_STYLES[options.linestyle], widths, options.border, _border_painter(options))


def _border_painter(options: Options) -> Callable[[str], str]:
    """Return a function that styles the text of borders. They are painted once, and not by rich in each row."""
    style = options.styles["border"]
    if not (options.terminal and options.colour and style):
        return lambda text: text
    from tokensh.render.terminal import paint_text  # noqa: PLC0415 (loads rich, which only a colour terminal needs)

    return lambda text: paint_text(text, style, options.depth)


def _table_head(columns: list[LaidOutColumn], frame: Frame, options: Options) -> list[Piece]:
    """Return the lines above the rows."""
    if not options.header:
        return [(frame.top, "")]
    names = _style_line(((column.header_cell(), "header") for column in columns), frame.lines)
    return [(frame.top, ""), *names, (frame.middle, "")]


def _style_rows(
    columns: list[LaidOutColumn], rows: Iterable[Row], frame: Frame, options: Options
) -> Iterator[list[Piece]]:
    wraps = _has_lines(columns)
    for row in rows:
        pairs = list(zip(columns, row, strict=True))
        kinds = [_cell_style(column.column, value, options) for column, value in pairs]
        if options.shows_changes and (mark := _MARKS.get(row[0])):
            kinds = [mark] * len(kinds)
        if wraps:
            yield _wrap_row([column.cell_lines(value) for column, value in pairs], columns, kinds, frame)
        else:
            texts = [column.cell(value) for column, value in pairs]
            yield _style_line(zip(texts, kinds, strict=True), frame.lines)


def _has_lines(columns: list[LaidOutColumn]) -> bool:
    """Return whether a cell may take several lines."""
    return any(column.wraps or column.multiline for column in columns)


def _wrap_row(texts: list[list[str]], columns: list[LaidOutColumn], kinds: list[str], frame: Frame) -> list[Piece]:
    """Return the lines of a row; all but the first have other borders, so that no value can imitate a row."""
    if max(map(len, texts)) == 1:
        return _style_line(zip((text for (text,) in texts), kinds, strict=True), frame.lines)
    blanks = [" " * column.cells for column in columns]
    pieces: list[Piece] = []
    for number, line in enumerate(zip_longest(*texts)):
        filled = [blank if text is None else text for text, blank in zip(line, blanks, strict=True)]
        pieces += _style_line(zip(filled, kinds, strict=True), frame.wrapped if number else frame.lines)
    return pieces


def _format_plain(columns: list[LaidOutColumn], rows: Sequence[Row], frame: Frame) -> str:
    """Return a block of rows without the pieces and styles of `_style_rows`."""
    texts = (column.column_cells(values) for column, values in zip(columns, zip(*rows, strict=True), strict=True))
    left, between, right = frame.lines
    return cells.join_columns(texts, left, between, f"{right}\n")


def _format_records(columns: list[LaidOutColumn], rows: Iterable[Row], options: Options) -> Iterator[list[Piece]]:
    """Yield each row as a record, one column per line, nothing shortened."""
    longest = max(width(column.header) for column in columns)
    style = LINE_STYLES[options.linestyle]
    paint, vertical = _border_painter(options), style.vertical.strip() or style.wrapped
    line, further = paint(f" {vertical} "), "\n" + " " * longest + paint(f" {style.wrapped} ")
    names = [column.header + " " * (longest - width(column.header)) for column in columns]
    for number, row in enumerate(rows, 1):
        mark = _MARKS.get(row[0], "") if options.shows_changes else ""
        title = f"{style.dash}[ RECORD {number} ]{f'{style.dash}[ {mark} ]' if mark else ''}"
        rule = title.ljust(longest + _RECORD_RULE, style.dash)
        record: list[Piece] = [(f"{rule}\n", mark) if mark else (f"{paint(rule)}\n", "")]
        for name, column, value in islice(zip(names, columns, row, strict=True), int(options.shows_changes), None):
            kind = _cell_style(column.column, value, options)
            texts = _record_lines(column, value) if options.terminal else [column.text(value)]
            record += ((name, "name"), (line, ""), (texts[0], kind))
            for text in texts[1:]:
                record += ((further, ""), (text, kind))
            record.append(("\n", ""))
        yield record


def _record_lines(column: LaidOutColumn, value: Value) -> list[str]:
    """Return the lines of a value in a record: JSON is indented, and a text's own lines are kept."""
    if not isinstance(value, str) or column.column.secret:
        return [column.text(value)]
    if value[:1] in ("{", "["):
        with suppress(ValueError, RecursionError):
            value = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    return [column.text(line) for line in value.split("\n")[:_RECORD_LINES]]


def _to_blocks(result: RowSet, records: Iterator[list[Piece]], options: Options) -> Iterator[Block]:
    """Yield the records as blocks of text, styled if the options say so."""
    if options.terminal and options.colour:
        from tokensh.render.terminal import paint  # noqa: PLC0415 (loads rich, which only a colour terminal needs)

        return paint(records, block_rows(result), options.styles, options.depth)
    return gather_blocks(result, map(_plain_text, records))


def _plain_text(pieces: list[Piece]) -> str:
    return "".join([text for text, _ in pieces])


def _take_measured(result: RowSet, options: Options) -> list[Row]:
    """Read the rows that determine the widths: all of them if nothing may be shortened.

    Of a write only the first: asking for the second would send the next request before the first row is shown.
    """
    limit = 1 if result.incremental else MEASURED_ROWS if options.terminal else None
    return list(islice(result.rows, limit))


def _choose_layout(result: RowSet, measured: list[Row], options: Options) -> tuple[list[LaidOutColumn], bool]:
    """Return the columns and True if the rows become records."""
    columns = lay_out_columns(result.columns, measured, options)
    if not measured or options.expanded is True:
        return columns, bool(measured)
    if not options.terminal or options.width is None:
        return columns, False
    # A write is measured by its first row only, so nothing is shortened: the next rows may hold longer secrets.
    limit = options.width
    fitting = keep_if_fitting(columns, limit) if result.incremental else fit_columns(columns, measured, options, limit)
    return (fitting, False) if fitting else (columns, options.expanded == "auto")


def render_table(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write a table or records and return the number of rows; raises OSError if the stream fails."""
    measured = _take_measured(result, options)
    columns, expanded = _choose_layout(result, measured, options)
    rows = chain(measured, result.rows)
    if expanded:
        return write_blocks(stream, _to_blocks(result, _format_records(columns, rows, options), options))
    frame = _make_table_frame(columns, options)
    top, rule = _table_head(columns, frame, options), frame.bottom
    if not (options.terminal and options.colour) and not _has_lines(columns):
        blocks = format_blocks(result, rows, lambda block: _format_plain(columns, block, frame))
        return write_blocks(stream, blocks, head=_plain_text(top), tail=rule)
    # Head and tail go through the same styling as rows, each as a block of its own.
    (head, _), (tail, _) = (next(_to_blocks(result, iter([part]), options)) for part in (top, [(rule, "")]))
    return write_blocks(
        stream, _to_blocks(result, _style_rows(columns, rows, frame, options), options), head=head, tail=tail
    )
