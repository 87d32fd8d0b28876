"""A script's text to its statements, as it is read: a lexer decides where each one ends, never a search for `;`.

A `;` that closes a line comment (`-- required;`, as documentation pages print it) ends the statement too, when what stands
before it is a complete statement and what follows, blanks and comments aside, is the end of the input or a word that opens a
statement. A DELETE, UPDATE or REPLACE that such a comment seems to end while other text follows is refused: what was meant
might be narrower than what stands there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Literal, NamedTuple

from tokensh._dataclasses import dataclass
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lexer import TRIVIA, Token, tokenize

_CHANGERS = frozenset(("DELETE", "UPDATE", "REPLACE"))


@dataclass(frozen=True, slots=True)
class StatementText:
    """One statement's text without its `;`: where it begins in its script, and the error found in splitting, if any.

    `line` and `column` count from 1; `ended` tells whether a `;` stood behind it.
    """

    text: str
    line: int
    column: int
    ended: bool = True
    error: SqlSyntaxError | None = None


class End(NamedTuple):
    """Where a statement's text ends, where the next one begins, and what is wrong between."""

    cut: int
    after: int
    error: SqlSyntaxError | None = None


class Splitter:
    """Takes text as it arrives and gives the statements that are complete.

    `is_complete` tells whether a text parses as a statement; it is asked only about a comment that ends with `;`.
    """

    def __init__(self, table: ParseTable, is_complete: Callable[[str], bool]) -> None:
        self._table = table
        self._is_complete = is_complete
        self._text = ""
        self._line = 1
        self._column = 1
        self._scanned = 0

    @property
    def pending(self) -> str:
        """The text of the statement that is not ended yet."""
        return self._text

    def feed(self, text: str) -> Iterator[StatementText]:
        """Add text (whole lines, so that no token is cut in two) and yield the statements it ends."""
        self._text += text
        yield from self._split(final=False)

    def finish(self) -> Iterator[StatementText]:
        """The statements that the end of the input ends."""
        yield from self._split(final=True)
        if self._begins(0) is not None:
            yield self._piece(len(self._text), len(self._text), ended=False)

    def _split(self, *, final: bool) -> Iterator[StatementText]:
        while True:
            end = self._end(final=final)
            if end is None:
                return
            if self._begins(0, end.cut) is None:
                self._drop(end.after)
                continue
            yield self._piece(end.cut, end.after, ended=True, error=end.error)

    def _end(self, *, final: bool) -> End | None:
        """Where the first statement ends; None: read on."""
        for token in self._tokens(self._scanned):
            if token.kind == "OTHER" and token.text in ("'", '"', "`"):
                return None
            if token.text == "/" and self._text.startswith("/*", token.start):
                return None
            if token.kind == "OTHER" and token.text == ";":
                return End(token.start, token.end)
            if token.kind == "COMMENT" and _closes(token):
                found = self._after_comment(token, final=final)
                if found != "go on":
                    return None if found == "read on" else found
            # Lines come whole, so nothing before this point can change any more.
            self._scanned = token.end
        return None

    def _after_comment(self, comment: Token, *, final: bool) -> End | Literal["go on", "read on"]:
        """Whether the `;` in a comment ends the statement before it."""
        first = self._begins(0, comment.start)
        if first is None or not self._is_complete(self._text[: comment.start]):
            return "go on"
        following = self._begins(comment.end)
        if not final and (following is None or self._text.startswith("/*", following.start)):
            return "read on"
        if following is None or following.text.upper() in self._table.openers or following.text in ("(", "\\", ";"):
            return End(comment.start, comment.end)
        if first.text.upper() not in _CHANGERS:
            return "go on"
        return self._refused(first, comment, following, final=final)

    def _refused(self, first: Token, comment: Token, following: Token, *, final: bool) -> End | Literal["read on"]:
        """A change that a comment seems to end, with text behind it that opens no statement."""
        end = self._hard_end(comment.end)
        if end is None and not final:
            return "read on"
        error = SqlSyntaxError(
            f"does this {first.text.upper()} end where the comment says ;, or does it go on?",
            span=Span(comment.start, following.end),
            hint="put the ; outside the comment, or take it away; nothing was sent",
        )
        cut, after = end or (len(self._text), len(self._text))
        return End(cut, after, error)

    def _hard_end(self, start: int) -> tuple[int, int] | None:
        return next(((t.start, t.end) for t in self._tokens(start) if t.kind == "OTHER" and t.text == ";"), None)

    def _tokens(self, start: int) -> Iterator[Token]:
        return tokenize(self._table, self._text, start)

    def _begins(self, start: int, end: int | None = None) -> Token | None:
        """The first token that is neither blank nor comment."""
        found = next((t for t in self._tokens(start) if t.kind not in TRIVIA), None)
        return found if found and (end is None or found.start < end) else None

    def _piece(self, cut: int, after: int, *, ended: bool, error: SqlSyntaxError | None = None) -> StatementText:
        first = self._begins(0, cut)
        start = first.start if first else 0
        line, column = _advance(self._line, self._column, self._text[:start])
        text = self._text[start:cut].rstrip()
        if error and error.span:
            error = SqlSyntaxError(
                error.message, span=Span(error.span.start - start, error.span.end - start), hint=error.hint
            )
        self._drop(after)
        return StatementText(text, line, column, ended, error)

    def _drop(self, end: int) -> None:
        self._line, self._column = _advance(self._line, self._column, self._text[:end])
        self._text = self._text[end:]
        self._scanned = 0


def _closes(comment: Token) -> bool:
    return not comment.text.startswith("/*") and comment.text.rstrip().endswith(";")


def _advance(line: int, column: int, text: str) -> tuple[int, int]:
    newlines = text.count("\n")
    return (line, column + len(text)) if not newlines else (line + newlines, len(text) - text.rindex("\n"))


def split_script(
    lines: Iterable[str], table: ParseTable, is_complete: Callable[[str], bool]
) -> Iterator[StatementText]:
    """The statements of a script, each as soon as its end is read."""
    splitter = Splitter(table, is_complete)
    yield from chain.from_iterable(map(splitter.feed, lines))
    yield from splitter.finish()
