"""Plan queries: resolve the names, then work out the scans."""

from __future__ import annotations

from tokensh.errors import Span
from tokensh.plan.nodes import SelectPlan
from tokensh.plan.query import QueryResolver
from tokensh.plan.resolve import Names
from tokensh.plan.scans import ScanPlanner
from tokensh.rows import Column
from tokensh.sql import nodes


def plan_query(query: nodes.Query, names: Names, view_span: Span | None = None) -> SelectPlan:
    """Return the plan of a query. Raises ProgrammingError and its leaves.

    `view_span` is what errors point at if the query is not in the statement's text but in a view.
    """
    # Two steps, so that a mistake in a name is reported before a missing parameter, wherever the two are.
    bound = QueryResolver(names, view_span).resolve(query, None, {})
    return ScanPlanner(bound, names.workspace).select_plan()


def columns_of(query: nodes.Query, names: Names) -> tuple[Column, ...]:
    """Return the columns of a query whose parameters may still be missing. Raises ProgrammingError and its leaves."""
    bound = QueryResolver(names).resolve(query, None, {})
    return tuple(column.column for column in bound.columns)
