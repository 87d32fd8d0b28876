"""What completion may know of the session."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from tokensh.complete import Facts
from tokensh.dbapi import Connection
from tokensh.engine.local import function_names
from tokensh.plan.functions import functions
from tokensh.shell.seen import Seen, Token

_NEVER = -1
_FILES = 200


def facts(connection: Connection, seen: Seen, commands: Mapping[str, str]) -> Facts:
    """The session as it is now."""
    current = (connection.workspace,) if connection.workspace else ()
    return Facts(
        namespace=connection.namespace,
        workspace=connection.workspace,
        variables=tuple(connection.variables),
        functions={name: functions()[name].signature for name in function_names()},
        workspaces=tuple(dict.fromkeys((*current, *seen.workspaces, *connection.workspaces))),
        tokens=tuple((one.token_id, one.comment, expiry(one), one.workspace or "") for one in seen.tokens.values()),
        commands=commands,
        tables=connection.objects.columns(),
        files=_files,
    )


def expiry(token: Token) -> str:
    """When a token expires, in words."""
    if token.expiry is None:
        return ""
    if token.expiry == _NEVER:
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
