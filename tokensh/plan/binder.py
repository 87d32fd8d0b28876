"""Bind a statement: the parsed statement and the catalog -> a plan. Pure: nothing is sent.

Every name is resolved, and it is known where each value will come from, so that what is wrong with a statement is reported before
anything happens.
"""

from __future__ import annotations

from typing import Literal

from tokensh._dataclasses import replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName, assert_never
from tokensh.functions import functions
from tokensh.plan import ddl, dml, inserts
from tokensh.plan.checks import check_statement
from tokensh.plan.nodes import ExplainPlan, Plan, RegistryPlan, RowsPlan, TransactionPlan, UsePlan
from tokensh.plan.objects import StoredTable, View
from tokensh.plan.planner import columns_of, plan_query
from tokensh.plan.resolve import Names, resolve_expression, sql_of
from tokensh.plan.returning import single_table, table_column
from tokensh.plan.views import match_columns
from tokensh.provider import show
from tokensh.provider.model import Field, Resource
from tokensh.provider.show_kinds import SHOW_KINDS, ShowKind
from tokensh.rows import Column, RowSet
from tokensh.sql import nodes, unparse
from tokensh.sql.nodes import path_span
from tokensh.sql.quoting import quote_name, text_literal
from tokensh.sql.visit import walk
from tokensh.text import nearest, nearest_word

__all__ = ["Names", "bind"]

# Binding gives every name of a statement its meaning, and every parameter the place that its values come
# from. One `match` in `bind` dispatches on the class of the statement, with `assert_never` at its end: a
# statement that is added to the grammar and not here is an error of mypy, not a surprise at run time.
# Queries, writes and the store have planners of their own (`planner`, `dml`, `ddl`); only what the
# catalog answers (SHOW, DESCRIBE, USE) is planned here.
#
# It is pure because its callers need the plan without the effect: EXPLAIN prints it, and
# Spark plans on the driver what executors fetch. A wrong name in the last line of an INSERT
# must also be reported before the first token is created, because a create cannot be taken back.

_SHOW_TABLE = "shown"


def bind(statement: nodes.Statement, names: Names) -> Plan:
    """Return the plan of a statement.

    Raises:
        UnknownName: a name means nothing; the nearest one that would is named.
        MissingParameter: a required parameter's values cannot be worked out.
        ProgrammingError: the statement is wrong in another way.
        NotSupportedError: it is understood, and not offered.
    """
    try:
        return _bind(statement, names)
    except UnknownName as error:
        from tokensh.plan.name_hints import explain_unknown_name  # noqa: PLC0415 (needed only after a mistake)

        raise explain_unknown_name(error, statement, names) from error.__cause__


def _bind(statement: nodes.Statement, names: Names) -> Plan:
    # Views are not looked into: they were checked when they were created.
    # These checks come first, for the whole statement: they need no scope, and no planner has to repeat
    # them.
    if isinstance(statement, nodes.Insert):
        statement = inserts.drop_defaults(statement, names)
    check_statement(statement, names.functions)
    match statement:
        case nodes.Query():
            return plan_query(statement, names)
        case nodes.Insert():
            table = ddl.local_table(statement.target, names)
            return inserts.local_insert(statement, table, names) if table else dml.plan_insert(statement, names)
        case nodes.Update() | nodes.Delete():
            table = ddl.local_table(statement.target, names, deletes=isinstance(statement, nodes.Delete))
            return ddl.local_change(statement, table, names) if table else dml.plan_change(statement, names)
        case nodes.Exec():
            return dml.plan_exec(statement, names)
        case nodes.Explain():
            return ExplainPlan(_bind(statement.statement, names))
        case nodes.Show():
            return _plan_show(statement, names)
        case nodes.ShowInsert():
            resource = dml.resource_of(names, statement.target)
            return RowsPlan(show.show_insert(resource, extended=statement.extended))
        case nodes.Describe():
            return _plan_describe(statement, names)
        case nodes.Use():
            return _plan_use(statement, names)
        case nodes.CreateView():
            return ddl.create_view(statement, names)
        case nodes.CreateTable():
            return ddl.create_table(statement, names)
        case nodes.CreateIndex():
            return ddl.create_index(statement, names)
        case nodes.Drop():
            return ddl.drop(statement, names)
        case nodes.Refresh():
            return ddl.refresh(statement, names)
        case nodes.Transaction():
            name = statement.name
            return TransactionPlan(statement.verb, name.text if name else "", name.span if name else None)
        case nodes.Registry():
            return RegistryPlan(statement.verb, statement.provider, statement.version)
        case nodes.Unsupported():
            raise _error_for_unsupported(statement)
        case _:
            assert_never(statement)


_INSTEAD = {
    "AUTH": "credentials come from ~/.databrickscfg or DATABRICKS_TOKEN; \\conninfo shows which one is used",
    "NATIVEQUERY": "SELECT runs in SQLite already: write the query itself",
    "PURGE": "a document that changes is read again by itself",
    "SLEEP": "the shell that runs tokensh can wait",
    "SET": "\\set NAME VALUE in the shell, -v NAME=VALUE in a batch",
}
"""What to do instead of statements that StackQL has and tokensh does not offer."""


def _error_for_unsupported(statement: nodes.Unsupported) -> NotSupportedError:
    verb = statement.verb.upper()
    return NotSupportedError(f"{verb} is not offered", span=statement.span, hint=_INSTEAD.get(verb))


def _find_idiom(kind: Literal["function", "show"], name: str) -> str | None:
    from tokensh.sql.idioms import named_idiom  # noqa: PLC0415 (needed only after a mistake)

    return named_idiom(kind, name)


def _plan_use(node: nodes.Use, names: Names) -> UsePlan:
    path = tuple(part.text for part in node.path)
    services = names.catalog.services(path[0], path_span(node.path))
    if len(path) > 2:
        raise ProgrammingError("USE takes provider or provider.service", span=path_span(node.path))
    if len(path) == 2:
        known = [service.name for service in services]
        if path[1].lower() not in {name.lower() for name in known}:
            raise UnknownName("service", path[1], near=nearest(path[1], known), span=node.path[1].span)
    return UsePlan(path)


def _plan_describe(node: nodes.Describe, names: Names) -> RowsPlan:
    if node.method:
        _, method = dml.method_of(names, node.path, path_span(node.path))
        return RowsPlan(show.describe_method(method, extended=node.extended))
    stored = names.find_object(node.path)
    if stored is not None:
        return RowsPlan(_describe_object(stored, names, path_span(node.path)))
    resource = dml.resource_of(names, node.path)
    if resource.view and not resource.fields:
        return RowsPlan(_describe_columns(resource, names, node))
    return RowsPlan(show.describe(resource, extended=node.extended))


def _describe_columns(resource: Resource, names: Names, node: nodes.Describe) -> RowSet:
    """Return the columns of a view of a document that does not list them."""
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
        try:
            columns = columns_of(stored.query, names.inside_view(), span)
        except Error as error:
            raise error.with_context(span=span) from error.__cause__
        positions = match_columns(stored, [column.name for column in columns], span)
        rows = [(name.text, columns[position].type) for name, position in zip(stored.columns, positions, strict=True)]
    return RowSet((Column("name", "string"), Column("type", "string")), iter(rows))


def _plan_show(node: nodes.Show, names: Names) -> RowsPlan:
    kind = _show_kind(node)
    rows = _show_rows(kind, node, names)
    if node.like is None and node.where is None:
        return RowsPlan(rows)
    # LIKE and WHERE run in SQLite, so that they mean what they mean in a query.
    if node.where is not None:
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
    known = (doc for name, doc in sorted(functions().items()) if not names.functions or name in names.functions)
    return RowSet(_string_columns(kind), ((doc.name, doc.signature, doc.kind, doc.description) for doc in known))


def _object_rows(kind: ShowKind, names: Names) -> RowSet:
    """Return the stored views or tables. Read now, not when the rows are fetched: the store may change in between."""
    stored = [names.objects.find(name) for name in names.objects.names()]
    rows = [
        (item.name, item.kind, unparse.query(item.query) if item.query else None)
        for item in stored
        if item is not None and ("VIEW" in item.kind) == (kind.name == "VIEWS")
    ]
    return RowSet(_string_columns(kind), iter(rows))
