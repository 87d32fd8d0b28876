"""The shell: what is typed at its prompt, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

from tokensh import __version__
from tokensh.dbapi import Callbacks, Connection
from tokensh.engine.history import History
from tokensh.environment import is_terminal
from tokensh.errors import Error, Interrupted, OperationalError, OutputError, ReaderGone, assert_never
from tokensh.render.deliver import deliver
from tokensh.render.errors import Source, format_error
from tokensh.render.options import Options
from tokensh.rows import RowSet
from tokensh.shell import dialogs
from tokensh.shell.commands import Leave, run
from tokensh.shell.commands.general import read
from tokensh.shell.commands.named_queries import Queries
from tokensh.shell.commands.output import Program
from tokensh.shell.confirm import approve
from tokensh.shell.input_buffer import Command, Part, Unfinished, bare_command, parts
from tokensh.shell.output import unasked_terminal
from tokensh.shell.pager import Pager, size_of
from tokensh.shell.prompt import Prompt
from tokensh.shell.result_cache import Counted, Seen
from tokensh.shell.runner import Runner, many
from tokensh.shell.settings import Settings
from tokensh.shell.watch import Watch
from tokensh.sql import placeholders
from tokensh.sql.script import StatementText
from tokensh.text import escape_unsafe, truncate


def start(connection: Connection, settings: Settings, rc: Path | None = None) -> int:
    """Run a shell, which begins with the statements of `rc`, if that is there; the exit status."""
    with unasked_terminal(connection.environment):
        return Session(connection, settings).run(rc)


class Session:
    """One shell, from its banner to Ctrl-D."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self.environment = connection.environment
        self.settings = settings
        self.seen = Seen()
        connection.holds_back_values = True
        self.warned_of_hidden = False
        self.outfile: TextIO | None = None
        self.pending = ""
        """The open statement before the command that runs."""
        self.depth = 0
        """How many files are being read, one from the other."""
        self.queries = Queries(self.environment, connection.redactor.clean)
        self.history = self._history()
        self.runner = Runner(self)
        self.prompt = Prompt(self)
        self._answers: dict[str, str] = {}
        connection.callbacks = Callbacks(
            approve=lambda plan, rows: approve(self, plan, rows),
            on_failure=self.warn,
            on_progress=self.runner.spinner.progress,
            on_activity=self.runner.spinner.doing,
            note=self.note,
        )

    def _history(self) -> History | None:
        try:
            return self.connection.history
        except OperationalError as error:
            self.warn(error)
            return None

    # ---- what is said

    def say(self, text: str) -> None:
        """A line of an answer."""
        self.environment.stdout.write(text + "\n")
        self.environment.stdout.flush()

    def note(self, text: str) -> None:
        """A line that is no answer."""
        self.environment.stderr.write(text + "\n")
        self.environment.stderr.flush()

    def tell(self, error: Error, source: Source | None = None) -> None:
        """What went wrong; what a person has stopped did not go wrong."""
        if isinstance(error, Interrupted):
            self.note("cancelled" if error.message == "interrupted" else escape_unsafe(error.message))
            if error.hint:
                self.note(f"hint: {error.hint}")
            return
        for line in format_error(error, source, redact=self.connection.redactor.clean):
            self.note(line)

    def warn(self, error: Error) -> None:
        """What is done without."""
        first, *more = format_error(error, redact=self.connection.redactor.clean)
        for line in (first.replace("error:", "warning:", 1), *more):
            self.note(line)

    def options(self, *, reveal: bool = False) -> Options:
        """How results look where they go."""
        settings = self.settings
        return Options.fitting(self.environment, self._stream(reveal=reveal), settings.colour).but(
            header=settings.header,
            expanded=settings.expanded,
            mask=not reveal,
            times="raw" if settings.raw_times else "readable",
            null=settings.null or None,
        )

    def _stream(self, *, reveal: bool = False) -> TextIO:
        """Where results go; what was hidden is shown on the terminal alone."""
        return self.environment.stdout if reveal or self.outfile is None else self.outfile

    def show(self, result: RowSet, *, reveal: bool = False) -> int:
        """Write a result where results go, through the pager if the screen cannot hold it; the number of rows. Raises Error."""
        stream = self._stream(reveal=reveal)
        options = self.options(reveal=reveal)
        if not options.terminal or options.width is None or reveal or result.incremental or not self._pages():
            return self._delivered(result, stream, options)
        pager = Pager(self.environment, stream, size_of(self.environment, stream, options.width), self.note)
        counted = Counted(result.rows)
        try:
            deliver(self.settings.format, RowSet(result.columns, counted), cast("TextIO", pager), options)
        except OutputError:
            if not pager.left:
                raise
            counted.finish()  # whoever leaves the pager has not asked for fewer rows
        finally:
            pager.finish()
            self.runner.read_for += pager.seconds
        return counted.count

    def _delivered(self, result: RowSet, stream: TextIO, options: Options) -> int:
        if result.incremental or not isinstance(stream, Program):
            return deliver(self.settings.format, result, stream, options)
        counted = Counted(result.rows)
        try:
            deliver(self.settings.format, RowSet(result.columns, counted), stream, options)
        except ReaderGone:
            counted.finish()  # `\\g |head` has read what it wanted
        return counted.count

    def _pages(self) -> bool:
        return self.settings.pager and not self.settings.plain

    def show_again(self) -> None:
        """Show the last result once more, as the settings are now."""
        if not self.seen.columns:
            return
        self.note(f"times are {'epoch milliseconds' if self.settings.raw_times else 'readable'}")
        try:
            self.show(RowSet(self.seen.columns, iter(self.seen.rows)))
        except Error as error:
            self.tell(error)

    def watch(self, text: str, seconds: float) -> None:
        """Ask a query again and again until Ctrl-C. Raises Error."""
        stdout = self.environment.stdout
        paints = is_terminal(stdout) and not self.settings.plain
        watch = Watch(
            self.connection,
            lambda: self.options(reveal=True),
            lambda: size_of(self.environment, stdout, None) if paints else None,
            self.runner.spinner,
        )
        text = self._filled(text)
        self.runner.last = text
        looks = watch.run(text, seconds)
        if watch.last is not None:
            self.seen.columns, self.seen.rows = watch.last.columns, watch.last.rows
        self.note(f"stopped after {many(looks, 'look')}")

    # ---- the loop

    def run(self, start: Path | None = None) -> int:
        """Run the file `start`, if it is there, then read and run until the person leaves; the exit status."""
        self._banner()
        try:
            self._run_start(start)
        except Leave:
            return self._left()
        while True:
            try:
                self.run_text(self.prompt.read())
            except KeyboardInterrupt:
                continue
            except Leave:
                return self._left()

    def _run_start(self, path: Path | None) -> None:
        """rc.sql: an error in it is told, and the session begins all the same. Raises Leave."""
        if path is None or not path.exists():
            return
        try:
            self.run_text(read(path), str(path), kept=False)
        except Error as error:
            self.tell(error)
        except KeyboardInterrupt:
            self.note(f"{path} was interrupted")

    def _left(self) -> int:
        if self.connection.in_transaction:
            self.note(f"rolled back: {self.connection.rollback()} waiting changes were not sent")
        return 0

    def _banner(self) -> None:
        if notice := self.connection.pending.summary():
            self.note(f"note: {notice}")
        if self.settings.quiet:
            return
        where = f" · {self.connection.destination}" if self.connection.destination else ""
        self.note(rf"tokensh {__version__}{where} · \? help, \q leaves")

    def run_text(self, text: str, file: str = "", *, kept: bool = True) -> None:
        """Run what was typed, pasted or read from a file, which an error stops. Raises Leave, KeyboardInterrupt."""
        found = list(parts(bare_command(text) or text, self.connection.parser))
        kept = kept and not text.startswith(" ")
        for number, part in enumerate(found):
            if len(found) > 1 and not file and isinstance(part, StatementText):
                self.note(f"> {truncate(escape_unsafe(' '.join(part.text.split())), 76)}")
            source = Source(file, part.text, part.line, part.column) if isinstance(part, StatementText) else None
            try:
                outcome = self._run_part(part, source, kept=kept)
            except Error as error:
                self.tell(error, source)
                outcome = error.message
            left = sum(isinstance(one, StatementText) for one in found[number + 1 :])
            if left and (outcome == "interrupted" or (file and outcome != "ok")):
                self.note(f"{left} more statement{'s were' if left > 1 else ' was'} not run")
                return

    def _run_part(self, part: Part, source: Source | None, *, kept: bool) -> str:
        """How it went: `ok`, `interrupted` or an error that has been told. Raises Error."""
        match part:
            case Unfinished():
                self.prompt.next_text = part.text + "\n"
            case Command():
                self.pending = part.statement
                run(self, part.name, part.argument)
            case StatementText():
                if part.error:
                    raise part.error
                return self.run_statement(part.text, source, kept=kept)
            case _:
                assert_never(part)
        return "ok"

    def run_statement(self, text: str, source: Source | None = None, *, kept: bool = True) -> str:
        """Run one statement; how it went. Raises PlaceholderError, KeyboardInterrupt."""
        return self.runner.run(self._filled(text), source, kept=kept)

    def _filled(self, text: str) -> str:
        """The statement with its placeholders filled, asked for where they are not set. Raises KeyboardInterrupt."""
        places = placeholders.find_placeholders(self.connection.parser.table, text)
        if not places:
            return text
        if self.connection.workspace:
            self._answers.setdefault("deployment_name", self.connection.workspace)
        try:
            values = dialogs.values(places, self.connection.variables, self._answers, self._candidates)
        except EOFError:
            raise KeyboardInterrupt from None
        return placeholders.substitute(text, places, values)

    def _candidates(self, name: str) -> Iterator[tuple[str, str]]:
        """What a placeholder may be filled with, and a note."""
        if name == "deployment_name":
            yield from ((one, "workspace") for one in self.prompt.facts().workspaces)
        if name == "token_id":
            yield from ((one.token_id, escape_unsafe(one.comment)) for one in self.seen.tokens.values())
