"""The shell's output: lines for the user, errors, and results on their way to the terminal, a pager, a file or a program."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import TextIO, cast

from tokensh.environment import Environment, is_terminal
from tokensh.errors import Error, InterfaceError, Interrupted, OutputClosed, OutputError
from tokensh.render.deliver import deliver
from tokensh.render.errors import Source, format_error
from tokensh.render.options import Options
from tokensh.render.result_file import ResultFile
from tokensh.rows import Row, RowSet
from tokensh.shell.pager import Pager, terminal_size
from tokensh.shell.redirection import ProgramInput
from tokensh.shell.settings import Settings
from tokensh.text import escape_unsafe, make_inert


class Console:
    """Writes everything that one session says.

    Args:
        environment: answers and results go to its stdout, everything else to its stderr.
        settings: how results look; read at each result.
        redact: removes secrets from the text of errors.
    """

    def __init__(self, environment: Environment, settings: Settings, redact: Callable[[str], str]) -> None:
        self._environment = environment
        self._settings = settings
        self._redact = redact
        # What `\o` named; None: the terminal.
        self._destination: TextIO | None = None
        self._program_failure = ""
        # s that the user has spent in pagers and at questions. They are not part of a statement's time.
        self.user_seconds = 0.0
        # Whether something is on the terminal since the last prompt.
        self._has_written = False
        # What `\errverbose` shows.
        self.last_error: tuple[Error, Source | None] | None = None

    def separate(self) -> None:
        """Write a blank line between what was written since the last prompt and the next."""
        written, self._has_written = self._has_written, False
        if written and is_terminal(self._environment.stderr) and not self._settings.plain:
            self._environment.stderr.write("\n")
            self._environment.stderr.flush()

    def say(self, text: str) -> None:
        """Write a line that answers a command, made inert and without secrets."""
        self._environment.stdout.write(make_inert(self._redact(text)) + "\n")
        self._environment.stdout.flush()
        self._has_written = True

    def say_lines(self, lines: Iterable[str]) -> None:
        """Write lines that answer a command, through the pager if the screen cannot hold them."""
        text = make_inert(self._redact("\n".join(lines))) + "\n"
        self._has_written = True
        terminal = self._environment.stdout
        if not (is_terminal(terminal) and self._settings.pager and not self._settings.plain):
            terminal.write(text)
            terminal.flush()
            return
        pager = Pager(self._environment, terminal, self.size(), self.note)
        with suppress(BrokenPipeError):  # the user has left the pager
            pager.write(text)
        pager.finish()

    def note(self, text: str) -> None:
        """Write a line about what happens; it is not part of an answer, and so goes to stderr."""
        self._environment.stderr.write(make_inert(self._redact(text)) + "\n")
        self._environment.stderr.flush()
        self._has_written = True

    def report(self, error: Error, source: Source | None = None) -> None:
        """Write an error; a statement that the user stopped is reported without the word "error"."""
        if isinstance(error, Interrupted):
            self.note("cancelled" if error.reason == "stopped" else escape_unsafe(error.message))
            if error.hint:
                self.note(f"hint: {error.hint}")
            return
        self.last_error = error, source
        for line in format_error(error, source, redact=self._redact):
            self.note(line)

    def warn(self, error: Error) -> None:
        """Write an error that does not stop the statement as a warning."""
        first, *more = format_error(error, redact=self._redact)
        for line in (first.replace("error:", "warning:", 1), *more):
            self.note(line)

    # ---- results

    def options(self, *, reveal: bool = False) -> Options:
        """Return how results look where they go now; `reveal` shows secrets, on the terminal only."""
        settings = self._settings
        base = Options.for_stream(self._environment, self._choose_stream(reveal=reveal), settings.colour)
        return settings.apply_look(base, self._environment).replace(header=settings.header, mask=not reveal)

    def size(self) -> tuple[int, int]:
        """Return the terminal's columns and lines."""
        return terminal_size(self._environment, self._environment.stdout, None)

    def _choose_stream(self, *, reveal: bool) -> TextIO:
        # A secret that is revealed stays out of the file that `\o` named.
        return self._environment.stdout if reveal or self._destination is None else self._destination

    def show(self, result: RowSet, *, reveal: bool = False) -> int:
        """Write a result, through the pager if the screen cannot hold it; return the number of rows. Raises Error."""
        stream, options, settings = self._choose_stream(reveal=reveal), self.options(reveal=reveal), self._settings
        self._has_written = True
        # The pager holds rows back until the screen is full, but a write's row must be shown before the next write is sent. And
        # a pager may write what it shows to a file (less -o), so a revealed secret never goes there.
        pages = settings.pager and not settings.plain and not reveal and not result.incremental
        if options.terminal and options.width is not None and pages:
            return self._show_in_pager(result, stream, options, options.width)
        # A program that stops reading is an error for a write, whose rows would be lost, and normal for a query.
        if not result.incremental and isinstance(stream, ProgramInput):
            return self._show_in_program(result, stream, options)
        with stream.wait_for_reader() if isinstance(stream, ProgramInput) else nullcontext():
            count = deliver(settings.format, result, stream, options)
        if isinstance(stream, ResultFile):
            stream.publish()
        return count

    def _show_in_program(self, result: RowSet, program: ProgramInput, options: Options) -> int:
        kept: list[Row] = []
        rows = _CountedRows(_keep_rows(result.rows, kept))
        try:
            deliver(self._settings.format, RowSet(result.columns, rows), program, options)
        except OutputClosed:
            rows.exhaust()  # `\g |head` has read what it wanted; `_` keeps all rows
            if failure := program.failure():
                # What it was given is lost, and so would be every later result.
                self._destination = None
                self.note(f"{failure}: results go to the terminal")
                self.show(RowSet(result.columns, iter(kept)))
                self._program_failure = failure
        return rows.count

    def _show_in_pager(self, result: RowSet, stream: TextIO, options: Options, width: int) -> int:
        pager = Pager(self._environment, stream, terminal_size(self._environment, stream, width), self.note)
        rows = _CountedRows(result.rows)
        try:
            deliver(self._settings.format, RowSet(result.columns, rows), cast("TextIO", pager), options)
        except OutputError:
            if not pager.left:
                raise
            rows.exhaust()  # leaving the pager early does not make the result shorter
        finally:
            pager.finish()
            self.user_seconds += pager.seconds
        return rows.count

    def redirect(self, destination: TextIO | None) -> None:
        """Send results to `destination` from now on, or with None to the terminal; close the previous destination.

        Raises InterfaceError if the previous one is a program that failed.
        """
        previous, self._destination = self._destination, destination
        if previous is not None:
            self._close_destination(previous)

    @contextmanager
    def redirected(self, destination: TextIO) -> Iterator[TextIO]:
        """Send results to `destination` inside the `with` block, then close it.

        Raises InterfaceError if it is a program that failed, which an error in the block takes precedence over.
        """
        before, self._destination = self._destination, destination
        try:
            yield destination
        except BaseException:
            self._destination = before
            try:
                self._close_destination(destination)
            except InterfaceError as error:
                self.note(error.message)
            raise
        self._destination = before
        self._close_destination(destination)

    def take_program_failure(self) -> str:
        """Return how the program that got the last result failed, once; empty if it did not."""
        failure, self._program_failure = self._program_failure, ""
        return failure

    def _close_destination(self, destination: TextIO) -> None:
        match destination:
            case ResultFile():
                if part := destination.abandon():
                    self.note(f"{destination.path} is as it was; the results before the failure are in {part}")
            case ProgramInput(closed=True):
                return  # its failure was told
            case ProgramInput():
                if failure := destination.failure():
                    raise InterfaceError(failure)
            case _:
                destination.close()


def _keep_rows(rows: Iterator[Row], kept: list[Row]) -> Iterator[Row]:
    for row in rows:
        kept.append(row)
        yield row


class _CountedRows:
    """Rows that are counted as they are read."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._rows)
        self.count += 1
        return row

    def exhaust(self) -> None:
        """Read and count the remaining rows."""
        for _ in self:
            pass
