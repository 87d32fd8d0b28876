"""The shell: what is typed at its prompt, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from tokensh import __version__
from tokensh.dbapi import Connection, Listeners
from tokensh.engine.history import History
from tokensh.errors import Error, OperationalError, assert_never
from tokensh.render import Options
from tokensh.render.deliver import deliver
from tokensh.render.errors import Source, format_error
from tokensh.rows import RowSet
from tokensh.shell import ask
from tokensh.shell.commands import Leave, run
from tokensh.shell.confirm import approve
from tokensh.shell.prompt import Prompt
from tokensh.shell.reading import Command, Part, Unfinished, bare_command, parts
from tokensh.shell.running import Runner
from tokensh.shell.seen import Seen
from tokensh.shell.settings import Settings
from tokensh.sql import placeholders
from tokensh.sql.script import Piece
from tokensh.text import truncate, visible


class Session:
    """One shell, from its banner to Ctrl-D."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self.connection = connection
        self.environment = connection.environment
        self.settings = settings
        self.seen = Seen()
        self.warned_of_hidden = False
        self.outfile: TextIO | None = None
        self.pending = ""
        """The open statement before the command that runs."""
        self.history = self._history()
        self.runner = Runner(self)
        self.prompt = Prompt(self)
        self._answers: dict[str, str] = {}
        connection.listeners = Listeners(
            approve=lambda plan, rows: approve(self, plan, rows),
            failed=self.warn,
            progress=self.runner.spinner.progress,
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
        """What went wrong."""
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
        stream = self.outfile or self.environment.stdout
        return Options.fitting(self.environment, stream, settings.colour).but(
            header=settings.header,
            expanded=settings.expanded,
            mask=not reveal,
            times="raw" if settings.raw_times else "readable",
        )

    def show(self, result: RowSet, *, reveal: bool = False) -> int:
        """Write a result where results go; the number of rows. Raises Error."""
        stream = self.outfile or self.environment.stdout
        return deliver(self.settings.format, result, stream, self.options(reveal=reveal))

    # ---- the loop

    def run(self) -> int:
        """Read and run until the person leaves; the exit status."""
        self._banner()
        while True:
            try:
                self.run_text(self.prompt.read())
            except KeyboardInterrupt:
                continue
            except Leave:
                return self._left()

    def _left(self) -> int:
        if self.connection.in_transaction:
            self.note(f"rolled back: {self.connection.rollback()} waiting changes were not sent")
        return 0

    def _banner(self) -> None:
        if notice := self.connection.pending.notice():
            self.note(f"note: {notice}")
        if self.settings.quiet:
            return
        where = f" · {self.connection.place}" if self.connection.place else ""
        self.note(rf"tokensh {__version__}{where} · \? help, \q leaves")

    def run_text(self, text: str, file: str = "", *, kept: bool = True) -> None:
        """Run what was typed, pasted or read from a file, which an error stops. Raises Leave, KeyboardInterrupt."""
        found = list(parts(bare_command(text) or text, self.connection.parser))
        kept = kept and not text.startswith(" ")
        for number, part in enumerate(found):
            if len(found) > 1 and not file and isinstance(part, Piece):
                self.note(f"> {truncate(visible(' '.join(part.text.split())), 76)}")
            source = Source(file, part.text, part.line, part.column) if isinstance(part, Piece) else None
            try:
                outcome = self._run_part(part, source, kept=kept)
            except Error as error:
                self.tell(error, source)
                outcome = error.message
            left = sum(isinstance(one, Piece) for one in found[number + 1 :])
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
            case Piece():
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
        places = placeholders.find(self.connection.parser.table, text)
        if not places:
            return text
        if self.connection.workspace:
            self._answers.setdefault("deployment_name", self.connection.workspace)
        try:
            values = ask.values(places, self.connection.variables, self._answers, self._candidates)
        except EOFError:
            raise KeyboardInterrupt from None
        return placeholders.fill(text, places, values)

    def _candidates(self, name: str) -> Iterator[tuple[str, str]]:
        """What a placeholder may be filled with, and a note."""
        if name == "deployment_name":
            yield from ((one, "workspace") for one in self.prompt.facts().workspaces)
        if name == "token_id":
            yield from ((one.token_id, visible(one.comment)) for one in self.seen.tokens.values())
