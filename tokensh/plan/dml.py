"""Plan INSERT, UPDATE, REPLACE, DELETE and EXEC of resources: which requests with which values; nothing is sent.

A change (UPDATE, REPLACE, DELETE) goes one of two ways. If WHERE gives all parameters of the method and says nothing else, the
requests follow from the statement alone. Otherwise a SELECT with the same WHERE lists the rows, and each is one request; the user
sees them before they are sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import MissingParameter, NotSupportedError, ProgrammingError, Span, UnknownName
from tokensh.plan.bound import BoundColumn, BoundQuery, BoundReference, BoundSelect, From
from tokensh.plan.change_methods import ChangeVerb, choose_change_method, with_plain_names
from tokensh.plan.method_resolution import (
    VIEW_PROBLEM,
    find_method,
    methods_for_verb,
    parameters_by_sql_name,
    scan_columns,
    sql_names,
)
from tokensh.plan.names import Names
from tokensh.plan.nodes import ChangePlan, ExecPlan, InsertPlan, Keys, Projection, SelectPlan
from tokensh.plan.planner import plan_query
from tokensh.plan.query import QueryResolver
from tokensh.plan.resolve import name_parameter, resolve_expression, sql_of
from tokensh.plan.returning import (
    nested_columns,
    reply_columns,
    request_columns,
    resolve_resource_returning,
    table_column,
)
from tokensh.plan.scans import ScanPlanner
from tokensh.plan.scope import Scope
from tokensh.plan.type_checks import check_conditions
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.rows import Column, Value
from tokensh.sql import nodes
from tokensh.sql.nodes import path_span, path_text
from tokensh.sql.visit import walk
from tokensh.text import nearest, plural

# ---- INSERT


def plan_insert(node: nodes.Insert, names: Names) -> InsertPlan:
    """Plan an INSERT: one request per row. Raises ProgrammingError and its leaves."""
    resource = names.get_resource(node.target)
    span = path_span(node.target)
    if node.replace:
        hint = f"use INSERT INTO, or REPLACE {resource.name} SET ..."
        raise NotSupportedError("REPLACE INTO is for local tables", span=span, hint=hint)
    if node.ignore:
        hint = "leave IGNORE out: the API has no rows that a new one could be equal to"
        raise NotSupportedError("INSERT IGNORE is for local tables", span=span, hint=hint)
    if node.conflict is not None:
        hint = "leave it out: the API has no rows that a new one could be equal to"
        raise NotSupportedError("ON CONFLICT is for local tables", span=node.conflict.span, hint=hint)
    candidates = methods_for_verb(resource, "INSERT", span)
    if not node.columns:
        hint = f"SHOW INSERT INTO {resource.id} prints them"
        raise ProgrammingError("INSERT into a resource names its columns", span=span, hint=hint)
    method = _best_method(candidates, node.columns)
    targets = _target_parameters(method, node.columns)
    defaults = _session_defaults(names, resource, method, {target.name for target in targets}, span)
    source = plan_query(node.query, names)
    if len(source.columns) != len(targets):
        raise ProgrammingError(
            f"INSERT names {plural(len(targets), 'column')} and is given {plural(len(source.columns), 'value')}",
            span=node.query.span,
        )
    columns = [
        *reply_columns(resource, method),
        *nested_columns(resource, method),
        *request_columns(resource, method),
    ]
    returning = resolve_resource_returning(node.returning, columns, resource)
    return InsertPlan(method, resource, targets, source, returning, defaults, span)


def _best_method(candidates: Sequence[Method], columns: Sequence[nodes.Path]) -> Method:
    """Return the method that knows most of the columns and lacks the fewest others."""
    # A resource can have several methods that create; the columns tell which one is meant.
    given = {path[-1].text.lower() for path in columns}

    def mismatch(method: Method) -> tuple[int, int]:
        known = {name for parameter in method.parameters for name in sql_names(method, parameter)}
        missing = [p for p in method.required if not given & set(sql_names(method, p))]
        return len(given - known), len(missing)

    return min(candidates, key=mismatch)


def _target_parameters(method: Method, columns: Sequence[nodes.Path]) -> tuple[Parameter, ...]:
    by_name = parameters_by_sql_name(method)
    targets: list[Parameter] = []
    for path in columns:
        name = path[-1]
        parameter = by_name.get(name.text.lower())
        if parameter is None:
            known = [candidate.sql_name for candidate in method.parameters]
            near = nearest(name.text, known)
            hint = None if near else f"{method.name} takes {', '.join(known)}"
            raise UnknownName("column", name.text, near=near, span=name.span, hint=hint)
        if parameter in targets:
            raise ProgrammingError(f"the column {name.text!r} is named twice", span=name.span)
        targets.append(parameter)
    return tuple(targets)


def _session_defaults(
    names: Names, resource: Resource, method: Method, given: set[str], span: Span
) -> Mapping[str, Value]:
    """Return the session's workspace if the statement names none. Raises MissingParameter for what else is missing."""
    missing = [parameter for parameter in method.required if parameter.name not in given]
    defaults: dict[str, Value] = {}
    if names.workspace is not None:
        defaults = {parameter.name: names.workspace for parameter in missing if parameter.location == "server"}
    lacking = tuple(parameter.sql_name for parameter in missing if parameter.name not in defaults)
    if lacking:
        raise MissingParameter(
            f"{resource.id}.{method.name} needs {' and '.join(lacking)}",
            names=lacking,
            span=span,
            hint=f"SHOW EXTENDED METHODS IN {resource.id} lists what each method takes",
        )
    return defaults


# ---- UPDATE, REPLACE, DELETE


def plan_change(node: nodes.Update | nodes.Delete, names: Names) -> ChangePlan:
    """Plan a change: by its keys if WHERE gives all of them and says nothing else, otherwise by a listing.

    Raises ProgrammingError and its leaves.
    """
    verb: ChangeVerb = "DELETE" if isinstance(node, nodes.Delete) else node.verb
    assignments = node.assignments if isinstance(node, nodes.Update) else ()
    resource = names.get_resource(node.target)
    span = path_span(node.target)
    if isinstance(node, nodes.Update) and node.source is not None:
        raise NotSupportedError(f"{verb} ... FROM is not offered", span=span, hint="use IN (SELECT ...) in WHERE")
    paths = [path for path, _ in assignments]
    chosen = choose_change_method(resource, verb, node.where, paths, span)
    method, keys = chosen.method, chosen.keys
    node = replace(node, where=with_plain_names(node.where, method))
    assigned = _target_parameters(method, paths)
    for parameter, (path, _) in zip(assigned, assignments, strict=True):
        if parameter.location != "body":
            hint = f"WHERE {parameter.name} = '...'"
            message = f"{parameter.name} is a parameter: it belongs in WHERE"
            raise ProgrammingError(message, span=path_span(path), hint=hint)
    in_body = {key.name for key in keys} - {parameter.name for parameter in method.routing}
    lacking = tuple(p.sql_name for p in method.body if p.required and p not in assigned and p.name not in in_body)
    if lacking and isinstance(node, nodes.Update):
        raise MissingParameter(f"{verb} of {resource.id} needs {' and '.join(lacking)}", names=lacking, span=span)
    planner = _ChangePlanner(node, verb, names, resource, method, chosen.key_method, keys, assigned, span)
    by_keys = planner.plan_by_keys(node.returning)
    if by_keys is None and verb == "DELETE" and all(key.location == "server" for key in keys):
        # Each row that a listing finds would be the same request.
        names_taken = " and ".join(key.name for key in keys)
        message = f"{method.name} of {resource.id} has no key: it deletes all that there is"
        raise NotSupportedError(message, span=span, hint=f"WHERE takes {names_taken} alone")
    if by_keys is None or (verb == "DELETE" and _may_select_by_expiry(by_keys)):
        try:
            return planner.plan_by_listing()
        except MissingParameter:
            if by_keys is None:
                raise
    return by_keys


def _may_select_by_expiry(plan: ChangePlan) -> bool:
    """Return whether the keys of a change may be those of rows that a time was compared with: -1 is smaller than every time.

    Then the rows are listed, so that those that never expire can be counted, which their keys do not tell.
    """
    if not isinstance(plan.source, Keys) or not plan.resource.expiry_fields:
        return False
    names = {field.name for field in plan.resource.expiry_fields}
    stored = (column.name for table in plan.source.stored for column in table.columns)
    return any(scan.resource.expiry_fields for scan in plan.source.scans) or not names.isdisjoint(stored)


@dataclass(frozen=True, slots=True)
class _ChangePlanner:
    """Plans one UPDATE, REPLACE or DELETE; `key_method` is `method` with its `keys` as parameters that route."""

    node: nodes.Update | nodes.Delete
    verb: ChangeVerb
    names: Names
    resource: Resource
    method: Method
    key_method: Method
    keys: tuple[Parameter, ...]
    assigned: tuple[Parameter, ...]
    span: Span

    @property
    def _table_ref(self) -> nodes.TableRef:
        return nodes.TableRef(self.node.target, self.node.alias, span=self.span)

    @property
    def _set_expressions(self) -> tuple[nodes.Expr, ...]:
        """The expressions of SET."""
        return tuple(expr for _, expr in self.node.assignments) if isinstance(self.node, nodes.Update) else ()

    # ---- by keys

    def plan_by_keys(self, returning: tuple[nodes.Item | nodes.Star, ...]) -> ChangePlan | None:
        """Return the plan without a listing; None if anything of a row but its keys is needed."""
        node = self.node
        if node.order or node.limit is not None or node.offset is not None or not self._is_known(returning):
            return None
        if any(isinstance(part, nodes.ColumnRef | nodes.Query) for part in walk(self._set_expressions)):
            return None
        scans, where = self._scan_of_keys()
        # WHERE may be empty: the session's workspace can be the only key.
        if not scans.is_resolved(1) or (where is not None and self._exact_keys(where, scans) is None):
            return None
        assigned = None
        if self._set_expressions:
            items = tuple(nodes.Item(expr, text="x") for expr in self._set_expressions)
            assigned = plan_query(nodes.Query(nodes.Select(items)), self.names)
        keys = scans.keys(1, assigned)
        # Keys that are read from somewhere are not in the statement: the user sees them first. So it is with a DELETE that
        # has no key but the workspace.
        is_keyless = self.verb == "DELETE" and all(key.location == "server" for key in self.keys)
        filtered = is_keyless or bool(keys.scans or keys.stored)
        return self._change_plan(keys, self._resolve_returning(returning, ()), filtered=filtered)

    def _scan_of_keys(self) -> tuple[ScanPlanner, nodes.Expr | None]:
        """Return the planner of a scan, with id 1, that the method of the change would answer; and WHERE."""
        resolver = QueryResolver(self.names)
        relation = resolver.tables.scan_of(self.resource, (self.key_method,), self._table_ref)
        scope = Scope(resolver.numbering.next_scope(), None, From.of_relation(relation))
        ctes = resolver.define_ctes(nodes.Query(nodes.Values(()), self.node.ctes, self.node.recursive))
        where = resolve_expression(self.node.where, scope, lambda query, inner: resolver.resolve(query, inner, ctes))
        check_conditions((where,))
        query = BoundQuery("", (), BoundSelect(scope.id, scope.source, where=where))
        return ScanPlanner(query, self.names.workspace), where

    # This decides whether a DELETE goes without a listing, so it errs to one side: None costs a request
    # for the listing, while a wrong "exact" would change rows that WHERE excludes.
    def _exact_keys(self, expr: nodes.Expr, scans: ScanPlanner) -> frozenset[str] | None:
        """Return the keys whose sets say all that a predicate says; None if the sets say less."""
        if isinstance(expr, nodes.Logical):
            operands = [self._exact_keys(operand, scans) for operand in expr.operands]
            exact = [keys for keys in operands if keys is not None]
            keys = frozenset[str]().union(*exact)
            # The sets of several keys are combined: that is what AND means, and OR does not.
            is_exact = len(exact) == len(operands) and (expr.operator == "AND" or len(keys) == 1)
            return keys if is_exact else None
        inside = list(walk(expr))
        if any(isinstance(node, nodes.RowExpr) for node in inside):
            return None  # (token_id, 1) = ('x', 2) gives token_id a value, and is false
        names = {parameter.name.lower() for parameter in self.keys}
        predicates = scans.facts.predicates()
        sets = predicates.sets(expr, frozenset(scans.facts.relations))
        # Exact means one key and one reference: with a second reference, the predicate depends on more than the key.
        keys = frozenset(name for scan, name in sets if scan == 1 and name in names)
        references = [node for node in inside if isinstance(node, BoundReference)]
        return keys if len(keys) == len(references) == 1 else None

    def _is_known(self, returning: tuple[nodes.Item | nodes.Star, ...]) -> bool:
        """Return whether RETURNING names nothing but keys and the reply."""
        columns = [*self._key_columns(), *reply_columns(self.resource, self.method)]
        known = {column.name.lower() for column in columns}
        inside = list(walk(returning))
        if any(isinstance(node, nodes.Star) for node in inside):
            return False
        return all(node.name.text.lower() in known for node in inside if isinstance(node, nodes.ColumnRef))

    # ---- by listing

    def plan_by_listing(self) -> ChangePlan:
        """Return the plan by the rows that a SELECT with the same predicates finds. Raises ProgrammingError."""
        node = self.node
        self._check_listable()
        items: tuple[nodes.Item | nodes.Star, ...] = (
            *(nodes.Item(self._key_reference(key)) for key in self.keys),
            *(nodes.Item(expr, text="x") for expr in self._set_expressions),
            nodes.Star(span=self.span),
        )
        select = nodes.Select(items, self._table_ref, node.where, span=self.span)
        listing = plan_query(
            nodes.Query(select, node.ctes, node.recursive, node.order, node.limit, node.offset, self.span), self.names
        )
        row = listing.columns[len(self.keys) + len(self._set_expressions) :]
        # The listing may be for RETURNING alone, while the statement says which rows are hit.
        without_returning = self.plan_by_keys(())
        is_filtered = without_returning is None or without_returning.filtered
        return self._change_plan(listing, self._resolve_returning(node.returning, row), filtered=is_filtered)

    def _key_reference(self, key: Parameter) -> nodes.ColumnRef:
        """Return the reference to a key in the listing."""
        ref = nodes.ColumnRef((nodes.Name(key.name, span=self.span),), self.span)
        columns = scan_columns(self.resource, self.resource.methods_for("SELECT"))
        is_apart = any(c.name.lower() == key.name.lower() and c.name != c.column.name for c in columns)
        return name_parameter(ref) if is_apart else ref

    def _check_listable(self) -> None:
        """Raise MissingParameter if a listing does not show the keys."""
        known: set[str] = set()
        for method in self.resource.methods_for("SELECT"):
            known.update(parameter.name.lower() for parameter in method.routing)
            known.update(field.name.lower() for field in method.fields)
        lacking = tuple(key.name for key in self.keys if key.name.lower() not in known)
        if lacking:
            example = " and ".join(f"{name} = '...'" for name in lacking)
            raise MissingParameter(
                f"{self.method.name} of {self.resource.id} needs {' and '.join(lacking)}",
                names=lacking,
                span=self.span,
                hint=f"WHERE takes nothing but parameters here: {example}",
            )

    # ---- for both

    def _key_columns(self) -> list[BoundColumn]:
        types = {field.name.lower(): field.type for field in self.resource.fields}
        return [
            table_column(Column(key.name, types.get(key.name.lower(), key.type), f"{self.resource.id}.{key.name}"))
            for key in self.keys
        ]

    def _resolve_returning(
        self, returning: tuple[nodes.Item | nodes.Star, ...], row: Sequence[Column]
    ) -> Projection | None:
        reply = reply_columns(self.resource, self.method)
        return resolve_resource_returning(
            returning, [*self._key_columns(), *map(table_column, row), *reply], self.resource
        )

    def _change_plan(self, source: Keys | SelectPlan, returning: Projection | None, *, filtered: bool) -> ChangePlan:
        return ChangePlan(
            self.verb,
            self.method,
            self.resource,
            self.keys,
            self.assigned,
            source,
            returning,
            filtered,
            self.span,
        )


# ---- EXEC


def plan_exec(node: nodes.Exec, names: Names) -> ExecPlan:
    """Plan an EXEC. Raises ProgrammingError and its leaves."""
    resource, method = method_of(names, node.target, node.span)
    if method.view:
        raise NotSupportedError(f"{resource.id}.{method.name} is not offered: {VIEW_PROBLEM}", span=node.span)
    # The body's attributes may be given as arguments as well as in @@json, each once.
    by_name = parameters_by_sql_name(method)
    values: dict[str, tuple[Parameter, str]] = {}
    spans: dict[str, Span] = {}
    for argument in node.arguments:
        parameter = by_name.get(argument.name.lower())
        if parameter is None:
            known = [candidate.name for candidate in method.parameters]
            near = nearest(argument.name, known)
            hint = None if near else f"{method.name} takes {', '.join(f'@{name}' for name in known)}"
            raise UnknownName("parameter", argument.name, near=near, span=argument.span, hint=hint)
        if parameter.name in values:
            raise ProgrammingError(f"@{argument.name} is given twice", span=argument.span)
        if any(isinstance(part, nodes.Query) for part in walk(argument.value)):
            raise NotSupportedError("an argument of EXEC takes no subquery", span=argument.span)
        values[parameter.name] = parameter, sql_of(resolve_expression(argument.value, Scope(0)))
        spans[parameter.name] = argument.span
    # @@json is checked before anything is sent, so that a misspelt attribute gets a suggestion and a
    # position.
    body = _json_body(node.body, method, values.keys()) if node.body else None
    defaults = _session_defaults(names, resource, method, values.keys() | set(body or ()), path_span(node.target))
    columns = tuple(column.column for column in reply_columns(resource, method))
    return ExecPlan(method, resource, tuple(values.values()), body, columns, defaults, node.span, spans)


def method_of(names: Names, path: nodes.Path, span: Span) -> tuple[Resource, Method]:
    """Return the resource and the method that a path names. Raises UnknownName, ProgrammingError."""
    if len(path) < 2:
        name = path_text(path)
        owner = _find_method_owner(names, name)
        hint = f"write {owner}.{name}" if owner else f"write {name}.METHOD; SHOW METHODS IN {name} lists them"
        raise ProgrammingError("a method is written resource.method", span=span, hint=hint)
    resource = names.get_resource(path[:-1])
    return resource, find_method(resource, path[-1])


def _find_method_owner(names: Names, method: str) -> str | None:
    """Return the first resource of the namespace that has a method of that name."""
    if len(names.namespace) != 2:
        return None
    resources = names.catalog.resources(*names.namespace)
    has_method = (r for r in resources if any(own.name.lower() == method.lower() for own in r.methods))
    return next((resource.name for resource in has_method), None)


def _json_body(node: nodes.JsonArgument, method: Method, given: Collection[str]) -> Mapping[str, object]:
    body = _parse_json_object(node)
    if not method.has_body:
        raise ProgrammingError(f"{method.name} takes no body", span=node.span)
    names = {parameter.key: parameter.name for parameter in method.body}
    body = {names.get(key, key): value for key, value in body.items()}
    known = list(names.values())
    for name in body:
        if known and name not in known:
            near = nearest(name, known)
            hint = None if near else f"the body of {method.name} takes {', '.join(known)}"
            raise UnknownName("attribute", name, near=near, span=node.value, hint=hint)
        if name in given:
            raise ProgrammingError(f"{name} is given twice: as @{name} and in @@json", span=node.value)
    return body


def _parse_json_object(node: nodes.JsonArgument) -> Mapping[str, object]:
    def refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) != len(pairs):
            raise ProgrammingError("@@json names a key of an object twice", span=node.value)
        return members

    try:
        body = json.loads(node.text, object_pairs_hook=refuse_duplicates)
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno} of it"
        raise ProgrammingError(f"@@json is not valid JSON: {error.msg} at {position}", span=node.value) from None
    except (ValueError, RecursionError):
        raise ProgrammingError("@@json cannot be read as JSON", span=node.value) from None
    if not isinstance(body, dict):
        hint = """for example '{"token_id": "..."}'"""
        raise ProgrammingError("@@json takes a JSON object", span=node.value, hint=hint)
    return body
