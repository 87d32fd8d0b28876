"""Choose the method of a resource that answers a statement, and tell which of its parameters are columns.

A resource can have several methods for SELECT, of which each requires other parameters: a listing, and a get by key. Which one
is called is known only when the values of the parameters are: `choose_method` is asked then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokensh.errors import NotSupportedError, Span, UnknownName
from tokensh.plan.nodes import ScanColumn
from tokensh.plan.scope import PARAMETER_PREFIX
from tokensh.provider.model import Field, Method, Parameter, Resource, Verb
from tokensh.redact import SECRET_FIELDS
from tokensh.rows import Column, ColumnType, Value
from tokensh.sql import nodes
from tokensh.text import nearest

VIEW_PROBLEM = "it is a view, which only SELECT reads"


def methods_for_verb(resource: Resource, verb: Verb, span: Span) -> tuple[Method, ...]:
    """Return the methods that a verb may choose from. Raises NotSupportedError that names all methods."""
    methods = resource.methods_for(verb)
    usable = tuple(method for method in methods if not method.problem and not method.view)
    if usable:
        return usable
    if methods:
        raise _problem_error(resource, methods[0], span)
    names = ", ".join(f"{method.name} ({method.verb})" for method in resource.methods)
    raise NotSupportedError(f"{resource.id} has no method for {verb}", hint=f"its methods are {names}", span=span)


def _problem_error(resource: Resource, method: Method, span: Span) -> NotSupportedError:
    return NotSupportedError(f"{resource.id}.{method.name} is not offered: {method.problem or VIEW_PROBLEM}", span=span)


def find_method(resource: Resource, name: nodes.Name) -> Method:
    """Return the method of a name. Raises UnknownName."""
    for method in resource.methods:
        if method.name.lower() == name.text.lower():
            if method.problem:
                raise _problem_error(resource, method, name.span)
            return method
    known = [method.name for method in resource.methods]
    near = nearest(name.text, known)
    hint = None if near else f"its methods are {', '.join(known)}"
    raise UnknownName("method", name.text, near=near, span=name.span, hint=hint)


# StackQL writes a body's attribute as `data__comment`. The plain name is accepted too, as users expect
# it, except where a parameter of the path or query has it already: then the plain name keeps meaning that
# parameter.
def sql_names(method: Method, parameter: Parameter) -> tuple[str, ...]:
    """Return the names, in lower case, of a parameter in SQL: of a body's attribute `data__x`, and `x` if that is free."""
    names = dict.fromkeys((parameter.name.lower(), parameter.key.lower()))
    if parameter.location != "body":
        return tuple(names)
    taken = {other.name.lower() for other in method.routing}
    return (*(f"data__{name}" for name in names), *(name for name in names if name not in taken))


def parameters_by_sql_name(method: Method) -> Mapping[str, Parameter]:
    """Return a method's parameters by each of their names in SQL."""
    return {name: parameter for parameter in method.parameters for name in sql_names(method, parameter)}


def choose_method(candidates: Sequence[Method], values: Mapping[str, Sequence[Value]]) -> Method | None:
    """Return the method for the known parameters, in lower case, and their values; None if none can be called.

    A method whose further required parameters have one value each (a get by key) goes before the one that requires least (a
    listing): with several keys, one listing costs fewer requests.
    """
    possible = [method for method in candidates if method.required_routing <= values.keys() and not method.problem]
    if not possible:
        return None
    listing = min(possible, key=_demand)
    for method in sorted(possible, key=_demand, reverse=True):
        if all(len(values[name]) == 1 for name in method.required_routing - listing.required_routing):
            return method
    return listing


def _demand(method: Method) -> int:
    return len(method.required_routing)


def scan_columns(resource: Resource, candidates: Sequence[Method]) -> tuple[ScanColumn, ...]:
    """Return the columns of a resource as a table: required server parameters, fields, then the other parameters.

    `*` does not include the last, nor fields that the provider's documents do not name.
    """
    parameters: dict[str, Parameter] = {}
    for method in candidates:
        for parameter in method.routing:
            parameters.setdefault(parameter.name.lower(), parameter)
    fields = {field.name.lower(): field for field in resource.fields}
    # A parameter that is also a field is one column, at the field's position, unless they are different things.
    apart = {name for name, field in fields.items() if name in parameters and _differ(parameters[name], field)}
    others = [parameter for name, parameter in parameters.items() if name not in fields.keys() - apart]
    servers = [parameter for parameter in others if parameter.location == "server" and parameter.required]
    rest = [parameter for parameter in others if parameter not in servers]
    return (
        *(_parameter_column(resource, parameter, visible=True) for parameter in servers),
        *(
            ScanColumn(
                field.name,
                Column(field.name, field.type, f"{resource.id}.{field.name}", is_secret(field.name), field.unit),
                visible=True,
                parameter=None if name in apart else parameters.get(name),
            )
            for name, field in fields.items()
        ),
        *(
            _parameter_column(resource, parameter, visible=False, apart=parameter.name.lower() in apart)
            for parameter in rest
        ),
        *(
            ScanColumn(
                field.name,
                Column(field.name, field.type, f"{resource.id}.{field.name}", unit=field.unit),
                visible=False,
                newer=True,
            )
            for field in resource.undocumented_fields
        ),
    )


def _differ(parameter: Parameter, field: Field) -> bool:
    """Return whether a parameter and a field of its name are different things: an owner's name, and the owner as an object."""
    # Two texts of one object need not be equal.
    return field.type in {"object", "array"} or _kind_of(parameter.type) != _kind_of(field.type)


def _kind_of(column_type: ColumnType) -> str:
    match column_type:
        case "string" | "integer" | "number":
            return "scalar"  # APIs write ids as both
        case _:
            return column_type


def _parameter_column(resource: Resource, parameter: Parameter, *, visible: bool, apart: bool = False) -> ScanColumn:
    name = f"{PARAMETER_PREFIX}{parameter.name}" if apart else parameter.name
    column = Column(name, parameter.type, f"{resource.id}.{parameter.name}", unit=parameter.unit)
    return ScanColumn(parameter.name, column, visible, parameter, is_field=False)


def is_secret(name: str) -> bool:
    """Return whether the values of a field are secrets, by its name."""
    return name.lower() in SECRET_FIELDS
