"""Run scripts: the statements of `-c`, of files and of standard input, one after the other, without asking anything.

A pipe is run while it is read. A file is read as a whole first, so that nothing is sent if one of its placeholders has no
value. Results go to a `Sink`, everything else to a `Reporter`, which also keeps the exit status.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh._dataclasses import replace
from tokensh.cli.reporter import Reporter, Sink
from tokensh.cli.scripts import Piece, Script, from_file, from_text, leaves, locate, split_pieces
from tokensh.environment import handle_interrupts, is_terminal
from tokensh.errors import (
    EXIT_INTERRUPTED,
    Error,
    InterfaceError,
    Interrupted,
    OutputError,
    PlaceholderError,
    ProgrammingError,
)
from tokensh.render.deliver import deliver
from tokensh.render.errors import Source
from tokensh.rows import RowSet
from tokensh.sql import placeholders
from tokensh.sql.parse import Parser
from tokensh.sql.script import StatementText
from tokensh.text import plural

if TYPE_CHECKING:
    from tokensh.cli.batch_shell import BatchShell
    from tokensh.dbapi.connection import Connection
    from tokensh.shell.input_buffer import Command

# A file is split before its first statement runs. So many of its statements keep their tokens (about 8 kB each) for the
# parser; a longer file has the others lexed again, one at a time.
_PIECES_WITH_TOKENS = 1000
# Commands after which it is not known before they run which variables there are, and which statements run.
_UNPREDICTABLE = frozenset((r"\gset", r"\if", r"\i", r"\n", r"\unset"))
_CHANGE_WORDS = ("INSERT", "EXEC", "DELETE", "UPDATE", "REPLACE")


class StatementFailed(Exception):
    """A statement that a command ran has failed: the error, and where it is."""

    def __init__(self, error: Error, source: Source) -> None:
        self.error = error
        self.source = source


class ScriptStopped(Exception):
    """A script that a command ran has stopped at a failure, which was reported."""


def check(scripts: Iterable[Script], parser: Parser, reporter: Reporter) -> None:
    """Parse every statement and report each syntax error, also of commands; nothing is run."""
    for script in scripts:
        for piece in _split_or_report(script, parser, reporter):
            if leaves(piece):
                break
            try:
                _check_piece(piece, parser)
            except Error as error:
                reporter.error(error, locate(script, piece))


def _check_piece(piece: Piece, parser: Parser) -> None:
    if isinstance(piece, StatementText):
        if piece.error:
            raise piece.error
        parser.parse(piece)
        return
    from tokensh.cli.batch_shell import find_runnable  # noqa: PLC0415 (for scripts with commands)

    find_runnable(piece.name)
    if piece.statement:
        parser.parse(piece.statement)


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
        self._quiet = quiet
        self._shell: BatchShell | None = None
        self.last_statement = ""
        self._command_source = Source("", "")
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
        try:
            self._run_pieces(pieces_by_script)
        finally:
            self._close_destination()
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

    def _run_pieces(self, pieces_by_script: Iterable[tuple[Script, list[Piece] | None]]) -> bool:
        """Run scripts and return whether what follows them is to be run."""
        for script, pieces in pieces_by_script:
            streamed = _split_or_report(script, self._connection.parser, self._reporter) if pieces is None else pieces
            for piece in streamed:
                if leaves(piece) or not self._run_piece(script, piece):
                    return False
            if self._shell is not None and self._shell.conditions.depth:
                self._reporter.error(ProgrammingError(rf"{script.name} ends inside \if", hint=r"end it with \endif"))
                self._shell.conditions.cut(0)
            if self._reporter.status and self._stop:
                return False
        return True

    def _read_pieces(self, script: Script) -> list[Piece] | None:
        """Return a script's statements and commands; None if they are read while it runs."""
        if script.streamed:
            return None
        pieces = _split_or_report(script, self._connection.parser, self._reporter)
        return [
            piece if number < _PIECES_WITH_TOKENS or not isinstance(piece, StatementText) else replace(piece, tokens=())
            for number, piece in enumerate(pieces)
        ]

    def _report_missing_values(self, script: Script, pieces: Iterable[Piece]) -> None:
        """Report the placeholders without a value, as far as that is known before anything runs."""
        variables = dict(self._connection.variables)
        for piece in pieces:
            try:
                if isinstance(piece, StatementText):
                    placeholders.fill(self._connection.parser.tokenize(piece), variables)
                    continue
            except PlaceholderError as error:
                self._reporter.error(error, locate(script, piece))
                continue
            if piece.name in _UNPREDICTABLE:
                return
            if piece.name == r"\set":
                name, _, value = piece.argument.partition(" ")
                variables[name] = value.strip(" ';")

    def _run_piece(self, script: Script, piece: Piece) -> bool:
        """Run one statement or command; return whether the next one is to be run."""
        source = locate(script, piece)
        error: Error
        try:
            if isinstance(piece, StatementText):
                self._run_next_statement(piece, source)
            else:
                self._command_source = source
                self._run_command(piece)
        except ScriptStopped:
            return False
        except StatementFailed as failed:
            error, source = failed.error, failed.source
        except Error as failure:
            error = failure
        else:
            return self._may_go_on(source)
        self._reporter.error(error, source)
        if self._shell is not None:
            self._shell.console.last_error = error, source
        # Without a reader or after Ctrl-C, `--on-error continue` would only send more. The error may be another one: that the
        # outcome of a create is unknown, which matters more.
        interrupted = self._connection.cancellation.presses or error.exit_status == EXIT_INTERRUPTED
        return not (self._stop or interrupted or isinstance(error, OutputError))

    def _may_go_on(self, source: Source) -> bool:
        # Ctrl-C came too late for this statement (a create waits for its response), but not for the next.
        if self._connection.cancellation.presses:
            self._reporter.error(
                Interrupted("interrupted; this statement was done before it could stop", reason="finished"), source
            )
            return False
        return True

    def _run_next_statement(self, piece: StatementText, source: Source) -> None:
        """Run a statement of a script, unless it is in a branch that does not run. Raises StatementFailed."""
        if self._shell is None:
            self._run_filled(piece, source)
        elif self._shell.conditions.runs:
            with self._shell.batch_console.holding_values():
                self._run_filled(piece, source)

    def _run_filled(self, piece: StatementText, source: Source) -> None:
        """Run a statement and write its results. Raises StatementFailed."""
        self.last_statement = piece.text
        silent = True
        with self._locate_errors(piece, source) as statement:
            for result in self._connection.results(statement, dry=self._dry):
                self.write_result(result)
                silent = silent and not result.columns
            if silent and self._reports_despatch and _is_change(piece):
                queued = self._connection.in_transaction
                self._reporter.write(
                    "mutating statement queued" if queued else "The operation was despatched successfully"
                )

    @contextmanager
    def _locate_errors(self, piece: StatementText, source: Source) -> Iterator[StatementText]:
        """Give the `with` block the statement with its placeholders filled. Raises StatementFailed for an Error in it."""
        try:
            if piece.error:
                raise piece.error
            statement = self._connection.substitute_placeholders(piece)
            source = replace(source, text=statement.text)
            with handle_interrupts(self._connection.cancellation):
                yield statement
        except Error as error:
            raise StatementFailed(error, source) from error

    # ---- commands

    def _run_command(self, command: Command) -> None:
        """Run a command, unless it is in a branch that does not run. Raises Error, StatementFailed, ScriptStopped."""
        from tokensh.cli.batch_shell import BatchShell  # noqa: PLC0415 (for commands only)

        if self._shell is None:
            self._shell = BatchShell(
                self._connection, self._sink, self._reporter, self, quiet=self._quiet, dry=self._dry
            )
        if not self._shell.run_command(command):
            raise ScriptStopped

    def _locate_in_command(self, text: str) -> Source:
        """Return where a statement is that a command has: what is before it on its line is not counted."""
        return replace(self._command_source, text=text)

    def run_statement(self, text: str) -> None:
        """Run a statement that a command has, and write its results. Raises StatementFailed."""
        piece = self._connection.parser.tokenize(text)
        assert self._shell is not None  # noqa: S101 (only a command calls this)
        with self._shell.batch_console.holding_values():
            self._run_filled(piece, self._locate_in_command(text))

    def fetch_result(self, text: str) -> RowSet:
        """Run a statement that a command has, and return its result. Raises StatementFailed."""
        self.last_statement = text
        found = RowSet((), iter(()))
        with self._locate_errors(self._connection.parser.tokenize(text), self._locate_in_command(text)) as statement:
            self._refuse_new_value(statement)
            for result in self._connection.results(statement):
                found = RowSet(result.columns, iter(list(result.rows)))
        return found

    def _refuse_new_value(self, statement: StatementText) -> None:
        """Raise ProgrammingError for a write whose secret would be lost in a variable."""
        from tokensh.engine.delivery import secret_fields  # noqa: PLC0415 (for one command only)
        from tokensh.plan.nodes import ChangePlan, ExecPlan, InsertPlan  # noqa: PLC0415 (the same)

        plan = self._connection.plan(statement)
        if not isinstance(plan, InsertPlan | ChangePlan | ExecPlan) or self._connection.callbacks.deliver_value:
            return
        if secret_fields(plan.method):
            raise ProgrammingError(
                "the new value would be lost: a secret is kept in no variable",
                hint="nothing was sent; run it without \\gset",
            )

    def run_nested(self, path: Path | None, text: str, name: str) -> None:
        """Run a file, or a text, up to its first failure. Raises Error, and ScriptStopped after a failure."""
        assert self._shell is not None  # noqa: S101 (only a command calls this)
        with self._shell.includes.enter(name):
            script = from_file(str(path), name) if path is not None else from_text(text, name)
            if not self._run_pieces([(script, None)]):
                raise ScriptStopped

    def _close_destination(self) -> None:
        """Finish the file or the program that results went to last."""
        if self._shell is None:
            return
        try:
            self._shell.console.redirect(None)
        except Error as error:
            self._reporter.error(error)

    @property
    def format(self) -> str:
        """The name of the format of results."""
        return self._sink.format

    def write_result(self, result: RowSet) -> None:
        """Write a result and report its count. Raises Error."""
        if self.adapt_result is not None and result.columns and not result.command:
            result = self.adapt_result(result)
        if self._shell is not None:
            count = self._shell.console.show(result)
            if failure := self._shell.console.take_program_failure():
                raise InterfaceError(failure)
        else:
            count = deliver(self._sink.format, result, self._sink.stream, self._sink.options)
        if count and result.columns and not result.command and self._fails_if_rows:
            self._reporter.fail()
        if result.command and self._reports_writes:
            self._reporter.write(f"{result.command} {count}")
        elif self._reports_counts and result.columns:
            self._reporter.write(f"({plural(count, 'row')})")


def _is_change(piece: StatementText) -> bool:
    # A piece begins with its first token.
    return re.split(r"\W", piece.text, maxsplit=1)[0].upper() in _CHANGE_WORDS


def _split_or_report(script: Script, parser: Parser, reporter: Reporter) -> Iterator[Piece]:
    """Yield the statements and commands of a script; report what keeps the rest from being read."""
    try:
        yield from split_pieces(script.lines(), parser)
    except Error as error:
        reporter.error(error)
