"""A script's text to its statements, as it is read.

The lexer decides where a statement ends: a `;` in a string, a name or a comment does not count. There is one exception: a `;`
at the end of a line comment (`-- required;`, as documentation pages print it) ends the statement if what precedes it is a
complete statement and what follows, blanks and comments aside, is the end of the input or a word that opens a statement. A
DELETE, UPDATE or REPLACE that seems to end in this way, but is followed by other text, is refused: its author may have meant a
narrower change than the text before the comment.

Each character is lexed once. The splitter reads tokens only as far as it must look, and hands them to the parser with the
statement. When more text comes, only tokens that could be longer with it are lexed again: a string, quoted name, comment or
placeholder that is still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal, NamedTuple

from tokensh._dataclasses import dataclass, field
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lexer import TRIVIA, Token, closes_statement, is_unclosed, new_token, tokenize

# Statements that change the rows their WHERE selects: a part of the condition that gets lost would widen them.
_CONDITIONAL_CHANGES = frozenset(("DELETE", "UPDATE", "REPLACE"))


@dataclass(frozen=True, slots=True)
class StatementText:
    """The text of one statement, and where it is in its script.

    `line` and `column` count from 1. `ended` is False if the input ended before a `;`. `error` is a fault found in splitting.
    `tokens` are those of `text` without blanks and comments; empty if it has not been lexed.
    """

    text: str
    line: int = 1
    column: int = 1
    ended: bool = True
    error: SqlSyntaxError | None = None
    tokens: Sequence[Token] = field(default=(), compare=False, repr=False)

    def without_terminator(self) -> StatementText:
        """Return the statement without the `;` at its end and the comments after that; its tokens must be there."""
        if not self.tokens or self.tokens[-1].text != ";":
            return self
        end = self.tokens[-1].start
        return StatementText(self.text[:end], self.line, self.column, True, self.error, self.tokens[:-1])


class _End(NamedTuple):
    """Where a statement ends and the next one begins, and what is wrong with the statement."""

    end: int
    next_start: int
    error: SqlSyntaxError | None = None


class Splitter:
    """Splits text that comes in parts. `is_complete` tells whether a text parses as a statement."""

    def __init__(self, table: ParseTable, is_complete: Callable[[StatementText], bool]) -> None:
        self._table = table
        self._is_complete = is_complete
        self._text = ""
        # Where the current statement begins in the text, leading blanks and comments included; line and column of that.
        self._start = 0
        self._line = 1
        self._column = 1
        # The tokens from there on, as far as anything had to look at them; the source yields those that follow.
        self._tokens: list[Token] = []
        self._source: Iterator[Token] = iter(())
        # So many of them do not end the statement; this one is the first that more text could make longer.
        self._examined = 0
        self._first_open: int | None = None

    @property
    def pending(self) -> str:
        """The text of the statement that is not ended yet."""
        return self._text[self._start :]

    def feed(self, text: str) -> Iterator[StatementText]:
        """Add text (whole lines, so that no word is cut in two) and yield the statements that it ends."""
        self._append_text(text)
        yield from self._split_off(final=False)

    def finish(self) -> Iterator[StatementText]:
        """Yield the statements that the end of the input ends."""
        yield from self._split_off(final=True)
        first = self._first_token(0)
        if first is not None:
            yield self._take_statement(first, _End(len(self._text), len(self._text)), ended=False)

    def _append_text(self, text: str) -> None:
        # Ended statements are forgotten here, not one by one: cutting the text for each would make a long text quadratic.
        tokens, offset = self._tokens, self._start
        if self._first_open is not None:
            del tokens[self._first_open :]
        lexed = tokens[-1].end if tokens else offset
        if offset:
            tokens[:] = _move_tokens(tokens, offset)
        self._text = self._text[offset:] + text
        self._start = 0
        self._source = tokenize(self._table, self._text, lexed - offset)
        self._examined = min(self._examined, len(tokens))
        self._first_open = None

    def _token_at(self, index: int) -> Token | None:
        """Return a token by its index, reading on as far as needed; None behind the last."""
        tokens = self._tokens
        while len(tokens) <= index:
            token = next(self._source, None)
            if token is None:
                return None
            if self._first_open is None and _could_be_longer(token, self._text):
                self._first_open = len(tokens) - _follows_same_quote(tokens, token)
            tokens.append(token)
        return tokens[index]

    def _first_token(self, index: int) -> Token | None:
        """Return the first token from an index on that is neither blank nor comment."""
        while (token := self._token_at(index)) is not None and token.kind in TRIVIA:
            index += 1
        return token

    def _split_off(self, *, final: bool) -> Iterator[StatementText]:
        while (end := self._find_end(final=final)) is not None:
            first = self._first_token(0)
            if first is None or first.start >= end.end:
                self._drop_until(end.next_start)
            else:
                yield self._take_statement(first, end, ended=True)

    def _find_end(self, *, final: bool) -> _End | None:
        """Return where the first statement ends; None if more text is needed."""
        while (token := self._token_at(self._examined)) is not None:
            if is_unclosed(token, self._text):
                return None
            if token.kind == "OTHER" and token.text == ";":
                return _End(token.start, token.end)
            if token.kind == "COMMENT" and closes_statement(token):
                verdict = self._judge_comment(token, self._examined, final=final)
                if verdict != "go on":
                    return None if verdict == "read on" else verdict
            self._examined += 1
        return None

    def _judge_comment(self, comment: Token, index: int, *, final: bool) -> _End | Literal["go on", "read on"]:
        """Decide whether a comment that ends with `;` ends the statement before it."""
        first = self._first_token(0)
        if (
            first is None
            or first.start > comment.start
            or not self._is_complete(self._cut_statement(first, comment.start))
        ):
            return "go on"
        following = self._first_token(index + 1)
        if not final and (following is None or self._text.startswith("/*", following.start)):
            return "read on"
        if following is None or following.text.upper() in self._table.openers or following.text in ("(", "\\", ";"):
            return _End(comment.start, comment.end)
        if first.text.upper() not in _CONDITIONAL_CHANGES:
            return "go on"
        return self._refuse_change(first, comment, index, following, final=final)

    def _refuse_change(
        self, first: Token, comment: Token, index: int, following: Token, *, final: bool
    ) -> _End | Literal["read on"]:
        """Return the end, with an error, of a change that a comment seems to end before other text."""
        while (token := self._token_at(index)) is not None and not (token.kind == "OTHER" and token.text == ";"):
            index += 1
        if token is None and not final:
            return "read on"
        error = SqlSyntaxError(
            f"does this {first.text.upper()} end at the ';' in the comment, or does it go on?",
            span=Span(comment.start - first.start, following.end - first.start),
            hint="move the ';' out of the comment, or remove it; nothing was sent",
        )
        if token is None:
            return _End(len(self._text), len(self._text), error)
        return _End(token.start, token.end, error)

    def _cut_statement(self, first: Token, end: int) -> StatementText:
        """Return the statement from its first token to `end`."""
        start = first.start
        # Not all of its tokens have been read if it ends with the text, behind an open quote for instance.
        while self._tokens[-1].end < end and self._token_at(len(self._tokens)) is not None:
            pass
        tokens = [token for token in self._tokens if token.start < end and token.kind not in TRIVIA]
        line, column = _position_after(self._line, self._column, self._text[self._start : start])
        return StatementText(self._text[start:end].rstrip(), line, column, tokens=_move_tokens(tokens, start))

    def _take_statement(self, first: Token, end: _End, *, ended: bool) -> StatementText:
        """Return the first statement, whose first token is given, and go on behind it."""
        cut = self._cut_statement(first, end.end)
        self._drop_until(end.next_start)
        return StatementText(cut.text, cut.line, cut.column, ended, end.error, cut.tokens)

    def _drop_until(self, end: int) -> None:
        self._line, self._column = _position_after(self._line, self._column, self._text[self._start : end])
        count = sum(token.start < end for token in self._tokens)
        del self._tokens[:count]
        if self._first_open is not None:
            # 0 if the open token is dropped: lexing again from here is safe, and rare.
            self._first_open = max(self._first_open - count, 0)
        self._start = end
        self._examined = 0


def _move_tokens(tokens: Iterable[Token], offset: int) -> list[Token]:
    """Return tokens with their positions counted from `offset`."""
    return [new_token(Token, (kind, text, start - offset, end - offset)) for kind, text, start, end in tokens]


def _could_be_longer(token: Token, text: str) -> bool:
    """Return True if more text could make the token another one: an open string, name, comment or placeholder."""
    if token.kind == "OTHER" and token.text == "{" and text.startswith("{{", token.start):
        return not any(brace in text[token.start + 2 :] for brace in "{}")
    return token.kind in ("OTHER", "OPERATOR") and is_unclosed(token, text)


def _follows_same_quote(tokens: Sequence[Token], quote: Token) -> bool:
    """Return True for the last quote of `'a''`: with more text, it may be the second half of an escaped quote."""
    return bool(tokens) and tokens[-1].end == quote.start and tokens[-1].text.startswith(quote.text)


def _position_after(line: int, column: int, text: str) -> tuple[int, int]:
    """Return the line and column behind a text that begins at `line` and `column`."""
    newlines = text.count("\n")
    return (line, column + len(text)) if not newlines else (line + newlines, len(text) - text.rindex("\n"))


def split_script(
    lines: Iterable[str], table: ParseTable, is_complete: Callable[[StatementText], bool]
) -> Iterator[StatementText]:
    """Yield the statements of a script, each as soon as its end is read."""
    splitter = Splitter(table, is_complete)
    yield from chain.from_iterable(map(splitter.feed, lines))
    yield from splitter.finish()
