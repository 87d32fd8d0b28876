"""Statements from `-c`, files and standard input, run one after the other: nothing is asked, and the first error stops it."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from os import fstat
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO

from tokensh._dataclasses import dataclass, replace
from tokensh.environment import Environment, handle_interrupts, is_terminal
from tokensh.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_UNKNOWN_OUTCOME,
    Error,
    InterfaceError,
    Interrupted,
    NotSupportedError,
    OutputClosed,
    OutputError,
    PlaceholderError,
    ProgrammingError,
)
from tokensh.render.deliver import deliver
from tokensh.render.errors import Source, format_error
from tokensh.render.options import Options
from tokensh.rows import RowSet
from tokensh.sql.lexer import TRIVIA, tokenize
from tokensh.sql.parse import Parser
from tokensh.sql.script import StatementText, split_script

if TYPE_CHECKING:
    from tokensh.dbapi import Connection

_PROGRESS_AFTER = 0.3
"""s: what is faster than this is not worth a line."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Script:
    """Text of statements: its name in messages, its lines, and whether those come while it runs (a pipe)."""

    name: str
    lines: Callable[[], Iterator[str]]
    streamed: bool = False


def from_text(text: str, name: str = "-c") -> Script:
    """A statement, or several, of the command line. Raises NotSupportedError."""
    _refuse_template(text, name)
    return Script(name, lambda: iter(text.splitlines(keepends=True)))


def from_file(path: str) -> Script:
    """A file; it is read at once. Raises InterfaceError, NotSupportedError."""
    try:
        content = Path(path).read_bytes()
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    _refuse_template(content.decode("latin-1"), path)
    return Script(path, lambda: _decoded(BytesIO(content), path))


def _refuse_template(text: str, name: str) -> None:
    if "<<<json" in text:
        raise NotSupportedError(
            f"{name + ': ' if name else ''}jsonnet templates are not run",
            hint="write {{ name }} in the statements, and give its value with --var name=value or --vars FILE",
        )


def from_stdin(environment: Environment) -> Script:
    """Standard input; a pipe is run as it is read."""
    stream: TextIO | None = environment.stdin
    if stream is None or stream.closed:
        raise InterfaceError("standard input is closed", hint="give a statement with -c, or a file with -f")
    buffer: BinaryIO | None = getattr(stream, "buffer", None)
    if buffer is None:
        return Script("<stdin>", lambda: iter(stream))
    return Script("<stdin>", lambda: _decoded(buffer, "<stdin>"), streamed=not _is_file(buffer))


def _is_file(buffer: BinaryIO) -> bool:
    try:
        return stat.S_ISREG(fstat(buffer.fileno()).st_mode)
    except OSError:
        return False


def _decoded(buffer: BinaryIO, name: str) -> Iterator[str]:
    """Lines of UTF-8. Raises ProgrammingError at the first byte that is none."""
    offset = 0
    for number, line in enumerate(iter(buffer.readline, b""), 1):
        raw = line.removeprefix(_BOM) if number == 1 else line
        try:
            yield raw.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            at = offset + error.start + len(line) - len(raw)
            raise ProgrammingError(
                f"{name}:{number}: byte {at} (0x{line[at - offset]:02x}) is no UTF-8",
                hint="save the file as UTF-8",
            ) from None
        offset += len(line)


class Reporter:
    """Tells on the error stream what went wrong, and keeps the exit status."""

    def __init__(
        self, stream: TextIO, redact: Callable[[str], str], monotonic: Callable[[], float] | None = None
    ) -> None:
        self.status = EXIT_OK
        self._stream = stream
        self._redact = redact
        self._monotonic = monotonic
        """The clock of the progress line; None: there is none."""
        self._begun = 0.0
        self._drawn = False

    def progress(self, done: int, total: int) -> None:
        """So many of so many workspaces have answered: a line on a terminal, which goes when all have."""
        if self._monotonic is None:
            return
        if done == 0:
            self._begun = self._monotonic()
        elif done == total:
            self._erase()
        elif self._monotonic() - self._begun >= _PROGRESS_AFTER:
            self._put(f"\r{done} of {total} workspaces\x1b[K")
            self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            self._put("\r\x1b[K")
            self._drawn = False

    def error(self, error: Error, source: Source | None = None) -> None:
        """An error; a reader that has gone away is none to talk about."""
        self._count(error.exit_status)
        if not isinstance(error, OutputClosed):
            self.write("\n".join(format_error(error, source, redact=self._redact)))

    def warning(self, error: Error) -> None:
        """What was done without, since the caller said so; the exit status tells of it."""
        self._count(EXIT_FAILED)
        first, *more = format_error(error, redact=self._redact)
        self.write("\n".join((first.replace("error:", "warning:", 1), *more)))

    def note(self, text: str) -> None:
        """What is worth a line, and no error; a warning says so itself."""
        self.write(text if text.startswith("warning: ") else f"note: {text}")

    def write(self, text: str) -> None:
        """A line or several; if nobody can be told, so be it."""
        self._erase()
        self._put(text + "\n")

    def _put(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

    def _count(self, status: int) -> None:
        """A write whose outcome is unknown weighs most, then an interruption, then what came first."""
        ranks = (EXIT_UNKNOWN_OUTCOME, EXIT_INTERRUPTED)
        if self.status == EXIT_OK or (
            status in ranks and (self.status not in ranks or ranks.index(status) < ranks.index(self.status))
        ):
            self.status = status


def check(scripts: Iterable[Script], parser: Parser, reporter: Reporter) -> None:
    """Parse every statement and report each syntax error; nothing is run."""
    for script in scripts:
        for piece in _pieces(script, parser, reporter):
            try:
                if piece.error:
                    raise piece.error
                parser.parse(piece.text)
            except Error as error:
                reporter.error(error, _source(script, piece))


@dataclass(frozen=True, slots=True)
class Sink:
    """Where results go, and in what shape."""

    stream: TextIO | None
    format: str
    options: Options


class ScriptRunner:
    """Runs scripts on a connection."""

    def __init__(  # noqa: PLR0913 (what it works with, and how)
        self,
        connection: Connection,
        sink: Sink,
        reporter: Reporter,
        *,
        stop: bool = True,
        dry: bool = False,
        quiet: bool = False,
    ) -> None:
        self._connection = connection
        self._sink = sink
        self._reporter = reporter
        self._stop = stop
        self._dry = dry
        self.despatched = False
        """Whether to say of a change that gave no rows that it was sent, in StackQL's words."""
        self._counts = not quiet and sink.options.terminal and is_terminal(connection.environment.stderr)

    def run(self, scripts: Iterable[Script]) -> None:
        """Run them in order; the reporter has the errors. Nothing is sent if a placeholder has no value."""
        read = [self._read(script) for script in scripts]
        missing = [found for script, pieces in read if pieces for found in self._unfilled(script, pieces)]
        for error, source in missing:
            self._reporter.error(error, source)
        if missing or self._reporter.status:
            return
        self._run(read)
        if self._connection.in_transaction:
            count = self._connection.rollback()
            self._reporter.error(
                ProgrammingError(
                    f"the input ended inside a transaction: it was rolled back, {count} waiting changes were not sent",
                    hint="end it with COMMIT",
                )
            )

    def _run(self, read: Iterable[tuple[Script, list[StatementText] | None]]) -> None:
        for script, pieces in read:
            for piece in _pieces(script, self._connection.parser, self._reporter) if pieces is None else pieces:
                if not self._ran(script, piece):
                    return
            if self._reporter.status and self._stop:
                return

    def _read(self, script: Script) -> tuple[Script, list[StatementText] | None]:
        """A script and its statements; None if they are to be read while it runs."""
        if script.streamed:
            return script, None
        return script, list(_pieces(script, self._connection.parser, self._reporter))

    def _unfilled(self, script: Script, pieces: Iterable[StatementText]) -> Iterator[tuple[PlaceholderError, Source]]:
        for piece in pieces:
            try:
                self._connection.substitute_placeholders(piece.text)
            except PlaceholderError as error:
                yield error, _source(script, piece)

    def _ran(self, script: Script, piece: StatementText) -> bool:
        """Run one statement; whether the next one is to be run."""
        source = _source(script, piece)
        try:
            if piece.error:
                raise piece.error
            text = self._connection.substitute_placeholders(piece.text)
            source = replace(source, text=text)
            with handle_interrupts(self._connection.cancellation):
                silent = True
                for result in self._connection.results(text, dry=self._dry):
                    self._deliver(result)
                    silent = silent and not result.columns
            if silent and self.despatched and _is_change(self._connection.parser, text):
                self._reporter.write("The operation was despatched successfully")
        except Error as error:
            self._reporter.error(error, source)
            lost = isinstance(error, OutputError) or error.exit_status == EXIT_INTERRUPTED
            return not (self._stop or lost)
        if self._connection.cancellation.presses:
            self._reporter.error(
                Interrupted("interrupted; this statement was done before it could stop", reason="finished"), source
            )
            return False
        return True

    def _deliver(self, result: RowSet) -> None:
        count = deliver(self._sink.format, result, self._sink.stream, self._sink.options)
        if self._counts and result.columns:
            self._reporter.write(f"({count} row{'' if count == 1 else 's'})")


def _is_change(parser: Parser, text: str) -> bool:
    first = next((token for token in tokenize(parser.table, text) if token.kind not in TRIVIA), None)
    return first is not None and first.text.upper() in ("INSERT", "EXEC", "DELETE", "UPDATE", "REPLACE")


def _source(script: Script, piece: StatementText) -> Source:
    return Source(script.name, piece.text, piece.line, piece.column)


def _pieces(script: Script, parser: Parser, reporter: Reporter) -> Iterator[StatementText]:
    """The statements of a script, up to where it cannot be read."""
    try:
        yield from split_script(script.lines(), parser.table, parser.is_complete)
    except Error as error:
        reporter.error(error)
