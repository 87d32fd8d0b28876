"""What a method takes: `@params` and `@@json` of EXEC, the column list of INSERT, SET, RETURNING."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tokensh.complete.columns import KnownColumn, columns_of, parameter_note, routing
from tokensh.complete.cursor_context import name_of
from tokensh.complete.model import Candidate, Facts, note
from tokensh.complete.names import CatalogIndex, callable_by
from tokensh.complete.outline import Outline
from tokensh.complete.values import insert_columns
from tokensh.provider.model import Method, Parameter, Resource, Verb
from tokensh.sql.lexer import Token

_NAMES = ("NAME", "QUOTED_NAME")


def called(found: Outline, names: CatalogIndex, facts: Facts) -> Method | None:
    """The method that an EXEC calls."""
    resource = names.find(found.target[:-1], facts.namespace)
    if resource is None:
        return None
    return next((m for m in resource.methods if m.name.lower() == found.target[-1].lower()), None)


def written_to(found: Outline, names: CatalogIndex, facts: Facts) -> tuple[Resource, tuple[Method, ...]] | None:
    """The resource that a write writes to, and the methods that may do it."""
    resource = names.find(found.target, facts.namespace)
    if resource is None:
        return None
    verbs: dict[str, Verb] = {"INSERT": "INSERT", "UPDATE": "UPDATE", "REPLACE": "REPLACE", "DELETE": "DELETE"}
    verb = verbs.get(found.verb)
    return (resource, callable_by(resource, verb)) if verb else None


def of_exec(method: Method, found: Outline, facts: Facts) -> Iterator[Candidate]:
    """The arguments that are not given yet: required ones, the body, then the others."""
    given = {t.text[1:].lower() for t in found.tokens if t.kind == "PARAMETER"}
    body_given = any(t.kind == "JSON_PARAMETER" for t in found.tokens)

    def is_open(one: Parameter) -> bool:
        return not given & {one.name.lower(), one.sql_name.lower()}

    for one in (p for p in method.routing if is_open(p)):
        if one.required:
            yield _argument(one, facts)
    if method.has_body and not body_given:
        needed = [p.name for p in method.body if p.required and is_open(p)]
        text = note("required" if needed else None, "the body as JSON", ", ".join(p.name for p in method.body))
        yield Candidate("json", "parameter", text, "@@json=", bool(needed))
    for one in (p for p in method.routing if is_open(p) and not p.required):
        yield _argument(one, facts)
    if not body_given:
        for one in (p for p in method.body if is_open(p)):
            yield Candidate(one.name, "attribute", parameter_note(one), f"@{one.name}=")


def _argument(one: Parameter, facts: Facts) -> Candidate:
    text = required_note(one.name, parameter_note(one), facts) if one.required else parameter_note(one)
    return Candidate(one.name, "parameter", text, f"@{one.name}=", one.required)


def required_note(name: str, text: str, facts: Facts) -> str:
    """The note of a required parameter, with the session's default if it has one."""
    default = facts.workspace if name.lower() == "deployment_name" else None
    return note("required", f"default {default}" if default else None, text)


def of_insert(methods: Iterable[Method], found: Outline, facts: Facts) -> Iterator[Candidate]:
    """The columns of an INSERT's list that are not in it yet: required ones, attributes, other parameters."""
    listed = {name.lower() for name in insert_columns(found.tokens)}
    known: dict[str, Parameter] = {}
    for method in methods:
        for one in (*method.body, *method.routing):
            if not listed & {one.name.lower(), one.sql_name.lower()}:
                known.setdefault(one.sql_name.lower(), one)
    yield from _settable(known.values(), facts)


def of_set(methods: Iterable[Method], found: Outline, facts: Facts) -> Iterator[Candidate]:
    """The attributes that an UPDATE or REPLACE does not set yet."""
    given = set(_assigned(found.tokens))
    known: dict[str, Parameter] = {}
    for method in methods:
        for one in method.body:
            if not given & {one.name.lower(), one.sql_name.lower()}:
                known.setdefault(one.sql_name.lower(), one)
    yield from _settable(known.values(), facts)


def _settable(known: Iterable[Parameter], facts: Facts) -> Iterator[Candidate]:
    ordered = sorted(known, key=lambda p: (not p.required, p.location != "body"))
    for one in ordered:
        kind = "attribute" if one.location == "body" else "parameter"
        text = required_note(one.name, parameter_note(one), facts) if one.required else parameter_note(one)
        yield Candidate(one.sql_name, kind, text, first=one.required)


def _assigned(tokens: tuple[Token, ...]) -> Iterator[str]:
    """The names left of `=` between SET and WHERE."""
    active = False
    for at, token in enumerate(tokens[:-1]):
        word = token.text.upper() if token.kind == "NAME" else ""
        active = (active or word == "SET") and word not in ("WHERE", "FROM", "RETURNING")
        if active and token.kind in _NAMES and tokens[at + 1].text == "=":
            yield name_of(token).lower()


def returned(found: Outline, resource: Resource, methods: tuple[Method, ...]) -> list[KnownColumn]:
    """What RETURNING may name: the reply's fields, then what was given, of a change or a revoke the row too."""
    fields = {f.name.lower(): KnownColumn(f.name, note(f.type, f.description)) for m in methods for f in m.fields}
    if found.verb != "INSERT":
        for one in columns_of(resource, "SELECT"):
            fields.setdefault(one.name.lower(), KnownColumn(one.name, one.note))
    given = (p for m in methods for p in m.parameters) if found.verb == "INSERT" else routing(methods)
    for parameter in given:
        fields.setdefault(parameter.sql_name.lower(), KnownColumn(parameter.sql_name, parameter_note(parameter)))
    return list(fields.values())
