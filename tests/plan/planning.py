"""Plan statements against the document that tokensh ships, without an engine, and write sets of values in short."""

from __future__ import annotations

from tests.shared_parser import shared_parser
from tokensh.engine.functions import function_names
from tokensh.errors import Span, assert_never
from tokensh.plan.binder import Names, bind
from tokensh.plan.nodes import AllOf, AnyOf, Constants, FromQuery, Plan, SameAs, Scan, SelectPlan, ValueSet
from tokensh.provider.catalog import DEFAULT, Catalog
from tokensh.provider.model import Resource

A, B, C = "dbc-a", "dbc-b", "dbc-c"


class Planner:
    """Plans statements; the parser and the catalog are read once."""

    def __init__(self) -> None:
        self._parser = shared_parser()
        self._catalog = Catalog.load(None)

    def plan(self, sql: str, *, workspace: str | None = None, namespace: tuple[str, ...] = DEFAULT) -> Plan:
        names = Names(self._catalog, namespace, workspace, function_names)
        return bind(self._parser.parse(sql), names)

    def resource(self, name: str) -> Resource:
        return self._catalog.find((name,), DEFAULT, Span(0, 0))

    def select(self, sql: str, *, workspace: str | None = None) -> SelectPlan:
        plan = self.plan(sql, workspace=workspace)
        assert isinstance(plan, SelectPlan)
        return plan

    def sets(self, sql: str, name: str = "deployment_name", *, workspace: str | None = None) -> list[str]:
        """Return what a parameter of each scan takes, in short, in the order in which the scans are fetched."""
        return [short(scan, name) for scan in self.select(sql, workspace=workspace).scans]


def short(scan: Scan, name: str) -> str:
    return _short_set(scan.values[name]) if name in scan.values else "-"


def _short_set(values: ValueSet) -> str:
    """Return `a b` for constants, `<sql>` for expressions, `query`, `same` for another scan's, (| ...) and (& ...)."""
    match values:
        case Constants():
            return (
                " ".join([*map(str, values.values), *(f"<{expression}>" for expression in values.expressions)])
                or "nothing"
            )
        case FromQuery():
            return f"query{sorted(values.needs)}" if values.needs else "query"
        case SameAs():
            return f"same {values.scan}"
        case AnyOf():
            return f"(| {' '.join(map(_short_set, values.sets))})"
        case AllOf():
            return f"(& {', '.join(map(_short_set, values.sets))})"
        case _:
            assert_never(values)
