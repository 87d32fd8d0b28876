"""SHOW and DESCRIBE: the catalog's entries as rows, in the columns and the words of the provider's own pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tokensh.errors import ProgrammingError
from tokensh.provider.model import Field, Method, Parameter, ProviderInfo, Resource, ServiceInfo
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.provider.statement_templates import insert_template, required_parameters
from tokensh.rows import Column, ColumnType, Row, RowSet


def show_providers(providers: Iterable[ProviderInfo]) -> RowSet:
    """Return the rows of SHOW PROVIDERS."""
    return _show_rows("PROVIDERS", [(provider.name, provider.version) for provider in providers])


def show_services(services: Iterable[ServiceInfo], *, extended: bool = False) -> RowSet:
    """Return the rows of SHOW SERVICES."""
    rows = [(s.id, s.name, s.title, s.description, int(s.preferred), s.version) for s in services]
    return _show_rows("SERVICES", rows, extended=extended)


def show_resources(resources: Iterable[Resource], *, extended: bool = False) -> RowSet:
    """Return the rows of SHOW RESOURCES."""
    rows = [(resource.id, resource.name, resource.description) for resource in resources]
    return _show_rows("RESOURCES", rows, extended=extended)


def show_methods(resource: Resource, *, extended: bool = False) -> RowSet:
    """Return the rows of SHOW METHODS."""
    rows = [
        (m.name, _listed(required_parameters(m)), m.verb, _listed(_optional(m)), m.description)
        for m in resource.methods
    ]
    return _show_rows("METHODS", rows, extended=extended)


def describe(resource: Resource, *, extended: bool = False) -> RowSet:
    """DESCRIBE a resource: name and type of its fields, in document order; EXTENDED: description too."""
    rows = [(one.name, one.type, one.description) for one in resource.fields]
    return _row_set(("name", "type", "description") if extended else ("name", "type"), rows)


def describe_method(method: Method, *, extended: bool = False) -> RowSet:
    """DESCRIBE METHOD: name, param_type, shape, type of all it takes and answers with; EXTENDED: description too.

    `shape` is a JSON Schema of an object or array, the example of a parameter that has one, else empty.
    """
    inputs = sorted(method.parameters, key=lambda one: not one.required)
    rows = [
        *(_described(one.sql_name, _param_type(one), _example(one), one.type, _page_text(one)) for one in inputs),
        *(_described(one.name, "output", one.shape, one.type, one.description) for one in method.fields),
    ]
    columns = ("name", "param_type", "shape", "type", "description")
    return _row_set(columns if extended else columns[:4], rows)


def show_insert(resource: Resource, *, extended: bool = False) -> RowSet:
    """SHOW INSERT INTO: the page's INSERT form in a column `query`, a row per method; EXTENDED: the page's manifest.

    Raises:
        ProgrammingError: the resource has no method for INSERT.
    """
    methods = resource.methods_for("INSERT")
    if not methods:
        names = ", ".join(f"{one.name} ({one.verb})" for one in resource.methods)
        raise ProgrammingError(f"{resource.id} has no method for INSERT", hint=f"its methods are {names}")
    form = _manifest if extended else insert_template
    return _row_set(("query",), [(form(resource, one),) for one in methods])


def _show_rows(kind: str, rows: Sequence[Row], *, extended: bool = True) -> RowSet:
    return _row_set(SHOW_KINDS[kind].result_columns(extended=extended), rows)


def _row_set(columns: Sequence[str], rows: Sequence[Row]) -> RowSet:
    typed = tuple(Column(name, "boolean" if name == "preferred" else "string") for name in columns)
    return RowSet(typed, (row[: len(columns)] for row in rows))


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
    for one in required_parameters(method):
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
