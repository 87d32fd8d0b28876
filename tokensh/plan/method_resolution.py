"""Which method of a resource answers a statement, and which of its parameters are columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokensh.errors import NotSupportedError, Span, UnknownName
from tokensh.plan.nodes import ScanColumn
from tokensh.provider.model import Method, Parameter, Resource, Verb
from tokensh.redact import SECRET_FIELDS
from tokensh.rows import Column, Value
from tokensh.sql import nodes as n
from tokensh.text import nearest


def methods_for_verb(resource: Resource, verb: Verb, span: Span) -> tuple[Method, ...]:
    """The methods that a verb may choose from. Raises NotSupportedError that names those there are."""
    found = resource.methods_for(verb)
    if found:
        return found
    names = ", ".join(f"{one.name} ({one.verb})" for one in resource.methods)
    raise NotSupportedError(f"{resource.id} has no method for {verb}", hint=f"its methods are {names}", span=span)


def find_method(resource: Resource, name: n.Name) -> Method:
    """The method of a name. Raises UnknownName."""
    found = next((m for m in resource.methods if m.name.lower() == name.text.lower()), None)
    if found is None:
        known = [m.name for m in resource.methods]
        near = nearest(name.text, known)
        hint = None if near else f"its methods are {', '.join(known)}"
        raise UnknownName("method", name.text, near=near, span=name.span, hint=hint)
    return found


def choose_method(candidates: Sequence[Method], values: Mapping[str, Sequence[Value]]) -> Method | None:
    """The method that a set of known parameters (in lower case) asks for.

    One whose further required parameters have one value each (a get by key) goes before the least demanding one (a list).
    """
    callable_ = [m for m in candidates if m.required_routing <= values.keys()]
    if not callable_:
        return None
    base = min(callable_, key=_demand)
    known = base.required_routing
    for one in sorted(callable_, key=_demand, reverse=True):
        if all(len(values[name]) == 1 for name in one.required_routing - known):
            return one
    return base


def _demand(method: Method) -> int:
    return len(method.required_routing)


def scan_columns(resource: Resource, candidates: Sequence[Method]) -> tuple[ScanColumn, ...]:
    """The columns of a resource as a table: required server parameters, fields, then (not in `*`) the other parameters."""
    parameters: dict[str, Parameter] = {}
    for method in candidates:
        for one in method.routing:
            parameters.setdefault(one.name.lower(), one)
    fields = {one.name.lower(): one for one in resource.fields}
    servers = [p for p in parameters.values() if p.location == "server" and p.required and p.name.lower() not in fields]
    rest = [p for p in parameters.values() if p not in servers and p.name.lower() not in fields]
    return (
        *(_parameter_column(resource, p, visible=True) for p in servers),
        *(
            ScanColumn(
                one.name,
                Column(one.name, one.type, f"{resource.id}.{one.name}", is_secret(one.name)),
                visible=True,
                parameter=parameters.get(name),
            )
            for name, one in fields.items()
        ),
        *(_parameter_column(resource, p, visible=False) for p in rest),
        *(
            ScanColumn(f.name, Column(f.name, f.type, f"{resource.id}.{f.name}"), visible=False, newer=True)
            for f in resource.undocumented_fields
        ),
    )


def _parameter_column(resource: Resource, parameter: Parameter, *, visible: bool) -> ScanColumn:
    column = Column(parameter.name, parameter.type, f"{resource.id}.{parameter.name}")
    return ScanColumn(parameter.name, column, visible, parameter, is_field=False)


def is_secret(name: str) -> bool:
    """Whether a field's value is a secret, by its name."""
    return name.lower() in SECRET_FIELDS
