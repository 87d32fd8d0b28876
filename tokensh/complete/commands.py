r"""Candidates for meta commands (`\x`) and their arguments: files, workspaces, resources, words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokensh.complete.model import Candidate, Facts, format_note, is_inert
from tokensh.complete.names import CatalogIndex, describe_method, shorten_name
from tokensh.complete.values import describe_workspace

# By name, as the commands themselves are the shell's, which is a layer above. `facts.arguments` has the others.
_FILES = frozenset(("i", "o", "e", "g", "gx"))
_RESOURCES = frozenset(("d",))
_WORKSPACES = frozenset(("c",))
_VARIABLES = frozenset(("set", "unset"))
_SWITCHES = frozenset(("timing", "rawtimes"))
# Files or resources at one time, as many as the menu shows.
_MAX_NAMES = 200


def split_command(typed: str) -> tuple[str, str | None]:
    """Return a command's name with its backslash, and what follows its first blank, None before a blank is typed."""
    name, blank, rest = typed.partition(" ")
    return name, rest.lstrip(" ") if blank else None


def command_candidates(facts: Facts) -> Iterable[Candidate]:
    """Yield the commands themselves."""
    for name, help_text in facts.commands.items():
        with_backslash = name if name.startswith("\\") else f"\\{name}"
        yield Candidate(with_backslash, "command", format_note(help_text), looseness=0)


def argument_candidates(name: str, typed: str, facts: Facts, index: CatalogIndex) -> tuple[str, Iterable[Candidate]]:
    """Return the part of a command's arguments that is being typed, and what may complete it."""
    arguments = facts.arguments.get(name)
    name = name.removeprefix("\\")
    before, blank, word = typed.rpartition(" ")
    if arguments is not None:
        return word, _next_words(arguments, before + blank)
    if name in _FILES:
        # `\o |less` is a pipe, not a file; file names may contain blanks.
        return typed, _files(typed, facts) if not typed.startswith("|") else ()
    if before:
        return word, _method_candidates(before.strip(), facts, index) if name in _RESOURCES else ()
    if name in _RESOURCES:
        return word, _resource_candidates(word, facts, index)
    if name in _WORKSPACES:
        return word, _workspace_candidates(facts)
    if name in _VARIABLES:
        return word, [Candidate(variable, "placeholder") for variable in facts.variables if is_inert(variable)]
    return word, [Candidate(state, "keyword", looseness=0) for state in ("on", "off") if name in _SWITCHES]


def _next_words(arguments: Mapping[str, str], before: str) -> Iterable[Candidate]:
    """Yield the next word of each argument that begins with what is before the cursor; those as `NAME=` have any order."""
    given = {word.partition("=")[0] for word in before.split() if "=" in word}
    for text, description in arguments.items():
        first, _, last = text.rpartition(" ")
        if "=" in last:
            name = last.partition("=")[0]
            if (not first or before.startswith(f"{first} ")) and name not in given and is_inert(last):
                yield Candidate(last, "parameter", format_note(description))
            continue
        rest = text[len(before) :]
        if text.lower().startswith(before.lower()) and rest and " " not in rest and is_inert(rest):
            yield Candidate(rest, "value", format_note(description))


def _workspace_candidates(facts: Facts) -> Iterable[Candidate]:
    for workspace in facts.workspaces:
        if is_inert(workspace):
            yield Candidate(workspace, "value", describe_workspace(workspace, facts))
    for workspace, profile in facts.profiles.items():
        if is_inert(profile):
            yield Candidate(profile, "value", format_note("profile", workspace))


def _method_candidates(name: str, facts: Facts, index: CatalogIndex) -> Iterable[Candidate]:
    resource = index.find(tuple(name.split(".")), facts.namespace)
    for method in resource.methods if resource else ():
        yield Candidate(method.name, "method", describe_method(method))


def _files(typed: str, facts: Facts) -> list[Candidate]:
    candidates: list[Candidate] = []
    try:
        for name in facts.files(typed):
            if is_inert(name):
                candidates.append(Candidate(name, "folder" if name.endswith("/") else "file", quality=0))
            if len(candidates) >= _MAX_NAMES:
                break
    except OSError:
        return []
    return candidates


def _resource_candidates(word: str, facts: Facts, index: CatalogIndex) -> list[Candidate]:
    names, resources = index.tables()
    matches = names.find(word, ".".join(facts.namespace), _MAX_NAMES)
    found = [
        Candidate(
            shorten_name(resources[i], facts.namespace, word),
            "resource",
            index.describe(resources[i]),
            first=resources[i].id == facts.likeliest,
            quality=quality,
        )
        for i, quality in matches.items()
    ]
    return found + [Candidate(table, "table", facts.kind_of(table)) for table in facts.tables]
