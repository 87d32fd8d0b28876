"""Statements on the store: CREATE, DROP, REFRESH, and INSERT, UPDATE, DELETE of local tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokensh.engine.execution import Execution
from tokensh.engine.store import InsertVerb, ObjectExists, Store, StoredObject
from tokensh.errors import OperationalError, assert_never
from tokensh.plan.nodes import (
    DefinePlan,
    DropPlan,
    IndexPlan,
    LocalChangePlan,
    LocalInsertPlan,
    Projection,
    RefreshPlan,
    StorePlan,
)
from tokensh.plan.type_checks import check_numbers
from tokensh.rows import Column, Row, Value
from tokensh.sql.quoting import quote_name


def run_store_plan(execution: Execution, plan: StorePlan) -> Iterator[Row]:
    """Run a statement on the store and yield its RETURNING rows. Raises Error and its leaves."""
    store = execution.services.objects.store
    match plan:
        case DefinePlan():
            _create_object(execution, store, plan)
        case IndexPlan():
            table = _find_object(store, plan.table)
            store.create_index(table, plan.name, plan.columns, unique=plan.unique, if_not_exists=plan.if_not_exists)
        case DropPlan(kind="INDEX"):
            store.drop_index(plan.name, if_exists=plan.if_exists)
        case DropPlan():
            if not plan.missing:
                store.drop(plan.name)
        case RefreshPlan():
            rows = _without_secrets(plan.source.columns, list(execution.select(plan.source)))
            picked = [tuple(row[position] for position in plan.positions) for row in rows]
            store.refresh(_find_object(store, plan.name), picked)
        case LocalInsertPlan():
            rows = _without_secrets(plan.source.columns, list(execution.select(plan.source)))
            rows = rows if plan.targets else [()] * len(rows)
            _refuse_text_for_numbers(plan, plan.targets, rows)
            if plan.conflict is not None:
                from tokensh.engine.batches import insert_rows  # noqa: PLC0415 (ON CONFLICT is rare)

                yield from insert_rows(execution, plan, rows)
                return
            table = _find_object(store, plan.table)
            verb: InsertVerb = "REPLACE" if plan.replace else "INSERT OR IGNORE" if plan.ignore else "INSERT"
            has_returning = plan.returning is not None
            inserted = store.insert(table, plan.targets, rows, verb=verb, returning=has_returning)
            yield from _project_rows(execution, plan.returning, inserted)
        case LocalChangePlan():
            yield from _project_rows(execution, plan.returning, _change_rows(execution, store, plan))
        case _:
            assert_never(plan)


def _create_object(execution: Execution, store: Store, plan: DefinePlan) -> None:
    # Before the query runs: it may list every workspace for nothing.
    if plan.if_not_exists and store.find(plan.name) is not None:
        return
    rows = _without_secrets(plan.source.columns, list(execution.select(plan.source))) if plan.source else []
    definitions = plan.definitions
    if plan.source is not None:
        # With the affinities of the query's columns, as SQLite's own CREATE TABLE ... AS: comparisons go on to mean the same.
        types = execution.database.column_types(plan.source.sql)
        names = (quote_name(column.name) for column in plan.columns)
        definitions = tuple(f"{name} {kind}".rstrip() for name, kind in zip(names, types, strict=True))
    try:
        store.create(
            plan.kind,
            plan.name,
            plan.text,
            plan.columns,
            definitions,
            rows=rows,
            sources=plan.sources,
            foreign_keys=plan.foreign_keys,
            replace=plan.replace,
        )
    except ObjectExists:
        # Another session created it while this one fetched the rows.
        if plan.if_not_exists:
            return
        raise


def _change_rows(execution: Execution, store: Store, plan: LocalChangePlan) -> list[Row]:
    """Update or delete the rows that the plan's query found; return them whole."""
    rows = list(execution.select(plan.source))
    # The session's own tables have keys instead of row numbers, and change the journal instead of the store.
    if plan.of_session:
        return execution.services.objects.delete_rows(plan.table, [key for key, *_ in rows])
    table = _find_object(store, plan.table)
    if plan.verb == "DELETE":
        return store.delete(table, [number for number, *_ in rows])
    _refuse_text_for_numbers(plan, plan.assigned, [values for _, *values in rows])
    return store.update(table, plan.assigned, rows)


def _refuse_text_for_numbers(
    plan: LocalInsertPlan | LocalChangePlan, targets: Sequence[str], rows: Sequence[Sequence[Value]]
) -> None:
    types = {column.name: column.type for column in plan.columns}
    for at, name in enumerate(targets):
        check_numbers((row[at] for row in rows), name, types[name], plan.span)


def _find_object(store: Store, name: str) -> StoredObject:
    found = store.find(name)
    if found is None:
        raise OperationalError(f"{name} is gone from the store")
    return found


def _project_rows(execution: Execution, returning: Projection | None, rows: list[Row]) -> Iterator[Row]:
    """Yield RETURNING of rows, or as many empty rows: the count of them is what the user sees."""
    if returning is None:
        yield from (() for _ in rows)
        return
    yield from execution.project(returning, rows)


def _without_secrets(columns: tuple[Column, ...], rows: list[Row]) -> list[Row]:
    # The store masks what looks like a secret anyway; this takes those out that are known to be secrets by their column.
    if not any(column.secret for column in columns):
        return rows
    return [tuple(None if c.secret else value for c, value in zip(columns, row, strict=True)) for row in rows]
