"""What a client's statement gives: its columns with PostgreSQL's types, its rows block by block, and its tag. Runs on a session's thread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING

from tokensh._dataclasses import dataclass
from tokensh.errors import Error, NotSupportedError, ProgrammingError
from tokensh.integrations.pgwire.catalog import answer_catalog, asks_catalog
from tokensh.integrations.pgwire.utilities import Settings, answer_utility, strip_statement
from tokensh.integrations.pgwire.values import CAST_TYPES, INT8, TEXT, TYPES, find_types
from tokensh.plan.nodes import (
    ChangePlan,
    ExecPlan,
    ExplainPlan,
    InsertPlan,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    RowsPlan,
    SelectPlan,
    TransactionPlan,
    UsePlan,
    is_write,
)
from tokensh.rows import Column, Row, Value

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection
    from tokensh.dbapi.cursor import Cursor

ROWS_PER_BLOCK = 500
_MOST_GUESSED = 4
_DOLLAR = re.compile(
    r"(?s)'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(?P<number>\d{1,5})(?=\s*(?:::\s*(?P<cast>\w+))?)"
)


class ReadOnly(ProgrammingError):
    """A statement changes something, and the server only reads."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement with `$1` and so on as `?`, padded with blanks so that positions stay: `order` says which `?` is which.

    Attributes:
        text: what tokensh runs.
        original: what the client sent.
        order: for each `?`, the index of its parameter.
        types: the parameters' types, 0 where neither the client nor a cast says it.
        described: the types of the columns, once the client was told them.
    """

    text: str
    original: str
    order: tuple[int, ...]
    types: tuple[int, ...]
    described: tuple[int, ...] = ()

    def arrange(self, values: Sequence[Value]) -> tuple[Value, ...]:
        """Return the parameters' values in the order of the `?`. Raises ProgrammingError."""
        if len(values) != len(self.types):
            raise ProgrammingError(f"the statement has {len(self.types)} parameters, and {len(values)} values came")
        return tuple(values[index] for index in self.order)


def prepare(query: str, given: Sequence[int] = ()) -> Prepared:
    """Return a query of PostgreSQL's spelling as a statement; `given` are the types that the client knows."""
    order: list[int] = []
    types = list(given)

    def replace(match: re.Match[str]) -> str:
        if match["number"] is None:
            return match[0]
        index = max(int(match["number"]) - 1, 0)
        types.extend([0] * (index + 1 - len(types)))
        types[index] = types[index] or CAST_TYPES.get((match["cast"] or "").lower(), 0)
        order.append(index)
        return "?".ljust(len(match[0]))

    text = _DOLLAR.sub(replace, query)
    return Prepared(text, query, tuple(order), tuple(types))


@dataclass(slots=True)
class Result:
    """Rows of a statement that runs: `read` returns the next, at most so many.

    Attributes:
        columns: names and types; empty for a statement without a result.
        tag: makes the command's tag of the number of rows.
        transaction: the status that it leaves, as in `utilities.Reply`.
        cursor: of a write, whose rows may hold new values.
    """

    columns: Sequence[tuple[str, int]]
    read: Callable[[int], Sequence[Row]]
    tag: Callable[[int], str]
    transaction: str | None = None
    notice: str = ""
    wrote: bool = False
    count: int = 0
    cursor: Cursor | None = None

    def settle(self, count: int) -> None:
        """Note that the next `count` rows are with the client, and the new values in them."""
        self.count += count
        if self.cursor is not None:
            self.cursor.settle_values(count)


def _no_rows(_size: int) -> Sequence[Row]:
    return ()


class Runner:
    """Runs the statements of one connection.

    Args:
        connection: runs them.
        settings: what SET changes.
        writes: whether statements may change anything.
    """

    def __init__(self, connection: Connection, settings: Settings, *, writes: bool) -> None:
        self._connection = connection
        self._settings = settings
        self._writes = writes
        self.wrote = False
        self._cursors: list[Cursor] = []

    def abandon_values(self) -> int:
        """List the tokens as pending whose values the client can no longer read, and return how many they are."""
        lost = [cursor for cursor in self._cursors if cursor.values_held]
        self._cursors.clear()
        for cursor in lost:
            cursor.abandon_values()
        return sum(cursor.values_held for cursor in lost)

    def open(self, prepared: Prepared, values: Sequence[Value], status: str, types: Sequence[int] = ()) -> Result:
        """Run a statement, and return its result. Raises Error.

        Args:
            prepared: the statement.
            values: of its parameters.
            status: of the transaction.
            types: of its columns, if the client was told them before.
        """
        text = strip_statement(prepared.original)
        reply = answer_utility(text, self._settings, status, wrote=self.wrote)
        if reply is not None:
            if reply.transaction == "I":
                self.wrote = False
            rows = iter([reply.row] if reply.columns else [])
            return Result(reply.columns, _reader(rows), lambda _count: reply.tag, reply.transaction, reply.notice)
        if status == "E":
            raise ProgrammingError("the transaction has failed: statements are ignored until ROLLBACK")
        if asks_catalog(text):
            answer = answer_catalog(text, values, self._connection, self._settings)
            return Result(answer.columns, _reader(iter(map(tuple, answer.rows))), "SELECT {}".format)
        return self._execute(prepared, prepared.arrange(values), types)

    def _execute(self, prepared: Prepared, values: Sequence[Value], types: Sequence[int]) -> Result:
        plan = self._plan(prepared, values)
        cursor = self._connection.cursor()
        cursor.passes_values_on = True
        writes = is_write(plan)
        self._cursors = [*([cursor] if writes else []), *(other for other in self._cursors if other.values_held)]
        cursor.execute(prepared.text, values)
        self.wrote = self.wrote or writes
        if not cursor.columns:
            changed = max(cursor.rowcount, 0)
            return Result((), _no_rows, lambda _count: _make_tag(plan, prepared.text, changed), wrote=writes)
        first = cursor.fetchmany(ROWS_PER_BLOCK)
        found = types or find_types(cursor.columns, first)
        pending = list(first)

        def read(size: int) -> Sequence[Row]:
            taken, pending[:] = pending[:size], pending[size:]
            return [*taken, *cursor.fetchmany(size - len(taken))]

        columns = [(column.name, number) for column, number in zip(cursor.columns, found, strict=True)]
        held = cursor if writes else None
        return Result(columns, read, lambda count: _make_tag(plan, prepared.text, count), wrote=writes, cursor=held)

    def _plan(self, prepared: Prepared, values: Sequence[Value]) -> Plan:
        plan = self._connection.plan(self._connection.read_statement(prepared.text), values)
        if isinstance(plan, TransactionPlan):
            raise NotSupportedError("savepoints and queues of changes are for tokensh's own shell and scripts")
        if is_write(plan) and not self._writes:
            raise ReadOnly("this server only reads", hint="tokensh serve --writes lets clients change something")
        return plan

    def describe(self, prepared: Prepared) -> tuple[tuple[int, ...], Sequence[tuple[str, int]]]:
        """Return the types of parameters, as far as they can be told, and the columns of a statement that is not run. Raises Error."""
        # A parameter without a type is a text, unless no plan takes a text there: then it is a number.
        open_ones = [index for index, number in enumerate(prepared.types) if not number]
        choices: Iterator[tuple[int, ...]] = product((TEXT, INT8), repeat=min(len(open_ones), _MOST_GUESSED))
        first: Error | None = None
        for choice in sorted(choices, key=lambda numbers: numbers.count(INT8)):
            guessed = dict(zip(open_ones, choice, strict=False))
            types = tuple(guessed.get(index, number) for index, number in enumerate(prepared.types))
            try:
                return types, self._describe(prepared, types)
            except Error as error:
                first = first or error
        assert first is not None  # noqa: S101 (there is at least one choice)
        raise first

    def _describe(self, prepared: Prepared, types: Sequence[int]) -> Sequence[tuple[str, int]]:
        text = strip_statement(prepared.original)
        if re.match(r"(?i)(?:SELECT|SHOW)\b", text):
            reply = answer_utility(text, self._settings, "I", wrote=False)
            if reply is not None:
                return reply.columns
        elif answer_utility(text, Settings({}), "I", wrote=False) is not None:
            return ()
        samples: list[Value] = ["x" if number in (0, TEXT) else 1 for number in types]
        if asks_catalog(text):
            return answer_catalog(text, samples, self._connection, self._settings).columns
        plan = self._plan(prepared, prepared.arrange(samples))
        guesses = isinstance(plan, SelectPlan) and any(column.type == "any" for column in plan.columns)
        if guesses and isinstance(plan, SelectPlan) and not (types and plan.scans):
            # What the types of expressions are shows in the first rows. With made-up values, nothing is asked for.
            return self._execute(prepared, prepared.arrange(samples), ()).columns
        return [(column.name, TYPES[column.type]) for column in _find_columns(plan, self._connection, prepared.text)]


def _reader(rows: Iterator[Row]) -> Callable[[int], Sequence[Row]]:
    return lambda size: list(islice(rows, size))


def _find_columns(plan: Plan, connection: Connection, text: str) -> Sequence[Column]:
    match plan:
        case SelectPlan() | ExecPlan():
            return plan.columns
        case RowsPlan():
            return plan.rows.columns
        case InsertPlan() | ChangePlan() | LocalInsertPlan() | LocalChangePlan():
            return plan.returning.columns if plan.returning else ()
        case ExplainPlan():
            return connection.run(text).columns  # it sends nothing
        case _:
            return ()


def _make_tag(plan: Plan, text: str, count: int) -> str:
    match plan:
        case SelectPlan() | RowsPlan() | ExplainPlan():
            return f"SELECT {count}"
        case InsertPlan() | LocalInsertPlan():
            return f"INSERT 0 {count}"
        case ChangePlan() | LocalChangePlan():
            return f"{'DELETE' if plan.verb == 'DELETE' else 'UPDATE'} {count}"
        case ExecPlan():
            return f"SELECT {count}" if plan.columns else "CALL"
        case UsePlan():
            return "SET"
        case _:
            words = strip_statement(text).upper().split()
            return " ".join(word for word in words[:3] if word not in ("OR", "REPLACE", "IF"))[:60]
