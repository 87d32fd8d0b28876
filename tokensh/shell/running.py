"""Running a statement: what is shown while it runs, its result, how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from tokensh.engine.history import History
from tokensh.environment import ctrl_c
from tokensh.errors import Error, Interrupted, OperationalError
from tokensh.records import replace
from tokensh.render.errors import Source
from tokensh.rows import RowSet
from tokensh.shell.progress import Spinner

if TYPE_CHECKING:
    from tokensh.shell.session import Session

T = TypeVar("T")


class Runner:
    """Runs the statements of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self.last = ""
        """The statement that ran last."""
        self.spinner = Spinner(session.environment.stderr, session.environment.monotonic)

    def run(self, text: str, source: Source | None = None, *, kept: bool) -> str:
        """Run a statement, whose placeholders are filled, and show its results; `kept` in the history or not.

        Args:
            text: the statement.
            source: where it stands in a file; None: at the prompt.
            kept: whether the history gets it.

        Returns:
            How it went: `ok`, `interrupted`, or the error, which has been told.
        """
        self.last = text
        session = self._session
        number = self._remember(text) if kept else None
        begun = session.environment.monotonic()
        count: int | None = None
        outcome = "ok"
        remembered: int | None = None
        hidden = len(session.seen.hidden)
        try:
            with ctrl_c(self._connection.cancellation):
                self.spinner.start()
                for result in self._connection.results(text):
                    count = self._shown(result)
                    remembered = self._kept(result)
        except KeyboardInterrupt:
            outcome = "interrupted"
            session.note("cancelled")
        except Error as error:
            outcome = "interrupted" if isinstance(error, Interrupted) else f"{type(error).__name__}: {error.message}"
            self.spinner.stop()
            session.tell(error, Source("", text) if source is None else replace(source, text=text))
        finally:
            self.spinner.stop()
        seconds = session.environment.monotonic() - begun
        if number is not None:
            self._written_down(lambda history: history.finish(number, seconds, count, outcome))
        if count is not None:
            self._footer(count, seconds, remembered)
        if len(session.seen.hidden) > hidden:
            self._after_secret()
        return outcome

    def _kept(self, result: RowSet) -> int | None:
        """The number of the result as a table; None: it has no columns."""
        if not result.columns:
            return None
        return self._connection.objects.remember(result.columns, self._session.seen.rows)

    def _after_secret(self) -> None:
        """Say where a masked value is; a machine format has shown it already."""
        session = self._session
        if session.settings.format in ("table", "line"):
            session.warned_of_hidden = False
            session.note(r"the value is hidden: \reveal shows it once; nobody can show it after this session")
        else:
            session.seen.hidden.pop()

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

    def _footer(self, count: int, seconds: float, remembered: int | None) -> None:
        settings = self._session.settings
        if settings.quiet:
            return
        many = f"{count} row{'' if count == 1 else 's'}" if remembered or count else "done"
        took = f", {seconds:.2f} s" if settings.timing else ""
        self._session.note(f"({many}{took}){f' _{remembered}' if remembered else ''}")

    def _shown(self, result: RowSet) -> int:
        """Show a result, and look at it on the way."""
        session = self._session
        watched = session.seen.watch(result, self._connection.workspace, arrived=self.spinner.stop)
        return session.show(watched)
