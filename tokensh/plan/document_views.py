"""The views of provider documents: SQL text whose placeholders stand for the values of its parameters.

`WHERE account_id = '{{ account_id }}'` says which column takes a parameter. The view is planned without that condition and with
the column, hidden if the view does not show it: predicates around the view reach the column then, as they do in a view of the
user's own, whether they are constants, lists or joins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tokensh._dataclasses import replace
from tokensh.errors import NotSupportedError, Span, SqlSyntaxError
from tokensh.plan.aggregate_checks import is_aggregate
from tokensh.plan.objects import View
from tokensh.provider.model import Resource
from tokensh.sql import nodes
from tokensh.sql.visit import walk

_PLACEHOLDER = r"\{\{\s*([\w.-]+)\s*\}\}"

Parse = Callable[[str], nodes.Statement]
"""Turns the text of one statement into its tree. Raises SqlSyntaxError."""


def read_view(resource: Resource, parse: Parse | None, span: Span) -> View:
    """Return the view that a resource is. Raises NotSupportedError if it cannot be read."""
    if parse is None:
        raise NotSupportedError(f"{resource.id} is a view, which is not offered here", span=span)
    try:
        query = parse(resource.view.strip().rstrip(";"))
    except SqlSyntaxError as error:
        raise make_view_error(resource.id, f"its text is wrong: {error.message}", span) from error
    if not isinstance(query, nodes.Query):
        raise make_view_error(resource.id, "its text is not a query", span)
    changed, parameters = _open_query(query)
    if any(_parameter_of(node) for node in walk(changed, deep=True)):
        raise make_view_error(resource.id, "it compares a parameter with more than columns", span)
    return View(resource.id, changed, hidden=frozenset(map(str.lower, parameters)), is_documents=True)


def make_view_error(name: str, problem: str, span: Span) -> NotSupportedError:
    """Return the error for a view that its document writes wrongly."""
    return NotSupportedError(f"the view {name} of the provider document cannot be read: {problem}", span=span)


def _open_query(query: nodes.Query) -> tuple[nodes.Query, tuple[str, ...]]:
    """Return a query without the conditions on parameters, and the names of the columns that it got for them."""
    if isinstance(query.body, nodes.Query):
        inner, hidden = _open_query(query.body)
        return replace(query, body=inner), hidden
    if not isinstance(query.body, nodes.Select):
        return query, ()
    body, hidden = _open_select(query.body)
    return replace(query, body=body), hidden


def _open_select(select: nodes.Select) -> tuple[nodes.Select, tuple[str, ...]]:
    source, inner = _open_source(select.source) if select.source is not None else (None, {})
    columns: dict[str, nodes.ColumnRef] = dict(inner)
    kept = []
    for condition in _split_conjunction(select.where):
        name = _parameter_of(condition)
        if name is None:
            kept.append(condition)
        elif name in columns:
            # Two tables with one parameter: what is said of one of them is said of both.
            kept.append(nodes.Binary("=", _column_of(condition), columns[name], columns[name].span))
        else:
            columns[name] = _column_of(condition)
    added = [name for name in columns if not _shows_column(select, name, columns[name])]
    items = (*select.items, *(nodes.Item(columns[name], nodes.Name(name), name) for name in added))
    # Groups are made for each value: an aggregate is about one account, not about all that are asked for.
    grouped = select.group or any(_is_aggregate(item) for item in select.items)
    group = (*select.group, *(columns[name] for name in added)) if grouped and not select.group_all else select.group
    where = _join_conjunction(kept, select.where)
    return replace(select, items=items, source=source, where=where, group=group), tuple(added)


def _open_source(item: nodes.FromItem) -> tuple[nodes.FromItem, dict[str, nodes.ColumnRef]]:
    """Return a part of FROM, and how the columns for parameters of the queries in it are named."""
    match item:
        case nodes.Derived(query=nodes.Query() as query):
            inner, hidden = _open_query(query)
            alias = (item.alias,) if item.alias is not None else ()
            return replace(item, query=inner), {
                name: nodes.ColumnRef((*alias, nodes.Name(name)), item.span) for name in hidden
            }
        case nodes.Join():
            left, first = _open_source(item.left)
            right, second = _open_source(item.right)
            return replace(item, left=left, right=right), {**second, **first}
        case _:
            return item, {}


def _split_conjunction(where: nodes.Expr | None) -> Sequence[nodes.Expr]:
    match where:
        case None:
            return ()
        case nodes.Logical(operator="AND"):
            return where.operands
        case _:
            return (where,)


def _join_conjunction(conditions: Sequence[nodes.Expr], where: nodes.Expr | None) -> nodes.Expr | None:
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return replace(where, operands=tuple(conditions)) if isinstance(where, nodes.Logical) else where


def _parameter_of(node: object) -> str | None:
    """Return the parameter that a condition compares a column with; None if it does not."""
    match node:
        case nodes.Binary("=", nodes.ColumnRef(), nodes.Literal("string", text)):
            pass
        case nodes.Binary("=", nodes.Literal("string", text), nodes.ColumnRef()):
            pass
        case nodes.Literal("string", text):
            pass
        case _:
            return None
    found = re.fullmatch(_PLACEHOLDER, text)
    return found[1] if found else None


def _column_of(condition: nodes.Expr) -> nodes.ColumnRef:
    return next(node for node in walk(condition) if isinstance(node, nodes.ColumnRef))


def _shows_column(select: nodes.Select, name: str, column: nodes.ColumnRef) -> bool:
    """Return whether the column that takes a parameter is in the select list under the parameter's name."""
    for item in select.items:
        if isinstance(item, nodes.Item) and isinstance(item.expr, nodes.ColumnRef):
            shown = item.alias or item.expr.name
            if shown.text.lower() == name.lower() == item.expr.name.text.lower() == column.name.text.lower():
                return True
    return False


def _is_aggregate(item: nodes.Item | nodes.Star) -> bool:
    return any(isinstance(node, nodes.Call) and node.over is None and is_aggregate(node) for node in walk(item))
