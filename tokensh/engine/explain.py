"""EXPLAIN: a plan as rows. No network: what would be fetched is told, not asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tokensh._dataclasses import dataclass
from tokensh.api.hosts import Hosts
from tokensh.engine.fetch import ParameterValues, build_requests, required_scans
from tokensh.engine.objects import SessionObjects
from tokensh.engine.sqlite import Database
from tokensh.errors import assert_never
from tokensh.plan.nodes import (
    AllOf,
    AnyOf,
    ChangePlan,
    Constants,
    DefinePlan,
    DropPlan,
    ExecPlan,
    ExplainPlan,
    FromQuery,
    InsertPlan,
    Keys,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    Projection,
    RefreshPlan,
    RowsPlan,
    SameAs,
    Scan,
    SelectPlan,
    Stored,
    StorePlan,
    TransactionPlan,
    UsePlan,
    ValueSet,
)
from tokensh.provider.model import Method
from tokensh.rows import Column, RowSet

_COLUMNS = (Column("step", "integer"), Column("action", "string"), Column("detail", "string"))
_SHOWN = 5


Step = tuple[str, str]


def explain(plan: Plan, hosts: Hosts, local: Database, objects: SessionObjects) -> RowSet:
    """A plan's steps: step, action, detail. Raises ProgrammingError where SQLite refuses the query."""
    try:
        steps = list(_Explainer(hosts, local, objects).steps(plan))
    finally:
        local.close()
    return RowSet(_COLUMNS, iter([(i, action, detail) for i, (action, detail) in enumerate(steps, 1)]))


@dataclass(frozen=True, slots=True)
class _Explainer:
    """Works out what can be known without a request."""

    hosts: Hosts
    local: Database
    objects: SessionObjects

    def steps(self, plan: Plan) -> Iterator[Step]:
        match plan:
            case SelectPlan():
                yield from self._query(plan)
                yield "result", ", ".join(map(_column, plan.columns))
            case InsertPlan():
                yield from self._query(plan.source)
                yield (
                    "write",
                    f"{_call(plan.method, self.hosts)}, once per row: {', '.join(p.sql_name for p in plan.targets)}",
                )
                yield from _returning(plan.returning)
            case ChangePlan():
                yield from self._change(plan)
            case ExecPlan():
                yield "values", ", ".join(f"{p.name} = {sql}" for p, sql in plan.values)
                if plan.body is not None:
                    yield "body", json.dumps(plan.body, ensure_ascii=False)
                yield "call", _call(plan.method, self.hosts)
            case RowsPlan():
                yield "catalog", "answered without a request"
            case UsePlan():
                yield "use", ".".join(plan.path)
            case TransactionPlan():
                yield "transaction", plan.verb
            case ExplainPlan():
                yield from self.steps(plan.plan)
            case DefinePlan() | DropPlan() | RefreshPlan() | LocalInsertPlan() | LocalChangePlan():
                yield from self._store(plan)
            case _:
                assert_never(plan)

    def _change(self, plan: ChangePlan) -> Iterator[Step]:
        if isinstance(plan.source, Keys):
            yield from self._scans(plan.source.scans, plan.source.stored)
            for name, values in plan.source.values.items():
                yield "values", f"{name}: {_written(values)}"
        else:
            yield from self._query(plan.source)
        yield (
            "write",
            f"{_call(plan.method, self.hosts)}, once per {'row' if isinstance(plan.source, SelectPlan) else 'combination of values'}",
        )
        yield from _returning(plan.returning)

    def _store(self, plan: StorePlan) -> Iterator[Step]:
        match plan:
            case DefinePlan():
                if plan.source:
                    yield from self._query(plan.source)
                yield "store", f"CREATE {plan.kind} {plan.name} ({', '.join(map(_column, plan.columns))})"
            case DropPlan():
                yield "store", f"DROP {plan.kind} {plan.name}{' (there is none)' if plan.missing else ''}"
            case RefreshPlan():
                yield from self._query(plan.source)
                yield "store", f"a new version of {plan.name}"
            case LocalInsertPlan():
                yield from self._query(plan.source)
                yield "store", f"INSERT INTO {plan.table} ({', '.join(plan.targets)})"
                yield from _returning(plan.returning)
            case LocalChangePlan():
                yield from self._query(plan.source)
                yield "store", f"{plan.verb} {plan.table}, once per row"
                yield from _returning(plan.returning)
            case _:
                assert_never(plan)

    def _query(self, plan: SelectPlan) -> Iterator[Step]:
        yield from self._scans(plan.scans, plan.stored)
        self.local.check(plan.sql)
        yield "query", plan.sql

    def _scans(self, scans: tuple[Scan, ...], stored: tuple[Stored, ...]) -> Iterator[Step]:
        self.objects.create_tables(stored, self.local, offline=True)
        asked = any(self.objects.is_remote(one.name) for one in stored)
        for table in stored:
            how = ", whose rows are asked for first" if self.objects.is_remote(table.name) else ""
            yield "table", f"{table.name} as {table.table}{how}"
        for scan in scans:
            self.local.create_table(scan.table, (one.column for one in scan.columns))
        by_id = {one.id: one for one in scans}
        values = ParameterValues(scans, self.local)
        for scan in scans:
            columns = ", ".join(f"{one.name} {one.column.type}" for one in scan.columns)
            yield "scan", f"{scan.resource.id} as {scan.table} ({columns})"
            for name, one in scan.values.items():
                yield "values", f"{name}: {_written(one)}"
            later = asked and any(map(_is_queried, scan.values.values()))
            yield from self._requests(scan, by_id, values, later=later)

    def _requests(
        self, scan: Scan, by_id: Mapping[int, Scan], values: ParameterValues, *, later: bool
    ) -> Iterator[Step]:
        if later or any(required_scans(one, by_id) for one in scan.values.values()):
            yield "request", "one per value, once those are fetched"
            return
        made = build_requests(scan, values, self.hosts)
        for one in made[:_SHOWN]:
            yield "request", f"{one.request.method} {one.request.url}"
        if len(made) > _SHOWN:
            yield "request", f"and {len(made) - _SHOWN} more"


def _is_queried(values: ValueSet) -> bool:
    """Whether a set of values comes, or may come, out of a query."""
    match values:
        case AnyOf() | AllOf():
            return any(map(_is_queried, values.sets))
        case _:
            return not isinstance(values, Constants)


def _returning(projection: Projection | None) -> Iterator[Step]:
    if projection is not None:
        yield "returning", projection.sql


def _column(column: Column) -> str:
    return f"{column.name} {column.type}{f' from {column.origin}' if column.origin else ''}"


def _call(method: Method, hosts: Hosts) -> str:
    return f"{method.http_method} {(hosts.endpoint or method.server).rstrip('/')}{method.path}"


def _written(values: ValueSet) -> str:
    match values:
        case Constants():
            shown = [*(repr(one) if isinstance(one, str) else str(one) for one in values.values), *values.expressions]
            more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
            return f"{', '.join(shown[:_SHOWN])}{more}" or "none"
        case SameAs():
            return f"those of {values.parameter} in scan {values.scan}"
        case FromQuery():
            return values.sql
        case AnyOf():
            return " or ".join(map(_written, values.sets))
        case AllOf():
            return " and ".join(
                f"({_written(one)})" if isinstance(one, AnyOf) else _written(one) for one in values.sets
            )
        case _:
            assert_never(values)
