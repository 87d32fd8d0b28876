"""INSERT, UPDATE, REPLACE, DELETE and EXEC -> plans: which requests with which values, none of them sent yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tokensh._dataclasses import replace
from tokensh.errors import (
    MissingParameter,
    NotSupportedError,
    ProgrammingError,
    Span,
    UnknownName,
)
from tokensh.plan.method_resolution import always_required, is_secret, methods, named
from tokensh.plan.nodes import (
    ChangePlan,
    ExecPlan,
    InsertPlan,
    Keys,
    Projection,
    SelectPlan,
)
from tokensh.plan.pushdown import walk
from tokensh.plan.query import Names, QueryBinder
from tokensh.plan.scope import BoundColumn, From, Relation, Scope
from tokensh.plan.select_list import is_aggregate, whole_from
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.rows import Column, Value
from tokensh.sql import nodes as n
from tokensh.sql import unparse
from tokensh.sql.unparse import quoted
from tokensh.text import nearest

_REPLY = "tokensh:reply"
"""RETURNING's table; a name that no alias has, because the statement's own tables are in the same database."""


def resource_of(names: Names, path: n.Path) -> Resource:
    """The resource that a write names. Raises UnknownName."""
    return names.catalog.find(tuple(part.text for part in path), names.namespace, _path_span(path))


def _path_span(path: n.Path) -> Span:
    return Span(path[0].span.start, path[-1].span.end)


# ---- INSERT


def insert(node: n.Insert, names: Names) -> InsertPlan:
    """Plan an INSERT: one request per row. Raises ProgrammingError and its leaves."""
    resource = resource_of(names, node.target)
    span = _path_span(node.target)
    if node.replace:
        raise NotSupportedError(
            "REPLACE INTO is for local tables", span=span, hint=f"use INSERT INTO, or REPLACE {resource.name} SET .."
        )
    candidates = methods(resource, "INSERT", span)
    if node.columns is None:
        hint = f"SHOW INSERT INTO {resource.id} prints them"
        raise ProgrammingError("INSERT into a resource names its columns", span=span, hint=hint)
    method = _taking(candidates, node.columns)
    targets = _targets(method, node.columns)
    defaults = _complete(names, resource, method, {p.name for p in targets}, span)
    source = QueryBinder(names).plan(node.query)
    if len(source.columns) != len(targets):
        raise ProgrammingError(
            f"INSERT names {len(targets)} columns and is given {len(source.columns)} values", span=node.query.span
        )
    returned = [*_reply_columns(resource, method), *_given_columns(resource, method)]
    returning = _projection(node.returning, returned, resource, names) if node.returning else None
    return InsertPlan(method, resource, targets, source, returning, defaults, span)


def _taking(candidates: Sequence[Method], columns: Sequence[n.Path]) -> Method:
    """The method that knows the columns and needs no others; else the one that comes nearest."""
    given = {path[-1].text.lower() for path in columns}

    def lacks(method: Method) -> tuple[int, int]:
        known = {name for p in method.parameters for name in _sql_names(method, p)}
        required = [p for p in method.required if not given & set(_sql_names(method, p))]
        return len(given - known), len(required)

    return min(candidates, key=lacks)


def _sql_names(method: Method, parameter: Parameter) -> tuple[str, ...]:
    """The names, in lower case, that a statement may give a parameter: `data__x`, and `x` where that is nothing else."""
    name = parameter.name.lower()
    if parameter.location != "body":
        return (name,)
    other = any(p.name.lower() == name for p in method.routing)
    return (f"data__{name}",) if other else (f"data__{name}", name)


def _targets(method: Method, columns: Sequence[n.Path]) -> tuple[Parameter, ...]:
    by_name = {name: p for p in method.parameters for name in _sql_names(method, p)}
    found: list[Parameter] = []
    for path in columns:
        name = path[-1]
        parameter = by_name.get(name.text.lower())
        if parameter is None:
            known = [p.sql_name for p in method.parameters]
            hint = None if nearest(name.text, known) else f"{method.name} takes {', '.join(known)}"
            raise UnknownName("column", name.text, near=nearest(name.text, known), span=name.span, hint=hint)
        if parameter in found:
            raise ProgrammingError(f"the column {name.text!r} is named twice", span=name.span)
        found.append(parameter)
    return tuple(found)


def _complete(names: Names, resource: Resource, method: Method, given: set[str], span: Span) -> Mapping[str, Value]:
    """The session's workspace where a statement names none. Raises MissingParameter for what else is missing."""
    missing = [p for p in method.required if p.name not in given]
    defaults: dict[str, Value] = {}
    if names.workspace is not None:
        defaults = {p.name: names.workspace for p in missing if p.location == "server"}
    lacking = tuple(p.sql_name for p in missing if p.name not in defaults)
    if lacking:
        raise MissingParameter(
            f"{resource.id}.{method.name} needs {' and '.join(lacking)}",
            names=lacking,
            span=span,
            hint=f"SHOW EXTENDED METHODS IN {resource.id} lists what each method takes",
        )
    return defaults


# ---- RETURNING


def _reply_columns(resource: Resource, method: Method) -> list[BoundColumn]:
    return [
        _bound(Column(f.name, f.type, f"{resource.id}.{f.name}", is_secret(f.name)), visible=True)
        for f in method.fields
    ]


def _given_columns(resource: Resource, method: Method) -> list[BoundColumn]:
    """What a request is given, under the names that SQL gives it; not in `*`."""
    return [_bound(Column(p.sql_name, p.type, f"{resource.id}.{p.name}"), visible=False) for p in method.parameters]


def _bound(column: Column, *, visible: bool) -> BoundColumn:
    return BoundColumn(column.name, quoted(column.name), column, visible=visible, relations=frozenset([0]))


def projection(
    items: Sequence[n.Item | n.Star],
    columns: Iterable[BoundColumn],
    called: str,
    qualifiers: frozenset[tuple[str, ...]],
    names: Names,
) -> Projection:
    """RETURNING over columns of which the first of a name counts; `called` is what they belong to, in messages."""
    unique: dict[str, BoundColumn] = {}
    for one in columns:
        unique.setdefault(one.name.lower(), one)
    table = quoted(_REPLY)
    relation = Relation(0, qualifiers, tuple(unique.values()), table, frozenset(), standalone=False)
    scope = Scope(None, From(table, (relation,), tuple(one for one in unique.values() if one.visible)))
    binder = QueryBinder(names)
    dialect = binder.dialect(scope, {})
    bound: list[BoundColumn] = []
    for item in items:
        if isinstance(item, n.Star):
            bound += scope.star(item.path, item.span)
            continue
        if any(isinstance(one, n.Query) for one in walk(item)):
            raise NotSupportedError("RETURNING takes no subqueries", span=item.expr.span)
        # It tells of one row at a time.
        if any(isinstance(one, n.Call) and (one.over is not None or is_aggregate(one)) for one in walk(item)):
            raise NotSupportedError("RETURNING takes no aggregate and no window function", span=item.expr.span)
        bound.append(binder.item(item, scope, dialect))
    if not bound:
        raise ProgrammingError(f"{called} answers this with nothing that RETURNING * could show")
    text = ", ".join(one.sql for one in bound)
    sql = f"SELECT {text} FROM {table}"  # noqa: S608 (printed by us)
    return Projection(table, tuple(one.column for one in unique.values()), sql, tuple(one.column for one in bound))


def _projection(
    items: Sequence[n.Item | n.Star], columns: Iterable[BoundColumn], resource: Resource, names: Names
) -> Projection:
    parts = (resource.provider.lower(), resource.service.lower(), resource.name.lower())
    return projection(items, columns, resource.id, frozenset([parts[2:], parts]), names)


# ---- UPDATE, REPLACE, DELETE


def change(node: n.Update | n.Delete, names: Names) -> ChangePlan:
    """Plan a change: straight to the requests where the predicates are all parameters, else by a listing."""
    verb = "DELETE" if isinstance(node, n.Delete) else node.verb
    resource = resource_of(names, node.target)
    span = _path_span(node.target)
    if isinstance(node, n.Update) and node.source is not None:
        raise NotSupportedError(f"{verb} .. FROM is not offered", span=span, hint="use IN (SELECT ..) in WHERE")
    method = _changing(resource, verb, span)
    key_method = _with_keys(method)
    assigned = _targets(method, [path for path, _ in node.assignments]) if isinstance(node, n.Update) else ()
    for one, (path, _) in zip(assigned, node.assignments if isinstance(node, n.Update) else (), strict=True):
        if one.location != "body":
            raise ProgrammingError(
                f"{one.name} is a parameter: it belongs into WHERE",
                span=_path_span(path),
                hint=f"WHERE {one.name} = '..'",
            )
    lacking = tuple(p.sql_name for p in method.body if p.required and p not in assigned and p not in _keys(key_method))
    if lacking and isinstance(node, n.Update):
        raise MissingParameter(f"{verb} of {resource.id} needs {' and '.join(lacking)}", names=lacking, span=span)
    planner = _Change(node, names, resource, method, key_method, assigned, span)
    return planner.direct() or planner.listed()


def _changing(resource: Resource, verb: Any, span: Span) -> Method:
    if verb == "DELETE" and not resource.methods_for("DELETE") and resource.delete_method:
        return next(m for m in resource.methods if m.name == resource.delete_method)
    return methods(resource, verb, span)[0]


def _with_keys(method: Method) -> Method:
    """A method that takes its key in the body, as one that takes it like any other parameter."""
    if method.verb != "EXEC":
        return method
    moved = tuple(replace(p, location="path") if p.location == "body" and p.required else p for p in method.parameters)
    return replace(method, parameters=moved)


def _keys(method: Method) -> tuple[Parameter, ...]:
    required = always_required([method])
    return tuple(p for p in method.parameters if p.name.lower() in required)


class _Change:
    """One UPDATE, REPLACE or DELETE that is being planned."""

    def __init__(  # noqa: PLR0913, PLR0917 (what is known of it)
        self,
        node: n.Update | n.Delete,
        names: Names,
        resource: Resource,
        method: Method,
        key_method: Method,
        assigned: tuple[Parameter, ...],
        span: Span,
    ) -> None:
        self.node = node
        self.names = names
        self.resource = resource
        self.method = method
        self.key_method = key_method
        self.assigned = assigned
        self.span = span
        self.table = n.TableRef(node.target, node.alias, span)
        self.keys = _keys(key_method)
        self.expressions = [expr for _, expr in node.assignments] if isinstance(node, n.Update) else []

    def direct(self) -> ChangePlan | None:
        """Without a listing: every predicate gives a parameter's values and nothing else of a row is asked for."""
        node = self.node
        # With a workspace of the session, WHERE may say nothing of it.
        if node.order or node.limit is not None or node.offset is not None or not self._returns_known():
            return None
        if any(isinstance(one, n.ColumnRef | n.Query) for one in walk(tuple(self.expressions))):
            return None
        binder = QueryBinder(self.names)
        relation = binder.scan_of(self.resource, (self.key_method,), self.table)
        scope = Scope(None, whole_from(relation))
        dialect = binder.dialect(scope, {})
        exact: frozenset[str] | None = frozenset()
        if node.where is not None:
            binder.condition(node.where, scope, dialect, scope.source.ids)
            exact = self._exact(node.where, scope, binder)
        if exact is None or not binder.resolves(1):
            return None
        assigned = None
        if self.expressions:
            items = tuple(n.Item(expr, text="x") for expr in self.expressions)
            assigned = QueryBinder(self.names).plan(n.Query(n.Select(items)))
        keys = binder.keys(1, assigned)
        # Keys that are read from somewhere are in no statement: who runs it sees them first.
        return self._plan(keys, self._returning(()), filtered=bool(keys.scans or keys.stored))

    def _exact(self, expr: n.Expr, scope: Scope, binder: QueryBinder) -> frozenset[str] | None:
        """The parameters whose sets say all that a predicate says; None where they say less."""
        match expr:
            case n.Logical():
                parts = [self._exact(one, scope, binder) for one in expr.operands]
                known = [one for one in parts if one is not None]
                keys = frozenset().union(*known)
                whole = len(known) == len(parts) and (expr.operator == "AND" or len(keys) == 1)
                return keys if whole else None
            case _ if any(isinstance(one, n.RowExpr) for one in walk(expr)):
                return None  # (token_id, 1) = ('x', 2) gives token_id a value, and is false
            case _:
                names = {p.name.lower() for p in self.keys}
                found = {name for scan, name in binder.sets_of(expr, scope) if scan == 1 and name in names}
                refers = [one for one in walk(expr) if isinstance(one, n.ColumnRef) and scope.here(one) is not None]
                return frozenset(found) if len(found) == len(refers) == 1 else None

    def _returns_known(self) -> bool:
        """Whether RETURNING names nothing but parameters and the reply."""
        known = {
            one.column.name.lower() for one in (*self._parameter_columns(), *_reply_columns(self.resource, self.method))
        }
        refs = [one for one in walk(self.node.returning) if isinstance(one, n.ColumnRef)]
        stars = any(isinstance(one, n.Star) for one in self.node.returning)
        return not stars and all(ref.name.text.lower() in known for ref in refs)

    def _parameter_columns(self) -> list[BoundColumn]:
        types = {f.name.lower(): f.type for f in self.resource.fields}
        return [
            _bound(Column(p.name, types.get(p.name.lower(), p.type), f"{self.resource.id}.{p.name}"), visible=True)
            for p in self.keys
        ]

    def _returning(self, row: Sequence[Column]) -> Projection | None:
        if not self.node.returning:
            return None
        columns = [
            *self._parameter_columns(),
            *(_bound(one, visible=True) for one in row),
            *_reply_columns(self.resource, self.method),
        ]
        return _projection(self.node.returning, columns, self.resource, self.names)

    def listed(self) -> ChangePlan:
        """By the rows that a SELECT with the same predicates finds."""
        node = self.node
        selectable = self.resource.methods_for("SELECT")
        known = {
            name
            for m in selectable
            for name in (*(p.name.lower() for p in m.routing), *(f.name.lower() for f in m.fields))
        }
        lacking = tuple(p.name for p in self.keys if p.name.lower() not in known)
        if lacking:
            given = " and ".join(f"{name} = '..'" for name in lacking)
            raise MissingParameter(
                f"{self.method.name} of {self.resource.id} needs {' and '.join(lacking)}",
                names=lacking,
                span=self.span,
                hint=f"WHERE takes nothing but parameters here: {given}",
            )
        items: tuple[n.Item | n.Star, ...] = (
            *(n.Item(n.ColumnRef((n.Name(p.name, span=self.span),), self.span)) for p in self.keys),
            *(n.Item(expr, text="x") for expr in self.expressions),
            n.Star(span=self.span),
        )
        query = n.Query(
            n.Select(items, self.table, node.where, span=self.span),
            order=node.order,
            limit=node.limit,
            offset=node.offset,
            span=self.span,
        )
        listing = QueryBinder(self.names).plan(query)
        row = listing.columns[len(self.keys) + len(self.expressions) :]
        by_key = self._by_key()
        return self._plan(listing, self._returning(row), filtered=not by_key)

    def _by_key(self) -> bool:
        """Whether the statement alone says which rows are hit, and the listing is for RETURNING."""
        bare = replace(self.node, returning=())
        planner = _Change(bare, self.names, self.resource, self.method, self.key_method, self.assigned, self.span)
        plan = planner.direct()
        return plan is not None and not plan.filtered

    def _plan(self, source: Keys | SelectPlan, returning: Projection | None, *, filtered: bool) -> ChangePlan:
        verb = "DELETE" if isinstance(self.node, n.Delete) else self.node.verb
        return ChangePlan(
            verb, self.method, self.resource, self.keys, self.assigned, source, returning, filtered, self.span
        )


# ---- EXEC


def execute(node: n.Exec, names: Names) -> ExecPlan:
    """Plan an EXEC. Raises ProgrammingError and its leaves."""
    resource, method = method_of(names, node.target, node.span)
    binder = QueryBinder(names)
    dialect = binder.dialect(Scope(), {})
    by_name = {name: p for p in method.parameters for name in _sql_names(method, p)}
    values: list[tuple[Parameter, str]] = []
    for one in node.arguments:
        parameter = by_name.get(one.name.lower())
        if parameter is None:
            known = [p.name for p in method.parameters]
            hint = (
                None if nearest(one.name, known) else f"{method.name} takes {', '.join(f'@{name}' for name in known)}"
            )
            raise UnknownName("parameter", one.name, near=nearest(one.name, known), span=one.span, hint=hint)
        if any(parameter is given for given, _ in values):
            raise ProgrammingError(f"@{one.name} is given twice", span=one.span)
        if any(isinstance(each, n.Query) for each in walk(one.value)):
            raise NotSupportedError("an argument of EXEC takes no subquery", span=one.span)
        values.append((parameter, unparse.expression(one.value, dialect)))
    body = _json_body(node.body, method, {p.name for p, _ in values}) if node.body else None
    given = {p.name for p, _ in values} | set(body or ())
    defaults = _complete(names, resource, method, given, _path_span(node.target))
    columns = tuple(one.column for one in _reply_columns(resource, method))
    places = {p.name: one.span for (p, _), one in zip(values, node.arguments, strict=True)}
    return ExecPlan(method, resource, tuple(values), body, columns, defaults, node.span, places)


def method_of(names: Names, path: n.Path, span: Span) -> tuple[Resource, Method]:
    """The resource and the method that a path of both names. Raises UnknownName, ProgrammingError."""
    if len(path) < 2:
        raise ProgrammingError("a method is named with its resource", span=span, hint="resource.method")
    resource = resource_of(names, path[:-1])
    return resource, named(resource, path[-1])


def _json_body(node: n.JsonArgument, method: Method, given: set[str]) -> Mapping[str, object]:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise ProgrammingError("@@json names a key of an object twice", span=node.value)
        return made

    try:
        body = json.loads(node.text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise ProgrammingError(
            f"@@json is no JSON: {error.msg} at line {error.lineno}, column {error.colno} of it", span=node.value
        ) from None
    except (ValueError, RecursionError):
        raise ProgrammingError("@@json cannot be read as JSON", span=node.value) from None
    if not isinstance(body, dict):
        raise ProgrammingError(
            "@@json takes a JSON object", span=node.value, hint="""for example '{"token_id": ".."}'"""
        )
    if not method.has_body:
        raise ProgrammingError(f"{method.name} takes no body", span=node.span)
    known = [p.name for p in method.body]
    for name in body:
        if known and name not in known:
            near = nearest(name, known)
            hint = None if near else f"the body of {method.name} takes {', '.join(known)}"
            raise UnknownName("attribute", name, near=near, span=node.value, hint=hint)
        if name in given:
            raise ProgrammingError(f"{name} is given twice: as @{name} and in @@json", span=node.value)
    return body
