"""Pictures of results: bars for a label and a number, or the rows of each day, week, month or year of a time.

What is drawn is chosen from the columns: the first number with the first other column as labels, else the expiry or another time. The rows of
a write are shown as a table: each must be there before the next is sent, and a new token's value is in no picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TextIO

from tokensh._dataclasses import dataclass
from tokensh.environment import DEFAULT_WIDTH
from tokensh.errors import InterfaceError
from tokensh.render import cells
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet, Value
from tokensh.text import escape_unsafe, plural, truncate, width
from tokensh.units import NEVER, from_epoch

_MOST_BARS = 50
_LONGEST_LABEL, _LABEL_SHARE = 30, 0.4
"""The cells of a label at most, and the share of a line."""
# Steps of a timeline by the most days that it spans.
_DAYS, _WEEKS, _MONTHS = 31, 26 * 7, 4 * 366
_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its label, safe to show, its length, and the length as text."""

    label: str
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A title, and bars from the top down; `omitted` says how many more there are."""

    title: str
    bars: tuple[Bar, ...]
    omitted: int = 0


def make_chart(columns: Sequence[Column], rows: Sequence[Row], options: Options) -> Chart | None:
    """Return the picture of a result; None if it has neither a number nor a time."""
    numbers = [at for at, column in enumerate(columns) if _is_number(column, at, rows)]
    times = [at for at, column in enumerate(columns) if cells.is_time(column)]
    times.sort(key=lambda at: not (columns[at].origin or "").endswith("expiry_time"))  # what people ask for
    if numbers:
        labels = [at for at in range(len(columns)) if at not in numbers and not columns[at].secret]
        return _make_bars(columns, rows, labels[0] if labels else None, numbers[0], options)
    if times:
        return _make_timeline(columns[times[0]], [row[times[0]] for row in rows])
    return None


def _is_number(column: Column, at: int, rows: Sequence[Row]) -> bool:
    if column.secret or cells.is_time(column):
        return False
    if column.type in cells.NUMERIC:
        return True
    types = {type(row[at]) for row in rows} - {type(None)}
    return column.type == "any" and bool(types) and types <= {int, float}


def _make_bars(
    columns: Sequence[Column], rows: Sequence[Row], label: int | None, number: int, options: Options
) -> Chart:
    shown = options.replace(terminal=True, now=None)
    texts = cells.readable_formats(columns[number], options)
    labels = None if label is None else cells.readable_formats(columns[label], shown, "day")
    bars = [
        Bar(
            str(count) if labels is None or label is None else labels[type(row[label])](row[label]),
            _to_size(row[number]),
            texts[type(row[number])](row[number]),
        )
        for count, row in enumerate(rows[:_MOST_BARS], 1)
    ]
    names = [escape_unsafe(columns[at].name) for at in (number, label) if at is not None]
    return Chart(" by ".join(names), tuple(bars), max(len(rows) - _MOST_BARS, 0))


def _to_size(value: Value) -> float:
    size = float(value) if isinstance(value, int | float) else 0.0
    return size if abs(size) < float("inf") else 0.0


def _make_timeline(column: Column, values: Iterable[Value]) -> Chart:
    days: list[date] = []
    never = 0
    for value in values:
        if value == NEVER:
            never += 1
        elif isinstance(value, int):
            try:
                days.append(from_epoch(value).date())
            except OverflowError:
                continue
    span = (max(days) - min(days)).days if days else 0
    step = "day" if span <= _DAYS else "week" if span <= _WEEKS else "month" if span <= _MONTHS else "year"
    counts: dict[str, int] = {}
    day = min(days, default=date.max)
    while days and day <= max(days) and len(counts) < 2 * _MOST_BARS:
        counts[_label_of(day, step)] = 0  # a step without a row is a gap that must be seen
        day = _next_step(day, step)
    for each in days:
        name = _label_of(each, step)
        counts[name] = counts.get(name, 0) + 1
    bars = [Bar(name, count, str(count)) for name, count in sorted(counts.items())]
    bars += [Bar("never", never, str(never))] if never else []
    return Chart(f"rows by {step} of {escape_unsafe(column.name)}", tuple(bars))


def _label_of(day: date, step: str) -> str:
    match step:
        case "day":
            return day.isoformat()
        case "week":
            return (day - timedelta(days=day.weekday())).isoformat()
        case "month":
            return day.isoformat()[:7]
        case _:
            return day.isoformat()[:4]


def _next_step(day: date, step: str) -> date:
    """Return the first day of the next step; the last day that there is at the end of time."""
    try:
        match step:
            case "day":
                return day + timedelta(days=1)
            case "week":
                return day + timedelta(days=7 - day.weekday())
            case "month":
                return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
            case _:
                return day.replace(year=day.year + 1, month=1, day=1)
    except (OverflowError, ValueError):
        return date.max


def format_chart(chart: Chart, options: Options) -> Iterable[str]:
    """Yield the lines of a chart, each with its line end, as wide as the options' width at most."""
    columns = options.width or DEFAULT_WIDTH
    labels = [truncate(bar.label, min(_LONGEST_LABEL, int(columns * _LABEL_SHARE))) for bar in chart.bars]
    longest = max(map(width, labels), default=0)
    numbers = max((width(bar.text) for bar in chart.bars), default=0)
    line = "│" if _draws_blocks(options) else "|"
    room = max(columns - longest - numbers - 5, 8)
    most = max((abs(bar.size) for bar in chart.bars), default=0) or 1
    yield f"{chart.title}\n"
    for label, bar in zip(labels, chart.bars, strict=True):
        drawn = _draw(abs(bar.size) / most * room, options)
        yield f"{label}{' ' * (longest - width(label))} {line}{drawn} {bar.text}\n"
    if chart.omitted:
        yield f"and {plural(chart.omitted, 'more row')}\n"


def _draws_blocks(options: Options) -> bool:
    return options.terminal and options.linestyle in ("rounded", "square", "none")


def _draw(cells_wide: float, options: Options) -> str:
    """Return a bar of a width in terminal cells; a size that is not 0 is never invisible."""
    if not _draws_blocks(options):
        return "#" * max(round(cells_wide), cells_wide > 0)
    eighths = max(round(cells_wide * 8), cells_wide > 0)
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def render_chart(result: RowSet, stream: TextIO, options: Options) -> int:
    """Write the picture of a result and return the number of rows; of a write, its rows as a table.

    Raises InterfaceError if there is nothing to draw, OSError if the stream fails.
    """
    if result.incremental:
        from tokensh.render.table import render_table  # noqa: PLC0415 (writes are seldom drawn)

        return render_table(result, stream, options)
    rows = list(result.rows)
    chart = make_chart(result.columns, rows, options)
    if chart is None:
        raise InterfaceError(
            "nothing to draw: a chart needs a column of numbers or of times",
            hint="SELECT comment, count(*) ... GROUP BY comment, or SELECT expiry_time ...",
        )
    stream.write("".join(format_chart(chart, options)))
    stream.flush()
    return len(rows)
