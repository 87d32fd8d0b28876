"""A script's text to its statements, as it is read.

The lexer decides where a statement ends: a `;` in a string, a name or a comment does not count. There is one exception: a `;`
at the end of a line comment (`-- required;`, as documentation pages print it) ends the statement if what precedes it is a
complete statement and what follows, blanks and comments aside, is the end of the input or a word that opens a statement and
cannot continue the one before it (`ORDER BY x -- soonest;` goes on with `DESC`). A DELETE, UPDATE or REPLACE that seems to end
in this way, but is followed by other text, is refused: its author may have meant a narrower change than the text before the
comment.

Text may come in any pieces, and the statements do not depend on where it is cut. The cost is linear in its length: a piece is
lexed when it comes, except for what more text could make longer at its end. A quote or a comment that stays open is searched
for its end in new text only, and then lexed once more. Whether a statement is complete is asked of a parser that follows the
tokens and builds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from tokensh._dataclasses import dataclass, field
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql.grammar import ParseTable
from tokensh.sql.lalr import END, NoActions, ParserState
from tokensh.sql.lexer import (
    Token,
    can_json_go_on,
    closes_statement,
    new_token,
    next_json_state,
    scan_json,
    tokenize,
)

# Statements that change the rows their WHERE selects: a part of the condition that gets lost would widen them.
_CONDITIONAL_CHANGES = frozenset(("DELETE", "UPDATE", "REPLACE"))
_MAIN_VERBS = _CONDITIONAL_CHANGES | {"SELECT", "VALUES", "INSERT"}


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


_QUOTED = {quote: re.compile(f"[^{quote}]*(?:{quote * 2}[^{quote}]*)*") for quote in "'\"`"}
_MAYBE_OPEN = frozenset(("COMMENT", "UNCLOSED", "OTHER"))
_BRACE = re.compile(r"[{}]")
_LINE_END = re.compile(r"[\r\n]")


class _OpenToken:
    """The end of a text that more text could make longer: a token by how it is opened, or a run of characters without a blank.

    `opening` is a quote, `/*`, `--` for any line comment, `{{`, `{` for a JSON object, or empty for the run.
    """

    __slots__ = ("_depth", "_opening", "_tail")

    def __init__(self, opening: str, inside: str) -> None:
        self._opening = opening
        # The end of what was read that must be looked at again with the next text: half of `''` or `*/`.
        self._tail = ""
        self._depth = 0
        self.may_be_closed_by(inside)

    def may_be_closed_by(self, text: str) -> bool:
        """Return True if more text ends the token, or may."""
        text = self._tail + text
        match self._opening:
            case "/*":
                self._tail = "*" if text.endswith("*") else ""
                return "*/" in text
            case "--":
                return _LINE_END.search(text) is not None
            case "{{":
                brace = _BRACE.search(text)
                self._tail = "" if brace is None else text[-1]
                return brace is not None and brace.end() < len(text)
            case "{":
                end, self._depth = scan_json(text, 0, self._depth)
                self._tail = text[end:]
                return self._depth == 0 or not can_json_go_on(text, end)
            case "":
                return True
            case quote:
                match_end = _QUOTED[quote].match(text).end()  # type: ignore[union-attr]  # the pattern matches any text
                self._tail = text[match_end:]
                return match_end < len(text) - 1


class _LexerFeed:
    """Makes tokens of a text that comes in pieces. A token is yielded when more text cannot change it.

    `window` is the text that is lexed, from `start` on; `lexed` is how much of it has become tokens.
    """

    def __init__(self, table: ParseTable) -> None:
        self._table = table
        self._held: list[str] = []
        self._open: _OpenToken | None = None
        self._json_state = ""
        self.window = ""
        self.start = 0
        self.lexed = 0

    def add(self, text: str) -> bool:
        """Take more text; return True if it ends a token, so that `tokens` yields more."""
        self._held.append(text)
        return self._open is None or self._open.may_be_closed_by(text)

    def find_backslash(self, text: str) -> int | None:
        """Return the offset in a text, which would be the next, of a backslash outside of quotes and comments."""
        from copy import copy  # noqa: PLC0415 (what is typed alone is asked for)

        # Asked of a copy, which changes instead: quotes that stay open over many lines are not lexed at each of them.
        if self._open is not None and not copy(self._open).may_be_closed_by(text):
            return None
        held = "".join(self._held)
        for token in tokenize(self._table, held + text, 0, self._json_state):
            if token.kind == "OTHER" and token.text == "\\" and token.start >= len(held):
                return token.start - len(held)
        return None

    def tokens(self, *, final: bool) -> Iterator[Token]:
        """Move the window on and yield the tokens that have ended; all that are left at the end of the input."""
        self.start += self.lexed
        self.window = "".join(self._held)
        self.lexed = 0
        yield from self._tokenize_window(final=final)
        self._held = [self.window[self.lexed :]] if self.lexed < len(self.window) else []

    def _tokenize_window(self, *, final: bool) -> Iterator[Token]:
        offset = self.start
        state = self._json_state
        run: list[Token] = []
        for token in tokenize(self._table, self.window, 0, state):
            kind, text, start, end = token
            if kind in _MAYBE_OPEN and not final and (opening := self._find_opening(token, state)) is not None:
                self._open = _OpenToken(opening, self.window[start + (0 if opening == "{" else len(opening)) :])
                break
            if state or kind == "JSON_PARAMETER":
                state = next_json_state(state, token)
            run.append(new_token(Token, (kind, text, start + offset, end + offset)))
            if kind == "BLANK" or text == ";" or final:
                self.lexed = end
                self._json_state = state
                yield from run
                run.clear()
        else:
            self._open = _OpenToken("", "") if run else None

    def _find_opening(self, token: Token, json_state: str) -> str | None:
        """Return how a token is opened if the end of the window leaves it open."""
        kind, text, start, end = token
        if kind == "COMMENT":
            return "--" if end == len(self.window) and not text.startswith("/*") else None
        if kind == "UNCLOSED":
            # After a single quote alone, the next character decides whether it belongs to a number (`7'000`).
            return "/*" if text[0] == "/" else text[0] if len(text) > 1 else ""
        if text != "{":
            return None
        if json_state == "=":
            json_end, _ = scan_json(self.window, start)
            if can_json_go_on(self.window, json_end):
                return "{"
        if not self.window.startswith("{{", start):
            return None
        brace = _BRACE.search(self.window, start + 2)
        return "{{" if brace is None or brace.end() == len(self.window) else None


class _Prefix:
    """The parser's states along a statement that has comments with a `;`: built once, then asked at each of them."""

    def __init__(self, table: ParseTable) -> None:
        self._table = table
        self._state = ParserState(table, NoActions())
        self._is_wrong = False
        # Behind what was fed; a name with hyphens takes several tokens at once.
        self._consumed = 0
        # The last token is fed only on trial: whether it is a keyword depends on what follows.
        self._last: tuple[Token, ...] = ()
        self._text = ""
        self.fed = 0

    def is_complete(self, tokens: Sequence[Token], text: str, offset: int) -> bool:
        """Return True if a statement may end behind the tokens.

        Args:
            tokens: those from number `fed` on, at least one.
            text: theirs.
            offset: where the text begins in the script.
        """
        self.fed += len(tokens) - 1
        if self._is_wrong:
            return False
        pending = _move_tokens((token for token in tokens if token.start >= self._consumed), offset)
        try:
            if len(pending) > 1:
                self._state.feed(text, pending, len(pending) - 1)
                self._consumed = self._state.end + offset
            self._last = tuple(token for token in pending[-1:] if token.start + offset >= self._consumed)
            self._text = text
        except SqlSyntaxError:
            self._is_wrong = True
            return False
        return self._accepts(END)

    def can_continue(self, following: Token) -> bool:
        """Return True if a keyword or an operator can continue the statement."""
        table = self._table
        terminal = table.keywords.get(following.text.upper()) or table.operators.get(following.text)
        return terminal is not None and self._accepts(terminal, following)

    def _accepts(self, terminal: str, *following: Token) -> bool:
        trial = self._state.copy()
        try:
            trial.feed(self._text, (*self._last, *following), len(self._last))
        except SqlSyntaxError:
            return False
        return trial.can_shift(terminal)


class Splitter:
    """Splits text that comes in parts; its first line has the number `line`."""

    def __init__(self, table: ParseTable, line: int = 1) -> None:
        self._table = table
        self._lexer = _LexerFeed(table)
        # The text of the current statement before the lexer's window, in pieces.
        self._parts: list[str] = []
        # Its tokens without blanks and comments, by their place in the script.
        self._tokens: list[Token] = []
        # A comment that ends the current statement, depending on what follows; what is wrong with the statement.
        self._closing: Token | None = None
        self._error: SqlSyntaxError | None = None
        self._prefix: _Prefix | None = None
        # Line and column of an offset: of the current statement's first token if there is one.
        self._line = line
        self._column = 1
        self._counted = 0
        self.statement_start = 0
        """Where the statement begins that is not ended yet: behind the last that is."""

    @property
    def in_statement(self) -> bool:
        """Whether a statement is open behind the last blank."""
        return bool(self._tokens) and self._closing is None

    def find_backslash(self, line: str) -> int | None:
        r"""Return the offset in the next line of a `\\` outside of quotes and comments, which begins a command."""
        return self._lexer.find_backslash(line) if "\\" in line else None

    def feed(self, text: str) -> Iterator[StatementText]:
        """Add text and yield the statements that it ends."""
        yield from self._read(text, final=False)

    def finish(self) -> Iterator[StatementText]:
        """Yield the statements that the end of the input ends."""
        yield from self._read("", final=True)
        end = self._lexer.start + len(self._lexer.window)
        statement = (
            self._cut(end, end, ended=self._error is not None)
            if self._closing is None
            else self._cut(self._closing.start, self._closing.end)
        )
        if statement is not None:
            yield statement

    def _read(self, text: str, *, final: bool) -> Iterator[StatementText]:
        if not self._lexer.add(text) and not final:
            return
        self._keep_text()
        for token in self._lexer.tokens(final=final):
            if token.kind == "BLANK":
                continue
            if token.kind == "COMMENT":
                self._judge_comment(token)
                continue
            if self._closing is not None and (statement := self._decide(self._closing, token)) is not None:
                yield statement
            if token.text == ";":
                if (statement := self._cut(token.start, token.end)) is not None:
                    yield statement
                continue
            if not self._tokens:
                self._count_to(token.start)
            self._tokens.append(token)

    def _keep_text(self) -> None:
        """Keep what the current statement needs of the window before the lexer moves it."""
        lexer = self._lexer
        settled = lexer.start + lexer.lexed
        if not self._tokens:
            self._count_to(settled)
        if self._counted >= lexer.start:
            self._parts = []
        if self._counted < settled:
            self._parts.append(self._slice(max(self._counted, lexer.start), settled))

    def _slice(self, start: int, end: int) -> str:
        """Return the text between two offsets of the script, of the current statement or the window."""
        begin = self._lexer.start
        pieces = [self._lexer.window]
        for part in reversed(self._parts):
            if begin <= start:
                break
            begin -= len(part)
            pieces.append(part)
        text = "".join(reversed(pieces)) if len(pieces) > 1 else pieces[0]
        return text[start - begin : end - begin]

    def _count_to(self, end: int) -> None:
        """Move the place whose line and column are known."""
        text = self._slice(self._counted, end)
        newlines = text.count("\n")
        self._line += newlines
        self._column = len(text) - text.rindex("\n") if newlines else self._column + len(text)
        self._counted = end

    def _judge_comment(self, comment: Token) -> None:
        """Remember a comment that ends with `;` behind a complete statement."""
        if not self._tokens or self._closing is not None or self._error is not None or not closes_statement(comment):
            return
        prefix = self._prefix = self._prefix or _Prefix(self._table)
        tokens = self._tokens[prefix.fed :]
        offset = tokens[0].start
        if prefix.is_complete(tokens, self._slice(offset, comment.start), offset):
            self._closing = comment

    def _decide(self, comment: Token, following: Token) -> StatementText | None:
        """Return the statement that a comment ends, now that it is known what follows; None if it goes on."""
        self._closing = None
        opens = following.text in ("\\", ";")
        if following.text == "(" or following.text.upper() in self._table.openers:
            opens = self._prefix is not None and not self._prefix.can_continue(following)
        if opens:
            return self._cut(comment.start, comment.end)
        verb = find_verb(self._tokens)
        if verb in _CONDITIONAL_CHANGES:
            first = self._tokens[0].start
            self._error = SqlSyntaxError(
                f"does this {verb} end at the ';' in the comment, or does it go on?",
                span=Span(comment.start - first, following.end - first),
                hint="move the ';' out of the comment, or remove it; nothing was sent",
            )
        return None

    def _cut(self, end: int, next_start: int, *, ended: bool = True) -> StatementText | None:
        """Return the current statement, which ends at an offset, if there is one; the next begins at another."""
        statement = None
        if self._tokens:
            start = self._tokens[0].start
            tokens = _move_tokens(self._tokens, start)
            text = self._slice(start, end)
            # An open string goes on to the end, blanks included.
            text = text[: max(len(text.rstrip()), tokens[-1].end)]
            statement = StatementText(text, self._line, self._column, ended, self._error, tokens)
        self._count_to(next_start)
        self._tokens.clear()
        self._closing = self._error = self._prefix = None
        self.statement_start = next_start
        return statement


def find_verb(tokens: Sequence[Token]) -> str:
    """Return the word that says what a statement does, in capitals: the first, or the one behind its WITH."""
    verb = tokens[0].text.upper()
    if verb != "WITH":
        return verb
    depth = 0
    for token in tokens:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text.upper() in _MAIN_VERBS:
            return token.text.upper()
    return verb


def _move_tokens(tokens: Iterable[Token], offset: int) -> list[Token]:
    """Return tokens with their positions counted from `offset`."""
    return [new_token(Token, (kind, text, start - offset, end - offset)) for kind, text, start, end in tokens]


def split_script(pieces: Iterable[str], table: ParseTable) -> Iterator[StatementText]:
    """Yield the statements of a script, each as soon as its end is read."""
    splitter = Splitter(table)
    yield from chain.from_iterable(map(splitter.feed, pieces))
    yield from splitter.finish()
