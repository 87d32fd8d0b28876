"""The facts of a session that completion uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

from tokensh.complete import Facts
from tokensh.complete.model import TableKind
from tokensh.engine.functions import function_names
from tokensh.engine.history import History
from tokensh.environment import Environment
from tokensh.errors import OperationalError
from tokensh.functions import functions
from tokensh.shell.commands import COMMANDS, ShellContext
from tokensh.shell.result_cache import ListedToken
from tokensh.units import NEVER

# Entries of one folder, sorted by name: more than a menu can show, few enough to list on a network drive.
_MOST_FILES = 200
# Workspaces of the history that are offered.
_RECENT_WORKSPACES = 500
# What completion calls the kinds of objects.
_KINDS: dict[str, TableKind] = {
    "TABLE": "table",
    "VIEW": "view",
    "MATERIALIZED VIEW": "materialized view",
    "RESULT": "result",
    "LOG": "log",
    "LIST": "list",
}


def collect_facts(shell: ShellContext, earlier_workspaces: Iterable[str]) -> Facts:
    """Return the facts as they are now; `earlier_workspaces` are those of earlier sessions, the latest first."""
    connection, results = shell.connection, shell.results
    current = (connection.workspace,) if connection.workspace else ()
    return Facts(
        namespace=connection.namespace,
        workspace=connection.workspace,
        variables=tuple(connection.variables),
        functions={name: functions()[name].signature for name in function_names()},
        workspaces=tuple(dict.fromkeys((*current, *results.workspaces, *earlier_workspaces, *connection.workspaces))),
        tokens=tuple(
            (token.token_id, token.comment, describe_expiry(token), token.workspace or "")
            for token in results.tokens.values()
        ),
        commands={name: command.help for name, command in COMMANDS.items()},
        tables=connection.objects.columns_by_name(),
        kinds={name: _KINDS[kind] for name, kind in connection.objects.kinds_by_name().items()},
        files=partial(_list_files, connection.environment),
        profiles={workspace: profile for profile, workspace in connection.profiles.items()},
        arguments={name: command.arguments(shell) for name, command in COMMANDS.items() if command.arguments},
    )


def recent_workspaces(history: History | None, place: str) -> tuple[str, ...]:
    """Return the workspaces that earlier sessions used in a place (the sandbox, an endpoint), the latest first."""
    if history is None:
        return ()
    try:
        return tuple(islice(history.last_used(place), _RECENT_WORKSPACES))
    except OperationalError:
        return ()


# In local time and without the time of day: the menu has room for a few words, and a day decides which token is meant.
def describe_expiry(token: ListedToken) -> str:
    """Return when a token expires, as a note in the menu; empty if that is not known."""
    if token.expiry is None:
        return ""
    if token.expiry == NEVER:
        return "never expires"
    try:
        day = datetime.fromtimestamp(token.expiry / 1000).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return ""
    return f"expires {day}"


def _list_files(environment: Environment, text: str) -> Iterator[str]:
    """Yield the files and folders whose paths begin with a text; folders end with `/`."""
    path = environment.expand_path(text)
    folder, start = (path, "") if text.endswith("/") or not text else (path.parent, path.name)
    typed_folder = text[: len(text) - len(start)] if start else text
    try:
        entries = sorted(folder.iterdir())[:_MOST_FILES]
    except (OSError, ValueError):  # a NUL, or half a character
        return
    for entry in entries:
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            yield f"{typed_folder}{entry.name}{'/' if _is_folder(entry) else ''}"


def _is_folder(path: Path) -> bool:
    """Return whether a path is a folder; False if that cannot be found out, as in a folder without x."""
    try:
        return path.is_dir()
    except OSError:
        return False
