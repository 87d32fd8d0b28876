"""csv, tsv and text keep every value exact and NULL apart from empty text; `--csv-safe` defuses formulas."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import each_case
from tests.render.results import HOSTILE, read_csv, render_text, result_of
from tokensh.errors import InterfaceError
from tokensh.render.csv import _defuse_formula
from tokensh.rows import Column

TEXTS = st.text(st.characters(exclude_characters="\ue123", exclude_categories=["Cs"]))
ROWS = [("x", None, ""), ("a,b", "null", 'say "hi"'), ("two\nlines", "-5", "\ttab")]


def test_csv_tells_null_from_empty_and_from_the_word() -> None:
    assert render_text("csv", result_of(["a", "b", "c"], ROWS)) == (
        'a,b,c\nx,,""\n"a,b",null,"say ""hi"""\n"two\nlines",-5,\ttab\n'
    )


@pytest.mark.parametrize("name", ["csv", "tsv", "text"])
def test_the_header_can_be_left_out_and_no_rows_leave_only_it(name: str) -> None:
    assert render_text(name, result_of(["a"], [("x",)]), header=False) == "x\n"
    assert render_text(name, result_of(["a"], [])) == "a\n"
    assert render_text(name, result_of(["a"], []), header=False) == ""


def test_numbers_stay_what_they_are() -> None:
    columns = [Column(name, "any") for name in "abcd"]
    assert (
        render_text("csv", result_of(columns, [(-1, 1.5, 2**63 - 1, b"\xff")]), header=False)
        == "-1,1.5,9223372036854775807,ff\n"
    )


@each_case("text", [text for text in HOSTILE if "\ud800" not in text], ids=ascii)
def test_csv_keeps_the_exact_text(text: str) -> None:
    written = render_text("csv", result_of(["a", text], [("x", text)]))
    assert read_csv(written) == [["a", text], ["x", text]]


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS)), st.sampled_from(",;|\t :"))
def test_csv_reads_back_as_the_rows_with_any_delimiter(rows: list[tuple[str, str]], delimiter: str) -> None:
    written = render_text("csv", result_of(["a", "b"], rows), header=False, delimiter=delimiter)
    assert [tuple(row) for row in read_csv(written, delimiter=delimiter)] == rows


def test_a_null_of_ones_own_is_quoted_where_it_is_text() -> None:
    assert (
        render_text("csv", result_of(["a", "b", "c"], [(None, "NULL", "")]), header=False, null="NULL")
        == 'NULL,"NULL",\n'
    )


@each_case("delimiter", ["", '"', "\n", ",\r"])
def test_a_delimiter_that_would_break_the_format_is_refused(delimiter: str) -> None:
    with pytest.raises(InterfaceError, match="delimiter"):
        render_text("csv", result_of(["a"], []), delimiter=delimiter)


def test_a_lone_surrogate_does_not_cost_the_result() -> None:
    assert render_text("csv", result_of(["a"], [("x\ud800",)]), header=False) == '"x\\ud800"\n'
    assert render_text("tsv", result_of(["a"], [("x\ud800",)]), header=False) == "x\\ud800\n"


def test_tsv_escapes_as_copy_does() -> None:
    result = result_of(["a", "b", "c"], [("t\tn\nr\r", "back\\", None), (r"\N", "", "x")])
    assert render_text("tsv", result) == "a\tb\tc\nt\\tn\\nr\\r\tback\\\\\t\\N\n\\\\N\t\tx\n"


def test_text_joins_the_cells_unquoted_on_one_line() -> None:
    result = result_of(["a", "b", "c"], [('x "q"', "1,2", None), ("a\nb", "\x1b[0m", "")])
    assert render_text("text", result) == 'a,b,c\nx "q",1,2,null\na\\nb,\\x1b[0m,\n'
    assert render_text("text", result_of(["a", "b"], [("x", None)]), delimiter=" | ", null="-") == "a | b\nx | -\n"


DEFUSED = {
    "=1+1": "'=1+1",
    "-x": "'-x",
    "-5": "-5",
    "+4.5e3": "+4.5e3",
    "\n=1": "'\n'=1",
    "\r\n=1": "'\r\n'=1",
    "\t=1": "'\t'=1",
    "\nplain": "'\nplain",
    "\uff1dcmd": "'\uff1dcmd",
    "\uff0b1": "'\uff0b1",
    "\uff0d1a": "'\uff0d1a",
    "\uff20x": "'\uff20x",
    "\u2212x": "'\u2212x",
    "a;=HYPERLINK(1)": "a;'=HYPERLINK(1)",
    "a; @x;b;-5;-y": "a;' @x;b;-5;'-y",
    "a\t=1": "a\t'=1",
    "a\n\uff1d1": "a\n'\uff1d1",
    " =1": "' =1",
    '"=1': "'\"=1",
    "a;\"'=1": "a;'\"'=1",
    "a=b": "a=b",
    "2 - 1": "2 - 1",
    "": "",
}


@each_case("text", DEFUSED, ids=ascii)
def test_csv_safe_defuses_each_place_that_a_spreadsheet_may_take_for_a_cell(text: str) -> None:
    assert _defuse_formula(text) == DEFUSED[text]


@given(st.text(alphabet="=+-@;\t\r\n \"'1a\uff1d\u200b"))
def test_no_cell_of_a_defused_text_begins_a_formula(text: str) -> None:
    for part in re.split("[;\t\r\n]", _defuse_formula(text)):
        begun = part.lstrip(" \"'\u200b")[:1]
        assert part[:1] == "'" or begun not in set("=+-@\uff1d") or re.fullmatch(r"[+-]?1+", part)
