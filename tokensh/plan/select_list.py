"""Small questions about select lists, VALUES, ORDER BY and LIMIT that need no names resolved."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh._dataclasses import replace
from tokensh.errors import ProgrammingError
from tokensh.functions import find_function
from tokensh.plan.bound import BoundColumn
from tokensh.plan.values import literal_value, unbound_error
from tokensh.rows import make_names_unique
from tokensh.sql import nodes
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import walk
from tokensh.text import plural


def unique_names(columns: Sequence[BoundColumn]) -> list[BoundColumn]:
    """Return a result's columns, `sql` of each a name that no other one has."""
    names = make_names_unique(column.name for column in columns)
    return [
        replace(column, sql=quote_name(name), column=replace(column.column, name=column.name), visible=True)
        for column, name in zip(columns, names, strict=True)
    ]


def is_aggregate(call: nodes.Call) -> bool:
    """Return whether a call makes one value of many rows."""
    function = find_function(call.name[-1].text)
    return call.over is None and function is not None and function.is_aggregate(len(call.arguments))


def order_item_sql(text: str, item: nodes.OrderItem) -> str:
    """Return an item of ORDER BY whose expression has the given text."""
    direction = f" {item.direction}" if item.direction else ""
    return f"{text}{direction}{f' NULLS {item.nulls}' if item.nulls else ''}"


def is_ordinal(expr: nodes.Expr) -> bool:
    """Return whether an item of GROUP BY or ORDER BY is the number of a column: FALSE is a value, although it is 0."""
    is_boolean = isinstance(expr, nodes.Literal) and expr.kind in ("true", "false")
    return isinstance(literal_value(expr), int) and not is_boolean


def ordinal(expr: nodes.Expr, columns: int) -> str:
    """Return the number of a result's column. Raises ProgrammingError."""
    value = literal_value(expr)
    if not is_ordinal(expr):
        raise ProgrammingError(
            "behind a set operation ORDER BY takes a column of the result",
            span=expr.span,
            hint="put the query into FROM (...), or order by a column's name or number",
        )
    if not isinstance(value, int) or not 1 <= value <= columns:
        raise ProgrammingError(
            f"column {value!r} does not exist: the result has {plural(columns, 'column')}", span=expr.span
        )
    return str(value)


def whole_number(expr: nodes.Expr, clause: str) -> nodes.Expr:
    """Return the expression of LIMIT or OFFSET. Raises ProgrammingError for a literal that is not a whole number."""
    if isinstance(expr, nodes.Variable):
        raise unbound_error(expr)
    if isinstance(expr, nodes.Literal) and not isinstance(literal_value(expr), int):
        raise ProgrammingError(f"{clause} takes a whole number", span=expr.span)
    value = literal_value(expr)
    # SQLite takes every row for a negative number: LIMIT -1 is how it says so, others are slips.
    if isinstance(value, int) and value < 0 and (clause, value) != ("LIMIT", -1):
        raise ProgrammingError(f"{clause} is negative", span=expr.span, hint=f"leave {clause} out to take every row")
    return expr


def check_row_lengths(values: nodes.Values) -> None:
    """Raise ProgrammingError if the rows of VALUES differ in length."""
    expected = len(values.rows[0])
    for row in values.rows:
        if len(row) != expected:
            raise ProgrammingError(f"VALUES has rows of {expected} and of {len(row)} values", span=values.span)


def refers_to_table(query: nodes.Query, name: str) -> bool:
    """Return whether a query names a table of that name, in lower case, anywhere inside."""
    # At any depth: a recursive reference may be in a derived table.
    tables = (node for node in walk((query.ctes, query.body), deep=True) if isinstance(node, nodes.TableRef))
    return any(len(table.path) == 1 and table.path[0].text.lower() == name for table in tables)
