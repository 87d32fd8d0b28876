"""SHOW and DESCRIBE: the catalog's entries as rows, in the columns and the words of the provider's own pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tokensh.errors import ProgrammingError
from tokensh.provider.model import Field, Method, Parameter, ProviderInfo, Resource, ServiceInfo
from tokensh.provider.statement_templates import insert_form, required
from tokensh.rows import Column, ColumnType, Row, RowSet


def show_providers(providers: Iterable[ProviderInfo]) -> RowSet:
    """SHOW PROVIDERS: name, version."""
    return _row_set(("name", "version"), [(one.name, one.version) for one in providers])


def show_services(services: Iterable[ServiceInfo], *, extended: bool = False) -> RowSet:
    """SHOW SERVICES: id, name, title; EXTENDED: description, preferred, version too."""
    columns = ("id", "name", "title", "description", "preferred", "version")
    rows = [(one.id, one.name, one.title, one.description, int(one.preferred), one.version) for one in services]
    return _row_set(columns, rows, keep=6 if extended else 3)


def show_resources(resources: Iterable[Resource], *, extended: bool = False) -> RowSet:
    """SHOW RESOURCES: id, name; EXTENDED: description too."""
    rows = [(one.id, one.name, one.description) for one in resources]
    return _row_set(("id", "name", "description"), rows, keep=3 if extended else 2)


def show_methods(resource: Resource, *, extended: bool = False) -> RowSet:
    """SHOW METHODS: MethodName, RequiredParams, SQLVerb; EXTENDED: OptionalParams, description too."""
    columns = ("MethodName", "RequiredParams", "SQLVerb", "OptionalParams", "description")
    rows = [
        (one.name, _listed(required(one)), one.verb, _listed(_optional(one)), one.description)
        for one in resource.methods
    ]
    return _row_set(columns, rows, keep=5 if extended else 3)


def describe(resource: Resource, *, extended: bool = False) -> RowSet:
    """DESCRIBE a resource: name and type of its fields, in document order; EXTENDED: description too."""
    rows = [(one.name, one.type, one.description) for one in resource.fields]
    return _row_set(("name", "type", "description"), rows, keep=3 if extended else 2)


def describe_method(method: Method, *, extended: bool = False) -> RowSet:
    """DESCRIBE METHOD: name, param_type, shape, type of all it takes and answers with; EXTENDED: description too.

    `shape` is a JSON Schema of an object or array, the example of a parameter that has one, else empty.
    """
    inputs = sorted(method.parameters, key=lambda one: not one.required)
    rows = [
        *(_described(one.sql_name, _param_type(one), _example(one), one.type, _page_text(one)) for one in inputs),
        *(_described(one.name, "output", one.shape, one.type, one.description) for one in method.fields),
    ]
    return _row_set(("name", "param_type", "shape", "type", "description"), rows, keep=5 if extended else 4)


def show_insert(resource: Resource, *, extended: bool = False) -> RowSet:
    """SHOW INSERT INTO: the page's INSERT form in a column `query`, a row per method; EXTENDED: the page's manifest.

    Raises:
        ProgrammingError: the resource has no method for INSERT.
    """
    methods = resource.of("INSERT")
    if not methods:
        names = ", ".join(f"{one.name} ({one.verb})" for one in resource.methods)
        raise ProgrammingError(f"{resource.id} has no method for INSERT", hint=f"its methods are {names}")
    form = _manifest if extended else insert_form
    return _row_set(("query",), [(form(resource, one),) for one in methods])


def _row_set(columns: Sequence[str], rows: Sequence[Row], keep: int | None = None) -> RowSet:
    typed = tuple(Column(name, "boolean" if name == "preferred" else "string") for name in columns[:keep])
    return RowSet(typed, (row[:keep] for row in rows))


def _listed(parameters: Iterable[Parameter]) -> str:
    return ", ".join(one.sql_name for one in parameters)


def _optional(method: Method) -> list[Parameter]:
    return [one for one in method.routing if not one.required]


def _described(name: str, role: str, shape: str, kind: ColumnType, description: str) -> Row:
    return name, role, shape, kind, description


def _param_type(parameter: Parameter) -> str:
    return "input_required" if parameter.required else "input_optional"


def _example(parameter: Parameter) -> str:
    if parameter.example is None:
        return parameter.shape
    return json.dumps({"example": parameter.example}, ensure_ascii=False, separators=(",", ":"))


def _page_text(parameter: Parameter) -> str:
    """The page prints a default with the description; it is only shown, never used."""
    if parameter.example is None:
        return parameter.description
    return f"{parameter.description} (default: {parameter.example})".strip()


def _manifest(resource: Resource, method: Method) -> str:
    lines = ["# Description fields are for documentation purposes", f"- name: {resource.name}", "  props:"]
    for one in required(method):
        if one.location != "body":
            note = f"Required parameter for the {resource.name} resource."
            lines += [*_prop(one), f"      description: {note}"]
    for one in method.body:
        lines += _prop(one)
        if one.description:
            # A JSON string is a YAML string, whatever is in it.
            lines.append(f"      description: {json.dumps(one.description, ensure_ascii=False)}")
    return "\n".join(lines)


def _prop(parameter: Parameter | Field) -> list[str]:
    return [f"    - name: {parameter.name}", f"      value: {parameter.type}"]
