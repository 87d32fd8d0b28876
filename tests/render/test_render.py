"""Every format streams, flushes, fails cleanly, masks or carries secrets as the table of formats says."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import each_case
from tests.render.results import HOSTILE, FlushRecorder, FullDisk, fail_after, render_text, result_of
from tokensh.errors import InterfaceError, OperationalError
from tokensh.render.formats import FORMATS, render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet
from tokensh.text import width

SHOWING = [name for name, output_format in FORMATS.items() if output_format.shows_rows]
MASKING = [name for name, output_format in FORMATS.items() if output_format.masks_secrets and name in SHOWING]


def test_formats_that_programs_read_do_not_mask_secrets() -> None:
    assert [name for name in SHOWING if name not in MASKING] == ["json", "jsonl", "csv", "tsv"]


@each_case("name", [*FORMATS])
def test_every_format_has_cases_of_its_own(name: str) -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert f'render_text("{name}", ' in tests


@pytest.mark.parametrize(("name", "hint"), [("jsn", "did you mean 'json'?"), ("parquet", "the formats are table, ")])
def test_an_unknown_format_is_one_clear_error(name: str, hint: str) -> None:
    with pytest.raises(InterfaceError, match=f"unknown output format '{name}'") as caught:
        render(name, result_of(["a"], []), io.StringIO(), Options())
    assert (caught.value.hint or "").startswith(hint)


@each_case("name", SHOWING)
@each_case("rows", [0, 1, 3, 2500])
def test_every_format_returns_the_number_of_rows_and_flushes(name: str, rows: int) -> None:
    stream = FlushRecorder()
    assert render(name, result_of(["a"], [("¤",)] * rows), stream, Options()) == rows
    assert stream.flushed == stream.getvalue()
    assert stream.getvalue().count("¤") == rows


CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=4),
    st.sampled_from([*HOSTILE, "plain", "a,b", 'say "x"', "é", "-1"]),
    st.text(max_size=6),
)


@each_case("name", ["csv", "tsv", "text", "jsonl", "markdown"])
def test_a_text_is_written_alike_beside_every_other_text(name: str) -> None:
    texts = [*HOSTILE, "", "plain", "a,b", 'say "x"', "line\nline", "\r", "é", "\ud800", "\t", "|"]
    columns = [Column("a", "string")]
    for first in texts:
        for second in texts:
            both = render_text(name, result_of(columns, [(first,), (second,)]), header=False)
            head = render_text(name, result_of(columns, []), header=False)
            alone = [render_text(name, result_of(columns, [(t,)]), header=False) for t in (first, second)]
            assert both == head + "".join(text.removeprefix(head) for text in alone)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["", "id", "a,b", "ü"]), CELLS, st.integers(0, 9), st.none()), max_size=8))
def test_rows_of_one_block_are_written_as_each_row_alone(rows: list[Row]) -> None:
    columns = [Column("a", "string"), Column("b"), Column("c", "integer"), Column("d", "string")]
    for name in ("csv", "tsv", "text", "jsonl", "markdown"):
        head = render_text(name, result_of(columns, []), header=False)
        alone = [render_text(name, result_of(columns, [row]), header=False).removeprefix(head) for row in rows]
        assert render_text(name, result_of(columns, rows), header=False) == head + "".join(alone)
    each = [json.loads(render_text("json", result_of(columns, [row])))[0] for row in rows]
    assert json.loads(render_text("json", result_of(columns, rows))) == each


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS), min_size=1, max_size=8))
def test_the_cells_of_a_table_are_as_wide_as_the_widest_of_them(rows: list[Row]) -> None:
    lines = render_text("table", result_of([Column("a")], rows)).splitlines()
    assert len({width(line) for line in lines}) == 1
    shown = [render_text("table", result_of([Column("a")], [row]), header=False).splitlines()[1] for row in rows]
    assert [line[2:-2].strip() for line in lines[3:-1]] == [line[2:-2].strip() for line in shown]


@each_case("name", SHOWING)
def test_a_result_without_columns_is_read_to_its_end_and_prints_nothing(name: str) -> None:
    stream = io.StringIO()
    assert render(name, result_of([], [(), ()]), stream, Options()) == 2
    assert stream.getvalue() == ""


@each_case("name", SHOWING)
@each_case("options", [Options(), Options(terminal=True, colour=True, width=80), Options(expanded=True)])
def test_an_incremental_row_is_flushed_before_the_next_is_asked_for(name: str, options: Options) -> None:
    stream = FlushRecorder()

    def rows() -> Iterator[Row]:
        yield ("first",)
        assert "first" in stream.flushed
        yield ("second, which is a good deal longer",)
        assert "second" in stream.flushed

    assert render(name, RowSet((Column("a", "string"),), rows(), incremental=True), stream, options) == 2


@each_case("name", SHOWING)
def test_a_failure_before_the_first_row_prints_nothing(name: str) -> None:
    stream = io.StringIO()
    with pytest.raises(OperationalError, match="second request"):
        render(name, result_of(["a"], fail_after([])), stream, Options())
    assert stream.getvalue() == ""


@each_case("name", SHOWING)
def test_a_later_failure_leaves_what_a_complete_result_of_the_rows_would_be(name: str) -> None:
    stream = io.StringIO()
    with pytest.raises(OperationalError, match="second request"):
        render(name, result_of(["a"], fail_after([("x",)]), incremental=True), stream, Options())
    assert stream.getvalue() == render_text(name, result_of(["a"], [("x",)]))


@each_case("name", SHOWING)
@each_case("colour", [False, True])
def test_a_stream_that_fails_is_the_callers_to_know_of(name: str, colour: bool) -> None:
    with pytest.raises(OSError, match="No space left"):
        render(name, result_of(["a"], [("x",)]), FullDisk(), Options(terminal=True, colour=colour))


@each_case("name", SHOWING)
def test_a_closed_stream_is_the_callers_to_know_of(name: str) -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        render(name, result_of(["a"], [("x",)]), stream, Options())


def test_a_closed_pipe_does_not_end_the_program_from_within_the_coloured_table() -> None:
    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        render("table", result_of(["a"], [("x",)]), Pipe(), Options(terminal=True, colour=True))


@each_case("name", SHOWING)
@each_case("text", HOSTILE, ids=ascii)
def test_a_terminal_gets_no_control_character_in_any_format(name: str, text: str) -> None:
    shown = render_text(name, result_of([text], [(text,)]), terminal=True, width=80)
    shown.encode()
    acting = [
        c for c in shown if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or c in "\u202e\u2067\u2028\u200b"
    ]
    assert not acting
    assert "\t" not in shown


@each_case("name", SHOWING)
@each_case("text", HOSTILE, ids=ascii)
def test_every_format_can_be_encoded_whatever_the_text(name: str, text: str) -> None:
    assert render_text(name, result_of([text], [(text,)])).encode()


@each_case("name", SHOWING)
def test_booleans_are_words_and_integers_keep_every_digit(name: str) -> None:
    shown = render_text(
        name, result_of([Column("b", "boolean"), Column("i", "integer")], [(1, 2**63 - 1), (0, -(2**63))])
    )
    assert "true" in shown
    assert "false" in shown
    assert "9223372036854775807" in shown
    assert "-9223372036854775808" in shown


@each_case("name", [name for name in SHOWING if name not in MASKING])
def test_machine_formats_carry_a_secret_raw_even_where_people_see_it_masked(name: str) -> None:
    secret = "dapi" + "0123456789abcdef" * 2
    assert secret in render_text(
        name, result_of([Column("token_value", "string", secret=True)], [(secret,)]), mask=True
    )


@each_case("name", MASKING)
@each_case("colour", [False, True])
def test_a_masked_secret_shows_four_characters_at_each_end(name: str, colour: bool) -> None:
    secret = "dapi" + "0123456789abcdef" * 2
    result = result_of([Column("token_value", "string", secret=True)], [(secret,)])
    shown = render_text(name, result, mask=True, terminal=True, colour=colour, width=80)
    assert "dapi…cdef (hidden)" in shown
    assert "0123" not in shown


def test_only_the_coloured_table_loads_rich() -> None:
    script = """
import io, sys
from tokensh.render.formats import FORMATS, render
from tokensh.render.options import Options
from tokensh.rows import Column, RowSet
def show(name, **options):
    render(name, RowSet((Column("a", "string"),), iter([("x",)])), io.StringIO(), Options(**options))
for name, form in FORMATS.items():
    if form.shows_rows:
        show(name)
show("table", terminal=True, width=80)
assert "rich" not in sys.modules
show("table", terminal=True, width=80, colour=True)
assert "rich" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
