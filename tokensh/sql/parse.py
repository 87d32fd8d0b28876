"""Text to nodes, and errors that say what was expected."""

from __future__ import annotations

from functools import cache
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
from tokensh.text import find_unstorable


@cache
def open_parser(folder: Path | None) -> Parser:
    """Return the parser whose compiled table is kept in a folder: one for all connections of a process."""
    return Parser(folder)


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
        try:
            return self._build_tree(statement)
        except SqlSyntaxError as error:
            from tokensh.sql.syntax_hints import explain_syntax_error  # noqa: PLC0415 (needed only after a mistake)

            tokens = statement.tokens
            raise explain_syntax_error(error, statement.text, tokens, self.table, self._find_error) from None

    def expected_terminals(self, text: str) -> tuple[str, ...]:
        """Return the terminals that may follow a text. Raises SqlSyntaxError if the text itself is wrong."""
        state = ParserState(self.table, actions_for(text))
        state.feed(text, significant_tokens(self.table, text))
        state.reduce_what_is_certain()
        return state.expected_terminals()

    def is_complete(self, statement: str | StatementText) -> bool:
        """Return True if the text parses as a statement."""
        # Asked while a user types and for each `;` inside a comment: without the search for a hint.
        return self._find_error(self.tokenize(statement)) is None

    def _find_error(self, statement: str | StatementText) -> SqlSyntaxError | None:
        """Return the error of a statement, without a hint, or None if it is one."""
        try:
            self._build_tree(self.tokenize(statement))
        except SqlSyntaxError as error:
            return error
        return None

    def _build_tree(self, statement: StatementText) -> nodes.Statement:
        text = statement.text
        refused = find_unstorable(text)
        if refused is not None:
            raise _make_character_error(refused.group(), Span(*refused.span()))
        state = ParserState(self.table, actions_for(text))
        state.feed(text, statement.tokens)
        return cast("nodes.Statement", state.finish(len(text)))


def _make_character_error(character: str, span: Span) -> SqlSyntaxError:
    if character == "\0":
        return SqlSyntaxError("a NUL character (U+0000)", span=span, hint="remove it: SQL has no text that holds one")
    # Bytes that are not UTF-8 reach us as lone surrogates, in arguments of the command line for instance.
    return SqlSyntaxError("half a character (a lone surrogate)", span=span, hint="the statement must be UTF-8")
