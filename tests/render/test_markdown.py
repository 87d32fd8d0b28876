"""The cells of a Markdown table are plain text: no value is interpreted as markup."""

from __future__ import annotations

from tests.cases import each_case
from tests.render.results import HOSTILE, render_text, result_of
from tokensh.rows import Column


def test_a_table_with_numbers_at_the_right() -> None:
    result = result_of(["name", Column("n", "integer")], [("x", 1), (None, None)])
    assert render_text("markdown", result) == "| name | n |\n| --- | ---: |\n| x | 1 |\n| NULL | NULL |\n"


@each_case(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("two\nlines", "two<br>lines"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("![x](http://evil)", r"!\[x\](http<span>:</span>//evil)"),
        ("~~gone~~ ~one~", r"\~\~gone\~\~ \~one\~"),
        ("_x_ __y__ a_b _c", r"\_x\_ \_\_y\_\_ a_b \_c"),
        ("é_é _é_", r"é_é \_é\_"),
        (
            "see https://evil/ www.evil.example HTTP://E",
            "see https<span>:</span>//evil/ www<span>.</span>evil.example HTTP<span>:</span>//E",
        ),
        ("@user a@b.example @", "<span>@</span>user a<span>@</span>b.example @"),
        ("#1 o/r#23 # a GH-7", "<span>#</span>1 o/r<span>#</span>23 # a GH<span>-</span>7"),
        ("$x$ $$y$$", "<span>$</span>x<span>$</span> <span>$</span><span>$</span>y<span>$</span><span>$</span>"),
        (":smile: 10:11:12 a: b", "<span>:</span>smile: 10:11:12 a: b"),
        ("mailto:a@b.c", "mailto<span>:</span>a<span>@</span>b.c"),
        ("`code` *bold*", r"\`code\` \*bold\*"),
        ("back\\", "back\\\\"),
        ("\x1b[0m", r"\x1b\[0m"),
        ("token_id", "token_id"),
    ],
)
def test_cells_are_text_and_nothing_else(text: str, written: str) -> None:
    assert render_text("markdown", result_of(["c"], [(text,)])).splitlines()[2] == f"| {written} |"


@each_case("text", HOSTILE, ids=ascii)
def test_one_row_is_one_line(text: str) -> None:
    assert len(render_text("markdown", result_of([text], [(text,)])).splitlines()) == 3
