"""A method's statement to fill in, as the provider's own pages print it: `{{ placeholders }}` where its values go."""

from __future__ import annotations

from collections.abc import Sequence

from tokensh.errors import assert_never
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.rows import ColumnType

UNQUOTED: frozenset[ColumnType] = frozenset({"integer", "number", "boolean"})


def statement_template(resource: Resource, method: Method) -> str:
    """The statement that calls a method, its `;` included."""
    match method.verb:
        case "SELECT":
            columns = ",\n".join(one.name for one in method.fields) or "*"
            return f"SELECT\n{columns}\nFROM {resource.id}{_where(method)};"
        case "INSERT":
            return insert_template(resource, method)
        case "UPDATE" | "REPLACE":
            given = ",\n".join(f"{one.sql_name} = {_value(one)}" for one in method.body)
            return f"{method.verb} {resource.id}\nSET\n{given}{_where(method)}{_returning(method)}\n;"
        case "DELETE":
            return f"{method.verb} FROM {resource.id}{_where(method)}{_returning(method)}\n;"
        case "EXEC":
            return _exec_form(resource, method)
        case _:
            assert_never(method.verb)


def insert_template(resource: Resource, method: Method) -> str:
    """An INSERT of everything that a method takes and must have."""
    taken = (*method.body, *(one for one in required_parameters(method) if one.location != "body"))
    lines = [
        f"INSERT INTO {resource.id} (",
        ",\n".join(one.sql_name for one in taken),
        ")",
        # The blank at its end is the page's.
        "SELECT ",
        ",\n".join(_value(one) for one in taken),
    ]
    return "\n".join(lines) + _returning(method) + "\n;"


def required_parameters(method: Method) -> list[Parameter]:
    """What a method must have in the page's order: what the path needs, the server, then the body.

    A body attribute counts only where the document names it like any other parameter.
    """
    places = ("path", "query", "header", "server", "body")
    shown = (one for one in method.required if one.location != "body" or one.bare)
    return sorted(shown, key=lambda one: places.index(one.location))


def _value(parameter: Parameter) -> str:
    value = _placeholder(parameter)
    return f"{value} /* required */" if parameter.required and parameter.location == "body" else value


def _placeholder(parameter: Parameter, quote: str = "'") -> str:
    text = f"{{{{ {parameter.name} }}}}"
    return text if parameter.type in UNQUOTED else f"{quote}{text}{quote}"


def _where(method: Method) -> str:
    """The predicates, each that must be there marked."""
    optional = [one for one in method.routing if not one.required]
    needed = [one for one in required_parameters(method) if one.location != "body"]
    lines = [f"{one.name} = {_placeholder(one)} -- required" for one in needed]
    lines += [f"{one.name} = {_placeholder(one)}" for one in optional]
    return "".join(f"\n{'AND' if at else 'WHERE'} {line}" for at, line in enumerate(lines))


def _returning(method: Method) -> str:
    names = ",\n".join(one.name for one in method.fields)
    return f"\nRETURNING\n{names}" if names else ""


def _exec_form(resource: Resource, method: Method) -> str:
    needed = [one for one in required_parameters(method) if one.location != "body"]
    optional = [one for one in method.routing if not one.required]
    lines = [
        f"EXEC {resource.id}.{method.name} ",
        *(f"@{one.name}={_placeholder(one)} --required " for one in needed),
        *(f"@{one.name}={_placeholder(one)}" for one in optional),
    ]
    if method.body:
        lines += ["@@json=", f"'{{\n{_json(method.body)}\n}}'"]
        return "\n".join(lines) + ";"
    return "\n".join(lines) + "\n;"


def _json(body: Sequence[Parameter]) -> str:
    return ",\n".join(f'"{one.name}": {_placeholder(one, chr(34))}' for one in body)
