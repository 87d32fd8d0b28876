"""What completion may know of the session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tokensh.complete import Facts
from tokensh.engine.functions import function_names
from tokensh.engine.history import History
from tokensh.errors import OperationalError
from tokensh.functions import functions
from tokensh.render.formats import FORMATS
from tokensh.shell.commands import MetaCommand
from tokensh.shell.commands.syntax_help import STATEMENTS
from tokensh.shell.result_cache import Token
from tokensh.shell.settings import OPTIONS
from tokensh.units import NEVER

if TYPE_CHECKING:
    from tokensh.shell.session import Session

_FILES = 200
_LOOKED_AT = 500
"""Statements of the history."""


def facts(session: Session, commands: Mapping[str, MetaCommand], used: Iterable[str]) -> Facts:
    """The session as it is now; `used` are the workspaces of earlier ones, the latest first."""
    connection, seen = session.connection, session.seen
    current = (connection.workspace,) if connection.workspace else ()
    return Facts(
        namespace=connection.namespace,
        workspace=connection.workspace,
        variables=tuple(connection.variables),
        functions={name: functions()[name].signature for name in function_names()},
        workspaces=tuple(dict.fromkeys((*current, *seen.workspaces, *used, *connection.workspaces))),
        tokens=tuple((one.token_id, one.comment, expiry(one), one.workspace or "") for one in seen.tokens.values()),
        commands={name: one.help for name, one in commands.items()},
        tables=connection.objects.columns_by_name(),
        files=_files,
        profiles={workspace: profile for profile, workspace in connection.profiles.items()},
        arguments=_arguments(session),
    )


def _arguments(session: Session) -> Mapping[str, Mapping[str, str]]:
    """What may follow commands, and a note on each."""
    return {**_ARGUMENTS, **dict.fromkeys((r"\n", r"\ns", r"\nd"), session.queries.all)}


_FORMATS = {name: output_format.description for name, output_format in FORMATS.items()}
_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    r"\h": {name: summary for name, (summary, _) in STATEMENTS.items()},
    r"\T": _FORMATS,
    r"\format": _FORMATS,
    r"\x": dict.fromkeys(OPTIONS["expanded"].words, ""),
    r"\pset": {
        **{name: ", ".join(one.words) or "a text" for name, one in OPTIONS.items()},
        **{f"{name} {word}": "" for name, one in OPTIONS.items() for word in one.words},
    },
}


def used_before(history: History | None) -> tuple[str, ...]:
    """The workspaces of the latest statements of earlier sessions, the latest first."""
    if history is None:
        return ()
    try:
        names = [one.workspace for one in islice(history.latest(), _LOOKED_AT)]
    except OperationalError:
        return ()
    return tuple(dict.fromkeys(name for name in names if name))


def expiry(token: Token) -> str:
    """When a token expires, in words."""
    if token.expiry is None:
        return ""
    if token.expiry == NEVER:
        return "never expires"
    try:
        day = datetime.fromtimestamp(token.expiry / 1000).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return ""
    return f"expires {day}"


def _files(text: str) -> Iterator[str]:
    """The files and folders whose names begin with a text."""
    given = Path(text).expanduser()
    folder, start = (given, "") if text.endswith("/") or not text else (given.parent, given.name)
    before = text[: len(text) - len(start)] if start else text
    try:
        entries = sorted(folder.iterdir())[:_FILES]
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            yield f"{before}{entry.name}{'/' if entry.is_dir() else ''}"
