"""Commands that tell what there is: resources, views and tables, the connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tokensh.engine.diff import describe_refresh
from tokensh.errors import InterfaceError, UnknownName
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.provider.statement_templates import form
from tokensh.rows import Column, RowSet
from tokensh.shell.commands.registry import Entry, MetaCommand, listing, wrapped
from tokensh.text import escape_unsafe, nearest

if TYPE_CHECKING:
    from tokensh.shell.session import Session


def _describe(session: Session, argument: str) -> None:
    connection = session.connection
    if not argument:
        session.show(connection.run(f"SHOW RESOURCES IN {'.'.join(connection.namespace)}"))
        return
    name, _, method = argument.rstrip(";").partition(" ")
    path = tuple(part.strip('"`') for part in name.split("."))
    local = connection.objects.find(name)
    if local is not None:
        session.say(f"{escape_unsafe(local.name)} ({local.kind.lower()})")
        session.show(connection.run(f"DESCRIBE {name}"))
        kept = connection.objects.store.find(name)
        if kept is not None and kept.query:
            session.say(escape_unsafe(kept.query, keep_newlines=True))
        return
    resource = _resource(session, path)
    if method.strip():
        session.prompt.next_text = form(resource, _method(resource, method.strip()))
        return
    for line in _page(resource, session.options().width or 80):
        session.say(line)


def _resource(session: Session, path: tuple[str, ...]) -> Resource:
    """The resource of a name, which its last part alone may tell. Raises UnknownName."""
    catalog, namespace = session.connection.catalog, session.connection.namespace
    try:
        return catalog.find(path, namespace)
    except UnknownName:
        services = [(p.name, s.name) for p in catalog.providers() for s in catalog.services(p.name)]
        found = [r for place in services for r in catalog.resources(*place) if r.name.lower() == path[-1].lower()]
        if len(found) != 1 or len(path) > 1:
            raise
        return found[0]


def _method(resource: Resource, name: str) -> Method:
    """A method by its name or its verb. Raises InterfaceError."""
    wanted = name.lower()
    for one in resource.methods:
        if wanted in (one.name.lower(), one.verb.lower()):
            return one
    near = nearest(name, [one.name for one in resource.methods])
    hint = f"did you mean {near}?" if near else f"there are {', '.join(one.name for one in resource.methods)}"
    raise InterfaceError(f"{resource.name} has no method {name!r}", hint=hint)


def _page(resource: Resource, width: int) -> Iterator[str]:
    """The resource's page, as lines of at most `width` cells where words allow it."""
    yield resource.id
    yield from wrapped(resource.description, width)
    sections: dict[str, list[Entry]] = {
        "Fields": [(one.name, one.type, one.description) for one in resource.fields],
        "Methods": [(one.name, one.verb, one.description) for one in resource.methods],
        "Parameters": list(_parameters(resource)),
    }
    for title, entries in sections.items():
        if entries:
            yield from ("", title, *listing(entries, width))
    for method in resource.methods:
        yield from ("", rf"{method.verb}, to edit: \d {resource.name} {method.name}", form(resource, method))


def _parameters(resource: Resource) -> Iterator[Entry]:
    """Each parameter once, with the methods that take it."""
    found: dict[str, tuple[Parameter, list[str]]] = {}
    for method in resource.methods:
        for one in method.parameters:
            by = f"{method.name} (required)" if one.required else method.name
            in_json = method.verb == "EXEC" and one.location == "body"
            found.setdefault(f'"{one.name}"' if in_json else one.sql_name, (one, []))[1].append(by)
    for name, (one, methods) in found.items():
        required = all(method.endswith("(required)") for method in methods) and len(methods) == len(resource.methods)
        example = f"e.g. {one.example}" if one.example else ""
        by = "required" if required else ", ".join(methods)
        yield name, one.type, " · ".join(filter(None, (by, one.description, example)))


def _tables(session: Session, _: str) -> None:
    objects = session.connection.objects
    columns = (Column("name", "string"), Column("kind", "string"), Column("columns", "string"))
    rows = []
    for name, names in objects.columns_by_name().items():
        found = objects.find(name)
        rows.append((name, found.kind.lower() if found else None, ", ".join(names)))
    session.show(RowSet(columns, iter(rows)))


def _diff(session: Session, argument: str) -> None:
    session.show(describe_refresh(session.connection.objects.store, argument))


def _connection(session: Session, _: str) -> None:
    told = list(session.connection.describe())
    width = max(len(word) for word, _ in told)
    for word, text in told:
        session.say(f"{word:<{width}}  {text}")
    session.say(f"history      {session.environment.state_folder / 'history.db' if session.history else 'none'}")
    session.say(f"store        {session.connection.objects.store.path}")


COMMANDS = {
    r"\d": MetaCommand(
        "[RESOURCE [METHOD]]", "resources; a resource's page; a method's statement, ready to edit", _describe
    ),
    r"\dt": MetaCommand("", "views and tables: the store's and the session's", _tables),
    r"\diff": MetaCommand("VIEW", "what the last REFRESH of a materialized view changed", _diff),
    r"\conninfo": MetaCommand("", "which workspace, host and credential, from where", _connection),
}
