"""The cells of a Markdown table are plain text: no value is interpreted as markup."""

from __future__ import annotations

import pytest

from tests.render.results import HOSTILE, render_text, result_of
from tokensh.rows import Column


def test_a_table_with_numbers_at_the_right() -> None:
    result = result_of(["name", Column("n", "integer")], [("x", 1), (None, None)])
    assert render_text("markdown", result) == "| name | n |\n| --- | ---: |\n| x | 1 |\n| NULL | NULL |\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("two\nlines", "two<br>lines"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("![x](http://evil)", r"!\[x\](http://evil)"),
        ("`code` *bold*", r"\`code\` \*bold\*"),
        ("back\\", "back\\\\"),
        ("\x1b[0m", r"\x1b\[0m"),
        ("token_id", "token_id"),
    ],
)
def test_cells_are_text_and_nothing_else(text: str, written: str) -> None:
    assert render_text("markdown", result_of(["c"], [(text,)])).splitlines()[2] == f"| {written} |"


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_one_row_is_one_line(text: str) -> None:
    assert len(render_text("markdown", result_of([text], [(text,)])).splitlines()) == 3
