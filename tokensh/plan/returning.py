"""Resolve RETURNING: a projection over the reply of a write, or over the changed rows of a local table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tokensh.errors import NotSupportedError, ProgrammingError
from tokensh.plan.bound import BoundColumn, From, Relation
from tokensh.plan.method_resolution import is_secret
from tokensh.plan.nodes import Projection
from tokensh.plan.resolve import item_column, resolve_expression
from tokensh.plan.scope import Scope
from tokensh.plan.select_list import is_aggregate
from tokensh.provider.model import Method, Resource
from tokensh.rows import Column, ColumnType
from tokensh.sql import nodes
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import walk

_REPLY = "tokensh:reply"
"""RETURNING's table; a name that no alias has, because the statement's own tables are in the same database."""

_COLUMN_TYPES: dict[str, ColumnType] = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}
"""The types of JSON whose values are single."""


def single_table(table: str, columns: Iterable[BoundColumn], qualifiers: Iterable[tuple[str, ...]] = ()) -> Scope:
    """Return a scope over one table, `table` in SQLite, that no scan fills; the first column of a name counts."""
    unique: dict[str, BoundColumn] = {}
    # A key that is also in the reply, for example: callers list first what counts.
    for column in columns:
        unique.setdefault(column.name.lower(), column)
    text = quote_name(table)
    relation = Relation(0, frozenset(qualifiers), tuple(unique.values()), text, frozenset(), standalone=False)
    return Scope(0, None, From.of_relation(relation))


def table_column(column: Column, *, visible: bool = True) -> BoundColumn:
    """Return a column of the table of `single_table`."""
    return BoundColumn(column.name, quote_name(column.name), column, visible=visible, relations=frozenset([0]))


def resolve_returning(
    items: Sequence[nodes.Item | nodes.Star],
    columns: Iterable[BoundColumn],
    owner: str,
    qualifiers: Iterable[tuple[str, ...]],
) -> Projection:
    """Return RETURNING over columns; `owner` is what they belong to, in messages.

    Raises ProgrammingError, and NotSupportedError for what needs more than one row.
    """
    scope = single_table(_REPLY, columns, qualifiers)
    bound: list[BoundColumn] = []
    for item in items:
        if isinstance(item, nodes.Star):
            bound += scope.star(item.path, item.span)
            continue
        inside = list(walk(item))
        if any(isinstance(node, nodes.Query) for node in inside):
            raise NotSupportedError("RETURNING takes no subqueries", span=item.expr.span)
        # It is evaluated for one row at a time.
        calls = [node for node in inside if isinstance(node, nodes.Call)]
        if any(call.over is not None or is_aggregate(call) for call in calls):
            raise NotSupportedError("RETURNING takes no aggregate and no window function", span=item.expr.span)
        bound.append(item_column(item, resolve_expression(item.expr, scope)))
    if not bound:
        raise ProgrammingError(f"RETURNING * has no columns: {owner} replies with nothing")
    (relation,) = scope.source.relations
    sql = f"SELECT {', '.join(column.sql for column in bound)} FROM {relation.source}"  # noqa: S608 (printed by us)
    source = tuple(column.column for column in relation.columns)
    return Projection(relation.source, source, sql, tuple(column.column for column in bound))


def resolve_resource_returning(
    items: Sequence[nodes.Item | nodes.Star], columns: Iterable[BoundColumn], resource: Resource
) -> Projection | None:
    """Return RETURNING of a write to a resource; None without one."""
    if not items:
        return None
    parts = (resource.provider.lower(), resource.service.lower(), resource.name.lower())
    return resolve_returning(items, columns, resource.id, [parts[2:], parts])


def reply_columns(resource: Resource, method: Method) -> list[BoundColumn]:
    """Return the columns of a method's reply."""
    return [
        table_column(Column(field.name, field.type, f"{resource.id}.{field.name}", is_secret(field.name), field.unit))
        for field in method.fields
    ]


def nested_columns(resource: Resource, method: Method) -> list[BoundColumn]:
    """Return the properties of the objects in a method's reply; `*` does not include them."""
    units = {field.name: field.unit for field in resource.fields}
    shapes = (json.loads(field.shape).get("properties") or {} for field in method.fields if field.type == "object")
    return [
        table_column(
            Column(name, _COLUMN_TYPES[kind], f"{resource.id}.{name}", is_secret(name), units.get(name)), visible=False
        )
        for properties in shapes
        for name, shape in properties.items()
        if (kind := shape.get("type")) in _COLUMN_TYPES
    ]


def request_columns(resource: Resource, method: Method) -> list[BoundColumn]:
    """Return what a request is given, under the names that SQL gives it; `*` does not include them."""
    return [
        table_column(
            Column(parameter.sql_name, parameter.type, f"{resource.id}.{parameter.name}", unit=parameter.unit),
            visible=False,
        )
        for parameter in method.parameters
    ]
