r"""`\watch`: repeats a query and repaints its result in place, with new, gone and changed rows marked."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from tokensh._dataclasses import dataclass, field
from tokensh.dbapi.connection import Connection
from tokensh.engine.diff import key_columns
from tokensh.environment import handle_interrupts
from tokensh.errors import ApiError, Error, InterfaceError, Interrupted, NetworkError, SeveralErrors
from tokensh.plan.nodes import RowsPlan, SelectPlan
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet
from tokensh.shell.progress import Spinner
from tokensh.text import escape_unsafe, plural, truncate

# s between the end of a run and the next. Databricks limits how often a workspace may be asked.
DEFAULT_INTERVAL = 2.0
SHORTEST_INTERVAL = 1.0
LONGEST_INTERVAL = 86400.0
# The longest interval that refusals by the server lead to.
_LONGEST_INTERVAL = 60.0
NEW, GONE, CHANGED, SAME = "+", "-", "~", " "
_CHANGES = {NEW: "new", GONE: "gone", CHANGED: "changed"}
_TOO_MANY_REQUESTS = 429

MarkedRow = tuple[str, Row]
"""A row and what became of it since the run before: NEW, GONE, CHANGED or SAME."""


# How a frame is painted: the cursor goes up by the lines of the last frame and each line is written over the old one, its rest
# cleared. Clearing the screen first would flicker, and the alternate screen would take the last result away at the end, which
# the user wants to keep reading. A frame is never longer than the screen, or going up would miss its first lines.


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The result of one run; `seconds` it took."""

    columns: tuple[Column, ...]
    rows: list[Row]
    seconds: float


@dataclass(slots=True)
class Watch:
    """Repeats a query until Ctrl-C.

    Args:
        connection: runs the query.
        options: returns how rows look now.
        size: returns the terminal's columns and lines now; None: write one result below the other.
        spinner: shown during a run.
    """

    connection: Connection
    options: Callable[[], Options]
    size: Callable[[], tuple[int, int] | None]
    spinner: Spinner
    # The result of the last run that succeeded.
    last: Snapshot | None = None
    # Lines of the frame on the screen, and the size of the screen then.
    _painted_lines: int = 0
    _painted_size: tuple[int, int] | None = None
    _failure: str = field(default="", init=False)

    def run(self, text: str, seconds: float = DEFAULT_INTERVAL) -> int:
        """Show a query's rows every so many seconds until Ctrl-C, and return the number of runs.

        Raises:
            InterfaceError: the statement is not a query, or the interval is too short.
            Error: a run failed in a way that another run cannot cure.
        """
        if seconds < SHORTEST_INTERVAL:
            raise InterfaceError(
                f"{seconds:g} s is too short: workspaces limit how often they are asked", hint="at least 1 s"
            )
        if seconds > LONGEST_INTERVAL:
            raise InterfaceError(f"{seconds:g} s is too long", hint="at most a day, 86400 s")
        if not isinstance(self.connection.plan(text), SelectPlan | RowsPlan):
            raise InterfaceError(r"\watch takes SELECT and SHOW: writes are not repeated")
        interval, runs = seconds, 0
        try:
            while True:
                interval = self._run_and_paint(text, interval, seconds)
                runs += 1
                self.connection.environment.sleep(interval)
        except (KeyboardInterrupt, Interrupted):
            return runs

    def _run_and_paint(self, text: str, interval: float, usual: float) -> float:
        """Run the query once, paint the result, and return the seconds until the next run."""
        try:
            snapshot = self._take_snapshot(text)
        except Error as error:
            if not _is_temporary(error):
                raise
            # Maybe the server refuses because of us: double the interval, and halve it again once it answers.
            interval = min(interval * 2, _LONGEST_INTERVAL)
            self._failure = error.message
            snapshot = self.last or Snapshot((), [], 0.0)
            marked_rows = [(SAME, row) for row in snapshot.rows]
        else:
            interval = max(usual, interval / 2)
            self._failure = ""
            marked_rows = mark_changes(self.last, snapshot)
            self.last = snapshot
        self._paint(text, snapshot, marked_rows, interval)
        return interval

    def _take_snapshot(self, text: str) -> Snapshot:
        connection = self.connection
        begun = connection.environment.monotonic()
        connection.cancellation.reset()
        with handle_interrupts(connection.cancellation):
            self.spinner.start()
            try:
                (result,) = connection.results(text)
                secret = {index for index, column in enumerate(result.columns) if column.secret}
                rows = [_remove_secrets(row, secret) if secret else row for row in result.rows]
            finally:
                self.spinner.stop()
        if connection.cancellation.presses:
            raise Interrupted
        return Snapshot(result.columns, rows, connection.environment.monotonic() - begun)

    # ---- painting

    def _paint(self, text: str, snapshot: Snapshot, marked_rows: list[MarkedRow], interval: float) -> None:
        stdout = self.connection.environment.stdout
        size = self.size()
        head = [
            escape_unsafe(f"every {interval:g} s: {' '.join(text.split())}"),
            self._summarize(snapshot, marked_rows),
        ]
        if self._failure:
            head.append(escape_unsafe(self.connection.redactor.clean(self._failure)))
        if size is None:
            stdout.write("\n".join((*head, *self._render_rows(snapshot, marked_rows))) + "\n\n")
            stdout.flush()
            return
        columns, lines = size
        body = self._fit_lines(snapshot, marked_rows, max(lines - len(head) - 1, 1))
        frame = [*(truncate(line, max(columns - 1, 1)) for line in head), *body]
        go_back = f"\r\x1b[{self._painted_lines}A" if self._painted_lines else ""
        if self._painted_lines and size != self._painted_size:
            # The terminal may have wrapped the last frame anew: how many lines it takes now is unknown.
            go_back = "\x1b[H\x1b[2J"
        self._painted_size = size
        # Without wrapping (DECAWM off) a line takes one line of the screen, whatever the terminal's width has become.
        stdout.write(f"{go_back}\x1b[?7l" + "".join(f"{line}\x1b[K\n" for line in frame) + "\x1b[J\x1b[?7h")
        stdout.flush()
        self._painted_lines = len(frame)

    def _summarize(self, snapshot: Snapshot, marked_rows: Sequence[MarkedRow]) -> str:
        clock = datetime.fromtimestamp(self.connection.environment.now(), timezone.utc)
        counts = Counter(mark for mark, _ in marked_rows)
        changes = ", ".join(f"{counts[mark]} {word}" for mark, word in _CHANGES.items() if counts[mark])
        rows = f"{plural(len(snapshot.rows), 'row')} in {snapshot.seconds:.2f} s"
        return " · ".join((f"{clock:%H:%M:%S}Z", rows, *([changes] if changes else []), "Ctrl-C stops"))

    def _fit_lines(self, snapshot: Snapshot, marked_rows: list[MarkedRow], room: int) -> list[str]:
        """Return at most `room` lines; if that is not all of them, changed rows come first."""
        body = self._render_rows(snapshot, marked_rows)
        if len(body) <= room:
            return body
        body = self._render_rows(snapshot, sorted(marked_rows, key=lambda marked: marked[0] == SAME))
        return [*body[: room - 1], f"… {plural(len(body) - room + 1, 'more line')}"]

    def _render_rows(self, snapshot: Snapshot, marked_rows: list[MarkedRow]) -> list[str]:
        if not snapshot.columns:
            return []
        columns = (Column("", "string"), *snapshot.columns)
        text = io.StringIO()
        options = self.options().replace(shows_changes=True, mask=True)
        render("table", RowSet(columns, ((mark, *row) for mark, row in marked_rows)), text, options)
        return text.getvalue().splitlines()


def _remove_secrets(row: Row, secret: set[int]) -> Row:
    return tuple(None if index in secret else value for index, value in enumerate(row))


def _is_temporary(error: Error) -> bool:
    """Return True if the same query may succeed later."""
    match error:
        case SeveralErrors():
            return all(_is_temporary(failure) for _, failure in error.failures)
        case ApiError():
            return error.status == _TOO_MANY_REQUESTS or error.status >= 500
        case _:
            return isinstance(error, NetworkError)


def mark_changes(before: Snapshot | None, now: Snapshot) -> list[MarkedRow]:
    """Return the rows in their order, each with a mark, then the rows that are gone."""
    if before is None or before.columns != now.columns:
        return [(SAME, row) for row in now.rows]
    key = _find_key(before, now)
    if key is None:
        return _mark_whole_rows(before.rows, now.rows)
    before_by_key = {_pick_cells(row, key): row for row in before.rows}
    keys_now = {_pick_cells(row, key) for row in now.rows}
    marked_rows = []
    for row in now.rows:
        earlier = before_by_key.get(_pick_cells(row, key))
        marked_rows.append((NEW if earlier is None else SAME if earlier == row else CHANGED, row))
    return [*marked_rows, *((GONE, row) for row in before.rows if _pick_cells(row, key) not in keys_now)]


def _mark_whole_rows(before: Sequence[Row], now: Sequence[Row]) -> list[MarkedRow]:
    """Mark rows without a key: a changed row is a gone and a new one. Equal rows are matched one to one."""
    unmatched = Counter(before)
    marked_rows = []
    for row in now:
        marked_rows.append((SAME if unmatched[row] > 0 else NEW, row))
        unmatched[row] -= 1
    return [*marked_rows, *((GONE, row) for row, count in unmatched.items() for _ in range(count))]


def _find_key(before: Snapshot, now: Snapshot) -> tuple[int, ...] | None:
    """Return the indexes of the columns that tell rows apart; None if no column does, or two rows have the same key."""
    key = key_columns(now.columns)
    if not key:
        return None
    unique = all(
        len({_pick_cells(row, key) for row in snapshot.rows}) == len(snapshot.rows) for snapshot in (before, now)
    )
    return key if unique else None


def _pick_cells(row: Row, indexes: tuple[int, ...]) -> Row:
    return tuple(row[index] for index in indexes)
