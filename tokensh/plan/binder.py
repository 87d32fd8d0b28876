"""Statement + catalog -> plan. Pure: every name is found, every value's way known, and nothing is sent."""

from __future__ import annotations

from tokensh.errors import NotSupportedError, ProgrammingError, Span, UnknownName, assert_never
from tokensh.functions import functions
from tokensh.plan import ddl, dml
from tokensh.plan.nodes import ExplainPlan, Plan, RowsPlan, TransactionPlan, UsePlan
from tokensh.plan.objects import Table, View, written
from tokensh.plan.pushdown import unbound, walk
from tokensh.plan.query import Names, QueryBinder
from tokensh.plan.scope import BoundColumn, From, Relation, Scope
from tokensh.provider import show
from tokensh.provider.show_kinds import SHOW_KINDS, ShowKind
from tokensh.rows import Column, RowSet
from tokensh.sql import nodes as n
from tokensh.sql import unparse
from tokensh.sql.unparse import quoted, text_literal
from tokensh.text import nearest

__all__ = ["Names", "bind"]

_TABLE = "shown"


def bind(statement: n.Statement, names: Names) -> Plan:
    """The plan of a statement.

    Raises:
        UnknownName: a name means nothing; the nearest one that would is named.
        MissingParameter: a required parameter's values cannot be worked out.
        ProgrammingError: the statement is wrong in another way.
        NotSupportedError: it is understood, and not offered.
    """
    for one in walk(statement, deep=True):
        _look_at(one, names)
    match statement:
        case n.Query():
            return QueryBinder(names).plan(statement)
        case n.Insert():
            table = ddl.local_table(statement.target, names)
            return ddl.local_insert(statement, table, names) if table else dml.insert(statement, names)
        case n.Update() | n.Delete():
            table = ddl.local_table(statement.target, names, deletes=isinstance(statement, n.Delete))
            return ddl.local_change(statement, table, names) if table else dml.change(statement, names)
        case n.Exec():
            return dml.execute(statement, names)
        case n.Explain():
            return ExplainPlan(bind(statement.statement, names))
        case n.Show():
            return _show(statement, names)
        case n.ShowInsert():
            resource = dml.resource_of(names, statement.target)
            return RowsPlan(show.show_insert(resource, extended=statement.extended))
        case n.Describe():
            return _describe(statement, names)
        case n.Use():
            return _use(statement, names)
        case n.CreateView():
            return ddl.create_view(statement, names)
        case n.CreateTable():
            return ddl.create_table(statement, names)
        case n.Drop():
            return ddl.drop(statement, names)
        case n.Refresh():
            return ddl.refresh(statement, names)
        case n.Transaction():
            return TransactionPlan(statement.verb)
        case n.Unsupported():
            raise _unsupported(statement)
        case _:
            assert_never(statement)


_INSTEAD = {
    "AUTH": "credentials come from ~/.databrickscfg or DATABRICKS_TOKEN; \\conninfo shows which one is used",
    "REGISTRY": "provider documents are read from a folder: --registry DIR; SHOW PROVIDERS lists them",
    "NATIVEQUERY": "SELECT runs in SQLite already: write the query itself",
    "PURGE": "there is no cache of documents to purge",
    "SLEEP": "the shell that runs tokensh can wait",
    "SET": "\\set NAME VALUE in the shell, -v NAME=VALUE in a batch",
}
"""What to do instead of statements that StackQL has and tokensh does not offer."""


def _unsupported(statement: n.Unsupported) -> NotSupportedError:
    verb = statement.verb.upper()
    return NotSupportedError(f"{verb} is not offered", span=statement.span, hint=_INSTEAD.get(verb))


def _look_at(node: object, names: Names) -> None:
    """What can be wrong with a node wherever it stands."""
    if isinstance(node, n.Variable):
        raise unbound(node)
    if isinstance(node, n.Literal) and node.kind == "number" and _is_too_big(node.text):
        raise ProgrammingError(f"{node.text} has more than 64 bits", span=node.span)
    if not isinstance(node, n.Call) or not names.functions:
        return
    name = node.name[-1].text
    if len(node.name) > 1 or name.lower() not in names.functions:
        written = ".".join(part.text for part in node.name)
        near = nearest(name, names.functions)
        hint = None if near else "SHOW FUNCTIONS lists those there are"
        raise UnknownName("function", written, near=near, span=node.name[-1].span, hint=hint)


def _is_too_big(text: str) -> bool:
    """Whether a hexadecimal number is larger than SQLite takes; a decimal one becomes a floating point number."""
    return text[:2] in ("0x", "0X") and int(text, 16) >= 2**64


def _span(path: n.Path) -> Span:
    return Span(path[0].span.start, path[-1].span.end)


def _use(node: n.Use, names: Names) -> UsePlan:
    path = tuple(part.text for part in node.path)
    services = names.catalog.services(path[0], _span(node.path))
    if len(path) > 2:
        raise ProgrammingError("USE takes provider or provider.service", span=_span(node.path))
    if len(path) == 2:
        known = [one.name for one in services]
        if path[1].lower() not in {name.lower() for name in known}:
            raise UnknownName("service", path[1], near=nearest(path[1], known), span=node.path[1].span)
    return UsePlan(path)


def _describe(node: n.Describe, names: Names) -> RowsPlan:
    if node.method:
        _, method = dml.method_of(names, node.path, _span(node.path))
        return RowsPlan(show.describe_method(method, extended=node.extended))
    found = names.objects.find(written(node.path))
    if found is not None:
        return RowsPlan(_described(found, names))
    return RowsPlan(show.describe(dml.resource_of(names, node.path), extended=node.extended))


def _described(found: View | Table, names: Names) -> RowSet:
    """DESCRIBE of a view or a local table: its columns."""
    columns = QueryBinder(names).check(found.query) if isinstance(found, View) else found.columns
    called = [one.text for one in found.columns] if isinstance(found, View) else [one.name for one in columns]
    rows = [(name, one.type) for name, one in zip(called, columns, strict=True)]
    return RowSet((Column("name", "string"), Column("type", "string")), iter(rows))


def _show(node: n.Show, names: Names) -> RowsPlan:
    kind = _show_kind(node)
    rows = _show_rows(kind, node, names)
    if node.like is None and node.where is None:
        return RowsPlan(rows)
    if node.where is not None:
        columns = tuple(BoundColumn(c.name, quoted(c.name), c, relations=frozenset([0])) for c in rows.columns)
        relation = Relation(0, frozenset(), columns, quoted(_TABLE), frozenset(), standalone=False)
        scope = Scope(None, From(quoted(_TABLE), (relation,), columns))
        binder = QueryBinder(names)
        if any(isinstance(inner, n.Query) for inner in walk(node.where)):
            raise NotSupportedError("the WHERE of SHOW takes no subquery", span=node.where.span)
        condition = binder.condition(node.where, scope, binder.dialect(scope, {}), frozenset())
    else:
        condition = f"{quoted(kind.name_column)} LIKE {text_literal(node.like or '')}"
    return RowsPlan(rows, quoted(_TABLE), f"SELECT * FROM {quoted(_TABLE)} WHERE {condition}")  # noqa: S608


def _show_kind(node: n.Show) -> ShowKind:
    kind = SHOW_KINDS.get(node.what.text.upper())
    if kind is None:
        near = nearest(node.what.text.upper(), SHOW_KINDS)
        hint = None if near else f"SHOW {', '.join(SHOW_KINDS)}"
        raise UnknownName("thing to show", node.what.text, near=near, span=node.what.span, hint=hint)
    return kind


def _show_rows(kind: ShowKind, node: n.Show, names: Names) -> RowSet:
    catalog = names.catalog
    path = tuple(part.text for part in node.path)
    full = (*names.namespace[: 2 - len(path)], *path) if len(path) < 2 else path
    span = _span(node.path) if node.path else node.what.span
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
            return show.show_resources(catalog.resources(*full, span=span), extended=node.extended)
        case "METHODS":
            if not path:
                raise ProgrammingError("METHODS are in a resource", span=span, hint="SHOW METHODS IN resource")
            return show.show_methods(catalog.find(path, names.namespace, span), extended=node.extended)
        case "FUNCTIONS":
            return _functions(kind, names)
        case "VIEWS" | "TABLES":
            return _objects(kind, names)
        case _:
            raise NotImplementedError(f"SHOW {kind.name}")


def _string_columns(kind: ShowKind) -> tuple[Column, ...]:
    return tuple(Column(name, "string") for name in kind.columns)


def _functions(kind: ShowKind, names: Names) -> RowSet:
    known = (doc for name, doc in sorted(functions().items()) if not names.functions or name in names.functions)
    return RowSet(_string_columns(kind), ((doc.name, doc.signature, doc.kind, doc.description) for doc in known))


def _objects(kind: ShowKind, names: Names) -> RowSet:
    """Return the stored views or tables. Read now, not when the rows are fetched: the store may change in between."""
    stored = [names.objects.find(name) for name in names.objects.names()]
    rows = [
        (item.name, item.kind, unparse.query(item.query) if item.query else None)
        for item in stored
        if item is not None and ("VIEW" in item.kind) == (kind.name == "VIEWS")
    ]
    return RowSet(_string_columns(kind), iter(rows))
