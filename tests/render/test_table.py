"""A table fits its terminal without cutting what must stay whole, and is complete off a terminal."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from typing import Literal

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import each_case
from tests.render.results import HOSTILE, FlushRecorder, render_text, result_of
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, Value
from tokensh.text import width

NOW = 1_794_694_400.0
TIME = Column("expiry_time", "integer", "databricks_workspace.workspace.user_tokens.expiry_time")
IDS = [f"{n:064x}" for n in (1, 2, 0xABCDEF)]


def screen(text: str, columns: int = 100, lines: int = 30) -> pyte.Screen:
    """Return a terminal's screen after the text."""
    shown = pyte.Screen(columns, lines)
    pyte.Stream(shown).feed(text.replace("\n", "\r\n"))
    return shown


def test_one_rule_below_the_header_and_numbers_at_the_right() -> None:
    columns: list[Column | str] = ["name", Column("n", "integer"), Column("ok", "boolean"), Column("count", "any")]
    assert render_text("table", result_of(columns, [("x", 5, 1, 10), ("longer", 123, 0, None)])) == (
        "|--------|-----|-------|-------|\n"
        "| name   |   n | ok    | count |\n"
        "|--------|-----|-------|-------|\n"
        "| x      |   5 | true  |    10 |\n"
        "| longer | 123 | false |  NULL |\n"
        "|--------|-----|-------|-------|\n"
    )


def test_no_rows_are_a_header_and_without_a_header_there_are_only_rows() -> None:
    assert render_text("table", result_of(["name"], [])) == "|------|\n| name |\n|------|\n|------|\n"
    assert render_text("table", result_of(["name"], [("x",)]), header=False) == "|---|\n| x |\n|---|\n"


@each_case("options", [{}, {"terminal": True, "width": 100}, {"terminal": True, "width": 100, "colour": True}])
@each_case("text", HOSTILE, ids=ascii)
def test_on_a_screen_only_a_texts_own_lines_are_further_lines_and_borders_are_in_one_column(
    text: str, options: dict[str, bool | int]
) -> None:
    rows: list[Row] = [(text, "x"), ("plain", text)]
    shown = screen(render_text("table", result_of(["a", "b"], rows), **options))
    # pyte keeps an empty cell behind a wide character and composes marks, so that characters are cells.
    display = [line.rstrip() for line in shown.display if line.strip()]
    own_lines = 2 * text.count("\n") if options else 0
    assert len(display) == 6 + own_lines
    assert {line[-1] for line in display} == ({"|", ":"} if own_lines else {"|"})
    assert len({sum(width(c) for c in line) for line in display}) == 1
    assert (shown.cursor.x, shown.cursor.y) == (0, 6 + own_lines)
    assert not shown.title


def test_off_a_terminal_nothing_is_cut_whatever_the_width() -> None:
    text = "x" * 5000
    shown = render_text("table", result_of(["a"], [("y",)] * 20_000 + [(text,)]), width=40, colour=True)
    assert text in shown
    assert {len(line) for line in shown.splitlines()} == {5004}


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(), st.text())), st.integers(20, 120))
def test_on_a_terminal_no_line_of_a_table_is_wider_than_it(rows: list[tuple[str, str]], columns: int) -> None:
    shown = render_text("table", result_of(["a", "b"], rows), terminal=True, width=columns, expanded=False)
    widths = {width(line) for line in shown.split("\n")[:-1]}
    assert len(widths) == 1
    if columns >= 31:
        assert max(widths) <= columns


def test_ids_lose_their_middle_first_and_stay_distinct() -> None:
    result = result_of(["token_id", "comment"], [(token_id, "z" * 60) for token_id in IDS])
    shown = render_text("table", result, terminal=True, width=80)
    assert [line.split()[1] for line in shown.splitlines()[3:-1]] == ["0000…0001", "0000…0002", "0000…cdef"]
    assert "z" * 60 in shown


def test_ids_that_differ_in_the_middle_are_elided_less() -> None:
    ids = ["a" * 26 + digit + "a" * 37 for digit in "012"]
    shown = render_text(
        "table", result_of(["token_id", "x"], [(token_id, "c" * 60) for token_id in ids]), terminal=True, width=150
    )
    assert len({line.split()[1] for line in shown.splitlines()[3:-1]}) == 3


def test_ids_that_fit_stay_whole() -> None:
    assert IDS[0] in render_text(
        "table", result_of(["token_id"], [(token_id,) for token_id in IDS]), terminal=True, width=80
    )


def test_ids_that_would_look_alike_further_down_are_shown_whole() -> None:
    ids = [f"{n:064x}" for n in range(10_000)]
    twin = ids[1][:20] + "f" + ids[1][21:]
    shown = render_text(
        "table", result_of(["token_id"], [(token_id,) for token_id in (*ids, twin, twin)]), terminal=True, width=40
    )
    assert f"| {twin} |" in shown
    assert "| 0000…0001 |" in shown


def test_the_widest_text_flows_over_lines_that_cannot_be_taken_for_rows() -> None:
    text = "one two three " * 4
    shown = render_text("table", result_of(["a", "b"], [("short", text), ("next", "| x |")]), terminal=True, width=40)
    assert shown.splitlines()[3:-1] == [
        "| short | one two three one two three  |",
        ":       : one two three one two three  :",
        "| next  | | x |                        |",
    ]


def test_a_text_without_blanks_flows_and_ends_in_an_ellipsis_after_five_lines() -> None:
    shown = render_text("table", result_of(["a", "b"], [("short", "x" * 200)]), terminal=True, width=40).splitlines()
    assert shown[3] == "| short | " + "x" * 28 + " |"
    assert shown[4:7] == [":       : " + "x" * 28 + " :"] * 3
    assert shown[7] == ":       : " + "x" * 27 + "… :"


@pytest.mark.parametrize("colour", [False, True])
def test_every_line_of_a_flowing_row_is_styled_like_its_cell(colour: bool) -> None:
    columns: list[Column | str] = ["comment", TIME]
    shown = render_text("table", result_of(columns, [("x" * 60, 0)]), terminal=True, width=40, now=NOW, colour=colour)
    assert len({width(line) for line in screen(shown, 40).display}) == 1
    assert (shown.count("\x1b[31m") == 3) is colour


@each_case(
    ("columns", "time"),
    [(120, "1970-01-01 00:00:00Z 56y ago"), (60, "1970-01-01 56y ago"), (50, "1970-01-01 56y ago"), (36, "56y ago")],
)
def test_times_lose_the_clock_before_texts_flow_and_the_date_only_if_they_would_be_narrow(
    columns: int, time: str
) -> None:
    result = result_of(["a", TIME], [("words " * 5, 0), ("x", -1)])
    shown = render_text("table", result, terminal=True, width=columns, now=NOW)
    cells = [line.split(" | ")[-1].strip(" |:") for line in shown.splitlines() if line.startswith("| ")]
    assert cells == ["expiry_time", time, "never"]
    assert (":" in {line[0] for line in shown.splitlines()}) is (columns <= 50)


def test_select_star_of_the_tokens_is_a_table_in_eighty_columns() -> None:
    def field(name: str) -> Column:
        kind: Literal["integer", "string"] = "integer" if name.endswith("time") else "string"
        return Column(name, kind, f"databricks_workspace.workspace.user_tokens.{name}")

    names = ("deployment_name", "comment", "creation_time", "expiry_time", "token_id")
    row = ("dbc-abcd0123-a1bc", "terraform ci", 0, -1, IDS[0])
    shown = render_text("table", result_of([field(name) for name in names], [row]), terminal=True, width=80, now=NOW)
    assert shown.splitlines()[3] == "| dbc-abcd0123-a1bc | terraform ci | 56y ago       | never       | 0000…0001 |"


def test_numbers_and_raw_secrets_are_never_cut() -> None:
    columns: list[Column | str] = [
        Column("n", "integer"),
        TIME,
        Column("token_value", "string", secret=True),
        "comment",
    ]
    result = result_of(columns, [(2**63 - 1, 0, "dapi" + "0" * 32, "z" * 99)])
    shown = render_text("table", result, terminal=True, width=110, now=NOW)
    assert str(2**63 - 1) in shown
    assert "56y ago" in shown
    assert "dapi" + "0" * 32 in shown
    assert ": zzz" in shown


def test_too_narrow_a_terminal_gets_records() -> None:
    result = result_of([TIME, "comment"], [(-1, "z" * 50), (0, None)])
    assert render_text("table", result, terminal=True, width=28, now=NOW) == (
        "-[ RECORD 1 ]----------------------\n"
        "expiry_time | never\n"
        "comment     | " + "z" * 50 + "\n"
        "-[ RECORD 2 ]----------------------\n"
        "expiry_time | 1970-01-01 00:00:00Z 56y ago\n"
        "comment     | ∅\n"
    )


@each_case(
    ("expanded", "options", "records"),
    [
        (True, {}, True),
        (True, {"terminal": True, "width": 500}, True),
        ("auto", {"width": 5}, False),
        ("auto", {"terminal": True, "width": None}, False),
        (False, {"terminal": True, "width": 5}, False),
        ("auto", {"terminal": True, "width": 5}, True),
        ("auto", {"terminal": True, "width": 1}, True),
    ],
)
def test_records_come_when_asked_for_or_when_a_terminal_needs_them(
    expanded: bool, options: dict[str, bool | int | None], records: bool
) -> None:
    shown = render_text("table", result_of(["name"], [("a longer text",)]), expanded=expanded, **options)
    assert shown.startswith("-[ RECORD 1 ]") is records
    assert "a longer text" in shown


def test_no_rows_are_never_records() -> None:
    assert render_text("table", result_of(["name"], []), expanded=True).startswith("|------|\n| name |")


@each_case(
    ("value", "styled"),
    [
        (None, "\x1b[2m"),
        (0, "\x1b[31m"),
        (int(NOW) * 1000 + 5, "\x1b[33m"),
        (-1, None),
        (int(NOW + 8 * 86400) * 1000, None),
    ],
)
def test_colour_marks_null_and_what_has_expired(value: Value, styled: str | None) -> None:
    shown = render_text("table", result_of([TIME], [(value,)]), terminal=True, colour=True, now=NOW).splitlines()[3]
    assert (styled in shown) if styled else "\x1b" not in shown


def test_colour_changes_nothing_but_the_styles() -> None:
    rows: list[Row] = [(text, 0) for text in HOSTILE]
    plain, coloured = (
        render_text("table", result_of(["[b]a[/b]", TIME], rows), terminal=True, width=60, now=NOW, colour=colour)
        for colour in (False, True)
    )
    assert screen(plain, 60, 60).display == screen(coloured, 60, 60).display
    assert "\x1b[1m[b]a[/b]" in coloured
    assert all(line.count("\x1b[0m") == line.count("\x1b[") // 2 for line in coloured.splitlines())


def test_without_colour_a_terminal_gets_no_escape() -> None:
    assert "\x1b" not in render_text("table", result_of([TIME], [(0,), (None,)]), terminal=True, now=NOW, mask=True)


@pytest.mark.parametrize("options", [Options(), Options(terminal=True, width=40, colour=True)])
def test_a_later_incremental_row_is_shown_whole_on_a_wider_line(options: Options) -> None:
    stream = io.StringIO()
    result = result_of(["a"], [("x",), ("y" * 100,)], incremental=True)
    assert render("table", result, stream, options) == 2
    assert f"| {'y' * 100} |\n" in stream.getvalue()


def test_a_created_token_that_does_not_fit_is_a_record_with_nothing_cut() -> None:
    columns = [Column("token_value", "string", secret=True), Column("token_info", "object")]
    result = result_of(columns, [("dapi" + "0" * 32, '{"token_id":"' + IDS[0] + '"}')], incremental=True)
    shown = render_text("table", result, terminal=True, width=80)
    assert "dapi" + "0" * 32 in shown
    assert IDS[0] in shown


def test_a_long_result_on_a_terminal_starts_before_all_rows_are_read() -> None:
    stream = FlushRecorder()

    def rows() -> Iterator[Row]:
        for n in range(12_001):
            assert n < 12_000 or "row 00000" in stream.flushed
            yield (f"row {n:05}" + "!" * (n // 11_000),)

    assert render("table", result_of(["a"], rows()), stream, Options(terminal=True, width=80)) == 12_001
    assert "| row       |\n: 11000!    :\n" in stream.getvalue()


def test_a_large_text_in_a_cell_is_a_few_lines_on_a_terminal() -> None:
    started = time.perf_counter()
    shown = render_text("table", result_of(["a"], [("\x1b" * 200_000,)]), terminal=True, width=80, colour=True)
    assert len(shown) < 1000
    assert time.perf_counter() - started < 60
