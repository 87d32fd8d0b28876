"""EXPLAIN: a plan as rows. No network: what would be fetched is told, not asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tokensh.api.hosts import Hosts
from tokensh.engine.fetch import Values, calls, needs
from tokensh.engine.local import Local
from tokensh.errors import assert_never
from tokensh.plan.nodes import (
    AllOf,
    AnyOf,
    ChangePlan,
    Constants,
    ExecPlan,
    ExplainPlan,
    FromQuery,
    InsertPlan,
    Keys,
    Plan,
    RowsPlan,
    SameAs,
    Scan,
    SelectPlan,
    UsePlan,
    ValueSet,
)
from tokensh.provider.model import Method
from tokensh.rows import Column, RowSet

_COLUMNS = (Column("step", "integer"), Column("action", "string"), Column("detail", "string"))
_SHOWN = 5


def explain(plan: Plan, hosts: Hosts, local: Local) -> RowSet:
    """A plan's steps: step, action, detail. Raises ProgrammingError where SQLite refuses the query."""
    try:
        steps = list(_steps(plan, hosts, local))
    finally:
        local.close()
    return RowSet(_COLUMNS, iter([(i, action, detail) for i, (action, detail) in enumerate(steps, 1)]))


def _steps(plan: Plan, hosts: Hosts, local: Local) -> Iterator[tuple[str, str]]:
    match plan:
        case SelectPlan():
            yield from _query(plan, hosts, local)
            yield "result", ", ".join(f"{one.name} {one.type}" for one in plan.columns)
        case InsertPlan():
            yield from _query(plan.source, hosts, local)
            yield "write", f"{_call(plan.method)}, once per row: {', '.join(p.sql_name for p in plan.targets)}"
            if plan.returning:
                yield "returning", plan.returning.sql
        case ChangePlan():
            if isinstance(plan.source, Keys):
                yield from _scans(plan.source.scans, hosts, local)
                for name, values in plan.source.values.items():
                    yield "values", f"{name}: {_written(values)}"
            else:
                yield from _query(plan.source, hosts, local)
            yield "write", f"{_call(plan.method)}, once per {'row' if plan.filtered else 'combination of values'}"
            if plan.returning:
                yield "returning", plan.returning.sql
        case ExecPlan():
            yield "values", ", ".join(f"{p.name} = {sql}" for p, sql in plan.values)
            if plan.body is not None:
                yield "body", json.dumps(plan.body, ensure_ascii=False)
            yield "call", _call(plan.method)
        case RowsPlan():
            yield "catalog", "answered without a request"
        case UsePlan():
            yield "use", ".".join(plan.path)
        case ExplainPlan():
            yield from _steps(plan.plan, hosts, local)
        case _:
            assert_never(plan)


def _call(method: Method) -> str:
    return f"{method.http_method} {method.server}{method.path}"


def _query(plan: SelectPlan, hosts: Hosts, local: Local) -> Iterator[tuple[str, str]]:
    yield from _scans(plan.scans, hosts, local)
    local.check(plan.sql)
    yield "query", plan.sql


def _scans(scans: tuple[Scan, ...], hosts: Hosts, local: Local) -> Iterator[tuple[str, str]]:
    for scan in scans:
        local.create(scan.table, (one.column for one in scan.columns))
    by_id = {one.id: one for one in scans}
    values = Values(scans, local)
    for scan in scans:
        columns = ", ".join(f"{one.name} {one.column.type}" for one in scan.columns)
        yield "scan", f"{scan.resource.id} as {scan.table} ({columns})"
        for name, one in scan.values.items():
            yield "values", f"{name}: {_written(one)}"
        yield from _requests(scan, by_id, values, hosts)


def _requests(scan: Scan, by_id: Mapping[int, Scan], values: Values, hosts: Hosts) -> Iterator[tuple[str, str]]:
    if any(needs(one, by_id) for one in scan.values.values()):
        yield "request", "one per value, once those are fetched"
        return
    made = calls(scan, values, hosts)
    for one in made[:_SHOWN]:
        yield "request", f"{one.request.method} {one.request.url}"
    if len(made) > _SHOWN:
        yield "request", f"and {len(made) - _SHOWN} more"


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
            return " and ".join(map(_written, values.sets))
        case _:
            assert_never(values)
