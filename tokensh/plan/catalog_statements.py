"""Plan the statements that the catalog and the store answer without a request: SHOW, DESCRIBE and USE."""

from __future__ import annotations

from typing import Literal

from tokensh._dataclasses import replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName
from tokensh.plan.names import Names
from tokensh.plan.nodes import RowsPlan, UsePlan
from tokensh.plan.objects import StoredTable, View
from tokensh.provider import show
from tokensh.provider.model import Field, Resource
from tokensh.provider.show_kinds import SHOW_KINDS, ShowKind
from tokensh.rows import Column, RowSet
from tokensh.sql import nodes
from tokensh.sql.nodes import path_span
from tokensh.sql.quoting import quote_name, text_literal
from tokensh.sql.visit import walk
from tokensh.text import nearest, nearest_word

_SHOW_TABLE = "shown"

# Most of these statements need nothing of what plans queries, which takes longer to load than they take to run: it is imported
# where they do.


def _find_idiom(kind: Literal["function", "show"], name: str) -> str | None:
    from tokensh.sql.idioms import named_idiom  # noqa: PLC0415 (needed only after a mistake)

    return named_idiom(kind, name)


def plan_use(node: nodes.Use, names: Names) -> UsePlan:
    """Plan USE. Raises UnknownName, ProgrammingError."""
    path = tuple(part.text for part in node.path)
    services = names.catalog.services(path[0], path_span(node.path))
    if len(path) > 2:
        raise ProgrammingError("USE takes provider or provider.service", span=path_span(node.path))
    if len(path) == 2:
        known = [service.name for service in services]
        if path[1].lower() not in {name.lower() for name in known}:
            raise UnknownName("service", path[1], near=nearest(path[1], known), span=node.path[1].span)
    return UsePlan(path)


def plan_show_insert(node: nodes.ShowInsert, names: Names) -> RowsPlan:
    """Plan SHOW INSERT INTO. Raises UnknownName."""
    return RowsPlan(show.show_insert(names.get_resource(node.target), extended=node.extended))


def plan_describe(node: nodes.Describe, names: Names) -> RowsPlan:
    """Plan DESCRIBE of a resource, a method, a table or a view. Raises UnknownName, ProgrammingError."""
    if node.method:
        from tokensh.plan.dml import method_of  # noqa: PLC0415 (as said above)

        _, method = method_of(names, node.path, path_span(node.path))
        return RowsPlan(show.describe_method(method, extended=node.extended))
    stored = names.find_object(node.path)
    if stored is not None:
        return RowsPlan(_describe_object(stored, names, path_span(node.path)))
    resource = names.get_resource(node.path)
    if resource.view and not resource.fields:
        return RowsPlan(_describe_columns(resource, names, node))
    return RowsPlan(show.describe(resource, extended=node.extended))


def _describe_columns(resource: Resource, names: Names, node: nodes.Describe) -> RowSet:
    """Return the columns of a view of a document that does not list them."""
    from tokensh.plan.planner import columns_of  # noqa: PLC0415 (as said above)

    star = nodes.Select((nodes.Star(),), nodes.TableRef(node.path, span=path_span(node.path)))
    fields = tuple(Field(column.name, column.type) for column in columns_of(nodes.Query(star), names))
    method = replace(resource.methods[0], fields=fields)
    return show.describe(replace(resource, methods=(method,)), extended=node.extended)


def _describe_object(stored: View | StoredTable, names: Names, span: Span) -> RowSet:
    columns: tuple[Column, ...]
    if isinstance(stored, StoredTable) and any(stored.rules):
        columns = tuple(Column(name, "string") for name in ("name", "type", "constraints"))
        ruled = zip(stored.columns, stored.rules, strict=True)
        return RowSet(columns, ((column.name, column.type, rules) for column, rules in ruled))
    if isinstance(stored, StoredTable):
        rows = [(column.name, column.type) for column in stored.columns]
    else:
        from tokensh.plan.planner import columns_of  # noqa: PLC0415 (as said above)
        from tokensh.plan.views import match_columns  # noqa: PLC0415 (the same)

        try:
            columns = columns_of(stored.query, names.inside_view(), span)
        except Error as error:
            raise error.with_context(span=span) from error.__cause__
        positions = match_columns(stored, [column.name for column in columns], span)
        rows = [(name.text, columns[position].type) for name, position in zip(stored.columns, positions, strict=True)]
    return RowSet((Column("name", "string"), Column("type", "string")), iter(rows))


def plan_show(node: nodes.Show, names: Names) -> RowsPlan:
    """Plan SHOW. Raises UnknownName, ProgrammingError, NotSupportedError."""
    kind = _show_kind(node)
    rows = _show_rows(kind, node, names)
    if node.like is None and node.where is None:
        return RowsPlan(rows)
    # LIKE and WHERE run in SQLite, so that they mean what they mean in a query.
    if node.where is not None:
        from tokensh.plan.resolve import resolve_expression, sql_of  # noqa: PLC0415 (as said above)
        from tokensh.plan.returning import single_table, table_column  # noqa: PLC0415 (the same)

        if any(isinstance(part, nodes.Query) for part in walk(node.where)):
            raise NotSupportedError("the WHERE of SHOW takes no subquery", span=node.where.span)
        scope = single_table(_SHOW_TABLE, map(table_column, rows.columns))
        condition = sql_of(resolve_expression(node.where, scope))
    else:
        condition = f"{quote_name(kind.name_column)} LIKE {text_literal(node.like or '')}"
    return RowsPlan(rows, quote_name(_SHOW_TABLE), f"SELECT * FROM {quote_name(_SHOW_TABLE)} WHERE {condition}")  # noqa: S608


# The grammar takes any word after SHOW, so that a wrong one gets a suggestion from the table instead of a
# syntax error.
def _show_kind(node: nodes.Show) -> ShowKind:
    kind = SHOW_KINDS.get(node.what.text.upper())
    if kind is None:
        idiom = _find_idiom("show", node.what.text)
        near = None if idiom else nearest_word(node.what.text, SHOW_KINDS)
        hint = idiom or (None if near else f"SHOW {', '.join(SHOW_KINDS)}")
        raise UnknownName("thing to show", node.what.text, near=near, span=node.what.span, hint=hint)
    if node.path and kind.parent is None:
        raise ProgrammingError(f"SHOW {kind.name} takes no IN", span=path_span(node.path), hint=f"SHOW {kind.name}")
    if node.extended and not kind.extended_columns:
        raise ProgrammingError(
            f"EXTENDED adds nothing to SHOW {kind.name}", span=node.what.span, hint=f"SHOW {kind.name}"
        )
    return kind


def _show_rows(kind: ShowKind, node: nodes.Show, names: Names) -> RowSet:
    catalog = names.catalog
    path = tuple(part.text for part in node.path)
    full = (*names.namespace[: 2 - len(path)], *path) if len(path) < 2 else path
    span = path_span(node.path) if node.path else node.what.span
    match kind.name:
        case "PROVIDERS":
            return show.show_providers(catalog.providers())
        case "SERVICES":
            provider = path[0] if path else names.namespace[0]
            return show.show_services(catalog.services(provider, span), extended=node.extended)
        case "RESOURCES":
            if len(full) != 2:
                raise ProgrammingError(
                    "RESOURCES are in a service", span=span, hint="SHOW RESOURCES IN provider.service"
                )
            return show.show_resources(catalog.describe_resources(*full, span=span), extended=node.extended)
        case "METHODS":
            if not path:
                raise ProgrammingError("METHODS are in a resource", span=span, hint="SHOW METHODS IN resource")
            return show.show_methods(catalog.find(path, names.namespace, span), extended=node.extended)
        case "FUNCTIONS":
            return _function_rows(kind, names)
        case "VIEWS" if path:
            if len(full) != 2:
                raise ProgrammingError("VIEWS are in a service", span=span, hint="SHOW VIEWS IN provider.service")
            rows = [(r.id, "VIEW", r.view) for r in catalog.resources(*full, span=span) if r.view]
            return RowSet(_string_columns(kind), iter(rows))
        case "VIEWS" | "TABLES":
            return _object_rows(kind, names)
        case _:
            raise NotImplementedError(f"SHOW {kind.name}")


def _string_columns(kind: ShowKind) -> tuple[Column, ...]:
    return tuple(Column(name, "string") for name in kind.columns)


def _function_rows(kind: ShowKind, names: Names) -> RowSet:
    from tokensh.functions import functions  # noqa: PLC0415 (as said above)

    available = names.functions()
    known = (doc for name, doc in sorted(functions().items()) if not available or name in available)
    return RowSet(_string_columns(kind), ((doc.name, doc.signature, doc.kind, doc.description) for doc in known))


def _object_rows(kind: ShowKind, names: Names) -> RowSet:
    """Return the stored views or tables. Read now, not when the rows are fetched: the store may change in between."""
    from tokensh.sql import unparse  # noqa: PLC0415 (as said above)

    stored = [names.objects.find(name) for name in names.objects.names()]
    rows = [
        (item.name, item.kind, unparse.query(item.query) if item.query else None)
        for item in stored
        if item is not None and ("VIEW" in item.kind) == (kind.name == "VIEWS")
    ]
    return RowSet(_string_columns(kind), iter(rows))
