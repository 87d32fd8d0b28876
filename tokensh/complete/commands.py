r"""Meta commands (`\x`) and what follows them: files, workspaces, resources, words."""

from __future__ import annotations

from collections.abc import Iterable

from tokensh.complete.model import Candidate, Facts, is_inert, note
from tokensh.complete.names import Names, resource_note

_FILES = frozenset(("i", "ir", "include", "o", "out", "w", "write", "e", "edit", "g", "gx", "once", "tee"))
_RESOURCES = frozenset(("d", "d+", "describe"))
_WORKSPACES = frozenset(("c", "connect", "use"))
_VARIABLES = frozenset(("set", "unset"))
_WORDS = {
    "x": ("on", "off", "auto"),
    "timing": ("on", "off"),
    "T": ("table", "json", "jsonl", "csv", "tsv", "text", "markdown", "line"),
    "pset": ("format", "null", "pager", "times"),
}
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


def arguments(name: str, typed: str, facts: Facts, catalog: Names) -> tuple[str, Iterable[Candidate]]:
    """What may follow a command: the part of `typed` that is compared, and the candidates."""
    name = name.removeprefix("\\")
    word = typed.rpartition(" ")[2]
    if name in _FILES:
        return typed, _files(typed, facts)
    if typed != word:
        return word, ()
    if name in _RESOURCES:
        return word, _resources(word, facts, catalog)
    if name in _WORKSPACES:
        return word, [Candidate(one, "value", "workspace") for one in facts.workspaces if is_inert(one)]
    if name in _VARIABLES:
        return word, [Candidate(one, "placeholder") for one in facts.variables if is_inert(one)]
    if name in ("?", "help"):
        return word, names(facts)
    return word, [Candidate(one, "keyword", loose=0) for one in _WORDS.get(name, ())]


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


def _resources(word: str, facts: Facts, catalog: Names) -> list[Candidate]:
    local = [Candidate(one, "table", "session") for one in facts.tables]
    index, resources = catalog.tables()
    hits = index.find(word, ".".join(facts.namespace), _MOST_FILES)
    return [
        *local,
        *(Candidate(index.names[i], "resource", resource_note(resources[i]), found=q) for i, q in hits.items()),
    ]
