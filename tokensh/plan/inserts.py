"""Plan INSERT into a local table: DEFAULT, ON CONFLICT, and the rows."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh._dataclasses import replace
from tokensh.errors import NotSupportedError, ProgrammingError
from tokensh.functions import CHECKED
from tokensh.plan.bound import BoundReference
from tokensh.plan.ddl import resolve_table_returning, target_columns
from tokensh.plan.names import Names
from tokensh.plan.nodes import ConflictClause, LocalInsertPlan
from tokensh.plan.objects import StoredTable
from tokensh.plan.planner import plan_query
from tokensh.plan.resolve import resolve_expression, sql_of
from tokensh.plan.returning import single_table, table_column
from tokensh.plan.scope import name_suffixes
from tokensh.plan.select_list import is_aggregate
from tokensh.plan.type_checks import check_conditions, check_written_values, kind_of
from tokensh.sql import nodes
from tokensh.sql.nodes import path_span
from tokensh.sql.quoting import quote_name, text_literal
from tokensh.sql.visit import rewrite, walk
from tokensh.text import plural

_EXCLUDED = "excluded"
_NOTHING = nodes.Literal("null")


def drop_defaults(node: nodes.Insert, names: Names) -> nodes.Insert:
    """Return an INSERT without the columns whose value is DEFAULT. Raises ProgrammingError if only some rows have it."""
    body = node.query.body
    if not isinstance(body, nodes.Values) or not any(map(_is_default, walk(body))):
        return node
    table = names.find_object(node.target)
    width = len(body.rows[0])
    columns = node.columns
    if columns is None and isinstance(table, StoredTable):
        columns = tuple((nodes.Name(column.name),) for column in table.columns)
    if columns is None or (columns and len(columns) != width) or any(len(row) != width for row in body.rows):
        return node  # the planner says what is wrong with it
    kept = []
    for index in range(width):
        defaults = [row[index] for row in body.rows if _is_default(row[index])]
        if defaults and len(defaults) < len(body.rows):
            message = "DEFAULT has to be the column's value in every row"
            raise ProgrammingError(message, span=defaults[0].span, hint="write an INSERT for the rows that have it")
        if not defaults:
            kept.append(index)
    rows = tuple(tuple(row[index] for index in kept) or (_NOTHING,) for row in body.rows)
    query = replace(node.query, body=replace(body, rows=rows))
    return replace(node, columns=tuple(columns[index] for index in kept) if columns else (), query=query)


def _is_default(expr: object) -> bool:
    return isinstance(expr, nodes.Literal) and expr.kind == "default"


def local_insert(node: nodes.Insert, table: StoredTable, names: Names) -> LocalInsertPlan:
    """Plan INSERT or REPLACE INTO a local table. Raises ProgrammingError and its leaves."""
    if node.columns is None:
        targets = tuple(column.name for column in table.columns)
    else:
        targets = target_columns(table, [path[-1] for path in node.columns])
    if isinstance(node.query.body, nodes.Values):
        types = {column.name: column.type for column in table.columns}
        for row in node.query.body.rows:
            check_written_values(row, targets, types)
    source = plan_query(node.query, names)
    if targets and len(source.columns) != len(targets):
        raise ProgrammingError(
            f"INSERT names {plural(len(targets), 'column')} and is given {plural(len(source.columns), 'value')}",
            span=node.query.span,
        )
    conflict = _plan_conflict(node.conflict, table) if node.conflict else None
    if conflict and (node.replace or node.ignore):
        message = f"{'REPLACE' if node.replace else 'IGNORE'} and ON CONFLICT both say what a row that exists means"
        raise ProgrammingError(message, span=conflict.span, hint="leave one of them out")
    returning = resolve_table_returning(node.returning, table)
    return LocalInsertPlan(
        table.name,
        table.columns,
        targets,
        source,
        returning,
        path_span(node.target),
        node.replace,
        node.ignore,
        conflict,
    )


# ---- ON CONFLICT


def _plan_conflict(node: nodes.Conflict, table: StoredTable) -> ConflictClause:
    columns = target_columns(table, node.columns)
    head = f"ON CONFLICT ({', '.join(map(quote_name, columns))})" if columns else "ON CONFLICT"
    if not node.assignments:
        return ConflictClause(f"{head} DO NOTHING", columns, node.span)
    if not columns:
        hint = "ON CONFLICT (k) DO UPDATE, where k is the PRIMARY KEY or UNIQUE"
        raise ProgrammingError("DO UPDATE needs the columns of the conflict", span=node.span, hint=hint)
    targets = target_columns(table, [path[-1] for path, _ in node.assignments])
    exprs = tuple(expr for _, expr in node.assignments)
    for part in walk((exprs, node.where)):
        if isinstance(part, nodes.Query):
            hint = "INSERT ... SELECT the value in a column of its own, and take it from excluded"
            raise NotSupportedError("ON CONFLICT takes no subquery", span=part.span, hint=hint)
        if isinstance(part, nodes.Call) and (part.over is not None or is_aggregate(part)):
            raise NotSupportedError("ON CONFLICT takes no aggregate and no window function", span=part.span)
    values = _resolve_row(exprs, table)
    types = {column.name: column.type for column in table.columns}
    assigned = ", ".join(
        f"{quote_name(name)} = {_check_value(value, name, types[name])}"
        for name, value in zip(targets, values, strict=True)
    )
    where = ""
    if node.where is not None:
        (condition,) = _resolve_row((node.where,), table)
        check_conditions((condition,))
        where = f" WHERE {sql_of(condition)}"
    return ConflictClause(f"{head} DO UPDATE SET {assigned}{where}", columns, node.span)


def _resolve_row(exprs: tuple[nodes.Expr, ...], table: StoredTable) -> Sequence[nodes.Expr]:
    """Return expressions over the row that exists, and over the new one, `excluded`."""
    columns = [table_column(column) for column in table.columns]
    new = [replace(column, sql=f"{_EXCLUDED}.{column.sql}") for column in columns]
    new_scope = single_table(_EXCLUDED, new, [(_EXCLUDED,)])

    def resolve_new(ref: nodes.ColumnRef) -> nodes.ColumnRef | BoundReference:
        is_new = len(ref.path) > 1 and ref.path[-2].text.lower() == _EXCLUDED
        return new_scope.resolve(ref) if is_new else ref

    return resolve_expression(
        rewrite(exprs, {nodes.ColumnRef: resolve_new}), single_table(table.name, columns, name_suffixes(table.name))
    )


def _check_value(expr: nodes.Expr, name: str, kind: str) -> str:
    """Return an assigned value for SQLite, which the store looks at unless it is a number."""
    sql = sql_of(expr)
    if kind_of(expr) == "number":
        return sql
    return f"{quote_name(CHECKED)}({sql}, {text_literal(name)}, {text_literal(kind)})"
