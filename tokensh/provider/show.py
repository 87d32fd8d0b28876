"""The rows of SHOW and DESCRIBE, in the columns and the words of the provider's own pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from tokensh.errors import ProgrammingError
from tokensh.provider.model import Method, Parameter, ProviderInfo, Resource, ServiceInfo
from tokensh.provider.show_kinds import SHOW_KINDS
from tokensh.provider.statement_templates import insert_template, optional_parameters, required_parameters
from tokensh.rows import UNIT_DESCRIPTIONS, Column, Row, RowSet


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
        (m.name, _join_names(required_parameters(m)), m.verb, _join_names(optional_parameters(m)), m.description)
        for m in resource.methods
    ]
    return _show_rows("METHODS", rows, extended=extended)


def describe(resource: Resource, *, extended: bool = False) -> RowSet:
    """Return the rows of DESCRIBE: name and type of the fields, those of the pages first; EXTENDED: description too.

    If the units of some fields are known, they are a third column, which EXTENDED has in the description.
    """
    fields = (*resource.fields, *resource.undocumented_fields)
    if extended:
        rows: list[Row] = [(field.name, field.type, field.full_description) for field in fields]
        return _row_set(("name", "type", "description"), rows)
    rows = [(f.name, f.type, UNIT_DESCRIPTIONS[f.unit] if f.unit else "") for f in fields]
    has_units = any(field.unit for field in fields)
    return _row_set(("name", "type", "unit") if has_units else ("name", "type"), rows)


def describe_method(method: Method, *, extended: bool = False) -> RowSet:
    """Return the rows of DESCRIBE METHOD: a method's parameters, required ones first, then its response's fields.

    The columns are name, param_type, shape, type; EXTENDED: description too. `shape` is a JSON Schema of an object or array,
    the example of a parameter that has one, else empty.
    """
    parameters = sorted(method.parameters, key=lambda parameter: not parameter.required)
    rows: list[Row] = [
        (p.sql_name, f"input_{'required' if p.required else 'optional'}", _shape_of(p), p.type, _describe_parameter(p))
        for p in parameters
    ]
    rows += [(field.name, "output", field.shape, field.type, field.full_description) for field in method.fields]
    columns = ("name", "param_type", "shape", "type", "description")
    return _row_set(columns if extended else columns[:4], rows)


def show_insert(resource: Resource, *, extended: bool = False) -> RowSet:
    """Return the page's INSERT template in a column `query`, a row per method; EXTENDED: the page's manifest.

    Raises:
        ProgrammingError: the resource has no method for INSERT.
    """
    methods = resource.methods_for("INSERT")
    if not methods:
        names = ", ".join(f"{method.name} ({method.verb})" for method in resource.methods)
        raise ProgrammingError(f"{resource.id} has no method for INSERT", hint=f"its methods are {names}")
    template = _manifest if extended else insert_template
    return _row_set(("query",), [(template(resource, method),) for method in methods])


def _show_rows(kind: str, rows: Sequence[Row], *, extended: bool = True) -> RowSet:
    return _row_set(SHOW_KINDS[kind].result_columns(extended=extended), rows)


def _row_set(columns: Sequence[str], rows: Sequence[Row]) -> RowSet:
    """Return the rows, cut to the columns: EXTENDED only adds columns at the end."""
    typed = tuple(Column(name, "boolean" if name == "preferred" else "string") for name in columns)
    return RowSet(typed, (row[: len(columns)] for row in rows))


def _join_names(parameters: Iterable[Parameter]) -> str:
    return ", ".join(parameter.sql_name for parameter in parameters)


def _shape_of(parameter: Parameter) -> str:
    if parameter.example is None:
        return parameter.shape
    return json.dumps({"example": parameter.example}, ensure_ascii=False, separators=(",", ":"))


def _describe_parameter(parameter: Parameter) -> str:
    # The page prints a default with the description. It is only shown, never used.
    if parameter.example is None:
        return parameter.full_description
    return f"{parameter.description} (default: {parameter.example})".strip()


def _manifest(resource: Resource, method: Method) -> str:
    """Return the YAML that the page prints beside an INSERT, which `--vars` reads."""
    lines = ["# Description fields are for documentation purposes", f"- name: {resource.name}", "  props:"]
    for parameter in required_parameters(method):
        if parameter.location != "body":
            note = f"Required parameter for the {resource.name} resource."
            lines += [*_manifest_entry(parameter), f"      description: {note}"]
    for attribute in method.documented_body:
        lines += _manifest_entry(attribute)
        if attribute.description:
            # A JSON string is a valid YAML string, whatever is in it.
            lines.append(f"      description: {json.dumps(attribute.description, ensure_ascii=False)}")
    return "\n".join(lines)


def _manifest_entry(parameter: Parameter) -> list[str]:
    return [f"    - name: {parameter.name}", f"      value: {parameter.type}"]
