"""Rows 10 to 13: large results."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from itertools import cycle, islice
from typing import TextIO

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import STRAIGHT, TOKEN, Bench, Result, compare_calls, format_ms
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet

COLUMNS = (
    Column("token_id", "string"),
    Column("comment", "string"),
    Column("creation_time", "integer"),
    Column("expiry_time", "integer"),
)
NAMES = ", ".join(column.name for column in COLUMNS)
FORMATS = (("10", "csv", 1.0), ("11", "json", 0.9), ("12", "table", 1.1))


def measure(bench: Bench) -> Iterator[Result]:
    """Compare whole runs with a script written by hand, and our table renderer with rich's."""
    many = "r10000" if bench.quick else "r100000"
    for row, form, goal in FORMATS:
        pair = bench.compare_commands(
            _select_command(bench, form, many), bench.python(STRAIGHT, form, bench.url(many), TOKEN), 5
        )
        yield pair.result(row, f"{many[1:]} rows as {form} : straight script, CPU", goal)
        yield pair.memory(row, f"{many[1:]} rows as {form} : straight script, peak memory", 0.6)
        if form == "csv":
            early = pair.ours.first / pair.other.first
            yield Result(
                row,
                "time to the first byte : straight script's",
                format_ms(pair.ours.first),
                format_ms(pair.other.first),
                early,
                1.5,
            )
    if not bench.quick:
        yield from _compare_row_counts(bench)
    yield from _compare_with_rich()


def _select_command(bench: Bench, form: str, name: str) -> list[str]:
    return bench.tokensh("-o", form, "-c", f"SELECT {NAMES} FROM user_tokens WHERE deployment_name = '{name}'")


def _compare_row_counts(bench: Bench) -> Iterator[Result]:
    base = bench.compare_commands(_select_command(bench, "csv", "r3"), _select_command(bench, "csv", "r3"), 3).ours.cpu
    for row, form, _ in FORMATS:
        pair = bench.compare_commands(
            _select_command(bench, form, "r100000"), _select_command(bench, form, "r20000"), 3
        )
        large, small = (pair.ours.cpu - base) / 100_000, (pair.other.cpu - base) / 20_000
        metric = f"{form}: a row of 100000 : a row of 20000, CPU"
        yield Result(row, metric, f"{large * 1e6:.1f} us", f"{small * 1e6:.1f} us", large / small, 1.25)


def make_rows(count: int) -> list[Row]:
    """Return rows like those of a listing."""
    comments = cycle(("terraform ci", "nightly export", "laptop of o'hara", "dbt, production", None))
    return [
        (f"{number * 2654435761:064x}", comment, 1_700_000_000_000 + number, -1)
        for number, comment in enumerate(islice(comments, count))
    ]


def _print_with_rich(rows: list[Row], stream: TextIO) -> None:
    table = Table(*(column.name for column in COLUMNS))
    for row in rows:
        table.add_row(*("NULL" if value is None else str(value) for value in row))
    Console(file=stream, force_terminal=True, width=200, color_system="standard").print(table)


class FirstWrite(io.StringIO):
    """A stream that counts the lines of its first write, and notes the time of the first with a row, in s of CPU."""

    first = 0
    at = 0.0

    def write(self, text: str) -> int:
        self.first = self.first or text.count("\n")
        if "laptop" in text:
            self.at = self.at or time.process_time()
        return super().write(text)


def _compare_with_rich() -> Iterator[Result]:
    rows = make_rows(1000)
    shown = Options(
        terminal=True,
        colour=True,
        width=200,
        now=1_800_000_000.0,
        linestyle="rounded",
        theme="dark",
        depth="256",
    )

    def ours(options: Options) -> None:
        render("table", RowSet(COLUMNS, iter(rows)), io.StringIO(), options)

    mine, rich, _ = compare_calls(lambda: ours(Options()), lambda: _print_with_rich(rows, io.StringIO()), 3)
    yield Result("12", "a piped table : rich.Table, CPU", format_ms(mine), format_ms(rich), mine / rich, 1 / 50)
    rows = make_rows(10_000)
    mine, rich, _ = compare_calls(lambda: ours(shown), lambda: _print_with_rich(rows, io.StringIO()), 1)
    yield Result(
        "13",
        "10000 rows/s of a coloured table : rich.Table's",
        format_ms(mine),
        format_ms(rich),
        rich / mine,
        20,
        at_least=True,
    )
    early = FirstWrite()
    begun = time.process_time()
    render("table", RowSet(COLUMNS, iter(rows)), early, shown)
    whole, first = time.process_time() - begun, early.at - begun
    metric = "time to the first row of 10000 : all rows"
    yield Result("13", metric, format_ms(first), format_ms(whole), first / whole, 0.1)
    stream = FirstWrite()
    render("table", RowSet(COLUMNS, iter(make_rows(100_000))), stream, shown)
    lines = len(re.findall("\n", stream.getvalue()))
    yield Result("13", "lines in its first write, of 100000", str(stream.first), str(lines), stream.first, 1003)
