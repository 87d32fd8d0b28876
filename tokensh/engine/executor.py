"""The engine runs plans: it turns them into requests and rows."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from tokensh.engine.callbacks import Callbacks
from tokensh.engine.change import run_change
from tokensh.engine.create import Creator
from tokensh.engine.ddl import run_store_plan
from tokensh.engine.delivery import check_delivery
from tokensh.engine.exec import run_exec
from tokensh.engine.execution import Execution
from tokensh.engine.explain import EXPLAIN_COLUMNS, explain
from tokensh.engine.insert import run_insert
from tokensh.engine.services import EngineServices
from tokensh.errors import assert_never
from tokensh.plan.nodes import (
    ChangePlan,
    DefinePlan,
    DropPlan,
    ExecPlan,
    ExplainPlan,
    IndexPlan,
    InsertPlan,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    Projection,
    RefreshPlan,
    RowsPlan,
    SelectPlan,
    TransactionPlan,
    UsePlan,
)
from tokensh.rows import Column, Row, RowSet

if TYPE_CHECKING:
    from tokensh.plan.batches import Batch


class Engine:
    """Runs plans, one after the other, for as long as a session lasts."""

    def __init__(self, services: EngineServices) -> None:
        self._services = services
        self._creator = Creator(services)

    def run(self, plan: Plan, callbacks: Callbacks) -> RowSet:
        """Return the result of a plan. Requests are sent as its rows are read, a write's one by one.

        Raises Error and its leaves, here or while the rows are read.
        """
        # SHOW and DESCRIBE without LIKE need no database at all.
        if isinstance(plan, RowsPlan) and plan.sql is None:
            return plan.rows
        keys = {p.name.lower() for p in plan.parameters} if isinstance(plan, ChangePlan) else ()
        # Whatever is not a query changes something or keeps what it reads.
        complete = not isinstance(plan, SelectPlan)
        rows = _run_plan(Execution(self._services, self._creator, callbacks, complete=complete, keys=keys), plan)
        next(rows)
        return RowSet(columns_of(plan), rows, incremental=_is_incremental(plan), command=_command_of(plan))

    def run_batches(self, batches: Sequence[Batch], callbacks: Callbacks) -> RowSet:
        """Run a change of a local table with many sets of values, all or none. Raises Error and its leaves."""
        from tokensh.engine.batches import run_batches  # noqa: PLC0415 (a batch is rare)

        plan = batches[0].plan
        with closing(Execution(self._services, self._creator, callbacks)) as execution:
            _check_before_sending(execution, plan)
            return RowSet(columns_of(plan), iter([*run_batches(execution, batches)]), command=_command_of(plan))

    def check_reads(self, plan: Plan, callbacks: Callbacks) -> None:
        """Read what a change will read, and change nothing. Raises Error if any of it is missing."""
        if not isinstance(plan, InsertPlan | ChangePlan | LocalInsertPlan | LocalChangePlan) or not plan.source.scans:
            return
        with closing(Execution(self._services, self._creator, callbacks, complete=True)) as execution:
            execution.create_tables(plan.source.scans, plan.source.stored)
            derived = execution.create_derived(plan.source.derived)
            execution.fetch(plan.source.scans, execution.parameter_values(plan.source.scans, derived))

    def check(self, plan: Plan, callbacks: Callbacks) -> None:
        """Raise what `run` would raise before anything is sent, for a plan that is run later."""
        with closing(Execution(self._services, self._creator, callbacks)) as execution:
            _check_before_sending(execution, plan)


def _run_plan(execution: Execution, plan: Plan) -> Generator[Row, None, None]:
    """Yield an empty row once the plan is checked, then the rows of its result."""
    with closing(execution):
        _check_before_sending(execution, plan.plan if isinstance(plan, ExplainPlan) else plan)
        rows = _yield_rows(execution, plan)
        # `Engine.run` takes this empty row at once. So errors that need no request are raised before a renderer has written
        # the head of the result, and the generator is started: a result that is dropped unread closes its database too,
        # which the `finally` of a generator that never ran would not do.
        yield ()
        yield from rows


def _check_before_sending(execution: Execution, plan: Plan) -> None:
    """Raise ProgrammingError and its leaves if RETURNING cannot be run, or would lose a new secret."""
    returning = _returning_of(plan)
    if returning is not None:
        execution.check_returning(returning)
    check_delivery(execution, plan)


def _yield_rows(execution: Execution, plan: Plan) -> Iterator[Row]:
    match plan:
        case SelectPlan():
            return execution.select(plan)
        case InsertPlan():
            return run_insert(execution, plan)
        case ChangePlan():
            return run_change(execution, plan)
        case ExecPlan():
            return run_exec(execution, plan)
        case RowsPlan():
            return _filter_rows(execution, plan)
        case DefinePlan() | IndexPlan() | DropPlan() | RefreshPlan() | LocalInsertPlan() | LocalChangePlan():
            return run_store_plan(execution, plan)
        case ExplainPlan():
            return iter(explain(execution, plan.plan))
        case UsePlan() | TransactionPlan():
            return iter(())
        case _:
            assert_never(plan)


def _filter_rows(execution: Execution, plan: RowsPlan) -> Iterator[Row]:
    """Yield the rows of the catalog that the plan's query keeps."""
    execution.database.create_table(plan.table, plan.rows.columns)
    execution.database.load(plan.table, len(plan.rows.columns), plan.rows.rows)
    yield from execution.database.query(plan.sql or "")


def _returning_of(plan: Plan) -> Projection | None:
    match plan:
        case InsertPlan() | ChangePlan() | LocalInsertPlan() | LocalChangePlan():
            return plan.returning
        case _:
            return None


def columns_of(plan: Plan) -> tuple[Column, ...]:
    """Return the columns of the result that running a plan gives."""
    match plan:
        case SelectPlan() | ExecPlan():
            return plan.columns
        case RowsPlan():
            return plan.rows.columns
        case ExplainPlan():
            return EXPLAIN_COLUMNS
        case _:
            returning = _returning_of(plan)
            return returning.columns if returning else ()


def _command_of(plan: Plan) -> str:
    """Return the word under which a write reports how many rows it changed."""
    match plan:
        case InsertPlan():
            return "INSERT"
        case LocalInsertPlan():
            return "REPLACE" if plan.replace else "INSERT"
        case ChangePlan() | LocalChangePlan():
            return plan.verb
        case _:
            return ""


def _is_incremental(plan: Plan) -> bool:
    """Return whether reading the next row sends the next request of a write."""
    match plan:
        case InsertPlan() | ChangePlan():
            return True
        case ExecPlan():
            return plan.method.http_method != "GET"
        case _:
            return False
