"""Colours of what is typed: the parser's tokens mapped to those of pygments."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any

from prompt_toolkit.styles import BaseStyle, Style, merge_styles
from prompt_toolkit.styles.pygments import style_from_pygments_dict
from pygments.lexer import Lexer
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Text, _TokenType

from tokensh.render.themes import Styles
from tokensh.sql.grammar import ParseTable

# Characters that have no colour and begin no other token, as one token however long: fewer tokens, faster keys.
_PLAIN = r"(?P<PLAIN>[\s\ufeff(),.*+=<>|&%~!;\[\]]+)"
_KINDS: dict[str | None, _TokenType | None] = {
    "PLAIN": Text,
    "BLANK": Text,
    "COMMENT": Comment,
    "STRING": String,
    "BLOB": String,
    "NUMBER": Number,
    "MALFORMED_NUMBER": Error,
    "UNCLOSED": String,
    "QUOTED_NAME": Name,
    "NAME": None,  # or a keyword
    "PLACEHOLDER": Name.Variable,
    "VARIABLE": Name.Variable,
    "PARAMETER": Name.Attribute,
    "JSON_PARAMETER": Name.Attribute,
    "OPERATOR": Operator,
    "OTHER": Punctuation,
}


def make_style(styles: Styles) -> BaseStyle:
    """Return prompt_toolkit's style for a theme."""
    style = {name: _to_prompt_style(text) for name, text in styles.items()}
    # What prompt_toolkit has a style of its own for: where the theme has no colour, that one must not show.
    alone = {name: f"noinherit {text}" for name, text in style.items()}
    return merge_styles(
        [
            style_from_pygments_dict(
                {
                    Keyword: alone["keyword"],
                    String: alone["string"],
                    Number: alone["number"],
                    Comment: alone["comment"],
                    Name.Variable: alone["variable"],
                    Name.Attribute: alone["variable"],
                    Operator: "noinherit",
                    Error: alone["trouble"],
                }
            ),
            Style.from_dict(
                {
                    "prompt": "bold",
                    "workspace": style["workspace"],
                    "transaction": style["transaction"],
                    "continuation": style["comment"],
                    "auto-suggestion": alone["comment"],
                    "trouble": style["trouble"],
                    "matching-bracket.cursor": f"{alone['variable']} bold",
                    "matching-bracket.other": f"{alone['variable']} bold",
                    "bottom-toolbar": alone["toolbar"],
                    "completion-menu.meta.completion": "italic",
                    # Reversed, so that it is seen without colours too.
                    "completion-menu.completion.current": "#444444 bg:#ffffff reverse",
                    "completion-menu.meta.completion.current": "#444444 bg:#ffffff reverse",
                }
            ),
        ]
    )


def _to_prompt_style(style: str) -> str:
    """Return a style of a theme in prompt_toolkit's words: `ansired` for red, `bg:` for `on`."""
    front, _, back = style.partition(" on ")
    words = [*front.split(), *(f"on {back}".split() if back else ())]
    named = [
        word if word in _ATTRIBUTES or word.startswith("#") else f"ansi{word.replace('_', '')}"
        for word in words
        if word != "on"
    ]
    if back:
        named[-1] = f"bg:{named[-1]}"
    return " ".join(named)


_ATTRIBUTES = ("bold", "dim", "italic", "underline", "reverse")


class _WordKinds(dict[str, _TokenType]):
    """The kind of each word: keyword or name, looked up once."""

    def __init__(self, keywords: Collection[str]) -> None:
        super().__init__()
        self._keywords = keywords

    def __missing__(self, word: str) -> _TokenType:
        self[word] = kind = Keyword if word.upper() in self._keywords else Name
        return kind


class SqlLexer(Lexer):
    """A pygments lexer that uses the parser's own table, so that a word is coloured as a keyword only if it is one."""

    name = "tokensh"

    def __init__(self, table: ParseTable, **options: Any) -> None:
        super().__init__(**options)
        self._table = table
        self._words = _WordKinds(table.keywords)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(f"{_PLAIN}|{self._table.pattern.pattern}")

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        """Yield offset, kind and text of each token. It runs over the whole text at every key, so it creates nothing else."""
        if not text:
            return
        kinds, words = _KINDS, self._words
        for match in self._pattern.finditer(text):
            word = match[0]
            kind = kinds[match.lastgroup]
            yield match.start(), kind or words[word], word


def lexer_for(table: ParseTable) -> type[Lexer]:
    """Return a lexer class whose constructor needs no arguments, as prompt_toolkit requires."""

    class BoundLexer(SqlLexer):
        def __init__(self, **options: Any) -> None:
            super().__init__(table, **options)

    return BoundLexer
