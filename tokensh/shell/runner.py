"""Running a statement: what is shown while it runs, its result, how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tokensh._dataclasses import dataclass, replace
from tokensh.engine.history import History
from tokensh.environment import handle_interrupts
from tokensh.errors import Error, Interrupted, OperationalError
from tokensh.render.errors import Source
from tokensh.render.formats import FORMATS
from tokensh.rows import RowSet
from tokensh.shell.progress import Spinner

if TYPE_CHECKING:
    from tokensh.shell.session import Session

T = TypeVar("T")


@dataclass(slots=True)
class _Run:
    """How a statement went: rows of its last result (None: there was none), what the history says, its number as `_N`."""

    rows: int | None = None
    outcome: str = "ok"
    remembered: int | None = None


class Runner:
    """Runs the statements of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self.last = ""
        """The statement that ran last."""
        self.read_for = 0.0
        """s of its time that a person spent in the pager."""
        settings = session.settings
        self.spinner = Spinner(
            session.environment, self._connection.cancellation, session.options().width, plain=settings.plain
        )

    def run(self, text: str, source: Source | None = None, *, kept: bool) -> str:
        """Run a statement, whose placeholders are filled, and show its results; `kept` in the history or not.

        Args:
            text: the statement.
            source: where it stands in a file; None: at the prompt.
            kept: whether the history gets it.

        Returns:
            How it went: `ok`, `interrupted` (also where it was done before it could stop), or the error, which has been told.
        """
        self.last = text
        session = self._session
        number = self._remember(text) if kept else None
        self.read_for = 0.0
        begun, sent = session.environment.monotonic(), self._connection.client.requests_sent
        hidden = len(session.seen.hidden)
        went = self._carried_out(text, Source("", text) if source is None else replace(source, text=text))
        seconds = session.environment.monotonic() - begun - self.read_for
        if number is not None:
            self._written_down(lambda history: history.finish(number, seconds, went.rows, went.outcome))
        if went.rows is not None:
            self._footer(went, seconds, self._connection.client.requests_sent - sent)
        if len(session.seen.hidden) > hidden:
            self._after_secret()
        return "interrupted" if self._connection.cancellation.presses else went.outcome

    def _carried_out(self, text: str, source: Source) -> _Run:
        session, cancellation = self._session, self._connection.cancellation
        went = _Run()
        cancellation.reset()
        try:
            with handle_interrupts(cancellation):
                self.spinner.start()
                for result in self._connection.results(text):
                    went.rows = self._shown(result)
                    went.remembered = self._kept(result)
        except KeyboardInterrupt:
            went.outcome = "interrupted"
        except Error as error:
            self.spinner.stop()
            went.outcome = (
                "interrupted" if isinstance(error, Interrupted) else f"{type(error).__name__}: {error.message}"
            )
            session.tell(error, source)
        finally:
            self.spinner.stop()
        return went

    def _kept(self, result: RowSet) -> int | None:
        """The number of the result as a table; None: it has no columns."""
        if not result.columns:
            return None
        return self._connection.objects.keep_result(result.columns, self._session.seen.rows)

    def _after_secret(self) -> None:
        """Say where a masked value is; a machine format has shown it already."""
        session = self._session
        if FORMATS[session.settings.format].masks_secrets:
            session.warned_of_hidden = False
            session.note(r"the value is hidden: \reveal shows it once, \copy token_value copies it")
        else:
            session.seen.hidden.pop()
            if not session.seen.hidden:
                self._connection.mark_values_seen()

    def _remember(self, text: str) -> int | None:
        now, workspace = self._session.environment.now(), self._connection.workspace
        return self._written_down(lambda history: history.add(text, now, workspace))

    def _written_down(self, write: Callable[[History], T]) -> T | None:
        """Write to the history; a disk that is full must not keep a statement from running: the session does without."""
        session = self._session
        if session.history is None:
            return None
        try:
            return write(session.history)
        except OperationalError as error:
            session.history = None
            error.hint = "statements are not remembered from here on"
            session.warn(error)
            return None

    def _footer(self, went: _Run, seconds: float, requests: int) -> None:
        settings = self._session.settings
        if settings.quiet:
            return
        told = [many(went.rows or 0, "row") if went.remembered or went.rows else "done"]
        if settings.timing:
            told += [f"{seconds:.2f} s", *([many(requests, "request")] if requests else [])]
        self._session.note(f"({', '.join(told)}){f' _{went.remembered}' if went.remembered else ''}")

    def _shown(self, result: RowSet) -> int:
        """Show a result, and look at it on the way; the number of its rows."""
        session = self._session
        watched = session.seen.watch(
            result, self._connection.workspace, arrived=self.spinner.stop, awaited=self.spinner.go_on
        )
        return session.show(watched)


def many(count: int, what: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {what}{'' if count == 1 else 's'}"
