"""EXPLAIN: the steps of a plan as rows. Nothing is sent: what depends on a response is described, not asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from tokensh._dataclasses import dataclass
from tokensh.api.hosts import Hosts
from tokensh.engine.derived import DerivedTables
from tokensh.engine.execution import Execution
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
    IndexPlan,
    InsertPlan,
    Keys,
    LocalChangePlan,
    LocalInsertPlan,
    Plan,
    Projection,
    RefreshPlan,
    RegistryPlan,
    RowsPlan,
    SameAs,
    Scan,
    SelectPlan,
    StorePlan,
    TransactionPlan,
    UsePlan,
    ValueSet,
)
from tokensh.provider.model import Method
from tokensh.rows import Column, Row
from tokensh.text import plural

# The steps of a query are built with the functions that run the plan (`build_requests`, `Database.check`), not by a
# second reading of it: what EXPLAIN prints cannot drift from what is sent. Writes are described (`_describe_call`).

EXPLAIN_COLUMNS = (Column("step", "integer"), Column("action", "string"), Column("detail", "string"))
_MOST_LISTED = 5
"""Values and requests that are listed in full."""


Step = tuple[str, str]
"""An action and its detail."""


def explain(execution: Execution, plan: Plan) -> list[Row]:
    """Return a plan's steps as rows of `EXPLAIN_COLUMNS`. Raises ProgrammingError if SQLite refuses the query."""
    # A list, not a generator: an error in the last step must not follow rows that are shown already.
    services = execution.services
    steps = _Explainer(services.hosts, execution.database, services.objects, services.max_pages).steps(plan)
    return [(number, action, detail) for number, (action, detail) in enumerate(steps, 1)]


@dataclass(frozen=True, slots=True)
class _Explainer:
    """Describes what can be known without a request."""

    hosts: Hosts
    database: Database
    objects: SessionObjects
    max_pages: int

    def steps(self, plan: Plan) -> Iterator[Step]:
        match plan:
            case SelectPlan():
                yield from self._query_steps(plan)
                yield "result", ", ".join(map(_describe_column, plan.columns))
            case InsertPlan():
                yield from self._query_steps(plan.source)
                targets = ", ".join(p.sql_name for p in plan.targets)
                yield "write", f"{_describe_call(plan.method, self.hosts)}, once per row: {targets}"
                yield from _returning_steps(plan.returning)
            case ChangePlan():
                yield from self._change_steps(plan)
            case ExecPlan():
                yield "values", ", ".join(f"{p.name} = {sql}" for p, sql in plan.values)
                if plan.body is not None:
                    yield "body", json.dumps(plan.body, ensure_ascii=False)
                yield "call", _describe_call(plan.method, self.hosts)
            case RowsPlan():
                yield "catalog", "answered without a request"
            case UsePlan():
                yield "use", ".".join(plan.path)
            case TransactionPlan():
                yield "transaction", f"{plan.verb} {plan.name}".rstrip()
            case RegistryPlan():
                yield "registry", " ".join(filter(None, (plan.verb, plan.provider, plan.version)))
            case ExplainPlan():
                yield from self.steps(plan.plan)
            case DefinePlan() | IndexPlan() | DropPlan() | RefreshPlan() | LocalInsertPlan() | LocalChangePlan():
                yield from self._store_steps(plan)
            case _:
                assert_never(plan)

    def _change_steps(self, plan: ChangePlan) -> Iterator[Step]:
        if isinstance(plan.source, Keys):
            yield from self._scan_steps(plan.source)
            for name, values in plan.source.values.items():
                yield "values", f"{name}: {_describe_values(values)}"
        else:
            yield from self._query_steps(plan.source)
        if plan.verb == "DELETE" and plan.filtered:
            for field in plan.resource.expiry_fields:
                yield (
                    "note",
                    f"{field.name} is -1 for never: the rows that never expire are counted before they are approved",
                )
        per = "row" if isinstance(plan.source, SelectPlan) else "combination of values"
        yield "write", f"{_describe_call(plan.method, self.hosts)}, once per {per}"
        yield from _returning_steps(plan.returning)

    def _store_steps(self, plan: StorePlan) -> Iterator[Step]:
        match plan:
            case DefinePlan():
                if plan.source:
                    yield from self._query_steps(plan.source)
                yield "store", f"CREATE {plan.kind} {plan.name} ({', '.join(map(_describe_column, plan.columns))})"
            case IndexPlan():
                yield "store", f"CREATE INDEX {plan.name} ON {plan.table} ({', '.join(plan.columns)})"
            case DropPlan():
                yield "store", f"DROP {plan.kind} {plan.name}{' (does not exist)' if plan.missing else ''}"
            case RefreshPlan():
                yield from self._query_steps(plan.source)
                yield "store", f"a new version of {plan.name}"
            case LocalInsertPlan():
                yield from self._query_steps(plan.source)
                yield "store", f"INSERT INTO {plan.table} ({', '.join(plan.targets)})"
                yield from _returning_steps(plan.returning)
            case LocalChangePlan():
                yield from self._query_steps(plan.source)
                yield "store", f"{plan.verb} {plan.table}, once per row"
                yield from _returning_steps(plan.returning)
            case _:
                assert_never(plan)

    def _query_steps(self, plan: SelectPlan) -> Iterator[Step]:
        yield from self._scan_steps(plan)
        # SQLite checks the text too, against empty tables: its own errors appear in EXPLAIN and not only
        # in the run.
        self.database.check(plan.sql)
        yield "query", plan.sql

    def _scan_steps(self, plan: SelectPlan | Keys) -> Iterator[Step]:
        scans, stored = plan.scans, plan.stored
        self.objects.create_tables(stored, self.database, offline=True)
        has_remote_table = any(self.objects.is_remote(table.name) for table in stored)
        for table in stored:
            how = ", whose rows are fetched first" if self.objects.is_remote(table.name) else ""
            yield "table", f"{table.name} as {table.table}{how}"
        for scan in scans:
            self.database.create_table(scan.table, (column.column for column in scan.columns))
        by_id = {scan.id: scan for scan in scans}
        derived = DerivedTables(plan.derived, self.database)
        derived.create()
        values = ParameterValues(scans, self.database, derived, self.hosts)
        for scan in scans:
            columns = ", ".join(f"{column.name} {column.column.type}" for column in scan.columns)
            yield "scan", f"{scan.resource.id} as {scan.table} ({columns})"
            for name, members in scan.values.items():
                yield "values", f"{name}: {_describe_values(members)}"
            # A query over a remote table, which is empty here, would give wrong values.
            later = has_remote_table and any(map(_may_be_queried, scan.values.values()))
            yield from self._request_steps(scan, by_id, values, later=later)
        for query in plan.derived:
            yield "table", f"{query.table}: {query.sql}"

    def _request_steps(
        self, scan: Scan, by_id: Mapping[int, Scan], values: ParameterValues, *, later: bool
    ) -> Iterator[Step]:
        # EXPLAIN sends nothing, so values that come from rows of another scan are not known.
        if later or any(required_scans(members, by_id) for members in scan.values.values()):
            yield "request", "one per value, once those are fetched"
            return
        requests = build_requests(scan, values, self.hosts)
        for request in requests[:1]:
            if request.method.paging is not None:
                pages = f"{request.method.paging.description}; at most {plural(self.max_pages, 'page')}"
                yield "pages", pages
        for request in requests[:_MOST_LISTED]:
            yield "request", f"{request.request.method} {request.request.url}"
        if len(requests) > _MOST_LISTED:
            yield "request", f"and {len(requests) - _MOST_LISTED} more"


def _may_be_queried(values: ValueSet) -> bool:
    """Return whether a set of values comes, or may come, from a query."""
    match values:
        case AnyOf() | AllOf():
            return any(map(_may_be_queried, values.sets))
        case _:
            return not isinstance(values, Constants)


def _returning_steps(projection: Projection | None) -> Iterator[Step]:
    if projection is not None:
        yield "returning", projection.sql


def _describe_column(column: Column) -> str:
    return f"{column.name} {column.type}{f' from {column.origin}' if column.origin else ''}"


# Without the values: the host and the path of the template say more in one line than the requests of a thousand rows.
def _describe_call(method: Method, hosts: Hosts) -> str:
    return f"{method.http_method} {(hosts.endpoint or method.server).rstrip('/')}{method.path}"


def _describe_values(values: ValueSet) -> str:
    match values:
        case Constants():
            literals = [repr(value) if isinstance(value, str) else str(value) for value in values.values]
            members = [*literals, *values.expressions]
            more = f" and {len(members) - _MOST_LISTED} more" if len(members) > _MOST_LISTED else ""
            return f"{', '.join(members[:_MOST_LISTED])}{more}" or "none"
        case SameAs():
            return f"those of {values.parameter} in scan {values.scan}"
        case FromQuery():
            return values.sql
        case AnyOf():
            return " or ".join(map(_describe_values, values.sets))
        case AllOf():
            return " and ".join(
                f"({_describe_values(member)})" if isinstance(member, AnyOf) else _describe_values(member)
                for member in values.sets
            )
        case _:
            assert_never(values)
