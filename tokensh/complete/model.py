"""The input and the output of completion: a session's facts, and suggestions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from tokensh._dataclasses import dataclass, field
from tokensh.redact import Redactor
from tokensh.text import escape_unsafe, truncate

# Terminal cells of a note: with a full name beside it, a menu of 120 columns is full.
NOTE_CELLS = 60
# Characters of a text that are used for its note. A description may have thousands, and redaction is not free.
LONGEST_NOTE = 500

_REDACTOR = Redactor()
_NOTHING: Mapping[str, str] = MappingProxyType({})

TableKind = Literal["table", "view", "materialized view", "result", "log", "list"]
"""What a session table is: of the store, or an earlier result (`_1`), or the session's own, of which rows of a log can be deleted."""
_NO_KINDS: Mapping[str, TableKind] = MappingProxyType({})

ListedTokenFact = tuple[str, str, str, str]
"""A token of a listing: its id, comment, expiry as text, and the deployment_name it was listed from."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One way to continue: `text` replaces what is between `start` and the cursor.

    `kind` is one of keyword, resource, service, provider, table, column, parameter, attribute, method, function, type, value,
    placeholder, command, file. `display` is what a menu shows, `note` a short text beside it; both are inert.
    """

    text: str
    start: int
    display: str
    kind: str
    note: str = ""


def _list_no_files(_: str) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Facts:
    r"""What a session knows; every part may be empty.

    `workspace` is the session's default deployment_name, `workspaces` those that are known or were used, most recent first.
    `functions` maps a function's name to its signature, `commands` a meta command (`\x` or `x`) to its help, `tables` a
    session table's or view's name to its columns. `files` returns the file names that begin with a text. `profiles` maps a
    workspace to the profile that leads to it, `arguments` a meta command to what may follow it and a note on that. `kinds`
    tells which session tables are not plain tables. `likeliest` is the full name of the resource that is meant
    where a statement does not say yet.
    """

    namespace: tuple[str, ...] = ("databricks_workspace", "workspace")
    workspace: str | None = None
    variables: tuple[str, ...] = ()
    functions: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    workspaces: tuple[str, ...] = ()
    tokens: tuple[ListedTokenFact, ...] = ()
    commands: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Callable[[str], Iterable[str]] = _list_no_files
    profiles: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    arguments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    kinds: Mapping[str, TableKind] = field(default_factory=lambda: _NO_KINDS)
    likeliest: str = "databricks_workspace.workspace.user_tokens"

    def kind_of(self, table: str) -> TableKind:
        """Return what a session table or view is."""
        return self.kinds.get(table, "table")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible suggestion, before it is compared with what is typed.

    `first` puts it before everything else (required parameters, known values). `looseness` limits the comparison: 0 the
    beginning, 1 the beginning of a part, 2 letters in order. `quality` is the comparison's result where it is known already.
    """

    name: str
    kind: str
    note: str = ""
    text: str = ""
    first: bool = False
    looseness: int = 2
    quality: int | None = None
    also: str = ""
    """A second text by which it is found: a token's comment."""
    display: str = ""
    """What a menu shows instead of the name, if that is long."""


def format_note(*parts: str | None) -> str:
    """Join the parts of a note, make them inert and cut them to `NOTE_CELLS`."""
    return truncate(escape_unsafe(" · ".join(part[:LONGEST_NOTE] for part in parts if part)), NOTE_CELLS)


def redact_secrets(text: str) -> str:
    """Return a text from the API without what looks like a secret: users do paste tokens into comments."""
    return _REDACTOR.clean(text[:LONGEST_NOTE])


def is_inert(text: str) -> bool:
    """Return True if a value may be inserted as it is: nothing in it hides or acts on a terminal."""
    return escape_unsafe(text) == text
