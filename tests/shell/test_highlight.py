"""What is typed is coloured by the parser's own tokens, and no character is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.token import Comment, Keyword, Name, Number, String, _TokenType

from tests import seed_statements
from tests.shared_parser import shared_parser
from tokensh.shell.highlight import lexer_for

LEXER = lexer_for(shared_parser().table)()


def kinds(text: str) -> dict[str, _TokenType]:
    return {word: kind for _, kind, word in LEXER.get_tokens_unprocessed(text)}


@pytest.mark.parametrize(
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


@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from([*seed_statements.EXEC.split(), "'", '"', "--", "/*", "{{"])).map(" ".join)
)
def test_no_character_is_lost_and_each_is_where_it_was(text: str) -> None:
    found = list(LEXER.get_tokens_unprocessed(text))
    assert "".join(word for _, _, word in found) == text
    assert all(text.startswith(word, at) for at, _, word in found)
