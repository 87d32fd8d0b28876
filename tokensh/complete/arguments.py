"""Candidates for what a method takes: `@params` and `@@json` of EXEC, the columns of INSERT, SET and RETURNING."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokensh.complete.columns import KnownColumn, describe_parameter, resource_columns, routing_parameters
from tokensh.complete.cursor_context import NAME_KINDS, unquote_name
from tokensh.complete.model import Candidate, Facts, format_note
from tokensh.complete.names import CatalogIndex, methods_of
from tokensh.complete.outline import Outline
from tokensh.complete.values import read_insert_columns
from tokensh.provider.model import VERBS, Method, Parameter, Resource
from tokensh.sql.lexer import Token


def find_called_method(outline: Outline, index: CatalogIndex, facts: Facts) -> Method | None:
    """Return the method that an EXEC calls, None if it is not known."""
    resource = index.find(outline.target[:-1], facts.namespace)
    if resource is None:
        return None
    return next((m for m in resource.methods if m.name.lower() == outline.target[-1].lower()), None)


def find_write_target(
    outline: Outline, index: CatalogIndex, facts: Facts
) -> tuple[Resource, tuple[Method, ...]] | None:
    """Return the resource that a write changes, and the methods that may do it."""
    resource = index.find(outline.target, facts.namespace)
    verb = next((verb for verb in VERBS if verb == outline.verb and verb not in ("SELECT", "EXEC")), None)
    return (resource, methods_of(resource, verb)) if resource and verb else None


def exec_arguments(method: Method, outline: Outline, facts: Facts) -> Iterator[Candidate]:
    """Yield the arguments that an EXEC does not give yet: required ones, the body, then the others."""
    given = {token.text[1:].lower() for token in outline.tokens if token.kind == "PARAMETER"}
    has_json = any(token.kind == "JSON_PARAMETER" for token in outline.tokens)

    def is_missing(parameter: Parameter) -> bool:
        return not given & {parameter.name.lower(), parameter.sql_name.lower()}

    routing = [parameter for parameter in method.routing if is_missing(parameter)]
    yield from (_to_argument(parameter, facts) for parameter in routing if parameter.required)
    if method.has_body and not has_json:
        needed = any(parameter.required and is_missing(parameter) for parameter in method.body)
        attributes = ", ".join(parameter.name for parameter in method.body)
        note = format_note("required" if needed else None, "the body as JSON", attributes)
        yield Candidate("json", "parameter", note, "@@json=", needed)
    yield from (_to_argument(parameter, facts) for parameter in routing if not parameter.required)
    if not has_json:
        for attribute in filter(is_missing, method.body):
            yield Candidate(attribute.name, "attribute", describe_parameter(attribute), f"@{attribute.name}=")


def _to_argument(parameter: Parameter, facts: Facts) -> Candidate:
    note = _describe_in_context(parameter, facts)
    return Candidate(parameter.name, "parameter", note, f"@{parameter.name}=", parameter.required)


def _describe_in_context(parameter: Parameter, facts: Facts) -> str:
    note = describe_parameter(parameter)
    return describe_required(parameter.name, note, facts) if parameter.required else note


def describe_required(name: str, note: str, facts: Facts) -> str:
    """Return the note of a required parameter, with the session's default if it has one."""
    default = facts.workspace if name.lower() == "deployment_name" else None
    return format_note("required", f"default {default}" if default else None, note)


def insert_candidates(methods: Iterable[Method], outline: Outline, facts: Facts) -> Iterator[Candidate]:
    """Yield the columns that an INSERT's list lacks: required ones, attributes, other parameters."""
    listed = {name.lower() for name in read_insert_columns(outline.tokens)}
    parameters = (parameter for method in methods for parameter in (*method.body, *method.routing))
    yield from _to_columns(parameters, listed, facts)


def set_candidates(methods: Iterable[Method], outline: Outline, facts: Facts) -> Iterator[Candidate]:
    """Yield the attributes that an UPDATE or REPLACE does not set yet."""
    assigned = set(_read_assigned_names(outline.tokens))
    yield from _to_columns((attribute for method in methods for attribute in method.body), assigned, facts)


def _to_columns(parameters: Iterable[Parameter], given: set[str], facts: Facts) -> Iterator[Candidate]:
    missing: dict[str, Parameter] = {}
    for parameter in parameters:
        if not given & {parameter.name.lower(), parameter.sql_name.lower()}:
            missing.setdefault(parameter.sql_name.lower(), parameter)
    for parameter in sorted(missing.values(), key=lambda p: (not p.required, p.location != "body")):
        kind = "attribute" if parameter.location == "body" else "parameter"
        note = _describe_in_context(parameter, facts)
        yield Candidate(parameter.sql_name, kind, note, first=parameter.required)


def _read_assigned_names(tokens: tuple[Token, ...]) -> Iterator[str]:
    """Yield the names left of `=` between SET and WHERE."""
    in_set = False
    for at, token in enumerate(tokens[:-1]):
        word = token.text.upper() if token.kind == "NAME" else ""
        in_set = (in_set or word == "SET") and word not in ("WHERE", "FROM", "RETURNING")
        if in_set and token.kind in NAME_KINDS and tokens[at + 1].text == "=":
            yield unquote_name(token).lower()


def returning_columns(outline: Outline, resource: Resource, methods: tuple[Method, ...]) -> list[KnownColumn]:
    """Return what RETURNING may name: the response's fields, then the parameters; of a change the row's columns too."""
    is_insert = outline.verb == "INSERT"
    # A field of the response hides a parameter of the same name.
    columns: dict[str, KnownColumn] = {
        field.name.lower(): KnownColumn(field.name, format_note(field.type, field.description))
        for method in methods
        for field in method.fields
    }
    if not is_insert:
        for column in resource_columns(resource, "SELECT"):
            columns.setdefault(column.name.lower(), KnownColumn(column.name, column.note))
    parameters = (p for method in methods for p in method.parameters) if is_insert else routing_parameters(methods)
    for parameter in parameters:
        columns.setdefault(parameter.sql_name.lower(), KnownColumn(parameter.sql_name, describe_parameter(parameter)))
    return list(columns.values())
