"""The scripts of a run: the texts of `-c`, of files and of standard input, and the statements and commands in them."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import chain
from os import fstat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeAlias

from tokensh._dataclasses import dataclass
from tokensh.environment import Environment
from tokensh.errors import InterfaceError, NotSupportedError, ProgrammingError
from tokensh.render.errors import Source
from tokensh.sql.parse import Parser
from tokensh.sql.script import Splitter, StatementText

if TYPE_CHECKING:
    from tokensh.shell.input_buffer import Command

_BOM = b"\xef\xbb\xbf"
_LEAVE_WORDS = ("exit", "quit")

Piece: TypeAlias = "StatementText | Command"


@dataclass(frozen=True, slots=True)
class Script:
    """The text of statements.

    Attributes:
        name: what messages call it.
        lines: returns an iterator of its lines.
        streamed: the lines arrive while the script runs, from a pipe.
    """

    name: str
    lines: Callable[[], Iterator[str]]
    streamed: bool = False


def from_text(text: str, name: str = "-c") -> Script:
    """Return the script of an argument. Raises NotSupportedError."""
    _refuse_template(text, name)
    return Script(name, lambda: iter(text.splitlines(keepends=True)))


def from_file(path: str, name: str = "") -> Script:
    """Read a file and return its script, which messages call `name`. Raises InterfaceError, NotSupportedError."""
    try:
        content = Path(path).read_bytes()
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    # latin-1 decodes any bytes, and the marker is ASCII; wrong UTF-8 is reported later, with its line.
    name = name or path
    _refuse_template(content.decode("latin-1"), name)
    return Script(name, lambda: _decode_lines(BytesIO(content), name))


def _refuse_template(text: str, name: str) -> None:
    if "<<<json" in text:
        raise NotSupportedError(
            f"{name + ': ' if name else ''}jsonnet templates are not supported",
            hint="write {{ name }} in the statements, and give its value with --var name=value or --vars FILE",
        )


def from_stdin(environment: Environment) -> Script:
    """Return the script of standard input; a pipe is read while it runs. Raises InterfaceError if it is closed."""
    # Python leaves sys.stdin None if the descriptor was closed before it started (`<&-`).
    stream: TextIO | None = environment.stdin
    if stream is None or stream.closed:
        raise InterfaceError("standard input is closed", hint="give a statement with -c, or a file with -f")
    buffer: BinaryIO | None = getattr(stream, "buffer", None)
    if buffer is None:
        return Script("<stdin>", lambda: iter(stream))
    return Script("<stdin>", lambda: _decode_lines(buffer, "<stdin>"), streamed=not _is_regular_file(buffer))


def _is_regular_file(buffer: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(fstat(buffer.fileno()).st_mode)
    except OSError:
        return False


def _decode_lines(buffer: BinaryIO, name: str) -> Iterator[str]:
    """Yield lines, decoded as UTF-8. Raises ProgrammingError at the first invalid byte."""
    # By hand, not with io.TextIOWrapper: its error names neither the line nor the place of the byte in the file.
    offset = 0
    for number, line in enumerate(iter(buffer.readline, b""), 1):
        raw = line.removeprefix(_BOM) if number == 1 else line
        try:
            yield raw.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            at = offset + error.start + len(line) - len(raw)
            raise ProgrammingError(
                f"{name}:{number}: byte {at} (0x{line[at - offset]:02x}) is not valid UTF-8",
                hint="save the file as UTF-8",
            ) from None
        offset += len(line)


def leaves(piece: Piece) -> bool:
    """Return True for a word that ends a script, as in psql; what follows it is not read."""
    return isinstance(piece, StatementText) and piece.text.lower() in _LEAVE_WORDS


def locate(script: Script, piece: Piece) -> Source:
    """Return where a statement or a command is."""
    text = piece.text if isinstance(piece, StatementText) else piece.statement or f"{piece.name} {piece.argument}"
    return Source(script.name, text, piece.line, piece.column)


def split_pieces(lines: Iterator[str], parser: Parser) -> Iterator[Piece]:
    """Yield the statements of a script as they are read; from its first command on, the shell's reader reads it."""
    splitter = Splitter(parser.table)
    number = 1
    for line in lines:
        if splitter.find_backslash(line) is not None:
            from tokensh.shell.input_buffer import read_parts  # noqa: PLC0415 (for scripts with commands)

            yield from read_parts(chain((line,), lines), parser, splitter, number)
            return
        yield from splitter.feed(line)
        number += line.count("\n")
    yield from splitter.finish()
