"""Any text in any format is inert on a terminal: nothing acts, a row is one line, borders line up."""

from __future__ import annotations

import unicodedata

import pyte
import pytest
import wcwidth
from hypothesis import example, given
from hypothesis import strategies as st

from tests.render.results import HOSTILE, render_text, result_of
from tests.tries import tries
from tokensh.errors import ApiError, Error, UnknownOutcome
from tokensh.render.errors import Source, format_error
from tokensh.render.formats import FORMATS
from tokensh.text import escape_unsafe, truncate, width

COLUMNS, LINES = 200, 60
ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x00\x07\x08\t\n\r\x1b\x7f\x84\x85\x90\x9b\x9c\x9d\u200b\u200d\u200e\u202e\u2028\u2067\ufeff\ud800"
        ),
    ),
    max_size=20,
)
SEQUENCES = st.sampled_from(HOSTILE)
TEXTS = st.one_of(ANY, SEQUENCES, st.tuples(SEQUENCES, ANY).map("".join).map(lambda text: text[:40]))


def drawn(text: str) -> pyte.Screen:
    """Return a terminal's screen after the text; like a terminal driver, turn newlines into CR and LF."""
    screen = pyte.Screen(COLUMNS, LINES)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return screen


def acts_on_nothing(text: str) -> None:
    screen, untouched = drawn(text), pyte.Screen(COLUMNS, LINES)
    assert (screen.title, screen.icon_name, screen.mode) == (untouched.title, untouched.icon_name, untouched.mode)
    assert (screen.margins, screen.charset, screen.savepoints) == (untouched.margins, untouched.charset, [])
    assert screen.cursor.x == 0
    assert screen.cursor.y == min(text.count("\n"), LINES - 1)
    assert not screen.cursor.hidden


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"chart"}))
@tries(15, derandomize=False)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_a_result_acts_on_nothing(form: str, rows: list[tuple[str, str]]) -> None:
    shown = render_text(form, result_of(["a", "b"], rows), terminal=True, width=COLUMNS)
    acts_on_nothing(shown)
    between = "\n\t" if form == "tsv" else "\n"
    assert not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in shown if character not in between
    )


@tries(15, derandomize=False)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
def test_a_row_is_a_line_of_markdown_and_jsonl_and_a_line_a_cell_of_line(rows: list[tuple[str, str]]) -> None:
    shown = {form: render_text(form, result_of(["a", "b"], rows)).count("\n") for form in ("markdown", "jsonl", "line")}
    assert shown == {"markdown": 2 + len(rows), "jsonl": len(rows), "line": max(0, 3 * len(rows) - 1)}


@tries(36, derandomize=False)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), names=st.tuples(TEXTS, TEXTS))
def test_a_table_has_one_line_a_row_and_its_borders_below_each_other(
    rows: list[tuple[str, str]], names: tuple[str, str]
) -> None:
    shown = render_text("table", result_of(list(names), rows), terminal=False)
    lines = shown.split("\n")[:-1]
    assert len(lines) == len(rows) + 4
    assert len({width(line) for line in lines}) == 1


def single(character: str) -> bool:
    """Return True if a terminal draws the character independently of its neighbours, in as many cells as we count."""
    joins = (
        character == "\u200d" or "\U0001f1e6" <= character <= "\U0001f1ff" or "\U0001f3fb" <= character <= "\U0001f3ff"
    )
    return not joins and wcwidth.wcwidth(character) == width(character) > 0


@tries(36, derandomize=False)
@given(rows=st.lists(st.tuples(st.text(st.characters().filter(single), max_size=20)), min_size=1, max_size=5))
def test_a_terminal_draws_the_borders_below_each_other(rows: list[tuple[str]]) -> None:
    screen = drawn(render_text("table", result_of(["a"], rows), terminal=True, width=COLUMNS))
    lines = [y for y, line in enumerate(screen.display) if line.startswith("|")]
    assert len(lines) == len(rows) + 4
    assert len({max(x for x in range(COLUMNS) if screen.buffer[y][x].data == "|") for y in lines}) == 1


@tries(36, derandomize=False)
@given(text=TEXTS, code=TEXTS)
@example(text="\x1b]0;title\x07", code="\x9b2J")
def test_an_error_acts_on_nothing(text: str, code: str) -> None:
    orphan = UnknownOutcome(text, orphans=((text, code),), hint=code)
    for error in (Error(text, hint=text), ApiError(text, status=400, code=code, request_id=text), orphan):
        for source in (None, Source(text, f"SELECT {text}")):
            acts_on_nothing("".join(f"{line}\n" for line in format_error(error, source, redact=str)))


@given(text=TEXTS, cells=st.integers(1, 60))
def test_a_shortened_text_acts_on_nothing_and_fits(text: str, cells: int) -> None:
    shown = truncate(escape_unsafe(text), cells)
    assert width(shown) <= cells
    acts_on_nothing(f"{shown}\n")


@given(text=TEXTS)
def test_what_is_visible_stays_so(text: str) -> None:
    assert escape_unsafe(escape_unsafe(text)) == escape_unsafe(text)
