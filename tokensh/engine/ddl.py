"""Plans that work on the store: CREATE, DROP, REFRESH, and changes of local tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tokensh.engine.objects import SessionObjects
from tokensh.engine.sqlite import Database
from tokensh.engine.store import ObjectExists, StoredObject
from tokensh.environment import Cancellation
from tokensh.errors import OperationalError, assert_never
from tokensh.plan.nodes import (
    DefinePlan,
    DropPlan,
    LocalChangePlan,
    LocalInsertPlan,
    Projection,
    RefreshPlan,
    SelectPlan,
    StorePlan,
)
from tokensh.rows import Column, Row
from tokensh.sql.unparse import quoted

Select = Callable[[SelectPlan], Iterator[Row]]


class Lasting:
    """Carries out store plans; `select` gives a query's rows."""

    def __init__(self, objects: SessionObjects, select: Select, cancellation: Cancellation) -> None:
        self._objects = objects
        self._store = objects.store
        self._select = select
        self._cancellation = cancellation

    def run(self, plan: StorePlan) -> Iterator[Row]:
        """Do it; the rows of RETURNING. Raises Error and its leaves."""
        match plan:
            case DefinePlan():
                self._define(plan)
            case DropPlan():
                if not plan.missing:
                    self._store.drop(plan.name)
            case RefreshPlan():
                rows = list(self._select(plan.source))
                self._store.refresh(self._kept(plan.name), _without_secrets(plan.source.columns, rows))
            case LocalInsertPlan():
                yield from self._insert(plan)
            case LocalChangePlan():
                yield from self._change(plan)
            case _:
                assert_never(plan)

    def _define(self, plan: DefinePlan) -> None:
        if plan.if_not_exists and self._store.find(plan.name) is not None:
            return
        rows = _without_secrets(plan.source.columns, list(self._select(plan.source))) if plan.source else []
        definitions = plan.definitions or tuple(quoted(one.name) for one in plan.columns)
        try:
            kept = self._store.create(plan.kind, plan.name, plan.text, plan.columns, definitions, replace=plan.replace)
        except ObjectExists:
            if plan.if_not_exists:
                return
            raise
        if plan.kind == "MATERIALIZED VIEW":
            self._store.refresh(kept, rows)
        elif rows:
            self._store.insert(kept, [one.name for one in plan.columns], rows)

    def _insert(self, plan: LocalInsertPlan) -> Iterator[Row]:
        rows = _without_secrets(plan.source.columns, list(self._select(plan.source)))
        made = self._store.insert(self._kept(plan.table), plan.targets, rows, replace=plan.replace)
        yield from self._returned(plan.returning, made)

    def _change(self, plan: LocalChangePlan) -> Iterator[Row]:
        rows = list(self._select(plan.source))
        if plan.of_session:
            gone = self._objects.delete_rows(plan.table, [key for key, *_ in rows])
            yield from self._returned(plan.returning, gone)
            return
        kept = self._kept(plan.table)
        if plan.verb == "DELETE":
            changed = self._store.delete(kept, [number for number, *_ in rows])
        else:
            changed = self._store.update(kept, plan.assigned, rows)
        yield from self._returned(plan.returning, changed)

    def _kept(self, name: str) -> StoredObject:
        kept = self._store.find(name)
        if kept is None:
            raise OperationalError(f"{name} is gone from the store")
        return kept

    def _returned(self, returning: Projection | None, rows: list[Row]) -> Iterator[Row]:
        """RETURNING of rows; an empty row for each where there is none."""
        if returning is None:
            yield from (() for _ in rows)
            return
        local = Database(self._cancellation)
        try:
            local.create_table(returning.table, returning.source)
            local.load(returning.table, len(returning.source), rows)
            yield from local.query(returning.sql)
        finally:
            local.close()


def _without_secrets(columns: tuple[Column, ...], rows: list[Row]) -> list[Row]:
    if not any(one.secret for one in columns):
        return rows
    return [tuple(None if c.secret else value for c, value in zip(columns, row, strict=True)) for row in rows]
