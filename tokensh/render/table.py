"""table: a box of columns, or records one below the other.

One layout of cells and widths serves files and terminals. Off a terminal it is complete: every cell whole, as wide as the
widest. On a terminal it is fitted: long hexadecimal ids lose their middle but stay distinct, then the widest texts lose
their end, and if that is not enough each row becomes a record. Every cell is one line, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TextIO

from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.render.writer import Block, Piece, block_rows, blocks, emit
from tokensh.rows import Column, RowSet, Value
from tokensh.text import elide_middle, truncate, visible, width

MEASURED_ROWS = 10_000
"""On a terminal the widths come from this many rows; a longer text further down is cut."""

_ID = re.compile(r"[0-9a-f]{32,}")
_SHORTEST_ID = 9
_SHORTEST_TEXT = 12
_RECORD_RULE = 24

Row = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class _Column:
    """How a column is laid out: its share of the line in terminal cells, and what is done to what does not fit in it."""

    source: Column
    header: str
    formats: cells.Formats
    cells: int = 0
    right: bool = False
    shorten: Callable[[str, int], str] | None = None

    def text(self, value: Value) -> str:
        """The whole cell."""
        return self.formats[type(value)](value)

    def cell(self, value: Value) -> str:
        """The cell as wide as its column; wider if it may not be shortened."""
        return self.fill(self.formats[type(value)](value), self.right)

    def fill(self, text: str, right: bool = False) -> str:
        """Text as wide as the column."""
        size = width(text)
        if size > self.cells and self.shorten:
            text = self.shorten(text, self.cells)
            size = width(text)
        padding = " " * (self.cells - size)
        return padding + text if right else text + padding


def _is_right(column: Column, values: Iterable[Value], options: Options) -> bool:
    """Numbers stand at the right; a column without a type counts as one if all that is known of it are numbers."""
    if column.type in cells.NUMERIC:
        return not (options.terminal and options.times == "readable" and cells.is_time(column))
    known = {type(value) for value in values} - {type(None)}
    return column.type == "any" and bool(known) and known <= {int, float}


def _lay_out(columns: Sequence[Column], measured: Sequence[Row], options: Options) -> list[_Column]:
    """The columns as wide as their widest cell."""
    laid_out = []
    for at, source in enumerate(columns):
        values = [row[at] for row in measured]
        column = _Column(
            source, visible(source.name), cells.human(source, options), right=_is_right(source, values, options)
        )
        widest = max((width(column.text(value)) for value in values), default=0)
        laid_out.append(replace(column, cells=max(widest, width(column.header) if options.header else 0)))
    return laid_out


def _room(columns: Sequence[_Column], limit: int) -> int:
    """What the borders leave of `limit` terminal cells."""
    return limit - 3 * len(columns) - 1


def _whole(columns: list[_Column], limit: int) -> list[_Column] | None:
    """The columns as they are, if they fit within `limit` terminal cells."""
    return columns if sum(column.cells for column in columns) <= _room(columns, limit) else None


def _ids(values: Iterable[Value]) -> set[str]:
    """The values of a column if all of them are long hexadecimal ids, else nothing."""
    ids = set()
    for value in values:
        if isinstance(value, str) and _ID.fullmatch(value):
            ids.add(value)
        elif value is not None:
            return set()
    return ids


def _elided(column: _Column, texts: set[str]) -> _Column:
    """A column of ids without their middle, as short as leaves them distinct."""
    for size in range(max(_SHORTEST_ID, width(column.header)), column.cells):
        if len({elide_middle(text, size) for text in texts}) == len(texts):
            return replace(column, cells=size, shorten=elide_middle)
    return column


def _shrunk(columns: list[_Column], room: int) -> list[_Column] | None:
    """The widest texts cut until all columns fit into `room` cells; None if that would leave too little of them."""
    # No column can be wider than the room; saying so first bounds the steps.
    most = max(room, _SHORTEST_TEXT)
    columns = [replace(one, cells=min(one.cells, most)) if one.shorten else one for one in columns]
    while (excess := sum(one.cells for one in columns) - room) > 0:
        open_to = [at for at, one in enumerate(columns) if one.shorten is truncate and one.cells > _SHORTEST_TEXT]
        if not open_to:
            return None
        widest = max(open_to, key=lambda at: columns[at].cells)
        step = max(1, min(excess // len(open_to), columns[widest].cells - _SHORTEST_TEXT))
        columns[widest] = replace(columns[widest], cells=columns[widest].cells - step)
    return columns


def _fitted(columns: list[_Column], measured: Sequence[Row], limit: int) -> list[_Column] | None:
    """The columns within `limit` terminal cells, borders included; None if they cannot be."""
    room = _room(columns, limit)
    over = _whole(columns, limit) is None
    fitted = []
    for at, column in enumerate(columns):
        texts = _ids(row[at] for row in measured) if over else set()
        if texts:
            fitted.append(_elided(column, texts))
        elif column.right or column.source.secret or cells.is_time(column.source):
            fitted.append(column)
        else:
            fitted.append(replace(column, shorten=truncate))
    return _shrunk(fitted, room)


def _style(column: Column, value: Value, options: Options) -> str:
    if value is None:
        return "null"
    if column.secret and options.mask:
        return "hidden"
    return "past" if cells.is_past(column, value, options.now) else ""


def _line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |\n"


def _styled_line(pieces: Iterable[Piece]) -> list[Piece]:
    """A line in as few pieces as its styles allow: what is ordinary goes together with the borders."""
    line: list[Piece] = []
    plain = "| "
    for text, kind in pieces:
        if kind:
            line += ((plain, ""), (text, kind))
            plain = " | "
        else:
            plain += f"{text} | "
    return [*line, (plain[:-1] + "\n", "")]


def _frame(columns: list[_Column], options: Options) -> tuple[list[Piece], str]:
    """What stands above the rows, and the rule below them."""
    rule = f"|{'|'.join('-' * (column.cells + 2) for column in columns)}|\n"
    if not options.header:
        return [(rule, "")], rule
    names = _styled_line((column.fill(column.header, column.right), "header") for column in columns)
    return [(rule, ""), *names, (rule, "")], rule


def _box(columns: list[_Column], rows: Iterable[Row], options: Options) -> Iterator[list[Piece]]:
    for row in rows:
        yield _styled_line(
            (one.cell(value), _style(one.source, value, options)) for one, value in zip(columns, row, strict=True)
        )


def _plain_box(columns: list[_Column], rows: Iterable[Row]) -> Iterator[str]:
    makers = [column.cell for column in columns]
    for row in rows:
        yield _line([make(value) for make, value in zip(makers, row, strict=True)])


def _records(columns: list[_Column], rows: Iterable[Row], options: Options) -> Iterator[list[Piece]]:
    """Each row as a record, one column a line, nothing cut."""
    longest = max(width(column.header) for column in columns)
    names = [column.header + " " * (longest - width(column.header)) for column in columns]
    for number, row in enumerate(rows, 1):
        record: list[Piece] = [(f"-[ RECORD {number} ]".ljust(longest + _RECORD_RULE, "-") + "\n", "")]
        for name, column, value in zip(names, columns, row, strict=True):
            text = column.text(value)
            record += ((name, "name"), (" | ", ""), (text, _style(column.source, value, options)), ("\n", ""))
        yield record


def _written(result: RowSet, records: Iterator[list[Piece]], options: Options) -> Iterator[Block]:
    """Records as blocks of text, styled if that is asked for."""
    if options.terminal and options.colour:
        from tokensh.render.terminal import paint  # noqa: PLC0415 (loads rich, which only a colour terminal needs)

        return paint(records, block_rows(result))
    return blocks(result, map(_unstyled, records))


def _unstyled(pieces: list[Piece]) -> str:
    return "".join([text for text, _ in pieces])


def _measured(result: RowSet, options: Options) -> list[Row]:
    """The rows that decide the widths: all of them where nothing may be cut."""
    limit = 1 if result.incremental else MEASURED_ROWS if options.terminal else None
    return list(islice(result.rows, limit))


def _chosen(result: RowSet, measured: list[Row], options: Options) -> tuple[list[_Column], bool]:
    """The columns, and whether the rows become records."""
    columns = _lay_out(result.columns, measured, options)
    if not measured or options.expanded is True:
        return columns, bool(measured)
    if not options.terminal or options.width is None:
        return columns, False
    # A write's first row does not tell what may be cut of the next ones, and theirs are the values that matter.
    fitted = _whole(columns, options.width) if result.incremental else _fitted(columns, measured, options.width)
    return (fitted, False) if fitted else (columns, options.expanded == "auto")


def render_table(result: RowSet, stream: TextIO, options: Options) -> int:
    """A table, or records. Returns the number of rows; raises OSError if the stream fails."""
    measured = _measured(result, options)
    columns, expanded = _chosen(result, measured, options)
    rows = chain(measured, result.rows)
    if expanded:
        return emit(stream, _written(result, _records(columns, rows, options), options))
    top, rule = _frame(columns, options)
    if not (options.terminal and options.colour):
        return emit(stream, blocks(result, _plain_box(columns, rows)), head=_unstyled(top), tail=rule)
    (head, _), (tail, _) = (next(_written(result, iter([part]), options)) for part in (top, [(rule, "")]))
    return emit(stream, _written(result, _box(columns, rows, options), options), head=head, tail=tail)
