"""Choose the method of an UPDATE, REPLACE or DELETE, and its keys: what says which object is changed.

A key may stand in the path, in the query or in the body: some APIs delete by a POST with the key in its body. For planning, a
key in the body is like one in the path.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from tokensh._dataclasses import dataclass, replace
from tokensh.errors import MissingParameter, Span
from tokensh.plan.method_resolution import methods_for_verb, parameters_by_sql_name, sql_names
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.sql import nodes
from tokensh.sql.visit import rewrite, walk

ChangeVerb = Literal["UPDATE", "REPLACE", "DELETE"]
_PREFIX = "data__"


@dataclass(frozen=True, slots=True)
class ChangeMethod:
    """The method of a change; `key_method` is the same with all its `keys` as required parameters that route."""

    method: Method
    key_method: Method
    keys: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """What a statement gives: the names, in lower case, of the columns in its WHERE and in its SET."""

    where: frozenset[str]
    assigned: frozenset[str]

    def has(self, method: Method, parameter: Parameter) -> bool:
        return not self.where.union(self.assigned).isdisjoint(sql_names(method, parameter))

    def is_named(self, method: Method, parameter: Parameter) -> bool:
        return not self.where.isdisjoint(sql_names(method, parameter))


def choose_change_method(
    resource: Resource, verb: ChangeVerb, where: nodes.Expr | None, assigned: Sequence[nodes.Path], span: Span
) -> ChangeMethod:
    """Return the method of a change and its keys. Raises NotSupportedError, MissingParameter."""
    given = _Given(_column_names(where), frozenset(path[-1].text.lower() for path in assigned))
    method = _choose_method(resource, _candidates(resource, verb, span), given)
    extra = {*_optional_parameters(resource, method, given), *_body_keys(resource, verb, method, given, span)}
    return _with_keys(method, extra)


def _candidates(resource: Resource, verb: ChangeVerb, span: Span) -> Sequence[Method]:
    # The document names a POST that may serve DELETE (`x-tokensh-delete`); a DELETE method of its own always goes first.
    if verb == "DELETE" and not resource.methods_for("DELETE") and resource.delete_method:
        return [method for method in resource.methods if method.name == resource.delete_method][:1]
    return methods_for_verb(resource, verb, span)


def _column_names(where: nodes.Expr | None) -> frozenset[str]:
    references = (node for node in walk(where) if isinstance(node, nodes.ColumnRef))
    return frozenset(reference.name.text.lower() for reference in references)


def _choose_method(resource: Resource, candidates: Sequence[Method], given: _Given) -> Method:
    """Return the method that knows what is given and lacks least, of those the one that needs most: the first of equals."""
    listed = _names_in_listing(resource)

    def mismatch(method: Method) -> tuple[int, int, int, int]:
        body = {name for parameter in method.body for name in sql_names(method, parameter)}
        unknown = (given.assigned - body) | (given.where - parameters_by_sql_name(method).keys() - listed)
        required = [parameter for parameter in method.required if parameter.location != "server"]
        missing = [parameter for parameter in required if not given.has(method, parameter)]
        unlisted = [parameter for parameter in missing if parameter.name.lower() not in listed]
        return len(unknown), len(unlisted), len(missing), len(missing) - len(required)

    return min(candidates, key=mismatch)


def _field_names(resource: Resource) -> frozenset[str]:
    return frozenset(field.name.lower() for field in resource.fields)


def _names_in_listing(resource: Resource) -> frozenset[str]:
    """Return the names that a SELECT of the resource shows."""
    routing = (parameter for method in resource.methods_for("SELECT") for parameter in method.routing)
    return _field_names(resource).union(parameter.name.lower() for parameter in routing)


def _optional_parameters(resource: Resource, method: Method, given: _Given) -> list[Parameter]:
    """Return the optional parameters that WHERE can only mean to be sent: no field has their name."""
    fields = _field_names(resource)
    return [
        parameter
        for parameter in method.routing
        if not parameter.required and parameter.name.lower() in given.where - fields
    ]


def _body_keys(resource: Resource, verb: ChangeVerb, method: Method, given: _Given, span: Span) -> list[Parameter]:
    """Return the attributes of the body that are keys. Raises MissingParameter for a DELETE that would be sent without any."""
    routing = {parameter.name.lower() for parameter in method.routing}
    fields = _field_names(resource)
    free = [
        parameter
        for parameter in method.body
        if parameter.name.lower() not in routing and given.assigned.isdisjoint(sql_names(method, parameter))
    ]
    named = [parameter for parameter in free if given.is_named(method, parameter)]
    required = [parameter for parameter in free if parameter.required]
    is_keyless = all(parameter.location == "server" for parameter in method.routing if parameter.required)
    # A field's name in WHERE filters the rows, unless the method needs it, or has nothing else to know them by.
    keys = [
        parameter
        for parameter in named
        if parameter.required or is_keyless or not fields & {*sql_names(method, parameter)}
    ]
    if verb == "DELETE":
        keys = [parameter for parameter in free if parameter in keys or parameter.required]
        # The only attribute, if a listing shows it, is what tells one row from the others.
        if is_keyless and len(free) == 1 and free[0].name.lower() in fields:
            return free
        if is_keyless and free and not keys:
            names = tuple(parameter.name for parameter in free)
            message = f"{method.name} of {resource.id} needs a key"
            raise MissingParameter(message, names=names, span=span, hint=f"it takes {', '.join(names)}")
    elif is_keyless and not keys and len(required) == 1 and required[0].name.lower() in fields:
        keys = required  # the listing shows it
    return keys


def _with_keys(method: Method, extra: Collection[Parameter]) -> ChangeMethod:
    keys_and_others = tuple(
        replace(parameter, required=True, location="path" if parameter.location == "body" else parameter.location)
        if parameter in extra
        else parameter
        for parameter in method.parameters
    )
    key_method = replace(method, parameters=keys_and_others)
    keys = tuple(parameter for parameter in key_method.routing if parameter.required)
    return ChangeMethod(method, key_method, keys)


def with_plain_names(where: nodes.Expr | None, method: Method) -> nodes.Expr | None:
    """Return a WHERE in which `data__x`, an attribute of the method's body, is called `x`, as fields are."""
    attributes = {f"{_PREFIX}{parameter.name.lower()}": parameter.name for parameter in method.body}

    def rename(node: nodes.ColumnRef) -> nodes.ColumnRef:
        plain = attributes.get(node.name.text.lower())
        return node if plain is None else replace(node, path=(*node.path[:-1], replace(node.name, text=plain)))

    # A query inside has columns of its own.
    return rewrite(where, {nodes.ColumnRef: rename, nodes.Query: lambda query: query}) if attributes else where
