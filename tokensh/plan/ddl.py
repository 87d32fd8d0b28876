"""Plan CREATE, DROP and REFRESH, and changes of local tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName
from tokensh.plan.names import Names
from tokensh.plan.nodes import (
    DefinePlan,
    DropPlan,
    IndexPlan,
    LocalChangePlan,
    Projection,
    RefreshPlan,
)
from tokensh.plan.objects import Kind, Objects, StoredTable, View, local_name
from tokensh.plan.planner import columns_of, plan_query
from tokensh.plan.returning import resolve_returning, table_column
from tokensh.plan.scope import HIDDEN_PREFIX, ROW_NUMBER, is_hidden, name_suffixes
from tokensh.plan.slip_checks import refuse_assigned_condition
from tokensh.plan.table_rules import check_collation, plan_rules
from tokensh.plan.type_checks import check_written_values
from tokensh.plan.views import match_columns, name_items
from tokensh.rows import Column, make_names_unique
from tokensh.sql import nodes, unparse
from tokensh.sql.nodes import path_span, path_text
from tokensh.sql.quoting import quote_name
from tokensh.sql.visit import rewrite, walk
from tokensh.text import nearest, plural

# ---- CREATE


def create_view(node: nodes.CreateView, names: Names) -> DefinePlan:
    """Plan CREATE [MATERIALIZED] VIEW. Raises ProgrammingError and its leaves."""
    kind: Kind = "MATERIALIZED VIEW" if node.materialized else "VIEW"
    name = _new_name(node.path, kind, names, replaces=node.replace, keeps=node.if_not_exists)
    # The text is stored, and read again in sessions with another USE.
    query = name_items(qualify_resources(node.query, names))
    source = plan_query(query, names) if node.materialized else None
    columns = source.columns if source else columns_of(query, names)
    # After the names are known to mean something: a view that reads a name that nothing has does not read itself.
    _refuse_self_reference(query, name, node.path)
    sources = tuple(make_names_unique(column.name for column in columns))
    columns = _check_column_names(_rename_columns(columns, node.columns, node.path), node.query.span)
    return DefinePlan(
        kind,
        name,
        unparse.query(query),
        columns,
        source,
        sources=sources,
        replace=node.replace,
        if_not_exists=node.if_not_exists,
    )


def create_table(node: nodes.CreateTable, names: Names) -> DefinePlan:
    """Plan CREATE TABLE. Raises ProgrammingError and its leaves."""
    name = _new_name(node.path, "TABLE", names, replaces=node.replace, keeps=node.if_not_exists)
    if node.query is not None:
        source = plan_query(node.query, names)
        columns = _check_column_names(source.columns, node.query.span)
        return DefinePlan("TABLE", name, "", columns, source, replace=node.replace, if_not_exists=node.if_not_exists)
    if not node.columns:
        raise ProgrammingError(f"the table {name} has no columns", span=path_span(node.path))
    _refuse_duplicates([column.name for column in node.columns])
    rules = plan_rules(node, name, names)
    return DefinePlan(
        "TABLE",
        name,
        "",
        rules.columns,
        None,
        rules.definitions,
        rules.described,
        replace=node.replace,
        if_not_exists=node.if_not_exists,
        foreign_keys=rules.foreign_keys,
    )


def create_index(node: nodes.CreateIndex, names: Names) -> IndexPlan:
    """Plan CREATE INDEX. Raises ProgrammingError and its leaves."""
    name, span = local_name(path_text(node.path)), path_span(node.table)
    resource = names.find_resource(node.table)
    if resource is not None:
        message = f"{path_text(node.table)} is a resource: it has no index"
        raise NotSupportedError(message, span=span, hint="CREATE TABLE ... AS SELECT keeps its rows in a local table")
    stored = names.find_object(node.table)
    if stored is None:
        near = nearest(path_text(node.table), names.objects.names())
        raise UnknownName("table", path_text(node.table), near=near, span=span)
    # A materialized view keeps the rows of earlier versions too, so that none of its columns is unique.
    if stored.kind != "TABLE" and (stored.kind != "MATERIALIZED VIEW" or node.unique):
        kinds = "a local table" if node.unique else "a local table or a materialized view"
        raise ProgrammingError(f"{stored.name} is a {stored.kind}", span=span, hint=f"an index is of {kinds}")
    known = {column.lower(): column for column in stored.column_names}
    columns = []
    for column in node.columns:
        if column.name.text.lower() not in known:
            near = nearest(column.name.text, known.values())
            raise UnknownName("column", column.name.text, near=near, span=column.name.span)
        collation = f" COLLATE {check_collation(column.collation)}" if column.collation else ""
        columns.append(quote_name(column.name.text) + collation + (" DESC" if column.descending else ""))
    # As in PostgreSQL, an index is in the schema of its table.
    schema = stored.name.rpartition(".")[0] if len(node.path) == 1 else ""
    name = f"{schema}.{name}" if schema else name
    return IndexPlan(name, stored.name, tuple(columns), node.unique, node.if_not_exists)


def _new_name(path: nodes.Path, kind: Kind, names: Names, *, replaces: bool, keeps: bool) -> str:
    """Return the name of an object that CREATE makes. Raises ProgrammingError if the name is taken."""
    name = path_text(path)
    span = path_span(path)
    # Also where USE has not set its place: a view would stop meaning the same after another USE.
    resource = names.find_resource(path) or names.inside_view().find_resource(path)
    if resource is not None:
        hint = f"use another name: {resource.id} is always read as the resource"
        raise ProgrammingError(f"{name} is the name of a resource", span=span, hint=hint)
    stored = names.objects.find(name)
    if stored is None:
        return local_name(path_text(path))
    if stored.kind == "SESSION TABLE":
        raise ProgrammingError(f"{name} is a table of the session's own", span=span, hint="use another name")
    if stored.kind != kind:
        raise ProgrammingError(f"{name} already is a {stored.kind}", span=span, hint=f"DROP {stored.kind} {name}")
    if not replaces and not keeps:
        hint = f"CREATE OR REPLACE {kind}, or IF NOT EXISTS"
        raise ProgrammingError(f"{kind} {name} already exists", span=span, hint=hint)
    return stored.name


def _refuse_self_reference(query: nodes.Query, name: str, path: nodes.Path) -> None:
    for node in walk(query, deep=True):
        if isinstance(node, nodes.TableRef) and local_name(path_text(node.path)).lower() == name.lower():
            raise ProgrammingError(f"{name} would read itself", span=path_span(path), hint="use another name")


def _rename_columns(columns: Sequence[Column], names: Sequence[nodes.Name], path: nodes.Path) -> tuple[Column, ...]:
    if not names:
        return tuple(columns)
    if len(names) != len(columns):
        raise ProgrammingError(
            f"{path_text(path)} is given {plural(len(names), 'column name')} for {plural(len(columns), 'column')}",
            span=path_span(path),
        )
    return tuple(replace(column, name=name.text) for column, name in zip(columns, names, strict=True))


def _refuse_duplicates(names: Sequence[nodes.Name]) -> None:
    earlier: set[str] = set()
    for name in names:
        _refuse_hidden(name.text, name.span)
        if name.text.lower() in earlier:
            raise ProgrammingError(f"the column {name.text!r} is named twice", span=name.span)
        earlier.add(name.text.lower())


def _refuse_hidden(name: str, span: Span) -> None:
    if is_hidden(name):
        raise ProgrammingError(f"the name {name!r} is tokensh's own", span=span, hint="give the column another name")


def _check_column_names(columns: Sequence[Column], span: Span) -> tuple[Column, ...]:
    """Return the columns. Raises ProgrammingError if two have the same name, or one a name of tokensh's own."""
    earlier: set[str] = set()
    for column in columns:
        _refuse_hidden(column.name, span)
        if column.name.lower() in earlier:
            message = f"two columns are called {column.name!r}"
            raise ProgrammingError(message, span=span, hint="give one an alias with AS")
        earlier.add(column.name.lower())
    return tuple(columns)


def qualify_resources(query: nodes.Query, names: Names) -> nodes.Query:
    """Return a query in which every resource has its full name, so that it means the same after a USE."""
    inside = walk(query, deep=True)
    ctes = {cte.name.text.lower() for node in inside if isinstance(node, nodes.Query) for cte in node.ctes}

    def qualify(node: nodes.TableRef) -> nodes.TableRef:
        name = path_text(node.path)
        if len(node.path) == 1 and name.lower() in ctes:
            return node
        resource = names.find_resource(node.path)
        if resource is None or len(node.path) > 2:
            return node
        path = tuple(map(nodes.Name, (resource.provider, resource.service, resource.name)))
        # The alias keeps the name that qualifies its columns.
        return replace(node, path=path, alias=node.alias or node.path[-1])

    return rewrite(query, {nodes.TableRef: qualify})


# ---- DROP, REFRESH


def drop(node: nodes.Drop, names: Names) -> DropPlan:
    """Plan DROP. Raises UnknownName, and ProgrammingError for an object of another kind."""
    name = path_text(node.path)
    span = path_span(node.path)
    if node.kind == "INDEX":
        return DropPlan("INDEX", local_name(path_text(node.path)), if_exists=node.if_exists)
    stored = names.objects.find(name)
    if stored is None and _is_resource(node.path, names):
        raise ProgrammingError(
            f"{name} is a resource: it cannot be dropped",
            span=span,
            hint="DELETE removes rows; a local table or view is dropped by its own name",
        )
    if stored is None and node.if_exists:
        return DropPlan(node.kind, name, missing=True)
    if stored is None:
        resource = names.find_resource(node.path)
        if resource is not None:
            hint_text = f"SHOW METHODS IN {resource.id} lists what it offers"
            raise ProgrammingError(f"{name} is a resource: it cannot be dropped", span=span, hint=hint_text)
        near = nearest(name, names.objects.names())
        hint = None if near else "with IF EXISTS this is not an error"
        raise UnknownName(node.kind.lower(), name, near=near, span=span, hint=hint)
    if stored.kind == "SESSION TABLE":
        raise ProgrammingError(f"{name} is a table of the session's own", span=span)
    if stored.kind != node.kind:
        raise ProgrammingError(f"{name} is a {stored.kind}", span=span, hint=f"DROP {stored.kind} {name}")
    return DropPlan(node.kind, stored.name)


def _is_resource(path: nodes.Path, names: Names) -> bool:
    try:
        names.catalog.find(tuple(part.text for part in path), names.namespace, path_span(path))
    except UnknownName:
        return False
    return True


def refresh(node: nodes.Refresh, names: Names) -> RefreshPlan:
    """Plan REFRESH MATERIALIZED VIEW. Raises UnknownName, and what its query raises."""
    name = path_text(node.path)
    span = path_span(node.path)
    stored = names.objects.find(name)
    if not isinstance(stored, StoredTable) or stored.query is None:
        raise UnknownName("materialized view", name, near=nearest(name, names.objects.names()), span=span)
    try:
        source = plan_query(stored.query, names.inside_view(), span)
        positions = match_columns(stored, [column.name for column in source.columns], span)
        return RefreshPlan(stored.name, source, tuple(positions))
    except Error as error:
        raise error.with_context(span=span) from error.__cause__


# ---- INSERT, UPDATE, DELETE of a local table


def local_table(path: nodes.Path, names: Names, *, deletes: bool = False) -> StoredTable | None:
    """Return the local table that a write names; None if it names a resource. Raises ProgrammingError for a view."""
    stored = names.find_object(path)
    if stored is None or (isinstance(stored, StoredTable) and stored.key is not None and deletes):
        return stored
    if isinstance(stored, View) or stored.kind != "TABLE":
        message = f"{stored.name} is a {stored.kind}: its rows cannot be changed"
        hint = f"REFRESH MATERIALIZED VIEW {stored.name}" if stored.kind == "MATERIALIZED VIEW" else None
        raise ProgrammingError(message, span=path_span(path), hint=hint)
    return stored


def local_change(node: nodes.Update | nodes.Delete, table: StoredTable, names: Names) -> LocalChangePlan:
    """Plan UPDATE or DELETE of a local table. Raises ProgrammingError and its leaves."""
    verb = "DELETE" if isinstance(node, nodes.Delete) else node.verb
    if verb == "REPLACE" or (isinstance(node, nodes.Update) and node.source is not None):
        raise NotSupportedError(
            f"{verb} {'... FROM ' if verb == 'UPDATE' else ''}of a local table is not offered",
            span=path_span(node.target),
            hint="use UPDATE ... SET ... WHERE ... IN (SELECT ...)",
        )
    pairs = node.assignments if isinstance(node, nodes.Update) else ()
    assigned = target_columns(table, [path[-1] for path, _ in pairs])
    types = {column.name: column.type for column in table.columns}
    check_written_values([expr for _, expr in pairs], assigned, types)
    for name, (_, expr) in zip(assigned, pairs, strict=True):
        refuse_assigned_condition(name, types.get(name, "any"), expr)
    # SQLite's rowid would do, but a column of the table may be called rowid.
    numbered = table if table.key else replace(table, hidden=(Column(ROW_NUMBER, "integer"),))
    items = (
        nodes.Item(nodes.ColumnRef((nodes.Name(table.key or ROW_NUMBER),)), text="row"),
        *(nodes.Item(expr, nodes.Name(f"{HIDDEN_PREFIX}value {i}")) for i, (_, expr) in enumerate(pairs)),
    )
    query = nodes.Query(
        nodes.Select(items, nodes.TableRef(node.target, node.alias, span=path_span(node.target)), node.where),
        order=node.order,
        limit=node.limit,
        ctes=node.ctes,
        recursive=node.recursive,
        offset=node.offset,
    )
    source = plan_query(query, replace(names, objects=_Overlay(names.objects, numbered)))
    kind: Literal["UPDATE", "DELETE"] = "DELETE" if verb == "DELETE" else "UPDATE"
    returning = resolve_table_returning(node.returning, table)
    span = path_span(node.target)
    return LocalChangePlan(
        kind, table.name, table.columns, assigned, source, returning, span, of_session=bool(table.key)
    )


@dataclass(frozen=True, slots=True)
class _Overlay:
    """The session's objects, but with another description of one table."""

    below: Objects
    table: StoredTable

    def find(self, name: str) -> View | StoredTable | None:
        return self.table if name.lower() == self.table.name.lower() else self.below.find(name)

    def names(self) -> Iterable[str]:
        return self.below.names()


def target_columns(table: StoredTable, names: Sequence[nodes.Name]) -> tuple[str, ...]:
    """Return the columns of a table that names mean. Raises UnknownName; ProgrammingError for one that is named twice."""
    _refuse_duplicates(names)
    known = {column.name.lower(): column.name for column in table.columns}
    for name in names:
        if name.text.lower() not in known:
            raise UnknownName("column", name.text, near=nearest(name.text, known.values()), span=name.span)
    return tuple(known[name.text.lower()] for name in names)


def resolve_table_returning(items: Sequence[nodes.Item | nodes.Star], table: StoredTable) -> Projection | None:
    """Return RETURNING of a change of a local table; None without one."""
    if not items:
        return None
    return resolve_returning(items, map(table_column, table.columns), table.name, name_suffixes(table.name))
