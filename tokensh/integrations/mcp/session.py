"""The session that tools run their statements in: a connection on a thread of its own, its mode, and what it asks approval for."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

from tokensh._dataclasses import dataclass, replace
from tokensh.engine.callbacks import Callbacks
from tokensh.engine.destinations import Destination, NewSecret
from tokensh.engine.kept_values import KeptValues
from tokensh.errors import Error, Interrupted, NotSupportedError, ProgrammingError
from tokensh.integrations.mcp.results import Pages, Result, read_result
from tokensh.plan.nodes import ChangePlan, ExecPlan, Plan, RowsPlan, TransactionPlan, UsePlan, asks_by_itself, is_write
from tokensh.rows import Value
from tokensh.text import escape_unsafe, plural, quote_text, truncate

if TYPE_CHECKING:
    from tokensh.dbapi.connection import Connection

T = TypeVar("T")
Mode = Literal["read_only", "confirm", "full"]
MODES: tuple[Mode, ...] = ("read_only", "confirm", "full")
_MOST_ROWS_SHOWN = 20
_LONGEST_CELL = 80


class ApprovalNeeded(Exception):
    """A statement waits for the user's approval; nothing was sent.

    Attributes:
        question: what the user is asked.
        digest: identifies the statement and the rows that it hits.
    """

    def __init__(self, question: str, digest: str) -> None:
        super().__init__(question)
        self.question = question
        self.digest = digest


class StatementFailed(Exception):
    """A statement failed; `notes` is what was said before, such as where the value of a token went."""

    def __init__(self, error: Error, notes: Sequence[str]) -> None:
        super().__init__(error.message)
        self.error = error
        self.notes = tuple(notes)


@dataclass(frozen=True, slots=True)
class Delivered:
    """A new token whose value went to `place`."""

    workspace: str
    token_id: str
    place: str


class Session:
    """Runs statements for tools; its methods other than `call` and `close` run on its own thread.

    Args:
        connect: opens the connection, on the session's thread.
        mode: what tools may change.
        destination: takes the values of new tokens; without it, they wait for `tokensh reveal`.
        verifies: whether a request is signed with each new token.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        mode: Mode,
        destination: Destination | None = None,
        *,
        verifies: bool = False,
    ) -> None:
        self.mode: Mode = mode
        self.pages = Pages()
        self._verifies = verifies
        self.delivered: list[Delivered] = []
        # SQLite's objects belong to the thread that made them, and a connection runs one statement at a time.
        self._thread = ThreadPoolExecutor(1, "tokensh")
        self.connection = self._thread.submit(connect).result()
        self.connection.yes = mode == "full"
        self._destination = destination or KeptValues(self.connection.environment)
        if mode != "read_only":
            self._destination.check()

    async def call(self, function: Callable[[], T]) -> T:
        """Run a function on the session's thread; a cancelled call stops its statement."""
        future = self._thread.submit(function)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if future.running():
                self.connection.cancellation.press()
            raise

    def close(self) -> None:
        """Close the connection."""
        self.connection.cancellation.press()
        self._thread.submit(self.connection.close).result()
        self._thread.shutdown()

    def run(
        self,
        statement: str,
        parameters: Sequence[Value] = (),
        *,
        writes: bool = False,
        approved: str | None = None,
        tolerates: bool = False,
    ) -> Result:
        """Run one statement and return its result.

        Args:
            statement: the statement; a `;` at its end is allowed.
            parameters: values for `?`.
            writes: whether it may change anything.
            approved: the digest of the ApprovalNeeded that the user agreed to.
            tolerates: whether rows may be missing; `failures` of the result tells of which workspaces.

        Raises StatementFailed; Error before anything runs; ApprovalNeeded in mode `confirm`.
        """
        self.delivered = []
        notes: list[str] = []
        plan = self.connection.plan(self.connection.read_statement(statement), parameters)
        self._check_allowed(plan, writes=writes)
        asked: list[ApprovalNeeded] = []

        def approve(_plan: ChangePlan | ExecPlan, rows: Sequence[Mapping[str, Value]]) -> None:
            needed = _describe_change(statement, parameters, rows, self.connection.workspace)
            if needed.digest != approved:
                asked.append(needed)
                raise Interrupted("not confirmed; nothing was changed", reason="declined")

        if self.mode == "confirm" and is_write(plan) and not asks_by_itself(plan):
            needed = _describe_change(statement, parameters, (), self.connection.workspace)
            if needed.digest != approved:
                raise needed
        failures: dict[str, Error] = {}
        self.connection.callbacks = Callbacks(
            approve=approve if self.mode == "confirm" else None,
            deliver_value=self._deliver,
            verifies=self._verifies,
            on_failure=lambda error: notes.append(error.message),
            on_missing=failures.update,
            on_tolerated=failures.update if tolerates else None,
            note=notes.append,
        )
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                result = read_result(cursor, trusted=isinstance(plan, RowsPlan))
        except Error as error:
            if asked:
                raise asked[0] from None
            raise StatementFailed(error, notes) from error
        return replace(result, notes=tuple(notes), failures={**failures, **cursor.failures})

    def _check_allowed(self, plan: Plan, *, writes: bool) -> None:
        if isinstance(plan, UsePlan | TransactionPlan):
            raise NotSupportedError(
                "a tool runs single statements, without USE and transactions",
                hint="write the provider and service in front of the resource's name",
            )
        if not is_write(plan):
            return
        if self.mode == "read_only":
            raise ProgrammingError(
                "this server only reads", hint="the user can start it with --mode confirm, or run the statement"
            )
        if not writes:
            raise ProgrammingError("this statement changes something", hint="run_statement runs it")

    def _deliver(self, secret: NewSecret) -> str:
        place = self._destination.deliver(secret)
        self.delivered.append(Delivered(secret.workspace, secret.token_id, place))
        return place


def _describe_change(
    statement: str, parameters: Sequence[Value], rows: Sequence[Mapping[str, Value]], workspace: str | None
) -> ApprovalNeeded:
    """Return the question for a change; its digest covers all rows."""
    lines = [f"Run this statement? {escape_unsafe(statement)}"]
    if parameters:
        lines.append(f"Its values: {', '.join(map(_format_cell, parameters))}")
    if workspace:
        lines.append(f"The workspace, if it names none: {escape_unsafe(workspace)}")
    if rows:
        lines.append(f"It hits {plural(len(rows), 'row')}:")
        lines += (
            "- " + " ".join(f"{name}={_format_cell(cell)}" for name, cell in row.items())
            for row in rows[:_MOST_ROWS_SHOWN]
        )
        if len(rows) > _MOST_ROWS_SHOWN:
            lines.append(f"- and {len(rows) - _MOST_ROWS_SHOWN} more")
    facts = json.dumps([statement, list(parameters), [dict(row) for row in rows]], default=repr)
    return ApprovalNeeded("\n".join(lines), hashlib.sha256(facts.encode()).hexdigest())


def _format_cell(cell: Value) -> str:
    # In quotes, a text that anybody may have written cannot look like another row.
    return quote_text(cell, _LONGEST_CELL) if isinstance(cell, str) else truncate(str(cell), _LONGEST_CELL)
