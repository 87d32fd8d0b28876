"""The widths of a table's columns, and what becomes of cells for which a terminal has no room.

What gives way, in this order: long hexadecimal ids lose their middle but stay distinct, times lose the clock and then the
date, texts flow over several lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value
from tokensh.text import elide_middle, escape_unsafe, truncate, width, wrap

_ID = re.compile(r"[0-9a-f]{32,}")
_SHORTEST_ID = 9
_SHORTEST_TEXT = 12
_LINE_LIMIT = 5
"""Lines of a cell; a longer text ends in an ellipsis."""
_SHORTER_FORMS: tuple[cells.TimeForm, ...] = ("day", "distance")


@dataclass(frozen=True, slots=True)
class LaidOutColumn:
    """A column as it is laid out: its share of the line in terminal cells, and what is done to what does not fit in it."""

    column: Column
    header: str
    formats: cells.Formats
    cells: int = 0
    align_right: bool = False
    shorten: Callable[[str, int], str] | None = None
    wraps: bool = False

    def text(self, value: Value) -> str:
        """The whole cell."""
        return self.formats[type(value)](value)

    def cell(self, value: Value) -> str:
        """The cell as wide as its column; wider if it may not be shortened."""
        return self.pad(self.formats[type(value)](value), self.align_right)

    def cell_lines(self, value: Value) -> list[str]:
        """The cell's lines, each as wide as its column."""
        text = self.formats[type(value)](value)
        if self.wraps and width(text) > self.cells:
            return [self.pad(line) for line in wrap(text, self.cells, _LINE_LIMIT)]
        return [self.pad(text, self.align_right)]

    def header_cell(self) -> str:
        """The header as wide as the column."""
        return self.pad(truncate(self.header, max(self.cells, 1)), self.align_right)

    def pad(self, text: str, right: bool = False) -> str:
        """Text as wide as the column."""
        size = width(text)
        if size > self.cells and self.shorten:
            text = self.shorten(text, self.cells)
            size = width(text)
        padding = " " * (self.cells - size)
        return padding + text if right else text + padding


class _DistinctElision:
    """Elides the middle of ids; one that would look like another is shown whole."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def __call__(self, text: str, size: int) -> str:
        short = elide_middle(text, size)
        return short if self._shown.setdefault(short, text) == text else text


def lay_out_columns(columns: Sequence[Column], measured: Sequence[Row], options: Options) -> list[LaidOutColumn]:
    """The columns as wide as their widest cell."""
    laid = []
    for at, source in enumerate(columns):
        values = [row[at] for row in measured]
        column = LaidOutColumn(
            source,
            escape_unsafe(source.name),
            cells.readable_formats(source, options),
            align_right=_aligns_right(source, values, options),
        )
        laid.append(_widen(column, values, options))
    return laid


def _widen(column: LaidOutColumn, values: Iterable[Value], options: Options) -> LaidOutColumn:
    """The column as wide as the widest of the values, and its header."""
    widest = max((width(column.text(value)) for value in values), default=0)
    return replace(column, cells=max(widest, width(column.header) if options.header else 0))


def _aligns_right(column: Column, values: Iterable[Value], options: Options) -> bool:
    """Numbers stand at the right; a column without a type counts as one if all that is known of it are numbers."""
    if column.type in cells.NUMERIC:
        return not cells.shows_times(column, options)
    known = {type(value) for value in values} - {type(None)}
    return column.type == "any" and bool(known) and known <= {int, float}


def _cells_for_text(columns: Sequence[LaidOutColumn], limit: int) -> int:
    """What the borders leave of `limit` terminal cells."""
    return limit - 3 * len(columns) - 1


def keep_if_fitting(columns: list[LaidOutColumn], limit: int) -> list[LaidOutColumn] | None:
    """The columns as they are, if they fit within `limit` terminal cells."""
    return columns if sum(column.cells for column in columns) <= _cells_for_text(columns, limit) else None


def fit_columns(
    columns: list[LaidOutColumn], measured: Sequence[Row], options: Options, limit: int
) -> list[LaidOutColumn] | None:
    """The columns within `limit` terminal cells, borders included; None if they cannot be."""
    if keep_if_fitting(columns, limit) is None:
        columns = [_elide_ids(column, _find_ids(row[at] for row in measured)) for at, column in enumerate(columns)]
    for form in _SHORTER_FORMS:
        if keep_if_fitting(columns, limit) is None:
            columns = [_shorten_times(form, column, measured, at, options) for at, column in enumerate(columns)]
    flexible = [replace(one, wraps=_may_wrap(one)) for one in columns]
    prose = [one.wraps and _is_prose(row[at] for row in measured) for at, one in enumerate(flexible)]
    return _narrow_texts(flexible, _cells_for_text(flexible, limit), prose)


def _find_ids(values: Iterable[Value]) -> set[str]:
    """The values of a column if all of them are long hexadecimal ids, else nothing."""
    ids = set()
    for value in values:
        if isinstance(value, str) and _ID.fullmatch(value):
            ids.add(value)
        elif value is not None:
            return set()
    return ids


def _elide_ids(column: LaidOutColumn, texts: set[str]) -> LaidOutColumn:
    """A column of ids without their middle, as short as leaves them distinct; any other as it is."""
    if not texts or column.column.secret:
        return column
    for size in range(max(_SHORTEST_ID, width(column.header)), column.cells):
        if len({elide_middle(text, size) for text in texts}) == len(texts):
            return replace(column, cells=size, shorten=_DistinctElision())
    return column


def _shorten_times(
    form: cells.TimeForm, column: LaidOutColumn, measured: Sequence[Row], at: int, options: Options
) -> LaidOutColumn:
    """A column of times in a shorter form; any other as it is."""
    if not cells.shows_times(column.column, options):
        return column
    shorter = replace(column, formats=cells.readable_formats(column.column, options, form))
    return _widen(shorter, (row[at] for row in measured), options)


def _may_wrap(column: LaidOutColumn) -> bool:
    """Whether its texts may flow over lines: not numbers, times and ids, nor a secret that is to be copied."""
    return not (column.align_right or column.shorten or column.column.secret or cells.is_time(column.column))


def _narrow_texts(columns: list[LaidOutColumn], room: int, prose: Sequence[bool]) -> list[LaidOutColumn] | None:
    """Texts narrowed until all columns fit into `room` cells; None if that would leave too little of them.

    Prose goes first, since it can be cut at blanks, and of several columns the widest.
    """
    # No column can be wider than the room; saying so first bounds the steps.
    most = max(room, _SHORTEST_TEXT)
    columns = [replace(one, cells=min(one.cells, most)) if one.wraps else one for one in columns]
    for kind in (True, False):
        while (excess := sum(one.cells for one in columns) - room) > 0:
            open_to = [
                at for at, one in enumerate(columns) if one.wraps and one.cells > _SHORTEST_TEXT and prose[at] is kind
            ]
            if not open_to:
                break
            widest = max(open_to, key=lambda at: columns[at].cells)
            step = max(1, min(excess // len(open_to), columns[widest].cells - _SHORTEST_TEXT))
            columns[widest] = replace(columns[widest], cells=columns[widest].cells - step)
    return columns if excess <= 0 else None


def _is_prose(values: Iterable[Value]) -> bool:
    """Whether there are blanks to cut at."""
    return any(isinstance(value, str) and " " in value for value in values)
