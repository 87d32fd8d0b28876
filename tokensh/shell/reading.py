r"""What a person has typed: when Enter runs it, and the commands and statements it consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tokensh.sql.lexer import tokens
from tokensh.sql.parse import Parser
from tokensh.sql.script import Piece, Splitter, split

BARE_COMMANDS = {"help": r"\?", "?": r"\?", "exit": r"\q", "quit": r"\q", ":q": r"\q"}
"""Words that people type without a backslash; nothing else may stand beside them."""


@dataclass(frozen=True, slots=True)
class Command:
    r"""A line that begins with a backslash: `\x`, and what follows it."""

    name: str
    argument: str


def bare_command(text: str) -> str | None:
    r"""The command that a bare word means (`exit` is `\q`)."""
    return BARE_COMMANDS.get(text.strip().rstrip("; ").lower())


def is_ready(text: str, parser: Parser) -> bool:
    """Whether Enter runs the text: nothing, a command, statements that are all ended, or a whole one and an empty line."""
    if not text.strip() or bare_command(text):
        return True
    *_, last = parts(text, parser)
    if isinstance(last, Command):
        return True
    return last.ended or (text.endswith("\n") and parser.is_complete(last.text))


def parts(text: str, parser: Parser) -> Iterator[Command | Piece]:
    r"""Commands and statements in their order. A line is a command if it begins with `\` and no statement is open."""
    splitter = Splitter(parser.table, parser.is_complete)
    for line in text.splitlines(keepends=True):
        if not line.lstrip().startswith("\\"):
            yield from splitter.feed(line)
            continue
        # A statement whose end only what follows could tell ends here.
        pieces = list(splitter.finish()) if _may_end(splitter.pending, parser) else None
        if pieces is None:
            yield from splitter.feed(line)
            continue
        yield from pieces
        splitter = Splitter(parser.table, parser.is_complete)
        yield _command(line)
    yield from splitter.finish()


def _command(line: str) -> Command:
    name, _, argument = line.strip().partition(" ")
    return Command(name, argument.strip())


def _may_end(text: str, parser: Parser) -> bool:
    """Whether no statement is open: what stands there is blank, or a comment's `;` has ended it."""
    pieces = list(split([text], parser.table, parser.is_complete))
    return all(piece.ended for piece in pieces)


def state(text: str, parser: Parser) -> str:
    """What the next line goes on with, as the continuation prompt shows it: a quote, a bracket, a comment or nothing."""
    depth = 0
    last = ""
    for token in tokens(parser.table, text):
        if token.kind == "OTHER" and token.text in ("'", '"', "`"):
            return token.text
        if token.text == "/" and text.startswith("/*", token.start):
            return "*"
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.kind != "BLANK":
            last = "--" if token.kind == "COMMENT" and token.text.rstrip().endswith(";") else ""
    return "(" if depth > 0 else last
