r"""What a person has typed: when Enter runs it, and the commands and statements it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import SqlSyntaxError
from tokensh.sql.lexer import Token, tokenize
from tokensh.sql.parse import Parser
from tokensh.sql.script import StatementText, split_script

BARE_COMMANDS = {"help": r"\?", "?": r"\?", "exit": r"\q", "quit": r"\q", ":q": r"\q"}
"""Words that people type without a backslash; nothing else may stand beside them."""
TAKING = frozenset((r"\g", r"\gx", r"\G", r"\r", r"\e", r"\watch"))
"""Commands that take the statement before them, which needs no `;` then. Before others it stays open, and goes on behind."""
_COMMAND = re.compile(r"(\\(?:[A-Za-z]+|\S?))(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    r"""A backslash and what follows it on its line; `statement` is the one that is open before it, or empty."""

    name: str
    argument: str
    statement: str = ""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A statement that is still open behind the last command: it goes back to the prompt."""

    text: str


Part = Command | StatementText | Unfinished


def bare_command(text: str) -> str | None:
    r"""The command that a bare word means (`exit` is `\q`)."""
    return BARE_COMMANDS.get(text.strip().rstrip("; ").lower())


def is_ready(text: str, parser: Parser) -> bool:
    """Whether Enter runs the text: nothing, a command, statements that are all ended, or a whole one and an empty line."""
    if bare_command(text):
        return True
    match list(parts(text, parser))[-1:]:
        case [StatementText(ended=ended, text=last)]:
            return ended or (text.endswith("\n") and parser.is_complete(last))
        case _:
            return True


def parts(text: str, parser: Parser) -> Iterator[Part]:
    """Commands and statements in their order."""
    begin = end = 0
    while (at := _command_at(text, end, parser)) is not None:
        line = text[at:].partition("\n")[0]
        end = at + len(line)
        name, argument = _COMMAND.fullmatch(line).groups()  # type: ignore[union-attr] # any text with a backslash fits
        pieces = list(_pieces(text, begin, at, parser))
        statement = pieces.pop().text if pieces and not pieces[-1].ended else ""
        yield from pieces
        yield Command(name, argument.strip(), statement)
        if statement and name not in TAKING:
            # It goes on behind the command, as if blanks stood in the command's place.
            begin = len(text[:at].rstrip()) - len(statement)
            text = f"{text[:at]}{' ' * len(line)}{text[end:]}"
        else:
            begin = end
    if begin < end and not text[end:].strip():
        yield Unfinished(text[begin:].rstrip())
    else:
        yield from _pieces(text, begin, len(text), parser)


def _command_at(text: str, start: int, parser: Parser) -> int | None:
    """Where the next command begins: a backslash outside of quotes and comments."""
    for token in tokenize(parser.table, text, start):
        if _opens(token, text):
            return None
        if token.kind == "OTHER" and token.text == "\\":
            return token.start
    return None


def _opens(token: Token, text: str) -> bool:
    """Whether quotes or a comment begin here that nothing closes."""
    return (token.kind == "OTHER" and token.text in ("'", '"', "`")) or (
        token.text == "/" and text.startswith("/*", token.start)
    )


def _pieces(text: str, begin: int, end: int, parser: Parser) -> Iterator[StatementText]:
    """The statements of a part of a text, with their places in the whole."""
    line = text.count("\n", 0, begin)
    column = begin - (text.rfind("\n", 0, begin) + 1)
    for piece in split_script([text[begin:end]], parser.table, parser.is_complete):
        first = piece.line == 1
        yield replace(piece, line=piece.line + line, column=piece.column + (column if first else 0))


def marks(text: str, parser: Parser) -> list[str]:
    """What each line of a text goes on with, as the prompt before it shows: an open quote, bracket or comment, or nothing.

    `--` tells that the last line before is a comment that holds a `;`.
    """
    depth = 0
    last = ""
    found = [""]
    for token in tokenize(parser.table, text):
        if _opens(token, text):
            return found + ["*" if token.text == "/" else token.text] * text.count("\n", token.start)
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.kind == "COMMENT":
            last = "--" if token.text.rstrip().endswith(";") else last
        elif token.kind != "BLANK":
            last = ""
        if lines := token.text.count("\n"):
            inside = {"STRING": token.text[0], "QUOTED_NAME": token.text[0], "COMMENT": "*"}.get(token.kind)
            found += [inside or ("(" if depth > 0 else last)] * lines
    return found


_LONGEST_CHECKED = 20_000
"""Characters of a text that is parsed while it is typed."""


def trouble(text: str, parser: Parser) -> str:
    """What is wrong in a text so far: its line, column and message; empty if it may become right, or is too long to tell."""
    if len(text) > _LONGEST_CHECKED:
        return ""
    for part in parts(text, parser):
        if isinstance(part, StatementText) and (error := _error(part, typing=not text[-1:].isspace(), parser=parser)):
            return _placed(part, error)
    return ""


def _error(piece: StatementText, *, typing: bool, parser: Parser) -> SqlSyntaxError | None:
    """The error of a statement; None also if what is open may still become right, its last word where it is being typed."""
    if piece.error:
        return piece.error
    try:
        parser.parse(piece.text)
    except SqlSyntaxError as error:
        at_end = error.span is None or error.span.end >= len(piece.text)
        open_ = error.span is None or error.span.start >= len(piece.text) or piece.text[error.span.start] in "'\"`/"
        return None if not piece.ended and at_end and (typing or open_) else error
    return None


def _placed(piece: StatementText, error: SqlSyntaxError) -> str:
    before = piece.text[: error.span.start if error.span else 0]
    lines = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1) + (1 if lines else piece.column)
    hint = f", {error.hint}" if error.hint else ""
    return f"line {piece.line + lines} col {column}: {error.message}{hint}"
