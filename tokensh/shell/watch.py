r"""`\watch`: a query asked again and again, painted in place, its new, gone and changed rows marked."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from tokensh._dataclasses import dataclass, field
from tokensh.dbapi import Connection
from tokensh.environment import handle_interrupts
from tokensh.errors import ApiError, Error, InterfaceError, Interrupted, NetworkError, SeveralErrors
from tokensh.plan.nodes import RowsPlan, SelectPlan
from tokensh.render.formats import render
from tokensh.render.options import Options
from tokensh.rows import Column, Row, RowSet
from tokensh.shell.progress import Spinner
from tokensh.text import escape_unsafe, truncate

USUAL = 2.0
"""s between two looks."""
SHORTEST = 1.0
_LONGEST = 60.0
"""s that a server's refusals can make of it."""
NEW, GONE, CHANGED, SAME = "+", "-", "~", " "
_WORDS = {NEW: "new", GONE: "gone", CHANGED: "changed"}
_KEYS = ("deployment_name", "token_id")
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Look:
    """What one look has found; `seconds` it took."""

    columns: tuple[Column, ...]
    rows: list[Row]
    seconds: float


@dataclass(slots=True)
class Watch:
    """Asks until Ctrl-C.

    Args:
        connection: asks.
        options: how rows look now.
        size: the terminal's columns and lines now; None: no terminal, or one that is not painted anew.
        spinner: shown while an answer is awaited.
    """

    connection: Connection
    options: Callable[[], Options]
    size: Callable[[], tuple[int, int] | None]
    spinner: Spinner
    last: Look | None = None
    """What was found last."""
    _painted: int = 0
    """Lines of the last frame."""
    _size: tuple[int, int] | None = None
    _failure: str = field(default="", init=False)

    def run(self, text: str, seconds: float = USUAL) -> int:
        """Show a query's rows every so many seconds until Ctrl-C; how many looks there were.

        Raises InterfaceError for what is no query or too short a time; Error that another look cannot cure.
        """
        if seconds < SHORTEST:
            raise InterfaceError(
                f"{seconds:g} s is too short: workspaces limit how often they are asked", hint="at least 1 s"
            )
        if not isinstance(self.connection.plan(text), SelectPlan | RowsPlan):
            raise InterfaceError(r"\watch takes SELECT and SHOW: what writes is not repeated")
        wait, looks = seconds, 0
        try:
            while True:
                wait = self._looked(text, wait, seconds)
                looks += 1
                self.connection.environment.sleep(wait)
        except (KeyboardInterrupt, Interrupted):
            return looks

    def _looked(self, text: str, wait: float, usual: float) -> float:
        """Look once and paint; the seconds until the next look."""
        try:
            now = self._look(text)
        except Error as error:
            if not _passes(error):
                raise
            # It may be us who ask too much.
            wait = min(wait * 2, _LONGEST)
            self._failure = error.message
            now = self.last or Look((), [], 0.0)
            marks = [(SAME, row) for row in now.rows]
        else:
            wait = max(usual, wait / 2)
            self._failure = ""
            marks = marked(self.last, now)
            self.last = now
        self._paint(text, now, marks, wait)
        return wait

    def _look(self, text: str) -> Look:
        connection = self.connection
        begun = connection.environment.monotonic()
        connection.cancellation.reset()
        with handle_interrupts(connection.cancellation):
            self.spinner.start()
            try:
                (result,) = connection.results(text)
                hidden = [at for at, column in enumerate(result.columns) if column.secret]
                rows = [_without(row, hidden) if hidden else row for row in result.rows]
            finally:
                self.spinner.stop()
        if connection.cancellation.presses:
            raise Interrupted("interrupted")
        return Look(result.columns, rows, connection.environment.monotonic() - begun)

    # ---- what is painted

    def _paint(self, text: str, now: Look, marks: list[tuple[str, Row]], wait: float) -> None:
        stdout = self.connection.environment.stdout
        size = self.size()
        head = [escape_unsafe(f"every {wait:g} s: {' '.join(text.split())}"), self._summary(now, marks)]
        if self._failure:
            head.append(escape_unsafe(self.connection.redactor.clean(self._failure)))
        if size is None:
            stdout.write("\n".join((*head, *self._body(now, marks))) + "\n\n")
            stdout.flush()
            return
        columns, lines = size
        body = self._fitting(now, marks, max(lines - len(head) - 1, 1))
        frame = [*(truncate(line, max(columns - 1, 1)) for line in head), *body]
        up = f"\r\x1b[{self._painted}A" if self._painted else ""
        if self._painted and size != self._size:
            up = "\x1b[H\x1b[2J"  # nobody knows how many lines the last frame takes now
        self._size = size
        # Without wrapping (DECAWM off) a line takes one line of the screen, whatever the terminal's width has become.
        stdout.write(f"{up}\x1b[?7l" + "".join(f"{line}\x1b[K\n" for line in frame) + "\x1b[J\x1b[?7h")
        stdout.flush()
        self._painted = len(frame)

    def _summary(self, now: Look, marks: Sequence[tuple[str, Row]]) -> str:
        clock = datetime.fromtimestamp(self.connection.environment.now(), timezone.utc)
        found = Counter(mark for mark, _ in marks)
        told = [f"{found[mark]} {word}" for mark, word in _WORDS.items() if found[mark]]
        rows = f"{len(now.rows)} row{'' if len(now.rows) == 1 else 's'} in {now.seconds:.2f} s"
        return " · ".join((f"{clock:%H:%M:%S}Z", rows, *([", ".join(told)] if told else []), "Ctrl-C stops"))

    def _fitting(self, now: Look, marks: list[tuple[str, Row]], room: int) -> list[str]:
        """As many lines as there is room for; where that is not all, what has changed comes first."""
        body = self._body(now, marks)
        if len(body) <= room:
            return body
        body = self._body(now, sorted(marks, key=lambda one: one[0] == SAME))
        return [*body[: room - 1], f"… {len(body) - room + 1} more lines"]

    def _body(self, now: Look, marks: list[tuple[str, Row]]) -> list[str]:
        if not now.columns:
            return []
        columns = (Column("", "string"), *now.columns)
        shown = io.StringIO()
        options = self.options().but(marked=True, mask=True)
        render("table", RowSet(columns, ((mark, *row) for mark, row in marks)), shown, options)
        return shown.getvalue().splitlines()


def _without(row: Row, hidden: Sequence[int]) -> Row:
    return tuple(None if at in hidden else value for at, value in enumerate(row))


def _passes(error: Error) -> bool:
    """Whether the same question may be answered later."""
    match error:
        case SeveralErrors():
            return all(_passes(one) for _, one in error.failures)
        case ApiError():
            return error.status == _TOO_MANY or error.status >= 500
        case _:
            return isinstance(error, NetworkError)


def marked(before: Look | None, now: Look) -> list[tuple[str, Row]]:
    """The rows in their order, each with what became of it since the look before; then those that are gone."""
    if before is None or before.columns != now.columns:
        return [(SAME, row) for row in now.rows]
    key = _key(before, now)
    if key is None:
        return _marked_whole(before.rows, now.rows)
    known = {_cells(row, key): row for row in before.rows}
    found = {_cells(row, key) for row in now.rows}
    marks = []
    for row in now.rows:
        old = known.get(_cells(row, key))
        marks.append((NEW if old is None else SAME if old == row else CHANGED, row))
    return [*marks, *((GONE, row) for row in before.rows if _cells(row, key) not in found)]


def _marked_whole(before: Sequence[Row], now: Sequence[Row]) -> list[tuple[str, Row]]:
    """Rows that nothing names: a changed one is a gone and a new one."""
    left = Counter(before)
    marks = []
    for row in now:
        marks.append((SAME if left[row] > 0 else NEW, row))
        left[row] -= 1
    return [*marks, *((GONE, row) for row, count in left.items() for _ in range(count))]


def _key(before: Look, now: Look) -> tuple[int, ...] | None:
    """The places of the columns that tell rows apart; None if none do."""
    fields = [(one.origin or "").rpartition(".")[2] for one in now.columns]
    if "token_id" not in fields:
        return None
    key = tuple(fields.index(name) for name in _KEYS if name in fields)
    distinct = all(len({_cells(row, key) for row in look.rows}) == len(look.rows) for look in (before, now))
    return key if distinct else None


def _cells(row: Row, places: tuple[int, ...]) -> Row:
    return tuple(row[at] for at in places)
