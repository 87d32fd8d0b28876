"""Lay out a table's columns: their widths, and how cells are shortened that do not fit on a terminal.

If the table is too wide, columns are shortened in this order until it fits: long hexadecimal ids lose their middle but stay
distinct, times lose the time of day and then the date, texts wrap over several lines.
"""

# Why not rich.Table: it measures and wraps every cell again and holds all rows, which takes more than 50 times as long (row
# 12 of tests/benchmarks), and it knows nothing of ids that must stay distinct or of times that have shorter forms. Here the
# widths come from the first rows (table.MEASURED_ROWS), later rows stream through, and a cell that turns out wider is
# shortened or sticks out.
#
# Numbers, secrets and short ids are never wrapped or cut: they are there to be copied. If what remains does not fit either,
# `fit_columns` returns None and the rows are shown as records.

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from tokensh._dataclasses import dataclass, replace
from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value
from tokensh.text import elide_middle, escape_unsafe, truncate, width, wrap

_ID = re.compile(r"[0-9a-f]{32,}")
# In cells: less of an id cannot be told apart at a glance, less of a text cannot be read.
_SHORTEST_ID = 9
_SHORTEST_TEXT = 12
_READABLE_TEXT = 24
"""Cells of a text that has its own blanks, before a time gives up its date for it."""
_LINES_OF_TEXT = 1000
"""The most lines that a text has of its own; the rest is one more line."""
_LINE_LIMIT = 5
"""The most lines of a cell; a longer text ends in an ellipsis."""
_MEASURED_AT_ONCE = 1000
"""Values whose texts are in memory at the same time while a column is measured."""
_SHORTER_FORMS: tuple[cells.TimeForm, ...] = ("day", "distance")


@dataclass(frozen=True, slots=True)
class LaidOutColumn:
    """A column with its width in terminal cells, and the ways in which longer cells are shortened.

    Attributes:
        column: the column of the result.
        header: its name, safe to show.
        formats: how its values become text.
        cells: its width, without borders.
        align_right: pad at the left.
        shorten: cuts a text to a number of cells; None: longer cells stick out.
        wraps: longer cells wrap over several lines.
        multiline: texts keep their own lines.
    """

    column: Column
    header: str
    formats: cells.Formats
    cells: int = 0
    align_right: bool = False
    shorten: Callable[[str, int], str] | None = None
    wraps: bool = False
    multiline: bool = False

    def text(self, value: Value) -> str:
        """Return the whole cell, neither shortened nor padded."""
        return self.formats[type(value)](value)

    def cell(self, value: Value) -> str:
        """Return the cell as wide as its column; wider if it may not be shortened."""
        return self.pad(self.formats[type(value)](value), self.align_right)

    def column_cells(self, values: Sequence[Value]) -> Iterable[str]:
        """Return the cells of a block's values, each as `cell` gives it."""
        texts = list(cells.format_column(values, self.formats))
        if self.shorten or not cells.are_plain(texts):
            return [self.pad(text, self.align_right) for text in texts]
        if set(map(len, texts)) == {self.cells}:
            return texts
        return map(str.rjust if self.align_right else str.ljust, texts, repeat(self.cells))

    def measure(self, values: Sequence[Value]) -> int:
        """Return the width of the widest of the values' texts."""
        texts = list(cells.format_column(values, self.formats))
        return max(map(len if cells.are_plain(texts) else width, texts), default=0)

    def cell_lines(self, value: Value) -> list[str]:
        """Return the cell's lines, each as wide as its column."""
        if self.multiline and isinstance(value, str) and "\n" in value:
            lines = [self.formats[str](line) for line in value.split("\n", _LINES_OF_TEXT)]
            return [self.pad(piece) for line in lines for piece in (wrap(line, self.cells, _LINE_LIMIT) or [""])]
        text = self.formats[type(value)](value)
        if self.wraps and width(text) > self.cells:
            return [self.pad(line) for line in wrap(text, self.cells, _LINE_LIMIT)]
        return [self.pad(text, self.align_right)]

    def header_cell(self) -> str:
        """Return the header as wide as the column."""
        return self.pad(truncate(self.header, max(self.cells, 1)), self.align_right)

    def pad(self, text: str, right: bool = False) -> str:
        """Return the text, shortened or padded to the width of the column."""
        size = width(text)
        if size > self.cells and self.shorten:
            text = self.shorten(text, self.cells)
            size = width(text)
        padding = " " * (self.cells - size)
        return padding + text if right else text + padding


class _DistinctElision:
    """Shorten ids to their two ends; an id that would look like an earlier one stays whole."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}  # by what is shown for them

    def __call__(self, text: str, size: int) -> str:
        short = elide_middle(text, size)
        return short if self._ids.setdefault(short, text) == text else text


def lay_out_columns(columns: Sequence[Column], measured: Sequence[Row], options: Options) -> list[LaidOutColumn]:
    """Return the columns, each as wide as its widest measured cell."""
    laid_out = []
    for at, source in enumerate(columns):
        values = [row[at] for row in measured]
        column = LaidOutColumn(
            source,
            escape_unsafe(source.name),
            cells.readable_formats(source, options),
            align_right=_aligns_right(source, values, options),
            multiline=options.terminal and not source.secret and any(map(_has_lines, values)),
        )
        laid_out.append(_widen_column(column, values, options))
    return laid_out


def _split_lines(value: Value) -> Sequence[Value]:
    return value.split("\n") if isinstance(value, str) else (value,)


def _has_lines(value: Value) -> bool:
    return isinstance(value, str) and "\n" in value


def _widen_column(column: LaidOutColumn, values: Sequence[Value], options: Options) -> LaidOutColumn:
    """Return the column as wide as the widest of the values and the header."""
    widest = width(column.header) if options.header else 0
    for start in range(0, len(values), _MEASURED_AT_ONCE):
        block = values[start : start + _MEASURED_AT_ONCE]
        if column.multiline:
            block = [line for value in block for line in _split_lines(value)]
        widest = max(widest, column.measure(block))
    return replace(column, cells=widest)


def _aligns_right(column: Column, values: Iterable[Value], options: Options) -> bool:
    """Return True for a column of numbers: by its type, or if it has none, by its measured values."""
    if column.type in cells.NUMERIC:
        return not cells.shows_times(column, options)
    types = {type(value) for value in values} - {type(None)}
    return column.type == "any" and bool(types) and types <= {int, float}


def _cells_for_text(columns: Sequence[LaidOutColumn], limit: int) -> int:
    """Return what the borders leave of `limit` terminal cells."""
    return limit - 3 * len(columns) - 1


def keep_if_fitting(columns: list[LaidOutColumn], limit: int) -> list[LaidOutColumn] | None:
    """Return the columns unchanged if they fit into `limit` terminal cells, else None."""
    return columns if sum(column.cells for column in columns) <= _cells_for_text(columns, limit) else None


def fit_columns(
    columns: list[LaidOutColumn], measured: Sequence[Row], options: Options, limit: int
) -> list[LaidOutColumn] | None:
    """Return the columns shortened to `limit` terminal cells, borders included; None if that is not possible."""
    if keep_if_fitting(columns, limit) is None:
        columns = [_elide_ids(column, _find_ids(row[at] for row in measured)) for at, column in enumerate(columns)]
    for form in _SHORTER_FORMS:
        if form == "distance" and (narrowed := _wrap_texts(columns, measured, limit, _READABLE_TEXT)) is not None:
            return narrowed
        if keep_if_fitting(columns, limit) is None:
            columns = [_shorten_times(form, column, measured, at, options) for at, column in enumerate(columns)]
    return _wrap_texts(columns, measured, limit, _SHORTEST_TEXT)


def _wrap_texts(
    columns: list[LaidOutColumn], measured: Sequence[Row], limit: int, shortest: int
) -> list[LaidOutColumn] | None:
    """Return the columns with texts that wrap, prose first; None if a text would get less than `shortest` cells."""
    flexible = [replace(column, wraps=_may_wrap(column)) for column in columns]
    prose = [column.wraps and _is_prose(row[at] for row in measured) for at, column in enumerate(flexible)]
    return _narrow_texts(flexible, _cells_for_text(flexible, limit), prose, shortest)


def _find_ids(values: Iterable[Value]) -> set[str]:
    """Return the values of a column if all of them are long hexadecimal ids, else an empty set."""
    ids = set()
    for value in values:
        if isinstance(value, str) and _ID.fullmatch(value):
            ids.add(value)
        elif value is not None:
            return set()
    return ids


def _elide_ids(column: LaidOutColumn, texts: set[str]) -> LaidOutColumn:
    """Return a column of ids as narrow as leaves them distinct; any other column unchanged."""
    if not texts or column.column.secret:
        return column
    for size in range(max(_SHORTEST_ID, width(column.header)), column.cells):
        if len({elide_middle(text, size) for text in texts}) == len(texts):
            return replace(column, cells=size, shorten=_DistinctElision())
    return column


def _shorten_times(
    form: cells.TimeForm, column: LaidOutColumn, measured: Sequence[Row], at: int, options: Options
) -> LaidOutColumn:
    """Return a column of times with a shorter form; any other column unchanged."""
    if not cells.shows_times(column.column, options):
        return column
    shorter = replace(column, formats=cells.readable_formats(column.column, options, form))
    return _widen_column(shorter, [row[at] for row in measured], options)


def _may_wrap(column: LaidOutColumn) -> bool:
    """Return True if the column's texts may wrap: not numbers, times and ids, nor a secret that is to be copied."""
    return not (column.align_right or column.shorten or column.column.secret or cells.is_time(column.column))


def _narrow_texts(
    columns: list[LaidOutColumn], room: int, prose: Sequence[bool], shortest: int
) -> list[LaidOutColumn] | None:
    """Return the columns with texts narrowed to fit `room` cells; None if a text would get less than `shortest`.

    Prose is narrowed first, since it can be broken at blanks, and always the widest column.
    """
    # No column can be wider than the room. Cutting them to it first bounds the number of steps below.
    most = max(room, shortest)
    columns = [replace(column, cells=min(column.cells, most)) if column.wraps else column for column in columns]
    for narrows_prose in (True, False):
        while (excess := sum(column.cells for column in columns) - room) > 0:
            candidates = [
                at
                for at, column in enumerate(columns)
                if column.wraps and column.cells > shortest and prose[at] is narrows_prose
            ]
            if not candidates:
                break
            widest = max(candidates, key=lambda at: columns[at].cells)
            step = max(1, min(excess // len(candidates), columns[widest].cells - shortest))
            columns[widest] = replace(columns[widest], cells=columns[widest].cells - step)
    return columns if excess <= 0 else None


def _is_prose(values: Iterable[Value]) -> bool:
    """Return True if a text has blanks to break at."""
    return any(isinstance(value, str) and " " in value for value in values)
