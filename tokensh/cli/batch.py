"""Run scripts: the statements of `-c`, of files and of standard input, one after the other, without asking anything.

A pipe is run while it is read. A file is read as a whole first, so that nothing is sent if one of its placeholders has no
value. Results go to a `Sink`, everything else to a `Reporter`, which also keeps the exit status.
"""

from __future__ import annotations

import re
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
from tokensh.sql.parse import Parser
from tokensh.sql.script import StatementText, split_script
from tokensh.text import make_inert, plural

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

_PROGRESS_DELAY = 0.3
"""Seconds before the progress line appears; faster statements need none."""
_BOM = b"\xef\xbb\xbf"
# A file is split before its first statement runs. So many of its statements keep their tokens (about 8 kB each) for the
# parser; a longer file has the others lexed again, one at a time.
_PIECES_WITH_TOKENS = 1000
_LEAVE_WORDS = ("exit", "quit")
_CHANGE_WORDS = ("INSERT", "EXEC", "DELETE", "UPDATE", "REPLACE")


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


def from_file(path: str) -> Script:
    """Read a file and return its script. Raises InterfaceError, NotSupportedError."""
    try:
        content = Path(path).read_bytes()
    except OSError as failure:
        raise InterfaceError(f"cannot read {path}: {failure.strerror}") from None
    # latin-1 decodes any bytes, and the marker is ASCII; wrong UTF-8 is reported later, with its line.
    _refuse_template(content.decode("latin-1"), path)
    return Script(path, lambda: _decode_lines(BytesIO(content), path))


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


class Reporter:
    """Writes errors, warnings and notes to a stream, and keeps the exit status.

    Args:
        stream: standard error.
        redact: removes secrets from a text.
        monotonic: the clock of the progress line, in seconds; None: no progress line.
    """

    def __init__(
        self, stream: TextIO, redact: Callable[[str], str], monotonic: Callable[[], float] | None = None
    ) -> None:
        self.status = EXIT_OK
        # Whether results are not all there. A failure that the run tolerates, or rows that a check finds, set the status alone.
        self.has_errors = False
        self._stream = stream
        self._redact = redact
        self._monotonic = monotonic
        self._started = 0.0
        self._progress_is_drawn = False

    def progress(self, done: int, total: int, what: str = "workspaces") -> None:
        """Draw how many workspaces have answered, or rows are done, on a line of the terminal that disappears with the last."""
        if self._monotonic is None:
            return
        if done == 0:
            self._started = self._monotonic()
        elif done == total:
            self._erase_progress()
        elif self._monotonic() - self._started >= _PROGRESS_DELAY:
            self._write_raw(f"\r{done} of {total} {what}\x1b[K")
            self._progress_is_drawn = True

    def _erase_progress(self) -> None:
        if self._progress_is_drawn:
            self._write_raw("\r\x1b[K")
            self._progress_is_drawn = False

    def error(self, error: Error, source: Source | None = None) -> None:
        """Report an error; a closed output pipe changes the exit status only, as with other commands before `| head`."""
        self._raise_status(error.exit_status)
        self.has_errors = True
        if not isinstance(error, OutputClosed):
            self.write("\n".join(format_error(error, source, redact=self._redact)))

    def warning(self, error: Error) -> None:
        """Report a failure that --partial tolerates; it still sets the exit status."""
        self._raise_status(EXIT_FAILED)
        first, *more = format_error(error, redact=self._redact)
        self.write("\n".join((first.replace("error:", "warning:", 1), *more)))

    def fail(self) -> None:
        """Set the exit status of a failure that was reported as a result."""
        self._raise_status(EXIT_FAILED)

    def note(self, text: str) -> None:
        """Write a line that is not an error; a text that begins with `warning: ` keeps that word."""
        self.write(text if text.startswith("warning: ") else f"note: {text}")

    def note_warning(self, text: str) -> None:
        """Write a line as `note` does, but only if it is a warning."""
        if text.startswith("warning: "):
            self.note(text)

    def write(self, text: str) -> None:
        """Write lines, ignoring a closed stream."""
        self._erase_progress()
        self._write_raw(make_inert(self._redact(text)) + "\n")

    def _write_raw(self, text: str) -> None:
        # With standard error closed nothing can be reported, this failure included; the exit status remains.
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError, AttributeError):
            pass

    def _raise_status(self, status: int) -> None:
        """Keep the most severe exit status: unknown outcome > interrupted > first failure."""
        # A token may be left behind: a program that reads only the status must learn that before anything else. Of the other failures
        # the first is the cause, later ones often follow from it.
        ranks = (EXIT_UNKNOWN_OUTCOME, EXIT_INTERRUPTED)
        if self.status == EXIT_OK or (
            status in ranks and (self.status not in ranks or ranks.index(status) < ranks.index(self.status))
        ):
            self.status = status


def check(scripts: Iterable[Script], parser: Parser, reporter: Reporter) -> None:
    """Parse every statement and report each syntax error; nothing is run."""
    for script in scripts:
        for piece in _split_or_report(script, parser, reporter):
            if _leaves(piece):
                break
            try:
                if piece.error:
                    raise piece.error
                parser.parse(piece)
            except Error as error:
                reporter.error(_explain_command(error, piece), _locate(script, piece))


def _explain_command(error: Error, piece: StatementText) -> Error:
    """Return the error with a hint if it is at a command of the shell, which batches do not run."""
    if error.hint or error.span is None or not piece.text.startswith("\\", error.span.start):
        return error
    return error.with_context(
        hint="commands that begin with \\ work in the shell, and in the files that it runs; "
        "here DESCRIBE user_tokens, -o line and --vars do the same"
    )


@dataclass(frozen=True, slots=True)
class Sink:
    """A stream for results, and the format they are written in."""

    stream: TextIO | None
    format: str
    options: Options


class ScriptRunner:
    """Runs scripts on a connection.

    Args:
        connection: runs the statements.
        sink: gets the results.
        reporter: gets the errors.
        stop: stop at the first error.
        dry: only explain the statements.
        quiet: do not report how many rows a write changed, and, on a terminal, how many a result has.
        fails_if_rows: the exit status is 1 if a query has rows.
        reports_despatch: report a change without result rows in StackQL's words, which programs look for.
    """

    def __init__(  # noqa: PLR0913 (see Args)
        self,
        connection: Connection,
        sink: Sink,
        reporter: Reporter,
        *,
        stop: bool = True,
        dry: bool = False,
        quiet: bool = False,
        reports_despatch: bool = False,
        fails_if_rows: bool = False,
    ) -> None:
        # Called with the result of a query; returns the result to write.
        self.adapt_result: Callable[[RowSet], RowSet] | None = None
        self._fails_if_rows = fails_if_rows
        self._connection = connection
        self._sink = sink
        self._reporter = reporter
        self._stop = stop
        self._dry = dry
        self._reports_despatch = reports_despatch
        # Programs that use StackQL's spelling look for its own words.
        self._reports_writes = not (quiet or reports_despatch)
        self._reports_counts = not quiet and sink.options.terminal and is_terminal(connection.environment.stderr)

    def run(self, scripts: Iterable[Script]) -> None:
        """Run scripts in order; errors go to the reporter. Nothing is sent if a placeholder of a file has no value."""
        pieces_by_script = [(script, self._read_pieces(script)) for script in scripts]
        for script, pieces in pieces_by_script:
            self._report_missing_values(script, pieces or ())
        if self._reporter.status:
            return
        self._run_pieces(pieces_by_script)
        # A script that forgot its COMMIT must not look like one that succeeded.
        if self._connection.in_transaction:
            waiting = self._connection.rollback()
            # After SAVEPOINT, only changes of local tables may have been undone, and they are not counted.
            not_sent = f", {plural(waiting, 'waiting change')} not sent" if waiting else ""
            self._reporter.error(
                ProgrammingError(
                    f"the input ended inside a transaction: rolled back{not_sent}", hint="end it with COMMIT"
                )
            )

    def _run_pieces(self, pieces_by_script: Iterable[tuple[Script, list[StatementText] | None]]) -> None:
        for script, pieces in pieces_by_script:
            streamed = _split_or_report(script, self._connection.parser, self._reporter) if pieces is None else pieces
            for piece in streamed:
                if _leaves(piece) or not self._run_piece(script, piece):
                    return
            if self._reporter.status and self._stop:
                return

    def _read_pieces(self, script: Script) -> list[StatementText] | None:
        """Return a script's statements; None if they are read while it runs."""
        if script.streamed:
            return None
        pieces = _split_or_report(script, self._connection.parser, self._reporter)
        return [
            piece if number < _PIECES_WITH_TOKENS else replace(piece, tokens=()) for number, piece in enumerate(pieces)
        ]

    def _report_missing_values(self, script: Script, pieces: Iterable[StatementText]) -> None:
        for piece in pieces:
            try:
                self._connection.substitute_placeholders(piece)
            except PlaceholderError as error:
                self._reporter.error(error, _locate(script, piece))

    def _run_piece(self, script: Script, piece: StatementText) -> bool:
        """Run one statement; return whether the next one is to be run."""
        source = _locate(script, piece)
        try:
            if piece.error:
                raise piece.error
            statement = self._connection.substitute_placeholders(piece)
            source = replace(source, text=statement.text)
            with handle_interrupts(self._connection.cancellation):
                silent = True
                for result in self._connection.results(statement, dry=self._dry):
                    self.write_result(result)
                    silent = silent and not result.columns
            if silent and self._reports_despatch and _is_change(piece):
                queued = self._connection.in_transaction
                self._reporter.write(
                    "mutating statement queued" if queued else "The operation was despatched successfully"
                )
        except Error as error:
            self._reporter.error(_explain_command(error, piece), source)
            # Without a reader or after Ctrl-C, `--on-error continue` would only send more. The error may be another one: that the
            # outcome of a create is unknown, which matters more.
            interrupted = self._connection.cancellation.presses or error.exit_status == EXIT_INTERRUPTED
            return not (self._stop or interrupted or isinstance(error, OutputError))
        # Ctrl-C came too late for this statement (a create waits for its response), but not for the next.
        if self._connection.cancellation.presses:
            self._reporter.error(
                Interrupted("interrupted; this statement was done before it could stop", reason="finished"), source
            )
            return False
        return True

    @property
    def format(self) -> str:
        """The name of the format of results."""
        return self._sink.format

    def write_result(self, result: RowSet) -> None:
        """Write a result and report its count. Raises Error."""
        if self.adapt_result is not None and result.columns and not result.command:
            result = self.adapt_result(result)
        count = deliver(self._sink.format, result, self._sink.stream, self._sink.options)
        if count and result.columns and not result.command and self._fails_if_rows:
            self._reporter.fail()
        if result.command and self._reports_writes:
            self._reporter.write(f"{result.command} {count}")
        elif self._reports_counts and result.columns:
            self._reporter.write(f"({plural(count, 'row')})")


def _leaves(piece: StatementText) -> bool:
    """Return True for a word that ends a script, as in psql; what follows it is not read."""
    return piece.text.lower() in _LEAVE_WORDS


def _is_change(piece: StatementText) -> bool:
    # A piece begins with its first token.
    return re.split(r"\W", piece.text, maxsplit=1)[0].upper() in _CHANGE_WORDS


def _locate(script: Script, piece: StatementText) -> Source:
    return Source(script.name, piece.text, piece.line, piece.column)


def _split_or_report(script: Script, parser: Parser, reporter: Reporter) -> Iterator[StatementText]:
    """Yield the statements of a script; report what keeps the rest from being read."""
    try:
        yield from split_script(script.lines(), parser.table)
    except Error as error:
        reporter.error(error)
