"""Commands that describe resources, views and tables, and the connection."""

from __future__ import annotations

from collections.abc import Iterator

from tokensh.environment import DEFAULT_WIDTH
from tokensh.errors import InterfaceError, UnknownName
from tokensh.provider.model import Method, Parameter, Resource
from tokensh.provider.statement_templates import statement_template
from tokensh.shell.commands.arguments import Arguments
from tokensh.shell.commands.context import ShellContext
from tokensh.shell.commands.listing import Entry, format_entries, wrap_words
from tokensh.shell.commands.registry import MetaCommand
from tokensh.text import did_you_mean, escape_unsafe


def _describe_name(shell: ShellContext, arguments: Arguments) -> None:
    connection, console = shell.connection, shell.console
    if not arguments.text:
        console.show(connection.run(f"SHOW RESOURCES IN {'.'.join(connection.namespace)}"))
        return
    # Quotes belong to the name here, as in a statement.
    name, _, method = arguments.text.partition(" ")
    path = tuple(part.strip('"`') for part in name.split("."))
    local = None if connection.catalog.find_or_none(path, connection.namespace) else connection.objects.find(name)
    if local is not None:
        console.say(f"{escape_unsafe(local.name)} ({local.kind.lower()})")
        console.show(connection.run(f"DESCRIBE {name}"))
        stored = connection.objects.store.find(name)
        if stored is not None and stored.query:
            console.say(escape_unsafe(stored.query, keep_newlines=True))
        return
    resource = _find_resource(shell, path)
    if method.strip():
        shell.prefill(statement_template(resource, _find_method(resource, method.strip())))
        return
    console.say_lines(_format_resource(resource, console.options().width or DEFAULT_WIDTH))


def _describe_fields(shell: ShellContext, arguments: Arguments) -> None:
    if not arguments.text:
        raise InterfaceError(r"\d+ needs a name", hint=r"\d lists the resources")
    shell.console.show(shell.connection.run(f"DESCRIBE EXTENDED {arguments.text}"))
    stored = shell.connection.objects.find_stored(arguments.value())
    if stored is not None and stored.query:
        shell.console.say(escape_unsafe(stored.query, keep_newlines=True))


def _find_resource(shell: ShellContext, path: tuple[str, ...]) -> Resource:
    """Return a resource by its path; its name alone is enough if no other provider has one. Raises UnknownName."""
    catalog, namespace = shell.connection.catalog, shell.connection.namespace
    try:
        return catalog.find(path, namespace)
    except UnknownName:
        same_name = [
            resource
            for provider in catalog.providers()
            for service in catalog.services(provider.name)
            for resource in catalog.resources(provider.name, service.name)
            if resource.name.lower() == path[-1].lower()
        ]
        if len(same_name) != 1 or len(path) > 1:
            raise
        return same_name[0]


def _find_method(resource: Resource, name: str) -> Method:
    """Return a method by its name or its SQL verb. Raises InterfaceError."""
    for method in resource.methods:
        if name.lower() in (method.name.lower(), method.verb.lower()):
            return method
    names = [method.name for method in resource.methods]
    hint = did_you_mean(name, names) or f"the methods are {', '.join(names)}"
    raise InterfaceError(f"{resource.name} has no method {name!r}", hint=hint)


def _format_resource(resource: Resource, width: int) -> Iterator[str]:
    """Yield a resource's page as lines of at most `width` cells where words allow it."""
    yield resource.id
    yield from wrap_words(resource.description, width)
    sections: dict[str, list[Entry]] = {
        "Fields": [
            (field.name, field.type, field.full_description)
            for field in (*resource.fields, *resource.undocumented_fields)
        ],
        "Methods": [(method.name, method.verb, method.description) for method in resource.methods],
        "Parameters": list(_parameter_entries(resource)),
    }
    for title, entries in sections.items():
        if entries:
            yield from ("", title, *format_entries(entries, width))
    for method in resource.methods:
        yield from (
            "",
            rf"{method.verb}, to edit: \d {resource.name} {method.name}",
            statement_template(resource, method),
        )


def _parameter_entries(resource: Resource) -> Iterator[Entry]:
    """Yield each parameter once, with the methods that take it."""
    takers: dict[str, tuple[Parameter, list[str]]] = {}
    for method in resource.methods:
        for parameter in method.parameters:
            # An EXEC takes its body as JSON, where the name is written as the API has it.
            in_json = method.verb == "EXEC" and parameter.location == "body"
            name = f'"{parameter.name}"' if in_json else parameter.sql_name
            taker = f"{method.name} (required)" if parameter.required else method.name
            takers.setdefault(name, (parameter, []))[1].append(taker)
    for name, (parameter, methods) in takers.items():
        required = len(methods) == len(resource.methods) and all(each.endswith("(required)") for each in methods)
        example = f"e.g. {parameter.example}" if parameter.example else ""
        notes = ("required" if required else ", ".join(methods), parameter.description, example)
        yield name, parameter.type, " · ".join(filter(None, notes))


def _show_differences(shell: ShellContext, arguments: Arguments) -> None:
    from tokensh.engine.diff import describe_changes, describe_refresh  # noqa: PLC0415 (the first prompt is drawn without it)

    names = arguments.names()
    if len(names) == 2:
        before, after = (shell.connection.run(f"SELECT * FROM {name}") for name in names)  # noqa: S608 (the user typed it)
        shell.console.show(describe_changes(before, after))
        return
    if not names:
        raise InterfaceError(r"\diff needs a view, or two tables", hint=r"\diff VIEW, or \diff _1 _")
    shell.console.show(describe_refresh(shell.connection.objects.store, arguments.value()))


def _show_connection(shell: ShellContext, _: Arguments) -> None:
    history = shell.connection.environment.state_folder / "history.db" if shell.history else "none"
    facts = [
        *shell.connection.describe(),
        ("history", str(history)),
        ("store", str(shell.connection.objects.store.path)),
    ]
    width = max(len(name) for name, _ in facts)
    for name, text in facts:
        shell.console.say(f"{name:<{width}}  {text}")


COMMANDS = (
    MetaCommand(
        r"\d",
        "[RESOURCE [METHOD]]",
        "list resources; describe one; bring a method's statement to the prompt",
        "Resources",
        _describe_name,
    ),
    MetaCommand(
        r"\d+", "NAME", "describe a resource, view or table with its fields' meanings", "Resources", _describe_fields
    ),
    MetaCommand(
        r"\diff",
        "VIEW | TABLE TABLE",
        r"show what the last REFRESH of a materialized view changed, or how two tables or results differ: \diff _1 _",
        "Resources",
        _show_differences,
    ),
    MetaCommand(
        r"\conninfo",
        "",
        "show workspace, host and credential, and where each comes from",
        "Resources",
        _show_connection,
    ),
)
