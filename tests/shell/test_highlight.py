"""What is typed is coloured by the parser's own tokens, and no character is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.styles import default_pygments_style, default_ui_style, merge_styles
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

from tests import seed_statements
from tests.cases import each_case
from tests.shared_parser import shared_parser
from tokensh.render.themes import THEMES
from tokensh.shell.highlight import lexer_for, make_style

LEXER = lexer_for(shared_parser().table)()


def kinds(text: str) -> dict[str, _TokenType]:
    return {word: kind for _, kind, word in LEXER.get_tokens_unprocessed(text)}


@each_case(
    ("text", "word", "kind"),
    [
        ("select 1", "select", Keyword),
        ("SELECT 1", "1", Number),
        ("SELECT 'it''s -- x'", "'it''s -- x'", String),
        ("SELECT 1 -- why;", "-- why;", Comment),
        ("SELECT a /* b */", "/* b */", Comment),
        ("SELECT comment FROM t", "comment", Name),
        ("SELECT {{ n }}", "{{ n }}", Name.Variable),
        ("EXEC a.b @x='y'", "@x", Name.Attribute),
        ("EXEC a.b @@json='{}'", "@@json", Name.Attribute),
        ("SELECT a-1", "1", Number),
        ("SELECT a->'$.b'", "'$.b'", String),
    ],
)
def test_each_word_has_the_colour_of_what_it_is(text: str, word: str, kind: _TokenType) -> None:
    assert kinds(text)[word] is kind


def test_the_prompt_has_the_colours_of_the_theme_and_none_of_prompt_toolkits_own() -> None:
    named = {
        "pygments.keyword": "keyword",
        "pygments.literal.string": "string",
        "pygments.literal.number": "number",
        "pygments.comment": "comment",
        "pygments.name.variable": "variable",
        "pygments.name.attribute": "variable",
        "pygments.operator": "",
        "pygments.error": "trouble",
        "pygments.name": "",
        "auto-suggestion": "comment",
        "continuation": "comment",
        "bottom-toolbar": "toolbar",
        "matching-bracket.cursor": "variable",
        "matching-bracket.other": "variable",
    }
    for theme, styles in THEMES.items():
        # As an application merges it.
        style = merge_styles([default_ui_style(), default_pygments_style(), make_style(styles)])
        for name, own in named.items():
            shown = style.get_attrs_for_style_str(f"class:{name}")
            colour = re.search("#[0-9a-f]{6}|(?:bright_)?[a-z]+$", styles.get(own, ""))
            wanted = colour[0].removeprefix("#").replace("_", "") if colour and colour[0] not in ("bold", "dim") else ""
            assert (shown.color or "").removeprefix("ansi") == wanted, (theme, name)
            assert shown.bgcolor == "", (theme, name)


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*seed_statements.EXEC.split(), "'", '"', "--", "/*", "{{"])).map(" ".join)
)
def test_no_character_is_lost_and_each_is_where_it_was(text: str) -> None:
    found = list(LEXER.get_tokens_unprocessed(text))
    assert "".join(word for _, _, word in found) == text
    assert all(text.startswith(word, at) for at, _, word in found)
