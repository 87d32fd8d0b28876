"""Connections to a sandbox, each in a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokensh
from tests.environments import make_environment
from tokensh.dbapi.connection import Connection
from tokensh.rows import Row, Value
from tokensh.sandbox import Sandbox

A, B, C = "dbc-abcd0123-a1bc", "dbc-bcde1234-b2cd", "dbc-cdef2345-c3de"
Rows = list[Row]


def connect(site: Sandbox | None, home: Path, variables: dict[str, str] | None = None, **more: Any) -> Connection:
    """Open a session whose environment is `home`; all tests of a run share the compiled grammar."""
    given = dict(variables or {})
    if site is not None:
        given.setdefault("DATABRICKS_TOKEN", site.token)
        more.setdefault("endpoint", site.endpoint)
    clocks = {name: more.pop(name) for name in ("now", "sleep", "monotonic") if name in more}
    environment = make_environment(home, variables=given, **{"sleep": _sleep_briefly, **clocks})
    return tokensh.connect(environment=environment, **more)


def _sleep_briefly(seconds: float) -> None:
    """Wait 10 ms at most: tests check how many waits there are."""
    time.sleep(min(seconds, 0.01))


def run(connection: Connection, *statements: str, values: Any = ()) -> Rows:
    """Run statements, and return the rows of the last."""
    rows: Rows = []
    for statement in statements:
        rows = list(connection.run(statement, values).rows)
    return rows


def first_column(connection: Connection, sql: str) -> list[Value]:
    """Return the first column of a query."""
    return [row[0] for row in run(connection, sql)]


def list_requests(site: Sandbox) -> list[str]:
    """Return the requests so far, as `GET workspace last-part-of-the-path`."""
    return [f"{entry.method} {entry.workspace} {entry.path.rpartition('/')[2]}" for entry in site.log]


def list_calls(*workspaces: str) -> Sequence[str]:
    """Return what `list_requests` gives after user_tokens was read in workspaces."""
    return [f"GET {workspace} list" for workspace in workspaces]
