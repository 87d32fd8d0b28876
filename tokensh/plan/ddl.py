"""Views, materialized views and local tables -> plans: what CREATE, DROP, REFRESH and changes of a local table do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar, cast

from tokensh._dataclasses import dataclass, fields, is_dataclass, replace
from tokensh.errors import Error, NotSupportedError, ProgrammingError, Span, UnknownName
from tokensh.plan.dml import projection
from tokensh.plan.nodes import DefinePlan, DropPlan, LocalChangePlan, LocalInsertPlan, Projection, RefreshPlan
from tokensh.plan.objects import Kind, Objects, Table, View, written
from tokensh.plan.pushdown import walk
from tokensh.plan.query import Names, QueryBinder
from tokensh.plan.scope import BoundColumn
from tokensh.rows import Column, ColumnType
from tokensh.sql import nodes as n
from tokensh.sql import unparse
from tokensh.sql.unparse import quoted
from tokensh.text import nearest

T = TypeVar("T")

ROW_NUMBER = "tokensh:row"
"""The hidden column that tells the rows of a local table apart."""

_TYPES: tuple[tuple[str, ColumnType], ...] = (
    ("BOOL", "boolean"),
    ("JSON", "json"),
    ("INT", "integer"),
    ("CHAR", "string"),
    ("TEXT", "string"),
    ("CLOB", "string"),
    ("REAL", "number"),
    ("FLOA", "number"),
    ("DOUB", "number"),
    ("NUM", "number"),
    ("DEC", "number"),
)


def _span(path: n.Path) -> Span:
    return Span(path[0].span.start, path[-1].span.end)


# ---- CREATE


def create_view(node: n.CreateView, names: Names) -> DefinePlan:
    """Plan CREATE [MATERIALIZED] VIEW. Raises ProgrammingError and its leaves."""
    kind: Kind = "MATERIALIZED VIEW" if node.materialized else "VIEW"
    name = _new_name(node.path, kind, names, replaced=node.replace, kept=node.if_not_exists)
    query = qualified(node.query, names)
    _refuse_itself(query, name, node.path)
    source = QueryBinder(names).plan(query) if node.materialized else None
    columns = source.columns if source else QueryBinder(names).check(query)
    columns = _distinct(_renamed(columns, node.columns, node.path), node.query.span)
    return DefinePlan(
        kind,
        name,
        unparse.query(query),
        columns,
        source,
        replace=node.replace,
        if_not_exists=node.if_not_exists,
    )


def create_table(node: n.CreateTable, names: Names) -> DefinePlan:
    """Plan CREATE TABLE. Raises ProgrammingError and its leaves."""
    name = _new_name(node.path, "TABLE", names, replaced=node.replace, kept=node.if_not_exists)
    if node.query is not None:
        source = QueryBinder(names).plan(node.query)
        columns = _distinct(source.columns, node.query.span)
        definitions = tuple(quoted(one.name) for one in columns)
    else:
        source = None
        _refuse_twice([one.name for one in node.columns])
        columns = tuple(Column(one.name.text, _type(one.type)) for one in node.columns)
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


def _type(written_type: str) -> ColumnType:
    upper = written_type.upper()
    return next((kind for part, kind in _TYPES if part in upper), "any")


def _new_name(path: n.Path, kind: Kind, names: Names, *, replaced: bool, kept: bool) -> str:
    name = written(path)
    known = names.objects.find(name)
    if known is None:
        return name
    if known.kind == "SESSION TABLE":
        raise ProgrammingError(f"{name} is a table of the session's own", span=_span(path), hint="take another name")
    if known.kind != kind:
        raise ProgrammingError(f"{name} is a {known.kind} already", span=_span(path), hint=f"DROP {known.kind} {name}")
    if not replaced and not kept:
        raise ProgrammingError(
            f"there is a {kind} {name} already", span=_span(path), hint=f"CREATE OR REPLACE {kind}, or IF NOT EXISTS"
        )
    return name


def _refuse_itself(query: n.Query, name: str, path: n.Path) -> None:
    for one in walk(query, deep=True):
        if isinstance(one, n.TableRef) and written(one.path).lower() == name.lower():
            raise ProgrammingError(f"{name} would read itself", span=_span(path), hint="take another name")


def _renamed(columns: Sequence[Column], names: Sequence[n.Name], path: n.Path) -> tuple[Column, ...]:
    if not names:
        return tuple(columns)
    if len(names) != len(columns):
        raise ProgrammingError(
            f"{written(path)} is given {len(names)} column names for {len(columns)} columns", span=_span(path)
        )
    return tuple(replace(one, name=name.text) for one, name in zip(columns, names, strict=True))


def _refuse_twice(names: Sequence[n.Name]) -> None:
    seen: set[str] = set()
    for one in names:
        if one.text.lower() in seen:
            raise ProgrammingError(f"the column {one.text!r} is named twice", span=one.span)
        seen.add(one.text.lower())


def _distinct(columns: Sequence[Column], span: Span) -> tuple[Column, ...]:
    seen: set[str] = set()
    for one in columns:
        if one.name.lower() in seen:
            raise ProgrammingError(f"two columns are called {one.name!r}", span=span, hint="give one an alias with AS")
        seen.add(one.name.lower())
    return tuple(columns)


def qualified(node: T, names: Names) -> T:
    """A query in which every resource has its full name, so that it means the same after a USE."""
    inside = walk(node, deep=True)
    ctes = {cte.name.text.lower() for one in inside if isinstance(one, n.Query) for cte in one.ctes}
    return cast("T", _qualified(node, names, ctes))


def _qualified(node: object, names: Names, ctes: set[str]) -> object:
    if isinstance(node, n.TableRef):
        known = written(node.path).lower() in ctes or names.objects.find(written(node.path)) is not None
        if known or len(node.path) > 2:
            return node
        resource = names.catalog.find(tuple(part.text for part in node.path), names.namespace, node.span)
        parts = (resource.provider, resource.service, resource.name)
        # The alias keeps what stands before its columns.
        return replace(node, path=tuple(n.Name(part) for part in parts), alias=node.alias or node.path[-1])
    if type(node) is tuple:
        return tuple(_qualified(one, names, ctes) for one in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {one.name: _qualified(getattr(node, one.name), names, ctes) for one in fields(node)}
    return replace(node, **changed)


# ---- DROP, REFRESH


def drop(node: n.Drop, names: Names) -> DropPlan:
    """Plan DROP. Raises UnknownName."""
    name = written(node.path)
    found = names.objects.find(name)
    if found is None and node.if_exists:
        return DropPlan(node.kind, name, missing=True)
    if found is None:
        near = nearest(name, names.objects.names())
        hint = None if near else "IF EXISTS makes nothing of it"
        raise UnknownName(node.kind.lower(), name, near=near, span=_span(node.path), hint=hint)
    if found.kind != node.kind:
        article = "a table of the session's own" if found.kind == "SESSION TABLE" else f"a {found.kind}"
        hint = None if found.kind == "SESSION TABLE" else f"DROP {found.kind} {name}"
        raise ProgrammingError(f"{name} is {article}", span=_span(node.path), hint=hint)
    return DropPlan(node.kind, found.name)


def refresh(node: n.Refresh, names: Names) -> RefreshPlan:
    """Plan REFRESH MATERIALIZED VIEW. Raises UnknownName, and what its query raises."""
    name = written(node.path)
    found = names.objects.find(name)
    if not isinstance(found, Table) or found.query is None:
        raise UnknownName("materialized view", name, near=nearest(name, names.objects.names()), span=_span(node.path))
    span = _span(node.path)
    try:
        return RefreshPlan(found.name, QueryBinder(names, span).plan(found.query))
    except Error as error:
        raise error.with_context(span=span) from error.__cause__


# ---- INSERT, UPDATE, DELETE of a local table


def local_table(path: n.Path, names: Names, *, deletes: bool = False) -> Table | None:
    """The local table that a write names; None: it names a resource. Raises ProgrammingError for a view."""
    found = names.objects.find(written(path))
    if found is None or (isinstance(found, Table) and found.key is not None and deletes):
        return found
    if isinstance(found, View) or found.kind != "TABLE":
        hint = f"REFRESH MATERIALIZED VIEW {found.name}" if found.kind == "MATERIALIZED VIEW" else None
        raise ProgrammingError(
            f"{found.name} is a {found.kind}: its rows cannot be changed", span=_span(path), hint=hint
        )
    return found


def local_insert(node: n.Insert, table: Table, names: Names) -> LocalInsertPlan:
    """Plan INSERT or REPLACE INTO a local table. Raises ProgrammingError and its leaves."""
    targets = _targets(table, [path[-1] for path in node.columns]) if node.columns else _all(table)
    source = QueryBinder(names).plan(node.query)
    if len(source.columns) != len(targets):
        raise ProgrammingError(
            f"INSERT names {len(targets)} columns and is given {len(source.columns)} values", span=node.query.span
        )
    returning = _returning(node.returning, table, names)
    return LocalInsertPlan(table.name, table.columns, targets, source, returning, node.replace)


def local_change(node: n.Update | n.Delete, table: Table, names: Names) -> LocalChangePlan:
    """Plan UPDATE or DELETE of a local table. Raises ProgrammingError and its leaves."""
    verb = "DELETE" if isinstance(node, n.Delete) else node.verb
    if verb == "REPLACE" or (isinstance(node, n.Update) and node.source is not None):
        raise NotSupportedError(
            f"{verb} {'.. FROM ' if verb == 'UPDATE' else ''}of a local table is not offered",
            span=_span(node.target),
            hint="use UPDATE .. SET .. WHERE .. IN (SELECT ..)",
        )
    pairs = node.assignments if isinstance(node, n.Update) else ()
    assigned = _targets(table, [path[-1] for path, _ in pairs])
    numbered = table if table.key else replace(table, hidden=(Column(ROW_NUMBER, "integer"),))
    items = (
        n.Item(n.ColumnRef((n.Name(table.key or ROW_NUMBER),)), text="row"),
        *(n.Item(expr, n.Name(f"value {i}")) for i, (_, expr) in enumerate(pairs)),
    )
    query = n.Query(
        n.Select(items, n.TableRef(node.target, node.alias, _span(node.target)), node.where),
        order=node.order,
        limit=node.limit,
        offset=node.offset,
    )
    source = QueryBinder(replace(names, objects=_Overlay(names.objects, numbered))).plan(query)
    kind: Literal["UPDATE", "DELETE"] = "DELETE" if verb == "DELETE" else "UPDATE"
    returning = _returning(node.returning, table, names)
    return LocalChangePlan(kind, table.name, table.columns, assigned, source, returning, of_session=bool(table.key))


@dataclass(frozen=True, slots=True)
class _Overlay:
    """The objects, one of which is looked at more closely."""

    below: Objects
    table: Table

    def find(self, name: str) -> View | Table | None:
        return self.table if name.lower() == self.table.name.lower() else self.below.find(name)

    def names(self) -> Iterable[str]:
        return self.below.names()


def _all(table: Table) -> tuple[str, ...]:
    return tuple(one.name for one in table.columns)


def _targets(table: Table, names: Sequence[n.Name]) -> tuple[str, ...]:
    known = {one.name.lower(): one.name for one in table.columns}
    found: list[str] = []
    for name in names:
        if name.text.lower() not in known:
            raise UnknownName("column", name.text, near=nearest(name.text, known.values()), span=name.span)
        if known[name.text.lower()] in found:
            raise ProgrammingError(f"the column {name.text!r} is named twice", span=name.span)
        found.append(known[name.text.lower()])
    return tuple(found)


def _returning(items: Sequence[n.Item | n.Star], table: Table, names: Names) -> Projection | None:
    if not items:
        return None
    columns = [BoundColumn(one.name, quoted(one.name), one, relations=frozenset([0])) for one in table.columns]
    last = table.name.rpartition(".")[2].lower()
    return projection(items, columns, table.name, frozenset([(last,)]), names)
