"""A method's statement to fill in, as the provider's own pages print it: `{{ placeholders }}` in place of values.

The pages' texts are kept byte for byte, trailing blanks included: users compare the two, and tests read the page
(tests/fixtures/user_tokens.mdx).
"""

from __future__ import annotations

from collections.abc import Sequence

from tokensh.errors import assert_never
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.rows import ColumnType

UNQUOTED: frozenset[ColumnType] = frozenset({"integer", "number", "boolean"})
# The order in which the pages list required parameters.
_LOCATIONS = ("path", "query", "header", "server", "body")


def statement_template(resource: Resource, method: Method) -> str:
    """Return the statement that calls a method, its `;` included."""
    match method.verb:
        case "SELECT":
            columns = ",\n".join(field.name for field in method.fields) or "*"
            return f"SELECT\n{columns}\nFROM {resource.id}{_where_clause(method)};"
        case "INSERT":
            return insert_template(resource, method)
        case "UPDATE" | "REPLACE":
            assignments = ",\n".join(f"{p.sql_name} = {_value_of(p)}" for p in method.documented_body)
            clauses = _where_clause(method) + _returning_clause(method)
            return f"{method.verb} {resource.id}\nSET\n{assignments}{clauses}\n;"
        case "DELETE":
            return f"{method.verb} FROM {resource.id}{_where_clause(method)}{_returning_clause(method)}\n;"
        case "EXEC":
            return _exec_template(resource, method)
        case _:
            assert_never(method.verb)


def insert_template(resource: Resource, method: Method) -> str:
    """Return an INSERT of the method's body attributes and required parameters."""
    parameters = (*method.documented_body, *_find_required_routing(method))
    lines = [
        f"INSERT INTO {resource.id} (",
        ",\n".join(parameter.sql_name for parameter in parameters),
        ")",
        # The blank at its end is the page's.
        "SELECT ",
        ",\n".join(map(_value_of, parameters)),
    ]
    return "\n".join(lines) + _returning_clause(method) + "\n;"


def required_parameters(method: Method) -> list[Parameter]:
    """Return a method's required parameters in the pages' order: path, query, header, server, then body.

    A body attribute counts only if the document names it like any other parameter (`bare`).
    """
    parameters = (parameter for parameter in method.required if parameter.location != "body" or parameter.bare)
    return sorted(parameters, key=lambda parameter: _LOCATIONS.index(parameter.location))


def optional_parameters(method: Method) -> list[Parameter]:
    """Return a method's optional parameters without the attributes of its body."""
    return [parameter for parameter in method.routing if not parameter.required]


def _find_required_routing(method: Method) -> list[Parameter]:
    return [parameter for parameter in required_parameters(method) if parameter.location != "body"]


def _value_of(parameter: Parameter) -> str:
    value = _placeholder(parameter)
    return f"{value} /* required */" if parameter.required and parameter.location == "body" else value


def _placeholder(parameter: Parameter, quote: str = "'") -> str:
    text = f"{{{{ {parameter.name} }}}}"
    return text if parameter.type in UNQUOTED else f"{quote}{text}{quote}"


def _where_clause(method: Method) -> str:
    """Return the predicates; those of required parameters are marked."""
    predicates = [f"{p.name} = {_placeholder(p)} -- required" for p in _find_required_routing(method)]
    predicates += [f"{p.name} = {_placeholder(p)}" for p in optional_parameters(method)]
    return "".join(f"\n{'AND' if at else 'WHERE'} {predicate}" for at, predicate in enumerate(predicates))


def _returning_clause(method: Method) -> str:
    names = ",\n".join(field.name for field in method.fields)
    return f"\nRETURNING\n{names}" if names else ""


def _exec_template(resource: Resource, method: Method) -> str:
    lines = [
        f"EXEC {resource.id}.{method.name} ",
        *(f"@{p.name}={_placeholder(p)} --required " for p in _find_required_routing(method)),
        *(f"@{p.name}={_placeholder(p)}" for p in optional_parameters(method)),
    ]
    if method.documented_body:
        lines += ["@@json=", f"'{{\n{_json_body(method.documented_body)}\n}}'"]
        return "\n".join(lines) + ";"
    return "\n".join(lines) + "\n;"


def _json_body(attributes: Sequence[Parameter]) -> str:
    return ",\n".join(f'"{attribute.name}": {_placeholder(attribute, chr(34))}' for attribute in attributes)
