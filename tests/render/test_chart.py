"""A chart draws bars for a label and a number, or the rows of each day, week, month or year of a time."""

from __future__ import annotations

import pytest

from tests.cases import each_case
from tests.render.results import HOSTILE, render_text, result_of
from tokensh.errors import InterfaceError
from tokensh.rows import Column, Row
from tokensh.text import width

N = Column("n", "integer")
EXPIRY = Column("expiry_time", "integer", origin="user_tokens.expiry_time")
CREATION = Column("creation_time", "integer", origin="user_tokens.creation_time")
DAY = 86_400_000
START = 1_767_225_600_000
"""2026-01-01, a Thursday, in epoch ms."""


def test_bars_are_as_long_as_their_numbers_and_fit_the_width() -> None:
    rows: list[Row] = [("dbt", 40), ("ci", 10), ("none", 0), ("tiny", 0.001), ("null", None)]
    assert render_text("chart", result_of(["team", N], rows), width=34) == (
        "n by team\ndbt  |#################### 40\nci   |##### 10\nnone | 0\ntiny |# 0.001\nnull | NULL\n"
    )
    drawn = render_text("chart", result_of(["team", N], rows[:2]), width=30, terminal=True, linestyle="rounded")
    assert drawn == "n by team\ndbt │████████████████████ 40\nci  │█████ 10\n"


@each_case("text", HOSTILE, ids=ascii)
def test_a_chart_is_as_wide_as_the_terminal_and_its_labels_are_inert(text: str) -> None:
    shown = render_text("chart", result_of(["a", N], [(text, 3), ("b" * 90, 900)]), width=60, terminal=True)
    assert len(shown.splitlines()) == 3
    assert max(map(width, shown.splitlines())) <= 60
    assert "\x1b" not in shown


@each_case(
    ("days", "step", "labels"),
    [
        ((0, 0, 2), "day", ["2026-01-01", "2026-01-02", "2026-01-03"]),
        (
            (0, 40),
            "week",
            ["2025-12-29", "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02", "2026-02-09"],
        ),
        ((0, 200), "month", [f"2026-0{month}" for month in range(1, 8)]),
        ((0, 1500), "year", ["2026", "2027", "2028", "2029", "2030"]),
    ],
)
def test_a_timelines_step_follows_its_range_and_gaps_are_seen(
    days: tuple[int, ...], step: str, labels: list[str]
) -> None:
    rows: list[Row] = [(START + day * DAY,) for day in days]
    title, *lines = render_text("chart", result_of([EXPIRY], [*rows, (-1,), (None,)])).splitlines()
    assert title == f"rows by {step} of expiry_time"
    assert [line.split(" |")[0].rstrip() for line in lines] == [*labels, "never"]
    assert int(lines[0].split()[-1]) == days.count(0)
    assert sum(int(line.split()[-1]) for line in lines) == len(days) + 1


def test_the_expiry_is_drawn_before_other_times_and_a_number_before_a_time() -> None:
    assert "of expiry_time" in render_text("chart", result_of([CREATION, EXPIRY], [(START, START)]))
    assert render_text("chart", result_of([EXPIRY, N], [(START, 3)])).startswith("n by expiry_time\n2026-01-01 |")


def test_more_bars_than_fit_are_counted() -> None:
    shown = render_text("chart", result_of(["a", N], [(f"r{n}", n) for n in range(60)]))
    assert shown.endswith("and 10 more rows\n")


def test_what_cannot_be_drawn_is_an_error_and_a_write_is_a_table() -> None:
    secret = Column("token_value", "string", secret=True)
    with pytest.raises(InterfaceError, match="nothing to draw"):
        render_text("chart", result_of(["a", secret], [("x", "y")]))
    assert "| dapi1 " in render_text("chart", result_of([secret, N], [("dapi1", 3)], incremental=True))


def test_odd_numbers_and_times_draw_nothing_wrong() -> None:
    rows: list[Row] = [("inf", float("inf")), ("minus", -5), ("ten", 10)]
    lines = render_text("chart", result_of(["a", Column("n", "number")], rows), width=30).splitlines()
    assert [line.count("#") for line in lines[1:]] == [0, 8, 17]
    assert render_text("chart", result_of([EXPIRY], [(10**17,)])) == "rows by day of expiry_time\n"
