"""The engine runs plans: it turns them into requests and rows."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from typing import TYPE_CHECKING

from tokensh.engine.callbacks import Callbacks
from tokensh.engine.execution import Execution
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
    RegistryPlan,
    RowsPlan,
    SelectPlan,
    TransactionPlan,
    UsePlan,
)
from tokensh.rows import Column, Row, RowSet

if TYPE_CHECKING:
    from tokensh.engine.create import Creator
    from tokensh.plan.batches import Batch


class Engine:
    """Runs plans, one after the other, for as long as a session lasts."""

    def __init__(self, services: EngineServices) -> None:
        self._services = services

    @cached_property
    def _creator(self) -> Creator:
        from tokensh.engine.create import Creator  # noqa: PLC0415 (only a create needs it)

        return Creator(self._services)

    def _begin(self, callbacks: Callbacks, *, complete: bool = False, keys: Collection[str] = ()) -> Execution:
        return Execution(self._services, lambda: self._creator, callbacks, complete=complete, keys=keys)

    def run(self, plan: Plan, callbacks: Callbacks) -> RowSet:
        """Return the result of a plan. Requests are sent as its rows are read, a write's one by one.

        Raises Error and its leaves, here or while the rows are read.
        """
        keys = {p.name.lower() for p in plan.parameters} if isinstance(plan, ChangePlan) else ()
        # Whatever is not a query changes something or keeps what it reads.
        complete = not isinstance(plan, SelectPlan)
        rows = _run_plan(self._begin(callbacks, complete=complete, keys=keys), plan)
        next(rows)
        return RowSet(columns_of(plan), rows, incremental=_is_incremental(plan), command=_command_of(plan))

    def run_batches(self, batches: Sequence[Batch], callbacks: Callbacks) -> RowSet:
        """Run a change of a local table with many sets of values, all or none. Raises Error and its leaves."""
        from tokensh.engine.batches import run_batches  # noqa: PLC0415 (a batch is rare)

        plan = batches[0].plan
        with closing(self._begin(callbacks)) as execution:
            _check_before_sending(execution, plan)
            return RowSet(columns_of(plan), iter([*run_batches(execution, batches)]), command=_command_of(plan))

    def check_reads(self, plan: Plan, callbacks: Callbacks) -> None:
        """Read what a change will read, and change nothing. Raises Error if any of it is missing."""
        if not isinstance(plan, InsertPlan | ChangePlan | LocalInsertPlan | LocalChangePlan) or not plan.source.scans:
            return
        with closing(self._begin(callbacks, complete=True)) as execution:
            execution.create_tables(plan.source.scans, plan.source.stored)
            derived = execution.create_derived(plan.source.derived)
            execution.fetch(plan.source.scans, execution.parameter_values(plan.source.scans, derived))

    def check(self, plan: Plan, callbacks: Callbacks) -> None:
        """Raise what `run` would raise before anything is sent, for a plan that is run later."""
        with closing(self._begin(callbacks)) as execution:
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
    if isinstance(plan, InsertPlan | ChangePlan):
        from tokensh.engine.delivery import check_delivery  # noqa: PLC0415 (only a write of a resource needs it)

        check_delivery(execution, plan)


def _yield_rows(execution: Execution, plan: Plan) -> Iterator[Row]:
    # Each kind of statement loads the module that runs it: a run of one query does without the others.
    match plan:
        case SelectPlan():
            return execution.select(plan)
        case InsertPlan():
            from tokensh.engine.insert import run_insert  # noqa: PLC0415 (as said above)

            return run_insert(execution, plan)
        case ChangePlan():
            from tokensh.engine.change import run_change  # noqa: PLC0415 (the same)

            return run_change(execution, plan)
        case ExecPlan():
            from tokensh.engine.exec import run_exec  # noqa: PLC0415 (the same)

            return run_exec(execution, plan)
        case RowsPlan():
            return _filter_rows(execution, plan)
        case DefinePlan() | IndexPlan() | DropPlan() | RefreshPlan() | LocalInsertPlan() | LocalChangePlan():
            from tokensh.engine.ddl import run_store_plan  # noqa: PLC0415 (the same)

            return run_store_plan(execution, plan)
        case ExplainPlan():
            from tokensh.engine.explain import explain  # noqa: PLC0415 (the same)

            return iter(explain(execution, plan.plan))
        case UsePlan() | TransactionPlan() | RegistryPlan():
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
            from tokensh.engine.explain import EXPLAIN_COLUMNS  # noqa: PLC0415 (only EXPLAIN needs it)

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
