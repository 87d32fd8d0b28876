"""Colours of what is typed: the dialect's own tokens as pygments knows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prompt_toolkit.styles import Style, merge_styles
from prompt_toolkit.styles.pygments import style_from_pygments_dict
from pygments.lexer import Lexer
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String, Text, _TokenType

from tokensh.sql.grammar import Table
from tokensh.sql.lexer import tokens

_KINDS: dict[str, _TokenType] = {
    "BLANK": Text,
    "COMMENT": Comment,
    "STRING": String,
    "BLOB": String,
    "NUMBER": Number,
    "QUOTED_NAME": Name,
    "NAME": Name,
    "PLACEHOLDER": Name.Variable,
    "VARIABLE": Name.Variable,
    "PARAMETER": Name.Attribute,
    "JSON_PARAMETER": Name.Attribute,
    "OPERATOR": Operator,
    "OTHER": Punctuation,
}

STYLE = merge_styles(
    [
        style_from_pygments_dict(
            {
                Keyword: "bold ansiblue",
                String: "ansigreen",
                Number: "ansimagenta",
                Comment: "ansibrightblack",
                Name.Variable: "ansicyan",
                Name.Attribute: "ansicyan",
                Operator: "",
            }
        ),
        Style.from_dict(
            {
                "prompt": "bold",
                "workspace": "ansicyan",
                "continuation": "ansibrightblack",
                "trouble": "ansired",
                "matching-bracket.cursor": "bold ansicyan",
                "matching-bracket.other": "bold ansicyan",
                "bottom-toolbar": "noreverse ansibrightblack",
                "completion-menu.meta.completion": "italic",
            }
        ),
    ]
)


class SqlLexer(Lexer):
    """A pygments lexer over the parser's own table: what is coloured as a keyword is one to the parser."""

    name = "tokensh"

    def __init__(self, table: Table, **options: Any) -> None:
        super().__init__(**options)
        self._table = table

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """Offset, kind and text of each token."""
        for token in tokens(self._table, text):
            yield token.start, self._kind(token.kind, token.text), token.text

    def _kind(self, kind: str, text: str) -> _TokenType:
        if kind == "NAME":
            return Keyword if text.upper() in self._table.keywords else Name
        return _KINDS.get(kind, Text)


def lexer_for(table: Table) -> type[Lexer]:
    """A lexer class that needs no arguments, as prompt_toolkit wants one."""

    class Bound(SqlLexer):
        def __init__(self, **options: Any) -> None:
            super().__init__(table, **options)

    return Bound
