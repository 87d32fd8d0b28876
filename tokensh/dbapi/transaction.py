"""The queue of changes between BEGIN and COMMIT, and savepoints.

The API has no transactions: COMMIT sends the changes one by one, and one that was sent cannot be undone. In the queue, a savepoint
is a place to cut it off. Outside of a transaction, SAVEPOINT begins one of the local tables, as it does in SQLite: their changes
can be rolled back until the first savepoint is released; those of workspaces cannot, and so are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName, assert_never
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
    is_write,
)
from tokensh.rows import NO_ROWS, Column, Row, RowSet, make_names_unique
from tokensh.text import plural

if TYPE_CHECKING:
    from tokensh.engine.savepoints import Savepoints

_CHANGES = (InsertPlan, ChangePlan, ExecPlan, LocalInsertPlan, LocalChangePlan)
_DEFINITIONS = (DefinePlan, IndexPlan, DropPlan, RefreshPlan)


class Transaction:
    """The changes that wait for COMMIT.

    Args:
        run_plan: sends a change.
        check: raises an Error for a change that would be refused before anything is sent.
        check_reads: reads what a change will read, and raises an Error if any of it is missing.
        find_savepoints: returns those of the local tables.
        note: called with one line of text for the user.
    """

    def __init__(
        self,
        run_plan: Callable[[Plan], RowSet],
        *,
        check: Callable[[Plan], None],
        check_reads: Callable[[Plan], None],
        find_savepoints: Callable[[], Savepoints],
        note: Callable[[str], None],
    ) -> None:
        self._run_plan = run_plan
        self._check = check
        self._check_reads = check_reads
        self._find_local = find_savepoints
        # Those of the local tables, from the first SAVEPOINT on: most sessions have none, and need no store for them.
        self._local: Savepoints | None = None
        self._note = note
        self._queue: list[Plan] | None = None
        # The savepoints of the queue: names in lower case, and the numbers of changes before them.
        self._savepoints: list[tuple[str, int]] = []
        # The columns of the results of the changes that a COMMIT has begun to send.
        self.sending: tuple[tuple[Column, ...], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether changes wait for COMMIT, or for the release of a savepoint."""
        return self._queue is not None or bool(self._local and self._local.names)

    def enqueue(self, plan: Plan) -> bool:
        """Put a change into the queue of an open transaction; return False for a plan that is to run now.

        Raises NotSupportedError for a definition within a transaction.
        """
        # Only changes are queued. Queries run at once, on purpose: they see the workspaces as they are, without the queue.
        if self._queue is None:
            self._check_savepoints(plan)
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
                if not self.is_open:
                    raise ProgrammingError("no transaction is open", hint="BEGIN opens one")
                is_local = self._queue is None
                dropped = plural(self.rollback(), "change")
                self._note(
                    "the changes since the first savepoint are undone"
                    if is_local
                    else f"{dropped} dropped, nothing was sent"
                )
                yield NO_ROWS
            case "COMMIT":
                if not self.is_open:
                    raise ProgrammingError("no transaction is open", hint="BEGIN opens one")
                yield from self.commit()
            case "SAVEPOINT" | "RELEASE" | "ROLLBACK TO":
                with locate_errors(plan.span):
                    self._control_savepoint(plan)
                yield NO_ROWS
            case _:
                assert_never(plan.verb)

    def _begin(self) -> None:
        if self.is_open:
            raise ProgrammingError("a transaction is already open", hint="COMMIT or ROLLBACK ends it")
        self._queue = []
        self._note(
            "changes wait for COMMIT, which sends them one by one; this is a queue, not a transaction of the API"
        )

    # ---- savepoints

    def _check_savepoints(self, plan: Plan) -> None:
        """Raise NotSupportedError for what cannot be rolled back, after a savepoint of local tables."""
        if self._local is None or not self._local.names:
            return
        hint = f"RELEASE {self._local.names[0]} first"
        if isinstance(plan, _DEFINITIONS):
            raise NotSupportedError("after a savepoint only rows can be changed", hint=hint)
        is_of_store = isinstance(plan, LocalInsertPlan) or (isinstance(plan, LocalChangePlan) and not plan.of_session)
        if is_write(plan) and not is_of_store:
            raise NotSupportedError("only changes of local tables can be rolled back to a savepoint", hint=hint)

    def _control_savepoint(self, plan: TransactionPlan) -> None:
        if self._queue is not None:
            self._control_queue(self._queue, plan)
            return
        local = self._local = self._find_local()
        match plan.verb:
            case "SAVEPOINT":
                local.save(plan.name)
            case "RELEASE":
                local.release(plan.name)
            case _:
                local.roll_back_to(plan.name)

    def _control_queue(self, queue: list[Plan], plan: TransactionPlan) -> None:
        name = plan.name.lower()
        if plan.verb == "SAVEPOINT":
            self._savepoints.append((name, len(queue)))
            return
        names = [known for known, _ in self._savepoints]
        if name not in names:
            raise UnknownName("savepoint", plan.name, hint=f"SAVEPOINT {plan.name} opens one")
        position = len(names) - 1 - names[::-1].index(name)
        if plan.verb == "RELEASE":
            del self._savepoints[position:]
            return
        _, kept = self._savepoints[position]
        self._note(f"{plural(len(queue) - kept, 'change')} dropped, nothing was sent")
        del queue[kept:], self._savepoints[position + 1 :]

    # ---- the end

    def rollback(self) -> int:
        """Drop the waiting changes, undo those after a savepoint, and return the number of those dropped."""
        dropped = self._take_queue()
        if self._local is not None:
            self._local.roll_back_all()
        return len(dropped)

    def _take_queue(self) -> list[Plan]:
        dropped, self._queue = self._queue or [], None
        self._savepoints.clear()
        return dropped

    def commit(self) -> Iterator[RowSet]:
        """Send the waiting changes one by one, and yield the result of each; read it before the next.

        A change that fails ends the transaction: the error says how many were sent, and the rest is dropped.
        """
        # The queue is emptied first: after a change that failed, a second COMMIT must not send the first ones again.
        from tokensh.engine.executor import columns_of  # noqa: PLC0415 (only COMMIT needs it)

        changes = self._take_queue()
        if self._local is not None:
            self._local.release_all()
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
def locate_errors(span: Span | None) -> Iterator[None]:
    """Give an error that has no place this one."""
    try:
        yield
    except Error as error:
        raise error.with_context(span=error.span or span) from error.__cause__


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
