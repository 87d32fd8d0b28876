"""The line format shows one aligned `name = value` per column."""

from __future__ import annotations

from tests.render.results import render_text, result_of
from tokensh.rows import Column


def test_one_column_a_line_and_a_blank_line_between_rows() -> None:
    result = result_of(["token_id", "a"], [("x", "1"), ("two\nlines", None)])
    assert render_text("line", result) == "token_id = x\n       a = 1\n\ntoken_id = two\\nlines\n       a = NULL\n"


def test_names_are_aligned_by_cells() -> None:
    assert render_text("line", result_of(["日本", "a"], [("x", "y")])) == "日本 = x\n   a = y\n"


def test_a_terminal_shows_readable_times() -> None:
    columns = [Column("expiry_time", "integer", "p.s.user_tokens.expiry_time")]
    assert (
        render_text("line", result_of(columns, [(0,)]), terminal=True, now=86400.0)
        == "expiry_time = 1970-01-01 00:00:00Z 24h ago\n"
    )
    assert render_text("line", result_of(columns, [(0,)]), terminal=True, times="raw") == "expiry_time = 0\n"
    assert render_text("line", result_of(columns, [(0,)])) == "expiry_time = 0\n"
