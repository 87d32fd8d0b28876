"""Runs one statement at a time: its spinner, results, footer, and its entry in the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tokensh._dataclasses import dataclass, replace
from tokensh.dbapi.connection import Connection
from tokensh.engine.history import History
from tokensh.environment import handle_interrupts
from tokensh.errors import Error, Interrupted, OperationalError
from tokensh.render.errors import Source
from tokensh.render.formats import FORMATS
from tokensh.rows import RowSet
from tokensh.shell.commands import COMMANDS
from tokensh.shell.console import Console
from tokensh.shell.progress import Spinner
from tokensh.shell.result_cache import ResultCache
from tokensh.shell.settings import Settings
from tokensh.sql.script import StatementText
from tokensh.text import plural

T = TypeVar("T")

_NOT_RECORDED = frozenset((r"\q", r"\set", r"\history", r"\s", r"\rerun", r"\recall"))


@dataclass(slots=True)
class _Outcome:
    """How a statement ended: the rows of its last result (None: no result), its outcome for the history, its number as `_N`."""

    rows: int | None = None
    text: str = "ok"
    number: int | None = None


def describe_outcome(error: Error) -> str:
    """Return the outcome of what an error has ended, as the history keeps it."""
    return "interrupted" if isinstance(error, Interrupted) else f"{type(error).__name__}: {error.message}"


class Runner:
    """Runs the statements of one session.

    Args:
        connection: runs them.
        settings: read before each statement.
        console: shows results, errors and notes.
        results: remembers results.
        spinner: shown while a statement runs.
        history: gets every statement and its outcome; None: statements are not remembered.
    """

    def __init__(  # noqa: PLR0913 (the parts of a session that a statement touches)
        self,
        connection: Connection,
        settings: Settings,
        console: Console,
        *,
        results: ResultCache,
        spinner: Spinner,
        history: History | None,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._console = console
        self._results = results
        self._spinner = spinner
        self.history = history
        self._history_failed = False

    def run(self, statement: StatementText, source: Source | None = None, *, record: bool) -> str:
        """Run a statement whose placeholders are filled, and show its results.

        Args:
            statement: without `;`.
            source: where it is in a file; None: typed at the prompt.
            record: whether it enters the history.

        Returns:
            The outcome: `ok`, `interrupted` (also if it was done before it could stop), or the error, which was reported.
        """
        console, results, clock = self._console, self._results, self._connection.environment.monotonic
        entry = self._begin_entry(statement) if record else None
        begun, paged, sent = clock(), console.user_seconds, self._connection.client.requests_sent
        hidden = results.hidden_count
        outcome = self._execute(statement, replace(source or Source("", ""), text=statement.text))
        seconds = clock() - begun - (console.user_seconds - paged)
        if entry is not None:
            self._use_history(lambda history: history.finish(entry, seconds, outcome.rows, outcome.text))
        if outcome.rows is not None:
            self._print_footer(outcome, seconds, self._connection.client.requests_sent - sent)
        if results.hidden_count > hidden:
            self._console.note(r"the value is hidden: \reveal shows it once, \copy token_value copies it")
        elif not hidden:
            self._connection.mark_values_seen()  # a format for programs has shown what there was
        # A statement may finish although Ctrl-C was pressed; what follows it must not run then.
        return "interrupted" if self._connection.cancellation.presses else outcome.text

    def _execute(self, statement: StatementText, source: Source) -> _Outcome:
        # Ctrl-C does not raise here at first: it asks the statement to stop, which then raises Interrupted itself, so that an
        # answer with a new token can still arrive. Only the third press raises KeyboardInterrupt.
        cancellation = self._connection.cancellation
        outcome = _Outcome()
        cancellation.reset()
        try:
            with handle_interrupts(cancellation):
                self._spinner.start()
                for result in self._connection.results(statement):
                    outcome.rows = self._show_result(result)
                    outcome.number = self._store_result(result)
                    outcome.text = self._console.take_program_failure() or outcome.text
        except KeyboardInterrupt:
            outcome.text = "interrupted"
        except Error as error:
            self._spinner.stop()  # before the error is written, or the spinner's line would be in its way
            outcome.text = describe_outcome(error)
            self._console.report(error, source)
        finally:
            self._spinner.stop()
        return outcome

    def _show_result(self, result: RowSet) -> int:
        """Show a result and remember it on the way; return the number of its rows."""
        return self._console.show(
            self._results.record(
                result,
                self._connection.workspace,
                masks=FORMATS[self._settings.format].masks_secrets,
                on_row=self._spinner.stop,
                on_wait=self._spinner.resume,
            )
        )

    def _store_result(self, result: RowSet) -> int | None:
        """Make a result the tables `_` and `_N` and return N; None for a result without columns."""
        if not result.columns:
            return None
        objects = self._connection.objects
        number = objects.keep_result(
            result.columns, self._results.last.rows, next(iter(self._connection.failures.values()), None)
        )
        if dropped := objects.drop_old_results():
            names = ", ".join(f"_{each}" for each in dropped)
            self._console.note(
                f"{names} {'is' if len(dropped) == 1 else 'are'} forgotten: earlier results may take 64 MB"
            )
        return number

    def _print_footer(self, outcome: _Outcome, seconds: float, requests: int) -> None:
        if self._settings.quiet:
            return
        facts = [plural(outcome.rows or 0, "row") if outcome.number or outcome.rows else "done"]
        if self._settings.timing:
            facts += [f"{seconds:.2f} s", *([plural(requests, "request")] if requests else [])]
        self._console.note(f"({', '.join(facts)}){f' _{outcome.number}' if outcome.number else ''}")

    # ---- the history

    def _begin_entry(self, statement: StatementText) -> int | None:
        """Add a statement to the history before it runs, so that a crash leaves a trace; return the entry's number.

        What does not parse is not kept: it may be a password that was pasted into the wrong window.
        """
        parser = self._connection.parser
        if self.history is None or not parser.is_complete(statement):
            return None
        return self._add_entry(statement.text)

    def _add_entry(self, text: str) -> int | None:
        now, connection = self._connection.environment.now(), self._connection
        return self._use_history(lambda history: history.add(text, now, connection.workspace, connection.destination))

    @contextmanager
    def recorded_command(self, name: str, argument: str, *, record: bool) -> Iterator[list[str]]:
        r"""Have a command that runs inside the `with` block in the history, with the outcome that is put into the list.

        What repeats other entries is left out, and so is `\set`, whose value may be a password.
        """
        outcome: list[str] = []
        if not record or name not in COMMANDS or name in _NOT_RECORDED or COMMANDS[name].takes_statement:
            yield outcome
            return
        clock = self._connection.environment.monotonic
        entry, begun = self._add_entry(f"{name} {argument}".rstrip()), clock()
        try:
            yield outcome
        except Error as error:
            outcome[:] = [describe_outcome(error)]
            raise
        finally:
            if entry is not None and outcome:
                self._use_history(lambda history: history.finish(entry, clock() - begun, None, outcome[0]))

    def check_history(self) -> None:
        """Warn before the first statement if the history cannot be used."""
        self._use_history(lambda history: history.get(0))

    def _use_history(self, use: Callable[[History], T]) -> T | None:
        """Read or write the history; return None if that fails, for a full disk or a lock must not stop a statement."""
        if self.history is None:
            return None
        try:
            result = use(self.history)
        except OperationalError as error:
            # Once for all failures in a row. The next statement tries again: a lock is gone by then.
            if not self._history_failed:
                self._console.warn(error.with_context(hint="statements are not remembered until it can be used"))
            self._history_failed = True
            return None
        self._history_failed = False
        return result
