r"""Commands in scripts: `\d`, `\set`, `\i`, `\if` and others work in `-c`, in files and in pipes as they do in the shell.

The commands are the shell's own, from its one table; what differs is their context. Nothing can be asked in a script, so the
commands that need a person are refused, values of new tokens are written and not masked, and the first failure stops the script. The
module is loaded at the first command: scripts of plain statements do without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from tokensh.dbapi.connection import Connection
from tokensh.engine.history import History
from tokensh.errors import InterfaceError
from tokensh.render.deliver import deliver
from tokensh.render.options import Options
from tokensh.render.result_file import ResultFile
from tokensh.rows import RowSet
from tokensh.shell.commands import CONDITIONAL, ExitShell, MetaCommand, find_command, run_command
from tokensh.shell.conditions import Conditions
from tokensh.shell.console import Console
from tokensh.shell.includes import Includes
from tokensh.shell.input_buffer import Command
from tokensh.shell.query_store import QueryStore
from tokensh.shell.result_cache import Result, ResultCache
from tokensh.shell.settings import Settings

if TYPE_CHECKING:
    from tokensh.cli.reporter import Reporter, Sink

_WITHOUT_EFFECT = CONDITIONAL | {r"\set", r"\unset", r"\i", r"\c", r"\echo", r"\q", r"\p"}
"""Commands that `--dry-run` carries out: they send nothing, write no file and start no program."""


class Scripts(Protocol):
    """What the commands of a script need of the code that runs it."""

    last_statement: str

    def run_statement(self, text: str) -> None:
        """Run a statement and write its results. Raises StatementFailed."""

    def fetch_result(self, text: str) -> RowSet:
        """Run a statement and return its result, which is not written. Raises StatementFailed."""

    def run_nested(self, path: Path | None, text: str, name: str) -> None:
        """Run a file, or a text, up to its first failure. Raises Error, and ScriptStopped after a failure."""


class BatchConsole(Console):
    """Writes results where the command line or a command says. Nothing is masked: RETURNING asked for it."""

    def __init__(
        self, connection: Connection, settings: Settings, sink: Sink, reporter: Reporter, *, quiet: bool
    ) -> None:
        super().__init__(connection.environment, settings, connection.redactor.clean)
        self._connection = connection
        self._sink = sink
        self._reporter = reporter
        self._quiet = quiet
        # -O FILE gives its new tokens a name that the user knows at the very end.
        self._holds_back = connection.holds_back_values

    def note(self, text: str) -> None:
        """Write what a command did, unless the run is quiet."""
        if not self._quiet:
            self._reporter.write(text)

    def options(self, *, reveal: bool = False) -> Options:
        """Return how results look where they go now."""
        base = self._sink.options
        stream = self._choose_stream(reveal=reveal)
        if stream is not self._sink.stream:
            base = Options(csv_safe=base.csv_safe, delimiter=base.delimiter)
        return self._settings.apply_look(base, self._environment).replace(header=self._settings.header)

    def _choose_stream(self, *, reveal: bool) -> TextIO:
        del reveal  # nothing is hidden
        return self._destination or self._sink.stream or self._environment.stdout

    def show(self, result: RowSet, *, reveal: bool = False) -> int:
        """Write a result and return the number of its rows. Raises Error."""
        stream = self._choose_stream(reveal=reveal)
        if stream is self._sink.stream or self._sink.stream is None:
            # The stream of the command line is published, or found closed, at the end of the run.
            return deliver(self._settings.format, result, self._sink.stream, self.options())
        count = super().show(result)
        if isinstance(stream, ResultFile) and not self._holds_back:
            self._connection.mark_values_seen()
        return count

    @contextmanager
    def holding_values(self) -> Iterator[None]:
        """Keep new tokens in the journal inside the `with` block while results go to a file that has no name yet."""
        self._connection.holds_back_values = self._holds_back or isinstance(self._destination, ResultFile)
        try:
            yield
        finally:
            self._connection.holds_back_values = self._holds_back


class BatchShell:
    """A script as its commands see it: a `ShellContext` without a prompt."""

    def __init__(  # noqa: PLR0913 (the parts of a run that its commands touch)
        self, connection: Connection, sink: Sink, reporter: Reporter, scripts: Scripts, *, quiet: bool, dry: bool
    ) -> None:
        self.connection = connection
        self.settings = Settings.for_batch(sink.format, sink.options, connection.config)
        self.batch_console = BatchConsole(connection, self.settings, sink, reporter, quiet=quiet)
        self.console: Console = self.batch_console
        self.results = ResultCache()
        self.queries = QueryStore(connection.environment, connection.redactor.clean)
        self.conditions = Conditions()
        self.includes = Includes()
        self._scripts = scripts
        self._dry = dry
        self._open_statement = ""

    def run_command(self, command: Command) -> bool:
        r"""Run a command, unless it is in a branch of `\if` that does not run; return False if it ends the script.

        Raises Error, and what a script that it runs raises.
        """
        if not self.conditions.runs and command.name not in CONDITIONAL:
            return True
        declared = find_runnable(command.name)
        self._open_statement = command.statement
        try:
            if self._dry and command.name not in _WITHOUT_EFFECT:
                self._explain_command(declared, command)
            else:
                run_command(self, command.name, command.argument)
        except ExitShell:
            return False
        finally:
            self._open_statement = ""
        return True

    def _explain_command(self, declared: MetaCommand, command: Command) -> None:
        """Explain the statement that a command would run, or say that the command was left out."""
        if declared.takes_statement and self.current_statement:
            self.run_statement(self.current_statement)
        else:
            self.console.note(f"not run: {command.name} {command.argument}".rstrip())

    # ---- what commands ask

    @property
    def history(self) -> History | None:
        """The statements that ran in the shell."""
        return self.connection.history

    @property
    def open_statement(self) -> str:
        """The statement before the running command that is not ended yet; may be empty."""
        return self._open_statement

    @property
    def current_statement(self) -> str:
        """The open statement, else the last that ran; may be empty."""
        return self._open_statement or self._scripts.last_statement

    def run_text(self, text: str) -> None:
        """Run statements and commands. Raises Error, ScriptStopped."""
        self._scripts.run_nested(None, text, "a named query")

    def run_file(self, path: Path, name: str) -> None:
        """Run a file up to its first failure. Raises Error, ScriptStopped."""
        self._scripts.run_nested(path, "", name)

    def run_statement(self, text: str) -> str:
        """Run one statement without `;`; its outcome is `ok`. Raises StatementFailed."""
        self._scripts.run_statement(text)
        return "ok"

    def fetch_result(self, text: str) -> Result | None:
        """Run one statement and return its result, which is not shown. Raises StatementFailed."""
        result = self._scripts.fetch_result(text)
        return Result(result.columns, list(result.rows))

    def prefill(self, text: str) -> None:
        """Print what the shell would put into its next prompt."""
        self.console.say(text)

    run_if_ended = prefill

    def watch(self, text: str, seconds: float) -> None:  # noqa: ARG002 (it refuses)
        """Refuse: it would not end. Raises InterfaceError."""
        raise _refuse(r"\watch")

    def apply_settings(self) -> None:
        """Do nothing: no prompt follows the settings."""


def find_runnable(name: str) -> MetaCommand:
    """Return the command with a name. Raises InterfaceError if it is unknown or needs a person."""
    command = find_command(name)
    if command.needs_prompt:
        raise _refuse(name)
    return command


def _refuse(name: str) -> InterfaceError:
    return InterfaceError(
        f"{name} needs a person at the prompt", hint="start the shell: tokensh without -c, -f and pipe"
    )
