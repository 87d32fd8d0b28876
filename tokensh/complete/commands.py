r"""Meta commands (`\x`) and what follows them: files, workspaces, resources, words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tokensh.complete.model import Candidate, Facts, is_inert, note
from tokensh.complete.names import CatalogIndex, method_note, resource_note
from tokensh.complete.values import workspace_note

_FILES = frozenset(("i", "o", "e", "g", "gx"))
_RESOURCES = frozenset(("d",))
_WORKSPACES = frozenset(("c",))
_VARIABLES = frozenset(("set", "unset"))
_SWITCHES = frozenset(("timing", "rawtimes"))
_MOST_FILES = 200


def parts(typed: str) -> tuple[str, str | None]:
    """A command's name with its backslash, and what follows its first blank, if there is one."""
    name, blank, rest = typed.partition(" ")
    return name, rest.lstrip(" ") if blank else None


def names(facts: Facts) -> Iterable[Candidate]:
    """The commands themselves."""
    for name, help_ in facts.commands.items():
        shown = name if name.startswith("\\") else f"\\{name}"
        yield Candidate(shown, "command", note(help_), loose=0)


def arguments(name: str, typed: str, facts: Facts, catalog: CatalogIndex) -> tuple[str, Iterable[Candidate]]:
    """What may follow a command: the part of `typed` that is compared, and the candidates."""
    given = facts.arguments.get(name)
    name = name.removeprefix("\\")
    before, blank, word = typed.rpartition(" ")
    if given is not None:
        return word, _given(given, before + blank)
    if name in _FILES:
        return typed, _files(typed, facts) if not typed.startswith("|") else ()
    if before:
        return word, _methods(before.strip(), facts, catalog) if name in _RESOURCES else ()
    if name in _RESOURCES:
        return word, _resources(word, facts, catalog)
    if name in _WORKSPACES:
        return word, _workspaces(facts)
    if name in _VARIABLES:
        return word, [Candidate(one, "placeholder") for one in facts.variables if is_inert(one)]
    return word, [Candidate(one, "keyword", loose=0) for one in ("on", "off") if name in _SWITCHES]


def _given(given: Mapping[str, str], before: str) -> Iterable[Candidate]:
    """What the session says may follow, a word at a time."""
    for text, told in given.items():
        rest = text[len(before) :]
        if text.lower().startswith(before.lower()) and rest and " " not in rest and is_inert(rest):
            yield Candidate(rest, "value", note(told))


def _workspaces(facts: Facts) -> Iterable[Candidate]:
    for one in facts.workspaces:
        if is_inert(one):
            yield Candidate(one, "value", workspace_note(one, facts))
    for workspace, profile in facts.profiles.items():
        if is_inert(profile):
            yield Candidate(profile, "value", note("profile", workspace))


def _methods(name: str, facts: Facts, catalog: CatalogIndex) -> Iterable[Candidate]:
    resource = catalog.find(tuple(name.split(".")), facts.namespace)
    for one in resource.methods if resource else ():
        yield Candidate(one.name, "method", method_note(one))


def _files(typed: str, facts: Facts) -> list[Candidate]:
    found: list[Candidate] = []
    try:
        for one in facts.files(typed):
            if is_inert(one):
                found.append(Candidate(one, "file", found=0))
            if len(found) >= _MOST_FILES:
                break
    except OSError:
        return []
    return found


def _resources(word: str, facts: Facts, catalog: CatalogIndex) -> list[Candidate]:
    local = [Candidate(one, "table", "session") for one in facts.tables]
    index, resources = catalog.tables()
    hits = index.find(word, ".".join(facts.namespace), _MOST_FILES)
    return [
        *local,
        *(Candidate(index.names[i], "resource", resource_note(resources[i]), found=q) for i, q in hits.items()),
    ]
