"""What goes in and what comes out: the facts of a session, and suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from tokensh._dataclasses import dataclass, field
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe, truncate

NOTE_CELLS = 60
"""Terminal cells of a note."""
LONGEST_NOTE = 500
"""Characters of a text that are looked at for its note."""

_REDACTOR = Redactor()
_NOTHING: Mapping[str, str] = MappingProxyType({})

Listed = tuple[str, str, str, str]
"""A token of a listing: its id, comment, expiry as text, and the deployment_name it was listed from."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to go on: `text` replaces what stands between `start` and the cursor.

    `kind` is one of keyword, resource, service, provider, table, column, parameter, attribute, method, function, type, value,
    placeholder, command, file. `display` is what a menu shows, `note` a short word beside it; both are inert.
    """

    text: str
    start: int
    display: str
    kind: str
    note: str = ""


def _no_files(_: str) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Facts:
    r"""What a session knows; every part may be empty.

    `workspace` is the session's default deployment_name, `workspaces` those that are known or were used, most recent first.
    `functions` maps a function's name to its signature, `commands` a meta command (`\x` or `x`) to its help, `tables` a
    session table's or view's name to its columns. `files` gives the file names that begin with a text. `profiles` maps a
    workspace to the profile that leads to it, `arguments` a meta command to what may follow it and a note on that.
    """

    namespace: tuple[str, ...] = ("databricks_workspace", "workspace")
    workspace: str | None = None
    variables: tuple[str, ...] = ()
    functions: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    workspaces: tuple[str, ...] = ()
    tokens: tuple[Listed, ...] = ()
    commands: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Callable[[str], Iterable[str]] = _no_files
    profiles: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    arguments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could be suggested here, before it is compared with what is typed.

    `first` puts it before everything else (required parameters, known values); `loose` is how far the comparison may go: 0 the
    beginning, 1 the beginning of a part, 2 letters in order. `found` is how well it compares, where that is known already.
    """

    name: str
    kind: str
    note: str = ""
    text: str = ""
    first: bool = False
    loose: int = 2
    found: int | None = None
    also: str = ""
    """A second text by which it is found: a token's comment."""


def note(*parts: str | None) -> str:
    """Parts of a note joined, made inert and cut to length."""
    return truncate(escape_unsafe(" · ".join(part[:LONGEST_NOTE] for part in parts if part)), NOTE_CELLS)


def guarded(text: str) -> str:
    """Text that an API gave, without what looks like a secret."""
    return _REDACTOR.clean(text[:LONGEST_NOTE])


def is_inert(text: str) -> bool:
    """Whether a value may be put into the text as it is: nothing in it hides or acts on a terminal."""
    return escape_unsafe(text) == text
