"""Text to tokens.

One regular expression, compiled from the terminals of the grammar, finds every token: `re` runs in C, a loop over characters
would not. Parser, script splitter, completion and highlighter share it. It keeps no state: every word is a NAME here. Whether
a word is a keyword depends on what the parser can accept at that point, so the parser decides (`tokensh.sql.lalr`), as it does
for names with hyphens, which look like subtractions. Only a bare JSON object, which nests and has other strings than SQL, is
found by hand, behind `@@json =`.

Tokens cover the text without gaps, and a token never depends on the text before it. A text may therefore be lexed piece by
piece, starting at any token, and the tokens of a statement can be handed on from splitter to parser instead of lexing again.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable
from tokensh.sql.numbers import malformed_number_error

TRIVIA = frozenset(("BLANK", "COMMENT"))
# What JSON consists of, placeholders in it included. Its strings have backslashes, and hold no line breaks.
_JSON_PART = r'"[^"\\\r\n]*(?:\\[^\r\n][^"\\\r\n]*)*"|[\s\w\[\],:.+-]+|[{}]'
_OPEN_JSON_STRING = r'"[^\r\n]*'
_HYPHENATED_NAME = r"[^\W\d][\w$]*(?:-[\w$]+)+"


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


def tokenize(table: ParseTable, text: str, start: int = 0, json_state: str = "") -> Iterator[Token]:
    """Yield all tokens, blanks and comments included; a character that begins no token is an OTHER by itself.

    `json_state` is what `next_json_state` gives for the tokens before `start`.
    """
    position: int | None = start
    while position is not None:
        position = yield from _tokenize_to_json(table, text, position, json_state)
        json_state = ""


def _tokenize_to_json(table: ParseTable, text: str, start: int, state: str) -> Generator[Token, None, int | None]:
    """Yield the tokens up to a bare JSON object, it included, and return where it ends; None at the end of the text."""
    for match in table.pattern.finditer(text, start):
        token: Token = new_token(Token, (match.lastgroup, match.group(), *match.span()))
        if state == "=" and token.text == "{":
            end, depth = scan_json(text, token.start)
            if depth == 0:
                yield new_token(Token, ("JSON_OBJECT", text[token.start : end], token.start, end))
                return end
        state = next_json_state(state, token)
        yield token
    return None


def next_json_state(state: str, token: Token) -> str:
    """Return how much of `@@json =` has been read after a token: '@@', '=' or nothing."""
    kind = token[0]
    if kind == "JSON_PARAMETER":
        return "@@"
    if not state or kind in TRIVIA:
        return state
    return "=" if state == "@@" and token[1] == "=" else ""


def scan_json(text: str, start: int, depth: int = 0) -> tuple[int, int]:
    """Read a JSON object from `start` on, inside of `depth` braces; return where it ends and the depth there.

    The depth is not 0 if the object is not closed: then it may go on after the end of the text, or is not JSON from there on.
    """
    while match := re.compile(_JSON_PART).match(text, start):
        start = match.end()
        brace = match.group()
        depth += (brace == "{") - (brace == "}")
        if depth == 0:
            break
    return start, depth


def can_json_go_on(text: str, end: int) -> bool:
    """Return True if a JSON object of which `scan_json` found no end could be closed by more text."""
    return end == len(text) or re.compile(_OPEN_JSON_STRING).fullmatch(text, end) is not None


def significant_tokens(table: ParseTable, text: str, start: int = 0) -> list[Token]:
    """Return the tokens without blanks and comments."""
    if "@@" in text:
        return [token for token in tokenize(table, text, start) if token.kind not in TRIVIA]
    return [
        new_token(Token, (match.lastgroup, match.group(), *match.span()))
        for match in table.pattern.finditer(text, start)
        if match.lastgroup not in TRIVIA
    ]


def closes_statement(comment: Token) -> bool:
    """Return True if a line comment ends with `;`, as in `-- required;`."""
    return not comment.text.startswith("/*") and comment.text.rstrip().endswith(";")


def find_hyphenated_end(text: str, start: int) -> int | None:
    """Return where the name with hyphens (`If-Match`, `api-version`) at `start` ends; None without one."""
    match = re.compile(_HYPHENATED_NAME).match(text, start)
    return match.end() if match else None


_CHARACTER_HINTS = {"\\": "a command of the shell, such as \\d, has a line of its own"}


def lexical_error(token: Token) -> SqlSyntaxError:
    """Return the error for a token that no statement can hold."""
    if token.kind == "MALFORMED_NUMBER":
        return malformed_number_error(token.text, token.span)
    match token.text[0]:
        case "'":
            return SqlSyntaxError(
                "this string is not closed", span=token.span, hint="end it with '; a ' inside is written ''"
            )
        case '"' | "`" as quote:
            return SqlSyntaxError("this quoted name is not closed", span=token.span, hint=f"end it with {quote}")
        case "/":
            return SqlSyntaxError("this comment is not closed", span=token.span, hint="end it with */")
        case ";":
            return SqlSyntaxError(
                "one statement at a time", span=token.span, hint="what follows the ';' is another statement"
            )
        case _:
            hint = _CHARACTER_HINTS.get(token.text[0])
            return SqlSyntaxError(f"unexpected character {token.text!a}", span=token.span, hint=hint)
