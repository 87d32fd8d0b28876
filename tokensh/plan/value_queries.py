"""Guard queries in expressions: their rows are looked at when they run.

Of several rows of a query that is used as a value SQLite takes the first, which may be any; standard SQL makes it an error. They
are counted, at most two of them. With a NULL among the rows of a query `x NOT IN (...)` is never true, as standard SQL has it: a
condition that chooses nothing for that reason is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tokensh._dataclasses import replace
from tokensh.errors import Span
from tokensh.functions import NO_NULL, ONE_ROW
from tokensh.plan.bound import BoundQuery, BoundSelect, BoundValues, references
from tokensh.plan.select_list import is_aggregate
from tokensh.sql import nodes
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import rewrite_nodes, walk

# A colon, as in the names of guards: no name of a statement has one.
_ROWS = quote_name("tokensh:rows")


def guard_value_query(subquery: nodes.Subquery, view_span: Span | None) -> nodes.Subquery:
    """Return a query used as a value so that it fails if it gives more than one row, at its place or that of its view."""
    query = subquery.query
    if not isinstance(query, BoundQuery) or _gives_one_row(query):
        return subquery
    return replace(subquery, query=replace(query, sql=_count_rows(query, view_span or subquery.span)))


def guard_condition(condition: nodes.Expr | None, view_span: Span | None = None) -> nodes.Expr | None:
    """Return a condition in which a query of NOT IN fails for a NULL, at its place or that of its view."""
    changes: dict[int, Callable[[BoundQuery], BoundQuery]] = {}
    waiting = [(condition, False)]
    while waiting:
        expr, is_negated = waiting.pop()
        match expr:
            case nodes.Logical():
                waiting += [(operand, is_negated) for operand in expr.operands]
            case nodes.Unary(operator="NOT"):
                waiting.append((expr.operand, not is_negated))
            case nodes.InQuery(query=BoundQuery() as query) if expr.negated != is_negated:
                changes[id(query)] = partial(_refuse_null_rows, place=view_span or expr.span)
            case _:
                pass
    return rewrite_nodes(condition, changes) if changes else condition


def _refuse_null_rows(query: BoundQuery, place: Span) -> BoundQuery:
    # The columns are taken through as they are, so that they keep their affinity.
    are_null = " AND ".join(f"{column.sql} IS NULL" for column in query.columns)
    guard = f"CASE WHEN {are_null} THEN {quote_name(NO_NULL)}({place.start}, {place.end}) ELSE 1 END"
    return replace(query, sql=f"SELECT * FROM ({query.sql}) WHERE {guard}")  # noqa: S608 (printed by us)


def _count_rows(query: BoundQuery, place: Span) -> str:
    # The columns are taken through as they are, so that they keep their affinity. The window function takes every row before
    # the first is given; a LIMIT below it stops the query at the second one.
    names = [f"column{number}" for number in range(1, len(query.columns) + 1)]
    columns = ", ".join(names)
    counted = f"SELECT {columns}, count(*) OVER () AS rows FROM (SELECT * FROM {_ROWS} LIMIT 2)"  # noqa: S608 (names of ours)
    # Behind it a value is no longer marked as JSON.
    values = ", ".join(
        _mark_json(name) if column.type == "json" else name for name, column in zip(names, query.columns, strict=True)
    )
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
