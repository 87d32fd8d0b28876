r"""What the user has typed: whether Enter runs it, and the statements and commands it consists of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tokensh._dataclasses import dataclass, field, replace
from tokensh.errors import SqlSyntaxError
from tokensh.shell.commands import COMMANDS
from tokensh.sql import nodes
from tokensh.sql.lexer import closes_statement, tokenize
from tokensh.sql.parse import Parser
from tokensh.sql.script import Splitter, StatementText, split_script

# Three questions are asked of the text, each at its own price: `line_marks` at every key, which only runs the lexer; `is_ready`
# at Enter, which splits the text and may parse its last statement; `find_error` after a pause, which parses everything.
#
# A backslash is a command wherever it is outside of quotes and comments, as in psql: `SELECT 1 \g` on one line, or a command on a
# line of its own in the middle of a statement, which then goes on behind it.

# Words that users type without a backslash, as the whole input.
BARE_COMMANDS = {word: command.name for command in COMMANDS.values() for word in command.words}
TAKES_STATEMENT = frozenset(command.name for command in COMMANDS.values() if command.takes_statement)
_READS = (nodes.Query, nodes.Show, nodes.ShowInsert, nodes.Describe, nodes.Explain, nodes.Use)
# Some commands have a longer form with a plus sign, as in psql.
_LONG_FORMS = "|".join(re.escape(name) for name in COMMANDS if name.endswith("+"))
_COMMAND_LINE = re.compile(rf"((?:{_LONG_FORMS})(?![\w+])|\\(?:[A-Za-z]+|\S?))(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """A command and the rest of its line; `statement` is the open statement before it, or empty.

    `line` and `column` are where the statement begins, else the command.
    """

    name: str
    argument: str
    statement: str = ""
    line: int = field(default=1, compare=False)
    column: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A statement that is still open after the last command: it goes back to the prompt."""

    text: str


Part = Command | StatementText | Unfinished


def bare_command(text: str) -> str | None:
    r"""Return the command that a bare word means (`exit` is `\q`)."""
    return BARE_COMMANDS.get(text.strip().rstrip("; ").lower())


def is_ready(text: str, parser: Parser) -> bool:
    """Return True if Enter runs the text: nothing, a command, ended statements, or a complete query and an empty line."""
    if bare_command(text):
        return True
    match list(split_input(text, parser))[-1:]:
        case [StatementText() as last]:
            if last.ended or not _may_become_statement(last, parser):
                return True
            return text.endswith("\n") and only_reads(last, parser)
        case _:
            return True


def only_reads(statement: StatementText, parser: Parser) -> bool:
    """Return True if a statement is complete and changes nothing: an empty line in the middle of a write must not send it."""
    try:
        return isinstance(parser.parse(statement), _READS)
    except SqlSyntaxError:
        return False


def _may_become_statement(statement: StatementText, parser: Parser) -> bool:
    """Return False if the first word opens no statement: no further line can mend `.tables`, `clear` or `SELCT`."""
    tokens = parser.tokenize(statement).tokens
    if not tokens:
        return True
    first = tokens[0]
    if first.kind == "NAME":
        return first.text.upper() in parser.table.openers
    return first.text == "(" or first.kind in ("UNCLOSED", "PLACEHOLDER")


def split_input(text: str, parser: Parser) -> Iterator[Part]:
    """Yield the commands and statements of a text in their order."""
    begin = end = 0
    while (backslash := _find_command(text, end, parser)) is not None:
        line = text[backslash:].partition("\n")[0]
        end = backslash + len(line)
        name, argument = read_command(line)
        pieces = list(_split_statements(text, begin, backslash, parser))
        open_piece = pieces.pop() if pieces and not pieces[-1].ended else None
        statement = open_piece.text if open_piece else ""
        yield from pieces
        at = (open_piece.line, open_piece.column) if open_piece else _position(text, backslash)
        yield Command(name, argument, statement, *at)
        if statement and name not in TAKES_STATEMENT:
            # The statement continues after the command. Blanks take the command's place, so that columns stay right.
            begin = len(text[:backslash].rstrip()) - len(statement)
            text = f"{text[:backslash]}{' ' * len(line)}{text[end:]}"
        else:
            begin = end
    if begin < end and not text[end:].strip():
        yield Unfinished(text[begin:].rstrip())
    else:
        yield from _split_statements(text, begin, len(text), parser)


def read_command(line: str) -> tuple[str, str]:
    """Return the name of the command that a line begins with, and what follows it."""
    # The pattern fits any text that begins with a backslash.
    name, argument = _COMMAND_LINE.fullmatch(line).groups()  # type: ignore[union-attr]
    return name, argument.strip()


def read_parts(
    lines: Iterable[str], parser: Parser, splitter: Splitter, number: int
) -> Iterator[StatementText | Command]:
    """Yield the statements and commands of a script that comes line by line, each as soon as its end is read.

    Args:
        lines: the lines from `number` on.
        parser: has the table of the language.
        splitter: has read the lines before.
        number: of the first line, from 1.
    """
    for line in lines:
        number += line.count("\n")
        backslash = splitter.find_backslash(line)
        if backslash is None:
            yield from splitter.feed(line)
            continue
        name, argument = read_command(line[backslash:])
        yield from splitter.feed(line[:backslash] + " ")
        at = (number - line.count("\n"), backslash + 1)
        if splitter.in_statement and name not in TAKES_STATEMENT:
            # The statement goes on behind the command.
            yield Command(name, argument, "", *at)
            yield from splitter.feed("\n")
            continue
        pieces = list(splitter.finish())
        open_piece = pieces.pop() if pieces and not pieces[-1].ended else None
        yield from pieces
        if open_piece is None:
            yield Command(name, argument, "", *at)
        else:
            yield Command(name, argument, open_piece.text, open_piece.line, open_piece.column)
        splitter = Splitter(parser.table, number)
    yield from splitter.finish()


def _position(text: str, offset: int) -> tuple[int, int]:
    """Return the line and the column of an offset, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _find_command(text: str, start: int, parser: Parser) -> int | None:
    """Return the offset of the next command: a backslash outside of quotes and comments."""
    for token in tokenize(parser.table, text, start):
        if token.kind == "OTHER" and token.text == "\\":
            return token.start
    return None


def _split_statements(text: str, begin: int, end: int, parser: Parser) -> Iterator[StatementText]:
    """Yield the statements of a part of a text, with their lines and columns in the whole text."""
    line = text.count("\n", 0, begin)
    column = begin - (text.rfind("\n", 0, begin) + 1)
    for piece in split_script([text[begin:end]], parser.table):
        is_first_line = piece.line == 1
        yield replace(piece, line=piece.line + line, column=piece.column + (column if is_first_line else 0))


def line_marks(text: str, parser: Parser) -> list[str]:
    """Return a mark for each line: the quote, bracket or comment (`*`) that is open where it begins, or nothing.

    The mark `--` means that the line before ends in a comment with a `;`, which therefore ends no statement.
    """
    depth = 0
    after_comment = ""
    marks = [""]
    for token in tokenize(parser.table, text):
        if token.kind == "UNCLOSED":
            return marks + ["*" if token.text[0] == "/" else token.text[0]] * text.count("\n", token.start)
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.kind == "COMMENT":
            after_comment = "--" if closes_statement(token) else after_comment
        elif token.kind != "BLANK":
            after_comment = ""
        if lines := token.text.count("\n"):
            inside = {"STRING": token.text[0], "QUOTED_NAME": token.text[0], "COMMENT": "*"}.get(token.kind)
            marks += [inside or ("(" if depth > 0 else after_comment)] * lines
    return marks


# Characters of a text that is parsed while it is typed: a paste of a megabyte must not block the keyboard.
_LONGEST_CHECKED = 20_000


def find_error(text: str, parser: Parser) -> str:
    """Return the first error of a text with its line and column; empty if what is typed next can still make it right."""
    if len(text) > _LONGEST_CHECKED:
        return ""
    for part in split_input(text, parser):
        if isinstance(part, StatementText) and (
            error := _check_statement(part, typing=not text[-1:].isspace(), parser=parser)
        ):
            return _format_error(part, error)
    return ""


def _check_statement(piece: StatementText, *, typing: bool, parser: Parser) -> SqlSyntaxError | None:
    """Return the error of a statement; None if it is open and may still become right.

    Args:
        piece: the statement.
        typing: whether the cursor is in its last word, which may be half typed.
        parser: the parser.
    """
    if piece.error:
        return piece.error
    try:
        parser.parse(piece)
    except SqlSyntaxError as error:
        at_end = error.span is None or error.span.end >= len(piece.text)
        # Nothing follows the place of the error, or quotes begin there that are still open.
        is_open = error.span is None or error.span.start >= len(piece.text) or piece.text[error.span.start] in "'\"`/"
        return None if not piece.ended and at_end and (typing or is_open) else error
    return None


def _format_error(piece: StatementText, error: SqlSyntaxError) -> str:
    before = piece.text[: error.span.start if error.span else 0]
    lines = before.count("\n")
    column = len(before) - (before.rfind("\n") + 1) + (1 if lines else piece.column)
    hint = f", {error.hint}" if error.hint else ""
    return f"line {piece.line + lines} col {column}: {error.message}{hint}"
