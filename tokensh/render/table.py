"""table: a box of columns, or records one below the other.

One layout of cells and widths serves files and terminals. Off a terminal it is complete: every cell whole, as wide as the
widest, one line a row whatever it holds. On a terminal it is fitted, and if that is not enough each row becomes a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice, zip_longest
from typing import TextIO

from tokensh.render import cells
from tokensh.render.layout import LaidOutColumn, fit_columns, keep_if_fitting, lay_out_columns
from tokensh.render.options import Options
from tokensh.render.writer import Block, Piece, block_rows, gather_blocks, write_blocks
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.text import width

MEASURED_ROWS = 10_000
"""On a terminal the widths come from this many rows; a longer text further down flows over lines."""

_RECORD_RULE = 24
_MARKS: dict[Value, str] = {"+": "new", "-": "gone", "~": "changed"}


def _cell_style(column: Column, value: Value, options: Options) -> str:
    if value is None:
        return "null"
    if column.secret and options.mask:
        return "hidden"
    return cells.expiry_style(column, value, options.now)


def _plain_line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |\n"


def _styled_line(pieces: Iterable[Piece], border: str = "|") -> list[Piece]:
    """A line in as few pieces as its styles allow: what is ordinary goes together with the borders."""
    line: list[Piece] = []
    plain = f"{border} "
    for text, kind in pieces:
        if kind:
            line += ((plain, ""), (text, kind))
            plain = f" {border} "
        else:
            plain += f"{text} {border} "
    return [*line, (plain[:-1] + "\n", "")]


def _table_frame(columns: list[LaidOutColumn], options: Options) -> tuple[list[Piece], str]:
    """What stands above the rows, and the rule below them."""
    rule = f"|{'|'.join('-' * (column.cells + 2) for column in columns)}|\n"
    if not options.header:
        return [(rule, "")], rule
    names = _styled_line((column.header_cell(), "header") for column in columns)
    return [(rule, ""), *names, (rule, "")], rule


def _styled_rows(columns: list[LaidOutColumn], rows: Iterable[Row], options: Options) -> Iterator[list[Piece]]:
    flows = any(column.wraps for column in columns)
    for row in rows:
        kinds = [_cell_style(one.column, value, options) for one, value in zip(columns, row, strict=True)]
        if options.shows_changes and (mark := _MARKS.get(row[0])):
            kinds = [mark] * len(kinds)
        if flows:
            yield _wrapped_row([one.cell_lines(value) for one, value in zip(columns, row, strict=True)], columns, kinds)
        else:
            texts = [one.cell(value) for one, value in zip(columns, row, strict=True)]
            yield _styled_line(zip(texts, kinds, strict=True))


def _wrapped_row(texts: list[list[str]], columns: list[LaidOutColumn], kinds: list[str]) -> list[Piece]:
    """The lines of a row; all but the first have other borders, so that none can be taken for a row of its own."""
    if max(map(len, texts)) == 1:
        return _styled_line(zip((text for (text,) in texts), kinds, strict=True))
    blanks = [" " * column.cells for column in columns]
    pieces: list[Piece] = []
    for number, line in enumerate(zip_longest(*texts)):
        shown = [blank if text is None else text for text, blank in zip(line, blanks, strict=True)]
        pieces += _styled_line(zip(shown, kinds, strict=True), ":" if number else "|")
    return pieces


def _plain_rows(columns: list[LaidOutColumn], rows: Iterable[Row]) -> Iterator[str]:
    makers = [column.cell for column in columns]
    for row in rows:
        yield _plain_line([make(value) for make, value in zip(makers, row, strict=True)])


def _expanded_records(columns: list[LaidOutColumn], rows: Iterable[Row], options: Options) -> Iterator[list[Piece]]:
    """Each row as a record, one column a line, nothing cut."""
    longest = max(width(column.header) for column in columns)
    names = [column.header + " " * (longest - width(column.header)) for column in columns]
    for number, row in enumerate(rows, 1):
        mark = _MARKS.get(row[0], "") if options.shows_changes else ""
        rule = f"-[ RECORD {number} ]{f'-[ {mark} ]' if mark else ''}".ljust(longest + _RECORD_RULE, "-")
        record: list[Piece] = [(f"{rule}\n", mark)]
        for name, column, value in islice(zip(names, columns, row, strict=True), int(options.shows_changes), None):
            text = column.text(value)
            record += ((name, "name"), (" | ", ""), (text, _cell_style(column.column, value, options)), ("\n", ""))
        yield record


def _to_blocks(result: RowSet, records: Iterator[list[Piece]], options: Options) -> Iterator[Block]:
    """Records as blocks of text, styled if that is asked for."""
    if options.terminal and options.colour:
        from tokensh.render.terminal import paint  # noqa: PLC0415 (loads rich, which only a colour terminal needs)

        return paint(records, block_rows(result))
    return gather_blocks(result, map(_plain_text, records))


def _plain_text(pieces: list[Piece]) -> str:
    return "".join([text for text, _ in pieces])


def _take_measured(result: RowSet, options: Options) -> list[Row]:
    """The rows that decide the widths: all of them where nothing may be cut."""
    limit = 1 if result.incremental else MEASURED_ROWS if options.terminal else None
    return list(islice(result.rows, limit))


def _choose_layout(result: RowSet, measured: list[Row], options: Options) -> tuple[list[LaidOutColumn], bool]:
    """The columns, and whether the rows become records."""
    columns = lay_out_columns(result.columns, measured, options)
    if not measured or options.expanded is True:
        return columns, bool(measured)
    if not options.terminal or options.width is None:
        return columns, False
    # A write's first row does not tell what may be cut of the next ones, and theirs are the values that matter.
    limit = options.width
    fitting = keep_if_fitting(columns, limit) if result.incremental else fit_columns(columns, measured, options, limit)
    return (fitting, False) if fitting else (columns, options.expanded == "auto")


def render_table(result: RowSet, stream: TextIO, options: Options) -> int:
    """A table, or records. Returns the number of rows; raises OSError if the stream fails."""
    measured = _take_measured(result, options)
    columns, expanded = _choose_layout(result, measured, options)
    rows = chain(measured, result.rows)
    if expanded:
        return write_blocks(stream, _to_blocks(result, _expanded_records(columns, rows, options), options))
    top, rule = _table_frame(columns, options)
    if not (options.terminal and options.colour) and not any(column.wraps for column in columns):
        return write_blocks(stream, gather_blocks(result, _plain_rows(columns, rows)), head=_plain_text(top), tail=rule)
    (head, _), (tail, _) = (next(_to_blocks(result, iter([part]), options)) for part in (top, [(rule, "")]))
    return write_blocks(stream, _to_blocks(result, _styled_rows(columns, rows, options), options), head=head, tail=tail)
