"""Text to nodes, and errors that say what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from tokensh._dataclasses import replace
from tokensh.errors import Span, SqlSyntaxError
from tokensh.sql import nodes
from tokensh.sql.actions import actions_for
from tokensh.sql.grammar import ParseTable, load_table
from tokensh.sql.lalr import ParserState
from tokensh.sql.lexer import significant_tokens
from tokensh.sql.script import StatementText
from tokensh.text import SURROGATE, nearest, plural

# Longer lists of what was expected are cut: after a name, fifty words may follow.
_MOST_EXPECTED = 8


class Parser:
    """The parser over one compiled table; `cache` is the folder for the table, None to keep none."""

    def __init__(self, cache: Path | None = None) -> None:
        self.table: ParseTable = load_table(cache)

    def tokenize(self, statement: str | StatementText) -> StatementText:
        """Return the statement with its tokens; it is not lexed again if it has them."""
        if isinstance(statement, str):
            return StatementText(statement, tokens=significant_tokens(self.table, statement))
        return statement if statement.tokens else replace(statement, tokens=self.tokenize(statement.text).tokens)

    def parse(self, statement: str | StatementText) -> nodes.Statement:
        """Return the tree of one statement, without its closing `;`. Raises SqlSyntaxError."""
        statement = self.tokenize(statement)
        text = statement.text
        # Bytes that are not UTF-8 reach us as lone surrogates, in arguments of the command line for instance. They could be
        # neither stored nor sent.
        half = SURROGATE.search(text)
        if half is not None:
            raise SqlSyntaxError(
                "half a character (a lone surrogate)", span=Span(*half.span()), hint="the statement must be UTF-8"
            )
        state = ParserState(self.table, actions_for(text))
        try:
            state.feed(text, statement.tokens)
            return cast("nodes.Statement", state.finish(len(text)))
        except SqlSyntaxError as error:
            raise self._add_hint(error, text, state.last_text) from None

    def expected_terminals(self, text: str) -> tuple[str, ...]:
        """Return the terminals that may follow a text. Raises SqlSyntaxError if the text itself is wrong."""
        state = ParserState(self.table, actions_for(text))
        state.feed(text, significant_tokens(self.table, text))
        return state.expected_terminals()

    def is_complete(self, statement: str | StatementText) -> bool:
        """Return True if the text parses as a statement."""
        try:
            self.parse(statement)
        except SqlSyntaxError:
            return False
        return True

    def _add_hint(self, error: SqlSyntaxError, text: str, before: str) -> SqlSyntaxError:
        """Return the error with a hint: the keyword that was probably meant, else what was expected.

        The mistake may be in the word `before` the error: `SELECT a FORM t` reads FORM as an alias and fails at `t`.
        """
        if error.hint or not error.expected:
            return error
        keywords = [label for label in error.expected if label in self.table.keywords]
        here = text[error.span.start : error.span.end] if error.span else ""
        for word in (here, before):
            keyword = _guess_keyword(word.upper(), keywords) if word.isidentifier() else None
            if keyword:
                return error.with_context(hint=f"did you mean {keyword} instead of {word!r}?")
        return error.with_context(hint=_describe_expected(error.expected))


def _guess_keyword(word: str, keywords: Sequence[str]) -> str | None:
    """Return the keyword that a word was probably meant to be: its letters in another order, else the nearest."""
    if word in keywords:
        return None
    swapped = (keyword for keyword in keywords if sorted(keyword) == sorted(word))
    return next(swapped, None) or nearest(word, keywords)


def _describe_expected(labels: Sequence[str]) -> str:
    # Kinds of tokens ("a name") first, then keywords, then punctuation.
    ordered = sorted(labels, key=lambda label: (not label.startswith("a "), not label.isalpha(), label))
    shown = [*map(_quote_punctuation, ordered[:_MOST_EXPECTED])]
    if more := ordered[_MOST_EXPECTED:]:
        shown.append(plural(len(more), "other word"))
    *others, last = shown
    return f"expected {', '.join(others)} or {last}" if others else f"expected {last}"


def _quote_punctuation(label: str) -> str:
    return label if any(map(str.isalnum, label)) else f"'{label}'"
