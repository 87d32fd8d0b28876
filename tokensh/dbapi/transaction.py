"""The queue of changes between BEGIN and COMMIT.

The API has no transactions: COMMIT sends the changes one by one, and one that was sent cannot be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from tokensh.engine.executor import columns_of
from tokensh.errors import Error, NotSupportedError, ProgrammingError, assert_never
from tokensh.plan.nodes import (
    ChangePlan,
    DefinePlan,
    DropPlan,
    ExecPlan,
    IndexPlan,
    InsertPlan,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    RefreshPlan,
    TransactionPlan,
)
from tokensh.rows import NO_ROWS, Column, Row, RowSet, make_names_unique
from tokensh.text import plural

_CHANGES = (InsertPlan, ChangePlan, ExecPlan, LocalInsertPlan, LocalChangePlan)
_DEFINITIONS = (DefinePlan, IndexPlan, DropPlan, RefreshPlan)


class Transaction:
    """The changes that wait for COMMIT.

    Args:
        run_plan: sends a change.
        check: raises an Error for a change that would be refused before anything is sent.
        check_reads: reads what a change will read, and raises an Error if any of it is missing.
        note: called with one line of text for the user.
    """

    def __init__(
        self,
        run_plan: Callable[[Plan], RowSet],
        *,
        check: Callable[[Plan], None],
        check_reads: Callable[[Plan], None],
        note: Callable[[str], None],
    ) -> None:
        self._run_plan = run_plan
        self._check = check
        self._check_reads = check_reads
        self._note = note
        self._queue: list[Plan] | None = None
        # The columns of the results of the changes that a COMMIT has begun to send.
        self.sending: tuple[tuple[Column, ...], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether changes wait for COMMIT."""
        return self._queue is not None

    def enqueue(self, plan: Plan) -> bool:
        """Put a change into the queue of an open transaction; return False for a plan that is to run now.

        Raises NotSupportedError for a definition within a transaction.
        """
        # Only changes are queued. Queries run at once, on purpose: they see the workspaces as they are, without the queue.
        if self._queue is None:
            return False
        if isinstance(plan, _DEFINITIONS):
            raise NotSupportedError("a transaction takes queries and changes of rows", hint="COMMIT or ROLLBACK first")
        if not isinstance(plan, _CHANGES):
            return False
        # Now, while nothing is sent: at COMMIT, the changes before it would have taken effect.
        self._check(plan)
        self._queue.append(plan)
        self._note(f"waits for COMMIT, as number {len(self._queue)}")
        return True

    def control(self, plan: TransactionPlan) -> Iterator[RowSet]:
        """Run BEGIN, COMMIT or ROLLBACK, and yield its results. Raises ProgrammingError, and the errors of changes."""
        match plan.verb:
            case "BEGIN":
                self._begin()
                yield NO_ROWS
            case "ROLLBACK":
                if self._queue is None:
                    raise ProgrammingError("no transaction is open", hint="BEGIN opens one")
                self._note(f"{plural(self.rollback(), 'change')} dropped, nothing was sent")
                yield NO_ROWS
            case "COMMIT":
                if self._queue is None:
                    raise ProgrammingError("no transaction is open", hint="BEGIN opens one")
                yield from self.commit()
            case _:
                assert_never(plan.verb)

    def _begin(self) -> None:
        if self._queue is not None:
            raise ProgrammingError("a transaction is already open", hint="COMMIT or ROLLBACK ends it")
        self._queue = []
        self._note(
            "changes wait for COMMIT, which sends them one by one; this is a queue, not a transaction of the API"
        )

    def rollback(self) -> int:
        """Drop the waiting changes, if a transaction is open, and return their number."""
        dropped, self._queue = self._queue, None
        return len(dropped or ())

    def commit(self) -> Iterator[RowSet]:
        """Send the waiting changes one by one, and yield the result of each; read it before the next.

        A change that fails ends the transaction: the error says how many were sent, and the rest is dropped.
        """
        # The queue is emptied first: after a change that failed, a second COMMIT must not send the first ones again.
        changes, self._queue = self._queue or [], None
        self.sending = tuple(map(columns_of, changes))
        yield NO_ROWS
        # A change reads again when its turn comes; but what is unreadable now must not stop the second after the first was sent.
        for plan in changes if len(changes) > 1 else ():
            with _counting_changes(0, len(changes), failed="nothing was sent"):
                self._check_reads(plan)
        for done, plan in enumerate(changes):
            with _counting_changes(done, len(changes)):
                result = self._run_plan(plan)
            yield RowSet(result.columns, _read_rows(result, done, len(changes)), result.incremental, result.command)


def _read_rows(result: RowSet, done: int, total: int) -> Iterator[Row]:
    with _counting_changes(done, total):
        yield from result.rows


@contextmanager
def _counting_changes(done: int, total: int, *, failed: str = "") -> Iterator[None]:
    """Add to an error how many changes were sent before and how many are dropped."""
    try:
        yield
    except Error as error:
        dropped = plural(total - done - (not failed), "change")
        what = failed or f"{plural(done, 'change')} done, this one failed"
        message = f"{error.message} (COMMIT: {what}, {dropped} dropped)"
        # The span is one of the change's text, not of the COMMIT that is on the screen.
        raise error.with_context(message=message, span=None) from error.__cause__


def merge_columns(results: Iterable[Sequence[Column]]) -> tuple[Column, ...]:
    """Return the columns of several results as those of one: columns of one name are one column."""
    merged: dict[str, Column] = {}
    for columns in results:
        for key, column in zip(_keys(columns), columns, strict=True):
            before = merged.setdefault(key, column)
            if before != column:
                same_type = column.type if column.type == before.type else "any"
                merged[key] = Column(before.name, same_type, None, before.secret or column.secret)
    return tuple(merged.values())


def _keys(columns: Iterable[Column]) -> list[str]:
    """Return what columns are matched by: their names in lower case, numbered where a result has one twice."""
    return [name.lower() for name in make_names_unique(column.name for column in columns)]


def merge_rows(columns: Sequence[Column], results: Iterator[RowSet]) -> Generator[Row, None, None]:
    """Yield the rows of results under merged columns, NULL where a result lacks one; without any columns an empty row."""
    keys = _keys(columns)
    for result in results:
        positions = {key: index for index, key in enumerate(_keys(result.columns))}
        for row in result.rows:
            try:
                yield tuple(row[positions[key]] if key in positions else None for key in keys) if positions else ()
            except BaseException as error:
                # A row that cannot be delivered: the one who made it names the token.
                if isinstance(result.rows, Generator):
                    result.rows.throw(error)
                raise
