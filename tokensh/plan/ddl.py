"""Views, materialized views and local tables -> plans: what CREATE, DROP, REFRESH and changes of a local table do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName
from tokensh.plan.expression_types import declared_type
from tokensh.plan.nodes import DefinePlan, DropPlan, LocalChangePlan, LocalInsertPlan, Projection, RefreshPlan
from tokensh.plan.objects import Kind, Objects, StoredTable, View
from tokensh.plan.planner import columns_of, plan_query
from tokensh.plan.resolve import Names
from tokensh.plan.returning import resolve_returning, table_column
from tokensh.rows import Column
from tokensh.sql import nodes, unparse
from tokensh.sql.nodes import path_span, path_text
from tokensh.sql.unparse import quoted
from tokensh.sql.visit import rewrite, walk
from tokensh.text import nearest

T = TypeVar("T")

ROW_NUMBER = "tokensh:row"
"""The hidden column that tells the rows of a local table apart."""


# ---- CREATE


def create_view(node: nodes.CreateView, names: Names) -> DefinePlan:
    """Plan CREATE [MATERIALIZED] VIEW. Raises ProgrammingError and its leaves."""
    kind: Kind = "MATERIALIZED VIEW" if node.materialized else "VIEW"
    name = _new_name(node.path, kind, names, replaced=node.replace, kept=node.if_not_exists)
    query = qualify_resources(node.query, names)
    _refuse_self_reference(query, name, node.path)
    source = plan_query(query, names) if node.materialized else None
    columns = source.columns if source else columns_of(query, names)
    columns = _check_column_names(_rename_columns(columns, node.columns, node.path), node.query.span)
    return DefinePlan(
        kind,
        name,
        unparse.query(query),
        columns,
        source,
        replace=node.replace,
        if_not_exists=node.if_not_exists,
    )


def create_table(node: nodes.CreateTable, names: Names) -> DefinePlan:
    """Plan CREATE TABLE. Raises ProgrammingError and its leaves."""
    name = _new_name(node.path, "TABLE", names, replaced=node.replace, kept=node.if_not_exists)
    if node.query is not None:
        source = plan_query(node.query, names)
        columns = _check_column_names(source.columns, node.query.span)
        definitions = tuple(quoted(one.name) for one in columns)
    else:
        source = None
        _refuse_duplicates([one.name for one in node.columns])
        columns = tuple(Column(one.name.text, declared_type(one.type)) for one in node.columns)
        definitions = tuple(
            " ".join((quoted(one.name.text), one.type, *one.constraints)).strip() for one in node.columns
        )
    return DefinePlan(
        "TABLE",
        name,
        "",
        columns,
        source,
        (*definitions, *node.constraints),
        replace=node.replace,
        if_not_exists=node.if_not_exists,
    )


def _new_name(path: nodes.Path, kind: Kind, names: Names, *, replaced: bool, kept: bool) -> str:
    name = path_text(path)
    known = names.objects.find(name)
    if known is None:
        return name
    if known.kind == "SESSION TABLE":
        raise ProgrammingError(
            f"{name} is a table of the session's own", span=path_span(path), hint="take another name"
        )
    if known.kind != kind:
        raise ProgrammingError(
            f"{name} is a {known.kind} already", span=path_span(path), hint=f"DROP {known.kind} {name}"
        )
    if not replaced and not kept:
        raise ProgrammingError(
            f"there is a {kind} {name} already",
            span=path_span(path),
            hint=f"CREATE OR REPLACE {kind}, or IF NOT EXISTS",
        )
    return name


def _refuse_self_reference(query: nodes.Query, name: str, path: nodes.Path) -> None:
    for one in walk(query, deep=True):
        if isinstance(one, nodes.TableRef) and path_text(one.path).lower() == name.lower():
            raise ProgrammingError(f"{name} would read itself", span=path_span(path), hint="take another name")


def _rename_columns(columns: Sequence[Column], names: Sequence[nodes.Name], path: nodes.Path) -> tuple[Column, ...]:
    if not names:
        return tuple(columns)
    if len(names) != len(columns):
        raise ProgrammingError(
            f"{path_text(path)} is given {len(names)} column names for {len(columns)} columns", span=path_span(path)
        )
    return tuple(replace(one, name=name.text) for one, name in zip(columns, names, strict=True))


def _refuse_duplicates(names: Sequence[nodes.Name]) -> None:
    seen: set[str] = set()
    for one in names:
        if one.text.lower() in seen:
            raise ProgrammingError(f"the column {one.text!r} is named twice", span=one.span)
        seen.add(one.text.lower())


def _check_column_names(columns: Sequence[Column], span: Span) -> tuple[Column, ...]:
    seen: set[str] = set()
    for one in columns:
        if one.name.lower() in seen:
            raise ProgrammingError(f"two columns are called {one.name!r}", span=span, hint="give one an alias with AS")
        seen.add(one.name.lower())
    return tuple(columns)


def qualify_resources(query: nodes.Query, names: Names) -> nodes.Query:
    """Return a query in which every resource has its full name, so that it means the same after a USE."""
    inside = walk(query, deep=True)
    ctes = {cte.name.text.lower() for node in inside if isinstance(node, nodes.Query) for cte in node.ctes}

    def qualify(node: nodes.TableRef) -> nodes.TableRef:
        name = path_text(node.path)
        if name.lower() in ctes or len(node.path) > 2 or names.objects.find(name) is not None:
            return node
        resource = names.catalog.find(tuple(part.text for part in node.path), names.namespace, node.span)
        path = tuple(map(nodes.Name, (resource.provider, resource.service, resource.name)))
        # The alias keeps the name that qualifies its columns.
        return replace(node, path=path, alias=node.alias or node.path[-1])

    return rewrite(query, {nodes.TableRef: qualify})


# ---- DROP, REFRESH


def drop(node: nodes.Drop, names: Names) -> DropPlan:
    """Plan DROP. Raises UnknownName."""
    name = path_text(node.path)
    found = names.objects.find(name)
    if found is None and node.if_exists:
        return DropPlan(node.kind, name, missing=True)
    if found is None:
        near = nearest(name, names.objects.names())
        hint = None if near else "IF EXISTS makes nothing of it"
        raise UnknownName(node.kind.lower(), name, near=near, span=path_span(node.path), hint=hint)
    if found.kind != node.kind:
        article = "a table of the session's own" if found.kind == "SESSION TABLE" else f"a {found.kind}"
        hint = None if found.kind == "SESSION TABLE" else f"DROP {found.kind} {name}"
        raise ProgrammingError(f"{name} is {article}", span=path_span(node.path), hint=hint)
    return DropPlan(node.kind, found.name)


def refresh(node: nodes.Refresh, names: Names) -> RefreshPlan:
    """Plan REFRESH MATERIALIZED VIEW. Raises UnknownName, and what its query raises."""
    name = path_text(node.path)
    found = names.objects.find(name)
    if not isinstance(found, StoredTable) or found.query is None:
        raise UnknownName(
            "materialized view", name, near=nearest(name, names.objects.names()), span=path_span(node.path)
        )
    span = path_span(node.path)
    try:
        return RefreshPlan(found.name, plan_query(found.query, names, span))
    except Error as error:
        raise error.with_context(span=span) from error.__cause__


# ---- INSERT, UPDATE, DELETE of a local table


def local_table(path: nodes.Path, names: Names, *, deletes: bool = False) -> StoredTable | None:
    """The local table that a write names; None: it names a resource. Raises ProgrammingError for a view."""
    found = names.objects.find(path_text(path))
    if found is None or (isinstance(found, StoredTable) and found.key is not None and deletes):
        return found
    if isinstance(found, View) or found.kind != "TABLE":
        hint = f"REFRESH MATERIALIZED VIEW {found.name}" if found.kind == "MATERIALIZED VIEW" else None
        raise ProgrammingError(
            f"{found.name} is a {found.kind}: its rows cannot be changed", span=path_span(path), hint=hint
        )
    return found


def local_insert(node: nodes.Insert, table: StoredTable, names: Names) -> LocalInsertPlan:
    """Plan INSERT or REPLACE INTO a local table. Raises ProgrammingError and its leaves."""
    targets = _target_columns(table, [path[-1] for path in node.columns]) if node.columns else _all(table)
    source = plan_query(node.query, names)
    if len(source.columns) != len(targets):
        raise ProgrammingError(
            f"INSERT names {len(targets)} columns and is given {len(source.columns)} values", span=node.query.span
        )
    returning = _resolve_returning(node.returning, table)
    return LocalInsertPlan(table.name, table.columns, targets, source, returning, node.replace)


def local_change(node: nodes.Update | nodes.Delete, table: StoredTable, names: Names) -> LocalChangePlan:
    """Plan UPDATE or DELETE of a local table. Raises ProgrammingError and its leaves."""
    verb = "DELETE" if isinstance(node, nodes.Delete) else node.verb
    if verb == "REPLACE" or (isinstance(node, nodes.Update) and node.source is not None):
        raise NotSupportedError(
            f"{verb} {'.. FROM ' if verb == 'UPDATE' else ''}of a local table is not offered",
            span=path_span(node.target),
            hint="use UPDATE .. SET .. WHERE .. IN (SELECT ..)",
        )
    pairs = node.assignments if isinstance(node, nodes.Update) else ()
    assigned = _target_columns(table, [path[-1] for path, _ in pairs])
    numbered = table if table.key else replace(table, hidden=(Column(ROW_NUMBER, "integer"),))
    items = (
        nodes.Item(nodes.ColumnRef((nodes.Name(table.key or ROW_NUMBER),)), text="row"),
        *(nodes.Item(expr, nodes.Name(f"value {i}")) for i, (_, expr) in enumerate(pairs)),
    )
    query = nodes.Query(
        nodes.Select(items, nodes.TableRef(node.target, node.alias, path_span(node.target)), node.where),
        order=node.order,
        limit=node.limit,
        offset=node.offset,
    )
    source = plan_query(query, replace(names, objects=_Overlay(names.objects, numbered)))
    kind: Literal["UPDATE", "DELETE"] = "DELETE" if verb == "DELETE" else "UPDATE"
    returning = _resolve_returning(node.returning, table)
    return LocalChangePlan(kind, table.name, table.columns, assigned, source, returning, of_session=bool(table.key))


@dataclass(frozen=True, slots=True)
class _Overlay:
    """The objects, one of which is looked at more closely."""

    below: Objects
    table: StoredTable

    def find(self, name: str) -> View | StoredTable | None:
        return self.table if name.lower() == self.table.name.lower() else self.below.find(name)

    def names(self) -> Iterable[str]:
        return self.below.names()


def _all(table: StoredTable) -> tuple[str, ...]:
    return tuple(one.name for one in table.columns)


def _target_columns(table: StoredTable, names: Sequence[nodes.Name]) -> tuple[str, ...]:
    known = {one.name.lower(): one.name for one in table.columns}
    found: list[str] = []
    for name in names:
        if name.text.lower() not in known:
            raise UnknownName("column", name.text, near=nearest(name.text, known.values()), span=name.span)
        if known[name.text.lower()] in found:
            raise ProgrammingError(f"the column {name.text!r} is named twice", span=name.span)
        found.append(known[name.text.lower()])
    return tuple(found)


def _resolve_returning(items: Sequence[nodes.Item | nodes.Star], table: StoredTable) -> Projection | None:
    if not items:
        return None
    last = table.name.rpartition(".")[2].lower()
    return resolve_returning(items, map(table_column, table.columns), table.name, [(last,)])
