"""Text to tokens.

One regular expression, compiled from the terminals of the grammar, finds every token: `re` runs in C, a loop over characters
would not. Parser, script splitter, completion and highlighter share it. It keeps no state: every word is a NAME here. Whether
a word is a keyword depends on what the parser can accept at that point, so the parser decides (`tokensh.sql.lalr`), as it does
for the two tokens that a regular expression cannot find: bare JSON objects, which nest, and names with hyphens, which look
like subtractions.

Tokens cover the text without gaps, and a token never depends on the text before it. A text may therefore be lexed piece by
piece, starting at any token, and the tokens of a statement can be handed on from splitter to parser instead of lexing again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable

TRIVIA = frozenset(("BLANK", "COMMENT"))
_HYPHENATED_NAME = re.compile(r"[^\W\d][\w$]*(?:-[\w$]+)+")


class Token(NamedTuple):
    """A piece of text: `kind` is a group of the lexer's pattern (NAME for every word, OPERATOR, OTHER, ...)."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """The range of characters."""
        return Span(self.start, self.end)


# Makes a token of a tuple in a third of the time that calling the class takes.
new_token: Any = tuple.__new__


def tokenize(table: ParseTable, text: str, start: int = 0) -> Iterator[Token]:
    """Yield all tokens, blanks and comments included; a character that begins no token is an OTHER by itself."""
    for match in table.pattern.finditer(text, start):
        yield new_token(Token, (match.lastgroup, match.group(), *match.span()))


def significant_tokens(table: ParseTable, text: str, start: int = 0) -> list[Token]:
    """Return the tokens without blanks and comments."""
    return [
        new_token(Token, (match.lastgroup, match.group(), *match.span()))
        for match in table.pattern.finditer(text, start)
        if match.lastgroup not in TRIVIA
    ]


def is_unclosed(token: Token, text: str) -> bool:
    """Return True if the token opens a string, a quoted name or a comment that `text` does not close."""
    if token.kind == "OTHER":
        return token.text in ("'", '"', "`")
    return token.text == "/" and text.startswith("/*", token.start)


def closes_statement(comment: Token) -> bool:
    """Return True if a line comment ends with `;`, as in `-- required;`."""
    return not comment.text.startswith("/*") and comment.text.rstrip().endswith(";")


def find_hyphenated_end(text: str, start: int) -> int | None:
    """Return where the name with hyphens (`If-Match`, `api-version`) at `start` ends; None without one."""
    match = _HYPHENATED_NAME.match(text, start)
    return match.end() if match else None


def lexical_error(text: str, token: Token) -> SqlSyntaxError:
    """Return the error for a character that begins no token."""
    rest = Span(token.start, len(text))
    match token.text:
        case "'":
            return SqlSyntaxError(
                "this string is not closed", span=rest, hint="end it with '; a ' inside is written ''"
            )
        case '"' | "`":
            return SqlSyntaxError("this quoted name is not closed", span=rest, hint=f"end it with {token.text}")
        case "/":
            return SqlSyntaxError("this comment is not closed", span=rest, hint="end it with */")
        case ";":
            return SqlSyntaxError(
                "one statement at a time", span=token.span, hint="what follows the ';' is another statement"
            )
        case _:
            return SqlSyntaxError(f"unexpected character {token.text!a}", span=token.span)
