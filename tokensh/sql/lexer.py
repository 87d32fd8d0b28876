"""Text to tokens: one regular expression, made from the grammar's terminals, serves parser, splitter and highlighter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable

TRIVIA = frozenset(("BLANK", "COMMENT"))
_HYPHENATED = re.compile(r"[^\W\d][\w$]*(?:-[\w$]+)+")


class Token(NamedTuple):
    """A piece of text: `kind` is a group of the lexer's pattern (NAME for every word, OPERATOR, OTHER, ..)."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        """Where it stands."""
        return Span(self.start, self.end)


def tokenize(table: ParseTable, text: str, start: int = 0) -> Iterator[Token]:
    """All tokens, blanks and comments included; what is no token is OTHER, a character at a time."""
    for found in table.pattern.finditer(text, start):
        yield Token(found.lastgroup or "OTHER", found.group(), found.start(), found.end())


def find_hyphenated_end(text: str, start: int) -> int | None:
    """Where a name with hyphens (`If-Match`, `api-version`) that begins at `start` ends, if there is one."""
    found = _HYPHENATED.match(text, start)
    return found.end() if found else None


def lexical_error(text: str, token: Token) -> SqlSyntaxError:
    """The error for a character that begins no token."""
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
                "one statement at a time", span=token.span, hint="what follows the ; is another statement"
            )
        case _:
            return SqlSyntaxError(f"unexpected character {token.text!a}", span=token.span)
