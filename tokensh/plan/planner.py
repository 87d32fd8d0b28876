"""Plan queries: resolve the names, then work out the scans."""

from __future__ import annotations

from tokensh.errors import MissingParameter, NotSupportedError, Span
from tokensh.plan.names import Names
from tokensh.plan.nodes import SelectPlan
from tokensh.plan.query import QueryResolver
from tokensh.plan.readings import ReadingsDisagree
from tokensh.plan.scans import ScanPlanner
from tokensh.rows import Column
from tokensh.sql import nodes


def plan_query(query: nodes.Query, names: Names, view_span: Span | None = None) -> SelectPlan:
    """Return the plan of a query. Raises ProgrammingError and its leaves.

    `view_span` is what errors point at if the query is not in the statement's text but in a view.
    """
    # Two steps, so that a mistake in a name is reported before a missing parameter, wherever the two are.
    resolver = QueryResolver(names, view_span)
    bound = resolver.resolve(query, None, {})
    try:
        return ScanPlanner(bound, names.workspace).select_plan()
    except (MissingParameter, ReadingsDisagree) as error:
        # One reading of a CTE can give the other its values; then the two are different, and each is read by itself.
        if not resolver.tables.has_shared:
            raise
        try:
            bound = QueryResolver(names, view_span, shares=False).resolve(query, None, {})
            return ScanPlanner(bound, names.workspace).select_plan()
        except (MissingParameter, NotSupportedError) as second:
            raise (error if isinstance(error, MissingParameter) else second) from None


def columns_of(query: nodes.Query, names: Names, view_span: Span | None = None) -> tuple[Column, ...]:
    """Return the columns of a query whose parameters may still be missing. Raises ProgrammingError and its leaves."""
    bound = QueryResolver(names, view_span).resolve(query, None, {})
    return tuple(column.column for column in bound.columns)
