"""Guard queries that are used as values: of several rows SQLite takes the first, which may be any; standard SQL makes it an error.

The rows are counted when the query runs, at most two of them.
"""

from __future__ import annotations

from tokensh._dataclasses import replace
from tokensh.errors import Span
from tokensh.functions.guards import ONE_ROW
from tokensh.plan.bound import BoundQuery, BoundSelect, BoundValues, references
from tokensh.plan.select_list import is_aggregate
from tokensh.sql import nodes
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import walk

# A colon, as in the names of guards: no name of a statement has one.
_ROWS = quote_name("tokensh:rows")


def guard_value_query(subquery: nodes.Subquery, view_span: Span | None) -> nodes.Subquery:
    """Return a query used as a value so that it fails if it gives more than one row, at its place or that of its view."""
    query = subquery.query
    if not isinstance(query, BoundQuery) or _gives_one_row(query):
        return subquery
    return replace(subquery, query=replace(query, sql=_count_rows(query, view_span or subquery.span)))


def _count_rows(query: BoundQuery, place: Span) -> str:
    # The columns are taken through as they are, so that they keep their affinity. The window function takes every row before
    # the first is given; a LIMIT below it stops the query at the second one.
    names = [f"column{number}" for number in range(1, len(query.columns) + 1)]
    columns = ", ".join(names)
    counted = f"SELECT {columns}, count(*) OVER () AS rows FROM (SELECT * FROM {_ROWS} LIMIT 2)"  # noqa: S608 (names of ours)
    # Behind it a value is no longer marked as JSON.
    values = ", ".join(_mark_json(name) if query.columns[0].column.type == "json" else name for name in names)
    return (
        f"WITH {_ROWS} ({columns}) AS ({query.sql}) SELECT {values} FROM ({counted}) "  # noqa: S608 (the same)
        f"WHERE {quote_name(ONE_ROW)}(rows, {place.start}, {place.end})"
    )


def _mark_json(name: str) -> str:
    return f"CASE WHEN substr({name}, 1, 1) IN ('{{', '[') AND json_valid({name}) THEN json({name}) ELSE {name} END"


def _gives_one_row(query: BoundQuery) -> bool:
    """Return whether a query gives one row at most, whatever there is."""
    limit = query.limits[0] if query.limits else None
    if isinstance(limit, nodes.Literal) and limit.text in ("0", "1"):
        return True
    match query.body:
        case BoundQuery():
            return _gives_one_row(query.body)
        case BoundValues(rows=rows):
            return len(rows) == 1
        case BoundSelect():
            return not query.body.group and (not query.body.source.relations or _aggregates(query.body))
        case _:
            return False


def _aggregates(select: BoundSelect) -> bool:
    parts = walk((select.items, select.having, select.order))
    return any(isinstance(part, nodes.Call) and is_aggregate(part) and _is_of(part, select) for part in parts)


def _is_of(call: nodes.Call, select: BoundSelect) -> bool:
    """Return whether an aggregate gathers the rows of a SELECT, and not those of one around it, as max(outside.x) does."""
    scopes = {reference.scope for reference in references(call)}
    return not scopes or select.scope in scopes
